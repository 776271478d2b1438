"""The PKCS#11 driver on SoftHSM, judged by OpenSC's pkcs11-tool and openssl where they can."""

from __future__ import annotations

import hashlib
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from drivers import errors
from drivers.pkcs11 import softhsm
from drivers.process import Child
from drivers.secret import Secret
from drivers.tokens import (
    Algorithm,
    Code,
    InForce,
    Initialisation,
    KeySpec,
    PinPolicy,
    SignatureScheme,
    TokenState,
    TouchPolicy,
    Tries,
)
from tests.unit.pkcs11_lane import CODES, PLAN, Seat

KEY = KeySpec("01", Algorithm.P256, "Authentication")
DEADLINE = 20.0


@pytest.fixture
def seat(tmp_path: Path) -> Seat:
    return Seat(tmp_path)


@pytest.fixture
def lane(seat: Seat) -> Iterator[Child]:
    """A lane with a blank in its seat, connected."""
    seat.insert("first")
    child = seat.lane()
    child.ask("connect")
    yield child
    child.close()


def tool(seat: Seat, *arguments: str) -> bytes:
    """Output of pkcs11-tool, another party's client; codes by environment."""
    done = subprocess.run(
        ["pkcs11-tool", "--module", softhsm.module(), *arguments],
        env={**seat.environment, "PIN": CODES.pin.reveal().decode(), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )
    return done.stdout


def wrong_so_pin(lane: Child) -> errors.DriverError:
    with pytest.raises(errors.AuthenticationFailed) as caught:
        lane.ask("do", "set_code", Code.PIN, replaced(admin=b"99999999"), CODES.pin)
    return caught.value


def replaced(admin: bytes = CODES.admin.reveal(), pin: bytes = CODES.pin.reveal()) -> object:
    return type(CODES)(pin=Secret(pin), puk=Secret(admin), admin=Secret(admin))


def test_a_blank_has_no_marks_and_no_serial(lane: Child) -> None:
    state: TokenState = lane.ask("do", "inspect")
    assert state.blank
    assert state.identity.serial is None
    assert lane.ask("do", "public_key", "01") is None
    assert lane.ask("do", "read_certificate", "01") is None


def test_a_finished_token_signs_for_a_client_nobody_here_wrote(
    seat: Seat, lane: Child, tmp_path: Path
) -> None:
    lane.ask("personalise", (KEY,))
    lane.close()
    data, signature, certificate = (tmp_path / name for name in ("data", "signature", "certificate"))
    data.write_bytes(b"signed by another client")
    digest = tmp_path / "digest"
    digest.write_bytes(hashlib.sha256(data.read_bytes()).digest())
    tool(
        seat,
        *("--login", "--pin", "env:PIN", "--sign", "--id", "01", "--mechanism", "ECDSA"),
        *("--signature-format", "openssl", "-i", str(digest), "-o", str(signature)),
    )
    tool(seat, "--read-object", "--type", "cert", "--id", "01", "-o", str(certificate))
    public = x509.load_der_x509_certificate(certificate.read_bytes()).public_key()
    key = tmp_path / "public.pem"
    key.write_bytes(
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    command = ["openssl", "dgst", "-sha256", "-verify", str(key), "-signature", str(signature), str(data)]
    assert b"Verified OK" in subprocess.run(command, capture_output=True, check=True).stdout


@pytest.mark.parametrize(
    ("algorithm", "scheme"),
    [
        (Algorithm.P256, SignatureScheme.ECDSA_SHA256),
        (Algorithm.P384, SignatureScheme.ECDSA_SHA384),
        (Algorithm.RSA2048, SignatureScheme.RSA_PKCS1_SHA256),
        (Algorithm.RSA2048, SignatureScheme.RSA_PSS_SHA256),
        (Algorithm.RSA3072, SignatureScheme.RSA_PSS_SHA256),
    ],
)
def test_every_algorithm_signs_a_certificate_that_verifies(
    lane: Child, algorithm: Algorithm, scheme: SignatureScheme
) -> None:
    key = KeySpec("0a01", algorithm, "Confidentiality", decrypts=True)
    lane.ask("personalise", ())
    made = lane.ask("do", "generate", key, CODES)
    assert made.evidence.attributes["CKA_NEVER_EXTRACTABLE"] is True
    assert made.evidence == lane.ask("do", "evidence", "0a01", CODES)
    written = lane.ask("certify", key, scheme)
    assert lane.ask("do", "read_certificate", "0a01") == written
    assert lane.ask("do", "public_key", "0a01") == made.public_key


def test_a_key_that_always_asks_gets_the_pin_for_each_signature(seat: Seat, lane: Child) -> None:
    always = KeySpec("02", Algorithm.P256, "Signature", pin_policy=PinPolicy.ALWAYS)
    lane.ask("personalise", (KEY, always))
    public = serialization.load_der_public_key(lane.ask("do", "public_key", "02"))
    assert isinstance(public, ec.EllipticCurvePublicKey)
    for message in (b"one", b"two"):
        signed = lane.ask("do", "sign", always, SignatureScheme.ECDSA_SHA256, message, CODES)
        public.verify(signed, message, ec.ECDSA(hashes.SHA256()))
    listed = tool(seat, "--login", "--pin", "env:PIN", "--list-objects", "--type", "privkey").decode()
    asking = [part for part in listed.split("Private Key Object") if "always authenticate" in part.lower()]
    assert len(asking) == 1
    assert "ID:         02" in asking[0]


def test_a_key_brought_from_outside_is_no_evidence(seat: Seat, lane: Child, tmp_path: Path) -> None:
    lane.ask("personalise", ())
    lane.close()
    outside = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "key.der").write_bytes(outside)
    written = ("--write-object", str(tmp_path / "key.der"), "--type", "privkey", "--id", "01")
    tool(seat, "--login", "--pin", "env:PIN", *written)
    fresh = seat.lane()
    fresh.ask("connect")
    with pytest.raises(errors.EvidenceMissing, match="CKA_LOCAL"):
        fresh.ask("do", "evidence", "01", CODES)
    fresh.close()


def test_generating_again_destroys_what_the_slot_held(lane: Child) -> None:
    lane.ask("personalise", (KEY,))
    before = lane.ask("do", "public_key", "01")
    made = lane.ask("do", "generate", KEY, CODES)
    state: TokenState = lane.ask("do", "inspect")
    assert [(key.slot, key.public_key, key.certificate) for key in state.keys] == [
        ("01", made.public_key, None)
    ]
    assert made.public_key != before


def test_the_letters_puk_is_the_so_pin_and_sets_a_forgotten_pin(lane: Child) -> None:
    lane.ask("personalise", (KEY,))
    lane.ask("do", "set_code", Code.PIN, CODES, Secret(b"141421"))
    assert lane.ask("do", "in_force", Code.PIN, Secret(b"141421"), CODES.pin) is InForce.NEW
    lane.ask("do", "set_code", Code.PUK, CODES, Secret(b"16180339"))
    assert lane.ask("do", "in_force", Code.ADMIN, CODES.admin, Secret(b"16180339")) is InForce.OLD
    assert lane.ask("do", "in_force", Code.PUK, CODES.admin, Secret(b"00000000")) is InForce.NEITHER


def test_a_model_that_does_not_tell_its_tries_gets_no_guess(seat: Seat, lane: Child) -> None:
    lane.ask("personalise", (KEY,))
    lane.close()
    silent = seat.lane({"model": {"puk": "so-pin"}})
    silent.ask("connect")
    assert silent.ask("do", "in_force", Code.PIN, CODES.pin, Secret(b"000000")) is InForce.UNKNOWN
    state: TokenState = silent.ask("do", "inspect")
    assert state.tries.pin is None
    silent.close()


def test_a_wrong_code_before_leaves_too_few_known_tries_for_another(seat: Seat, lane: Child) -> None:
    lane.ask("personalise", (KEY,))
    lane.close()
    strict = seat.lane({"model": {"puk": "so-pin", "tries": 5}})
    strict.ask("connect")
    wrong = Secret(b"00000000"), Secret(b"00000001")
    assert strict.ask("do", "in_force", Code.ADMIN, *wrong) is InForce.NEITHER
    assert strict.ask("do", "in_force", Code.ADMIN, *wrong) is InForce.UNKNOWN
    state: TokenState = strict.ask("do", "inspect")
    assert (state.tries.pin, state.tries.admin) == (5, None)
    strict.close()


def test_an_initialised_token_obeys_only_its_own_so_pin(lane: Child) -> None:
    lane.ask("do", "initialise", PLAN, None, CODES)
    with pytest.raises(errors.AuthenticationFailed):
        lane.ask("do", "initialise", PLAN, None, replaced(admin=b"99999999"))
    assert "SO PIN was refused" in str(wrong_so_pin(lane))
    assert lane.ask("do", "initialise", PLAN, None, CODES).label == PLAN.label


@pytest.mark.parametrize(
    "plan", [PLAN, replace(PLAN, label="Another")], ids=["its user has a PIN", "not its label"]
)
def test_somebody_elses_token_is_not_tried_with_any_so_pin(lane: Child, plan: Initialisation) -> None:
    lane.ask("do", "initialise", PLAN, None, CODES)
    if plan is PLAN:
        lane.ask("do", "set_code", Code.PIN, CODES, CODES.pin)
    lane.ask("do", "allow", Tries())
    with pytest.raises(errors.NotBlank, match="belongs to somebody"):
        lane.ask("do", "initialise", plan, None, replaced(admin=b"99999999"))
    assert lane.ask("do", "shown") == {}
    assert lane.ask("do", "identify").label == PLAN.label


@pytest.mark.parametrize(
    "key",
    [
        KeySpec("01", Algorithm.P256, "x", touch_policy=TouchPolicy.ALWAYS),
        KeySpec("01", Algorithm.P256, "x", pin_policy=PinPolicy.NEVER),
        KeySpec("no hex", Algorithm.P256, "x"),
    ],
)
def test_what_pkcs11_cannot_do_is_said(lane: Child, key: KeySpec) -> None:
    lane.ask("personalise", ())
    with pytest.raises(errors.Unsupported):
        lane.ask("do", "generate", key, CODES)


def test_a_key_a_pulled_token_left_half_written_is_none_and_is_made_anew(lane: Child) -> None:
    lane.ask("personalise", ())
    lane.ask("half_key", KEY)

    state: TokenState = lane.ask("do", "inspect")
    assert "half-written key 01" in state.marks
    assert lane.ask("do", "public_key", KEY.slot) is None

    lane.ask("do", "generate", KEY, CODES)
    assert lane.ask("certify", KEY, SignatureScheme.ECDSA_SHA256)


def test_a_token_pulled_in_mid_work_is_lost_not_empty(seat: Seat, lane: Child) -> None:
    lane.ask("personalise", (KEY,))
    seat.eject()
    for call in (
        ("public_key", "01"),
        ("read_certificate", "01"),
        ("inspect",),
        ("sign", KEY, SignatureScheme.ECDSA_SHA256, b"", CODES),
        ("generate", KEY, CODES),
        ("set_code", Code.PIN, CODES, CODES.pin),
        ("initialise", PLAN, None, CODES),
    ):
        with pytest.raises(errors.TokenLost):
            lane.ask("do", *call)
    seat.insert("first")
    lane.ask("connect")
    assert lane.ask("do", "public_key", "01") is not None


def test_nothing_is_written_to_a_token_that_was_swapped_in(seat: Seat, lane: Child) -> None:
    lane.ask("personalise", (KEY,))
    seat.insert("second")
    lane.ask("connect")
    lane.ask("personalise", ())
    seat.insert("first")
    with pytest.raises((errors.WrongToken, errors.TokenLost)):
        lane.ask("do", "generate", KEY, CODES)
    with pytest.raises(errors.WrongToken):
        lane.ask("do", "initialise", PLAN, None, CODES)
    lane.ask("connect")
    kept: TokenState = lane.ask("do", "inspect")
    assert [key.slot for key in kept.keys if key.certificate] == ["01"]


def test_a_used_token_swapped_for_the_blank_is_not_initialised(seat: Seat, lane: Child) -> None:
    lane.ask("personalise", (KEY,))
    seat.insert("second")
    lane.ask("connect")
    assert lane.ask("do", "inspect").blank
    seat.insert("first")
    with pytest.raises(errors.WrongToken):
        lane.ask("do", "initialise", PLAN, None, CODES)
    lane.ask("connect")
    assert lane.ask("do", "public_key", "01") is not None


def test_coming_and_going_is_noticed(seat: Seat) -> None:
    lane = seat.lane()
    assert lane.ask("await_token", 2) is False
    assert lane.ask("await_removal", 1) is True
    with pytest.raises(errors.NoToken):
        lane.ask("connect")
    lane.call("await_token", 10_000)
    seat.insert("first")
    assert lane.receive().result() is True
    assert lane.ask("await_removal", 2) is False
    lane.call("await_removal", 10_000)
    seat.eject()
    assert lane.receive().result() is True
    lane.close()


def test_two_tokens_behind_one_module_need_a_name(seat: Seat, lane: Child) -> None:
    lane.ask("personalise", ())
    serial = lane.ask("do", "identify").serial
    lane.close()
    blank = ("--slot-index", "1", "--init-token", "--label", "Other", "--so-pin", "env:PIN")
    tool(seat, *blank)
    both = seat.lane()
    with pytest.raises(errors.Unsupported, match=f"2 tokens.*{serial}"):
        both.ask("connect")
    both.close()
    named = seat.lane({"slot": serial})
    named.ask("connect")
    assert named.ask("do", "identify").label == PLAN.label
    named.close()


@pytest.mark.parametrize("objects", [0, 1, 2, 3])
def test_a_killed_lane_leaves_a_token_that_can_be_read_and_finished(
    seat: Seat, tmp_path: Path, objects: int
) -> None:
    seat.insert("first")
    lane = seat.lane()
    lane.ask("connect")
    lane.call("personalise", (KEY,))
    reached(tmp_path / "tokens", objects)
    lane.kill()
    lane = seat.lane()
    assert lane.ask("await_token", 2)
    # SoftHSM may leave a torn file behind; such a token says so, and nothing else goes wrong.
    with suppress(errors.DeviceFailed):
        lane.ask("connect")
        state: TokenState = lane.ask("do", "inspect")
        assert state.blank or state.identity.label == PLAN.label
        held = {key.slot: key.public_key for key in state.keys}
        assert lane.ask("do", "public_key", "01") == held.get("01")
        lane.ask("personalise", (KEY,), "has a user PIN" in state.marks)
        finished: TokenState = lane.ask("do", "inspect")
        assert finished.keys[0].certificate is not None
    lane.close()


def reached(tokens: Path, objects: int) -> None:
    """Return once the token on disk has its own file and so many objects."""
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        files = [path.name for path in tokens.rglob("*.object")]
        if "token.object" in files and len(files) > objects:
            return
    raise AssertionError("the lane did not get that far")
