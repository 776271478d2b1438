"""The desk's own keys in SoftHSM: made, used and destroyed inside the token, in a child process."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from drivers import errors
from drivers.keys import EcAgreementKey
from drivers.pkcs11 import softhsm
from drivers.pkcs11.vault import Vault
from drivers.process import Child
from drivers.secret import Secret
from drivers.tokens import Algorithm

PIN, SO_PIN = Secret(b"271828"), Secret(b"31415926")
SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class Keeper:
    """A vault as its child process has it; with `create` the token is made first."""

    def __init__(self, label: str, create: bool) -> None:
        module = softhsm.module()
        self._vault = Vault.create(module, label, SO_PIN, PIN) if create else Vault(module, label, PIN)
        self._held: EcAgreementKey | None = None

    def do(self, method: str, *arguments: object) -> object:
        return getattr(self._vault, method)(*arguments)

    def hold(self, name: str) -> None:
        self._held = self._vault.agreement_key(name)

    def open(self, sealed: bytes, info: bytes) -> bytes | None:
        """What was sealed; None where it was sealed to another key or for something else."""
        assert self._held is not None
        try:
            with self._held.telling():
                return SUITE.decrypt(sealed, self._held, info)
        except InvalidTag:
            return None

    def sign(self, name: str, message: bytes) -> bytes:
        key = self._vault.signing_key(name)
        if isinstance(key, rsa.RSAPrivateKey):
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
            return key.sign(message, pss, hashes.SHA256())
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key.sign(message, ec.ECDSA(hashes.SHA256()))

    def session_objects(self) -> int:
        """Objects in the token that would be gone with the session, such as derived secrets."""
        from pkcs11 import Attribute

        return len(list(self._vault._session.get_objects({Attribute.TOKEN: False})))

    def close(self) -> None:
        self._vault.close()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return softhsm.prepare(tmp_path / "keys")


@pytest.fixture
def keeper(environment: dict[str, str]) -> Iterator[Child]:
    child = started(environment, create=True)
    assert child.ask("do", "names") == ()
    yield child
    child.close()


def started(environment: dict[str, str], *, create: bool = False, label: str = "Custody") -> Child:
    return Child("vault", "tests.contract.test_vault:Keeper", (label, create), environment=environment)


def sealed_to(public: bytes, info: bytes = b"item 1") -> bytes:
    key = serialization.load_der_public_key(public)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return SUITE.encrypt(b"a data key", key, info)


def test_what_is_sealed_to_a_key_is_opened_only_in_the_token(keeper: Child) -> None:
    sealed = sealed_to(keeper.ask("do", "generate_agreement_key", "epoch 1"))
    keeper.ask("hold", "epoch 1")
    assert keeper.ask("open", sealed, b"item 1") == b"a data key"
    assert keeper.ask("open", sealed, b"item 2") is None
    assert keeper.ask("session_objects") == 0


def test_a_destroyed_key_opens_nothing_any_more_and_says_so(keeper: Child) -> None:
    sealed = sealed_to(keeper.ask("do", "generate_agreement_key", "resume 1"))
    keeper.ask("hold", "resume 1")
    assert keeper.ask("do", "destroy", "resume 1") is True
    with pytest.raises(errors.DeviceFailed, match="CKR_"):
        keeper.ask("open", sealed, b"item 1")
    with pytest.raises(errors.DeviceFailed, match="no key 'resume 1'"):
        keeper.ask("hold", "resume 1")
    assert keeper.ask("do", "public_key", "resume 1") is None
    assert keeper.ask("do", "destroy", "resume 1") is False
    assert keeper.ask("do", "names") == ()


def test_keys_survive_the_process_and_never_leave_the_token(
    keeper: Child, environment: dict[str, str]
) -> None:
    public = keeper.ask("do", "generate_agreement_key", "epoch 1")
    keeper.close()
    again = started(environment)
    assert again.ask("do", "public_key", "epoch 1") == public
    again.ask("hold", "epoch 1")
    assert again.ask("open", sealed_to(public), b"item 1") == b"a data key"
    again.close()
    listed = subprocess.run(
        ["pkcs11-tool", "--module", softhsm.module(), "--login", "--pin", "env:PIN", "-O"],
        env={**environment, "PIN": PIN.reveal().decode(), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert "label:      epoch 1" in listed
    assert "sensitive, always sensitive, never extractable, local" in listed


def test_two_processes_share_one_token(keeper: Child, environment: dict[str, str]) -> None:
    other = started(environment)
    public = keeper.ask("do", "generate_agreement_key", "epoch 2")
    assert other.ask("do", "public_key", "epoch 2") == public
    assert keeper.ask("do", "destroy", "epoch 2")
    assert other.ask("do", "public_key", "epoch 2") is None
    other.close()


@pytest.mark.parametrize("algorithm", [Algorithm.P256, Algorithm.RSA2048])
def test_a_signing_key_signs_as_any_other(keeper: Child, algorithm: Algorithm) -> None:
    public = serialization.load_der_public_key(keeper.ask("do", "generate_signing_key", "CA", algorithm))
    signature = keeper.ask("sign", "CA", b"to be signed")
    if isinstance(public, rsa.RSAPublicKey):
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        public.verify(signature, b"to be signed", pss, hashes.SHA256())
    else:
        assert isinstance(public, ec.EllipticCurvePublicKey)
        public.verify(signature, b"to be signed", ec.ECDSA(hashes.SHA256()))


def test_a_name_is_used_once(keeper: Child) -> None:
    public = keeper.ask("do", "generate_agreement_key", "epoch 1")
    with pytest.raises(errors.DeviceFailed, match="already"):
        keeper.ask("do", "generate_agreement_key", "epoch 1")
    assert keeper.ask("do", "public_key", "epoch 1") == public
    keeper.ask("do", "generate_signing_key", "a", Algorithm.P256)
    assert keeper.ask("do", "names") == ("a", "epoch 1")


def test_a_vault_is_made_once_and_found_by_its_label(keeper: Child, environment: dict[str, str]) -> None:
    with pytest.raises(errors.NotBlank):
        started(environment, create=True).ask("do", "names")
    with pytest.raises(errors.NoToken, match="Bench"):
        started(environment, label="Bench").ask("do", "names")
    bench = started(environment, label="Bench", create=True)
    assert bench.ask("do", "names") == ()
    bench.close()


def test_a_wrong_pin_opens_no_vault(keeper: Child, environment: dict[str, str]) -> None:
    arguments = (softhsm.module(), "Custody", Secret(b"000000"))
    wrong = Child("vault", "drivers.pkcs11.vault:Vault", arguments, environment=environment)
    with pytest.raises(errors.AuthenticationFailed):
        wrong.ask("names")
    wrong.close()


def test_the_token_directory_is_its_owners_alone(tmp_path: Path) -> None:
    environment = softhsm.prepare(tmp_path / "keys")
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "keys" / "tokens").stat().st_mode & 0o777 == 0o700
    assert Path(environment["SOFTHSM2_CONF"]).stat().st_mode & 0o777 == 0o600
    assert softhsm.prepare(tmp_path / "keys") == environment


def test_settling_reaches_every_file_of_the_token(keeper: Child, tmp_path: Path) -> None:
    keeper.ask("do", "generate_agreement_key", "epoch 1")
    softhsm.settle(tmp_path / "keys")
    with pytest.raises(FileNotFoundError):
        softhsm.settle(tmp_path / "nowhere")


def test_a_note_is_kept_in_place_of_the_one_before_and_shown_to_who_has_the_pin_only(
    keeper: Child, environment: dict[str, str]
) -> None:
    assert keeper.ask("do", "note", "register") is None
    keeper.ask("do", "keep_note", "register", b"first")
    keeper.ask("do", "keep_note", "register", b"second")
    keeper.close()
    again = started(environment)
    assert again.ask("do", "note", "register") == b"second"
    assert again.ask("do", "note", "other") is None
    again.close()
    command = ["pkcs11-tool", "--module", softhsm.module(), "-O", "--type", "data"]
    whole = {**environment, "PIN": PIN.reveal().decode(), "PATH": "/usr/bin:/bin"}
    shut = subprocess.run(command, env=whole, capture_output=True, check=True, text=True).stdout
    login = [*command, "--login", "--pin", "env:PIN"]
    opened = subprocess.run(login, env=whole, capture_output=True, check=True, text=True).stdout
    assert ("register" in shut, opened.count("register")) == (False, 1)


@pytest.mark.parametrize("left", [0, 100])
def test_a_login_that_was_cut_off_does_not_lose_the_token(
    keeper: Child, environment: dict[str, str], tmp_path: Path, left: int
) -> None:
    public = keeper.ask("do", "generate_agreement_key", "epoch 1")
    keeper.close()
    (token,) = (tmp_path / "keys" / "tokens").glob("*/token.object")
    whole = token.read_bytes()
    token.write_bytes(whole[:left])
    again = started(environment)
    assert again.ask("do", "public_key", "epoch 1") == public
    again.ask("hold", "epoch 1")
    assert again.ask("open", sealed_to(public), b"item 1") == b"a data key"
    again.close()
    assert len(token.read_bytes()) == len(whole)
    assert all(file.stat().st_mode & 0o077 == 0 for file in (tmp_path / "keys" / "kept").iterdir())


def test_a_login_on_a_full_disk_does_not_lose_the_token(
    keeper: Child, environment: dict[str, str], tmp_path: Path
) -> None:
    public = keeper.ask("do", "generate_agreement_key", "epoch 1")
    keeper.close()
    command = ["pkcs11-tool", "--module", softhsm.module(), "--login", "--pin", "env:PIN", "-O"]
    whole = {**environment, "PIN": PIN.reveal().decode(), "PATH": "/usr/bin:/bin"}
    no_room = ["prlimit", "--fsize=8", *command]
    subprocess.run(no_room, env=whole, capture_output=True, check=False)
    (token,) = (tmp_path / "keys" / "tokens").glob("*/token.object")
    assert token.stat().st_size < 100
    again = started(environment)
    assert again.ask("do", "public_key", "epoch 1") == public
    again.close()
