"""Admin credentials derived in a token: as NIST SP 800-108 says, for one token alone, and by nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFCMAC, CounterLocation, Mode
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from batch.custody.diversification import DiversificationKeys
from batch.custody.sealing import unwrap
from batch.model.codes import Binding
from batch.model.errors import RecordsDamaged
from drivers.errors import AuthenticationFailed, DeviceFailed
from drivers.pkcs11 import softhsm
from drivers.process import Child
from drivers.secret import Secret

PIN, SO_PIN = Secret(b"271828"), Secret(b"31415926")
BINDING = Binding(7, "000123")
KNOWN, KNOWN_NAME = bytes(range(32)), "diversification-1-00c0ffee"
LANE = ec.generate_private_key(ec.SECP256R1())
LANE_KEY = LANE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


class Keys(DiversificationKeys):
    """The keys as their process has them, and what a test does to their token."""

    def plant(self, name: str, value: bytes) -> None:
        """A key whose value is known, which the program never makes."""
        from pkcs11 import Attribute, KeyType, ObjectClass

        fixed = {Attribute.TOKEN: True, Attribute.PRIVATE: True, Attribute.SIGN: True}
        kind = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: KeyType.AES}
        self._vault._session.create_object({**kind, **fixed, Attribute.LABEL: name, Attribute.VALUE: value})

    def protection(self, name: str) -> dict[str, bool]:
        from pkcs11 import Attribute, ObjectClass

        (key,) = self._vault._find(ObjectClass.SECRET_KEY, name)
        wanted = "PRIVATE SENSITIVE ALWAYS_SENSITIVE EXTRACTABLE NEVER_EXTRACTABLE LOCAL SIGN ENCRYPT WRAP"
        return {word: key[Attribute[word]] for word in wanted.split()}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return softhsm.prepare(tmp_path / "keys")


@pytest.fixture
def keys(environment: dict[str, str]) -> Iterator[Child]:
    factory = "tests.contract.test_diversification:Keys.create"
    child = Child("keys", factory, (softhsm.module(), "keys", SO_PIN, PIN), environment=environment)
    child.ask("ready")
    yield child
    child.close()


def admin(keys: Child, name: str, binding: Binding = BINDING, driver: str = "piv", length: int = 24) -> bytes:
    derived = keys.ask("derive", name, binding, driver, length, LANE_KEY)
    assert derived.key_name == name
    return unwrap(derived.for_lane, LANE, binding, "admin").reveal()


@pytest.mark.parametrize("length", [8, 16, 24, 32, 63])
def test_what_the_token_derives_is_what_sp_800_108_says(keys: Child, length: int) -> None:
    keys.ask("plant", KNOWN_NAME, KNOWN)

    kdf = KBKDFCMAC(
        AES,
        mode=Mode.CounterMode,
        length=length,
        rlen=4,
        llen=4,
        location=CounterLocation.BeforeFixed,
        label=b"station/admin",
        context=b"pkcs11/000123",
        fixed=None,
    )

    assert admin(keys, KNOWN_NAME, driver="pkcs11", length=length) == kdf.derive(KNOWN)


def test_every_token_and_every_key_gives_another_and_always_the_same(keys: Child) -> None:
    first, second = keys.ask("new_key"), keys.ask("new_key")
    assert keys.ask("names") == (first, second)
    asked = [
        (name, binding, driver)
        for name in (first, second)
        for binding in (BINDING, Binding(8, "000124"))
        for driver in ("piv", "pkcs11")
    ]

    found = [admin(keys, *one) for one in asked]

    assert len(set(found)) == len(asked)
    assert [admin(keys, *one) for one in asked] == found


def test_what_is_derived_opens_for_the_lane_that_asked_and_for_that_token_only(keys: Child) -> None:
    derived = keys.ask("derive", keys.ask("new_key"), BINDING, "piv", 24, LANE_KEY)

    for key, binding in ((LANE, Binding(8, "000124")), (ec.generate_private_key(ec.SECP256R1()), BINDING)):
        with pytest.raises(RecordsDamaged):
            unwrap(derived.for_lane, key, binding, "admin")


def test_a_key_never_leaves_its_token_and_does_nothing_else(keys: Child) -> None:
    assert keys.ask("protection", keys.ask("new_key")) == {
        "PRIVATE": True,
        "SENSITIVE": True,
        "ALWAYS_SENSITIVE": True,
        "EXTRACTABLE": False,
        "NEVER_EXTRACTABLE": True,
        "LOCAL": True,
        "SIGN": True,
        "ENCRYPT": False,
        "WRAP": False,
    }


def test_a_key_that_is_not_there_is_told_and_no_other_takes_its_place(keys: Child) -> None:
    keys.ask("new_key")
    with pytest.raises(DeviceFailed, match="no key 'diversification-1-00c0ffee'"):
        admin(keys, KNOWN_NAME)


def test_making_the_token_again_takes_up_the_one_that_is_there(
    keys: Child, environment: dict[str, str]
) -> None:
    name = keys.ask("new_key")
    factory = "batch.custody.diversification:DiversificationKeys.create"
    again = Child("keys", factory, (softhsm.module(), "keys", SO_PIN, PIN), environment=environment)
    try:
        assert again.ask("names") == (name,)
    finally:
        again.close()
    wrong = (softhsm.module(), "keys", SO_PIN, Secret(b"000000"))
    guessing = Child("keys", factory, wrong, environment=environment)
    try:
        with pytest.raises(AuthenticationFailed):
            guessing.ask("ready")
    finally:
        guessing.close()
