"""What a PKCS#11 token holds or says may be anything: the driver answers with errors of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pkcs11 import Attribute, CertificateType, KeyType, ObjectClass
from pkcs11.attributes import AttributeMapper

from drivers.errors import DriverError, printable
from drivers.pkcs11 import objects
from drivers.pkcs11.module import spoken
from drivers.process import Child
from drivers.tokens import Algorithm, KeySpec
from tests.unit.pkcs11_lane import CODES, Seat

KEY = KeySpec("01", Algorithm.P256, "Authentication")
ASKED = [
    Attribute.ALWAYS_AUTHENTICATE,
    Attribute.ALWAYS_SENSITIVE,
    Attribute.EC_PARAMS,
    Attribute.EC_POINT,
    Attribute.KEY_GEN_MECHANISM,
    Attribute.KEY_TYPE,
    Attribute.LOCAL,
    Attribute.MODULUS,
    Attribute.NEVER_EXTRACTABLE,
    Attribute.PUBLIC_EXPONENT,
]
NUMBERS = st.integers(0, 1 << 63).map(lambda number: number.to_bytes(8, "little"))
KINDS = st.sampled_from([b"\0" * 8, b"\x03" + b"\0" * 7, b"\x40\x10" + b"\0" * 6, b"\x01"])
P256 = bytes.fromhex("06082a8648ce3d030107")
RAW = st.one_of(
    st.binary(max_size=140), NUMBERS, KINDS, st.sampled_from([P256, b"\x01", b"\x04" + bytes(64)])
)


class RawKey:
    """A key object as python-pkcs11 shows it, from what a module may have written into its attributes."""

    def __init__(self, raw: Mapping[Attribute, bytes]) -> None:
        self._raw, self._mapper = raw, AttributeMapper()

    def __getitem__(self, attribute: Attribute) -> Any:
        if attribute not in self._raw:
            raise pkcs11.AttributeTypeInvalid
        return self._mapper.unpack_attributes(attribute, self._raw[attribute])

    def get_attributes(self, attributes: list[Attribute]) -> dict[Attribute, Any]:
        return {attribute: self[attribute] for attribute in attributes if attribute in self._raw}


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(ASKED), RAW))
def test_attributes_may_be_anything(raw: dict[Attribute, bytes]) -> None:
    key = RawKey(raw)
    for look in (
        lambda: objects.spki(key),
        lambda: objects.spki_if_whole(key),
        lambda: objects.evidence(key, "seat"),
        lambda: objects.asks_each_time(key),
    ):
        with suppress(DriverError), spoken("seat"):
            look()


PLANTED: dict[str, Mapping[Attribute, Any]] = {
    "a point on no curve": {
        Attribute.CLASS: ObjectClass.PUBLIC_KEY,
        Attribute.KEY_TYPE: KeyType.EC,
        Attribute.EC_PARAMS: P256,
        Attribute.EC_POINT: b"\x04\x41\x04" + b"\xff" * 64,
    },
    "a curve nobody knows": {
        Attribute.CLASS: ObjectClass.PUBLIC_KEY,
        Attribute.KEY_TYPE: KeyType.EC,
        Attribute.EC_PARAMS: b"\x06\x03\x2a\x03\x04",
        Attribute.EC_POINT: b"\x04",
    },
    "an RSA key of one bit": {
        Attribute.CLASS: ObjectClass.PUBLIC_KEY,
        Attribute.KEY_TYPE: KeyType.RSA,
        Attribute.MODULUS: b"\x01",
        Attribute.PUBLIC_EXPONENT: b"\x02",
    },
    "a certificate that is none": {
        Attribute.CLASS: ObjectClass.CERTIFICATE,
        Attribute.CERTIFICATE_TYPE: CertificateType.X_509,
        Attribute.SUBJECT: b"\xff",
        Attribute.VALUE: b"\x30\x84\xff\xff\xff\xff",
    },
}


@pytest.fixture(scope="module")
def lane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """A lane with a finished token in its seat."""
    seat = Seat(Path(tmp_path_factory.mktemp("seat")))
    seat.insert("first")
    child = seat.lane()
    child.ask("connect")
    child.ask("personalise", (KEY,))
    yield child
    child.close()


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED.keys())
def test_objects_of_a_former_life_may_be_anything(lane: Child, planted: Mapping[Attribute, Any]) -> None:
    slot = "02"
    lane.ask("plant", {**planted, Attribute.ID: bytes.fromhex(slot)})
    for method, arguments in (
        ("inspect", ()),
        ("public_key", (slot,)),
        ("read_certificate", (slot,)),
        ("evidence", (slot, CODES)),
        ("generate", (KeySpec(slot, Algorithm.P256, "Again"), CODES)),
    ):
        told = ""
        try:
            lane.ask("do", method, *arguments)
        except DriverError as refused:
            told = str(refused)
        assert "report this as a bug" not in told, method
    assert lane.ask("do", "public_key", slot) is not None, "what was planted is gone"


def test_what_a_token_says_of_itself_commands_no_terminal() -> None:
    assert printable("Group Token é") == "Group Token é"
    assert printable("a\x1b[2J\u202eb\udcff") == "a\\x1b[2J\\u202eb\\udcff"
    assert str(DriverError("\x1b]0;", where="\x9b", next="\u2066")) == "\\x9b: \\x1b]0;; \\u2066"
