"""Sealed codes open for their item, their letter and their kind, with the right key, and not otherwise."""

from __future__ import annotations

import dataclasses

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from batch.custody.sealing import (
    hash_revocation_code,
    open_admin,
    open_codes,
    seal,
    unwrap,
    unwrap_in_custody,
    wrap,
)
from batch.model.codes import Binding, SealedCodes
from batch.model.errors import RecordsDamaged
from drivers.secret import Secret
from drivers.tokens import Code

CODES = {
    Code.PIN: Secret.text("284019"),
    Code.PUK: Secret.text("67657013"),
    Code.ADMIN: Secret(bytes(range(32))),
    Code.REVOCATION: Secret.text("XEQJ-4PHV-JW9Q"),
}
BINDING = Binding(7, "000123")


def spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def custody() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def resume() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def sealed(custody: ec.EllipticCurvePrivateKey, resume: ec.EllipticCurvePrivateKey) -> SealedCodes:
    return seal(CODES, BINDING, spki(custody), spki(resume))


@pytest.mark.parametrize("purpose", ["custody", "resume"])
def test_either_key_opens_all_codes(
    sealed: SealedCodes,
    custody: ec.EllipticCurvePrivateKey,
    resume: ec.EllipticCurvePrivateKey,
    purpose: str,
) -> None:
    wrapped, key = {"custody": (sealed.for_custody, custody), "resume": (sealed.for_resume, resume)}[purpose]
    assert open_codes(sealed, unwrap(wrapped, key, BINDING, purpose), BINDING) == CODES


@pytest.mark.parametrize("other", [Binding(8, "000123"), Binding(7, "000124")])
def test_they_open_for_no_other_item_and_no_other_letter(
    sealed: SealedCodes, custody: ec.EllipticCurvePrivateKey, other: Binding
) -> None:
    with pytest.raises(RecordsDamaged):
        unwrap(sealed.for_custody, custody, other, "custody")
    data_key = unwrap(sealed.for_custody, custody, BINDING, "custody")
    with pytest.raises(RecordsDamaged):
        open_codes(sealed, data_key, other)


def test_a_pin_does_not_open_as_a_puk(sealed: SealedCodes, custody: ec.EllipticCurvePrivateKey) -> None:
    swapped = dataclasses.replace(sealed, pin=sealed.puk, puk=sealed.pin)
    data_key = unwrap(sealed.for_custody, custody, BINDING, "custody")
    with pytest.raises(RecordsDamaged, match="sealed pin does not open"):
        open_codes(swapped, data_key, BINDING)


@pytest.mark.parametrize("other", [None, "another production's"])
def test_codes_of_one_production_do_not_open_as_those_of_another(
    custody: ec.EllipticCurvePrivateKey, resume: ec.EllipticCurvePrivateKey, other: str | None
) -> None:
    made = seal(CODES, BINDING, spki(custody), spki(resume), ordered="one production's")
    assert open_codes(made, unwrap_in_custody(made, custody, BINDING), BINDING) == CODES
    with pytest.raises(RecordsDamaged):
        unwrap_in_custody(dataclasses.replace(made, ordered=other), custody, BINDING)


def test_a_wrap_for_one_purpose_opens_for_no_other(
    sealed: SealedCodes, custody: ec.EllipticCurvePrivateKey, resume: ec.EllipticCurvePrivateKey
) -> None:
    with pytest.raises(RecordsDamaged):
        unwrap(sealed.for_custody, resume, BINDING, "custody")
    with pytest.raises(RecordsDamaged):
        unwrap(sealed.for_custody, custody, BINDING, "resume")


def test_the_length_of_a_sealed_code_tells_nothing(sealed: SealedCodes) -> None:
    lengths = {len(blob) for blob in (sealed.pin, sealed.puk, sealed.admin, sealed.revocation)}
    assert len(lengths) == 1


def test_the_revocation_code_is_kept_as_a_slow_salted_hash() -> None:
    code = CODES[Code.REVOCATION]
    first, second = hash_revocation_code(code), hash_revocation_code(code)
    assert first.startswith("$argon2id$")
    Argon2id.verify_phc_encoded(code.reveal(), first)
    assert b"XEQJ" not in first.encode()
    assert first != second


def test_equal_codes_never_seal_alike(
    custody: ec.EllipticCurvePrivateKey, resume: ec.EllipticCurvePrivateKey
) -> None:
    first, second = (seal(CODES, BINDING, spki(custody), spki(resume)) for _ in range(2))
    assert first.pin != second.pin
    assert first.for_custody != second.for_custody


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret.text("284019")
    assert "284019" not in f"{secret} {secret!r} {secret!s}"
    with pytest.raises(TypeError):
        hash(secret)
    data_key = wrap(bytes(32), spki(ec.generate_private_key(ec.SECP256R1())), BINDING, "lane")
    assert bytes(32) not in data_key


def test_custody_holds_no_admin_credential_that_is_derived_and_no_length_tells(
    sealed: SealedCodes, custody: ec.EllipticCurvePrivateKey, resume: ec.EllipticCurvePrivateKey
) -> None:
    derived = seal(CODES, BINDING, spki(custody), spki(resume), "diversification-1-00c0ffee")

    assert derived.diversified_from == "diversification-1-00c0ffee"
    assert len(derived.admin) == len(sealed.admin)
    for wrapped, key, purpose in (
        (derived.for_custody, custody, "custody"),
        (derived.for_resume, resume, "resume"),
    ):
        data_key = unwrap(wrapped, key, BINDING, purpose)
        found = open_codes(derived, data_key, BINDING)
        assert found == {**CODES, Code.ADMIN: Secret(b"")}
        with pytest.raises(RecordsDamaged, match="not among the codes under seal"):
            open_admin(derived, data_key, BINDING)


def test_the_admin_credential_is_opened_alone(
    sealed: SealedCodes, custody: ec.EllipticCurvePrivateKey
) -> None:
    data_key = unwrap(sealed.for_custody, custody, BINDING, "custody")
    assert open_admin(sealed, data_key, BINDING) == CODES[Code.ADMIN]
