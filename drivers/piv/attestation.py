"""Attestation of keys made on a YubiKey: what the chain must show to count as evidence (R31)."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from drivers.errors import EvidenceMissing
from drivers.foreign_certificates import UNREADABLE, load_certificate, shown, spki
from drivers.tokens import Evidence

_ASIDE = "set the token aside"
_FIRMWARE = x509.ObjectIdentifier("1.3.6.1.4.1.41482.3.3")
_SERIAL = x509.ObjectIdentifier("1.3.6.1.4.1.41482.3.7")
_POLICY = x509.ObjectIdentifier("1.3.6.1.4.1.41482.3.8")
_PIN_POLICIES = {1: "never", 2: "once", 3: "always"}
_TOUCH_POLICIES = {1: "never", 2: "always", 3: "cached"}


def evidence(
    chain: tuple[bytes, bytes],
    public_key: bytes,
    serial: str | None,
    roots: Sequence[x509.Certificate],
    where: str,
) -> Evidence:
    """Check an attestation (leaf, certificate of slot F9; DER) of `public_key`; raises `EvidenceMissing`.

    One of `roots` must have issued the certificate of slot F9. Without roots nobody has vouched for the
    maker of the chain, and attribute `rooted` is False.
    """

    def refuse(why: str, next: str) -> EvidenceMissing:
        return EvidenceMissing(why, where=where, next=next)

    try:
        attested, maker = map(load_certificate, chain)
        claims = _claims(attested)
    except ValueError:
        raise refuse("the attestation is not to be read", _ASIDE) from None
    if spki(attested) != public_key:
        raise refuse("the attestation speaks of another key", _ASIDE)
    if not _issued(attested, maker):
        raise refuse("the attestation is not signed by the token's attestation key", _ASIDE)
    if serial is not None and claims.get("serial", serial) != serial:
        raise refuse("the attestation speaks of another token", _ASIDE)
    rooted = any(maker == root or _issued(maker, root) for root in roots)
    if roots and not rooted:
        raise refuse(
            f"no attestation root of the seat has issued {shown(maker.subject)}",
            "add its maker's root to the seat if you trust it, or set the token aside",
        )
    return Evidence("attestation", chain, {"rooted": rooted, **claims})


def attested_key(leaf: bytes, where: str) -> bytes:
    """The SPKI (DER) an attestation speaks of; raises `EvidenceMissing` where it is not to be read."""
    try:
        return spki(load_certificate(leaf))
    except ValueError:
        raise EvidenceMissing("the attestation is not to be read", where=where, next=_ASIDE) from None


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


def _claims(attested: x509.Certificate) -> dict[str, str]:
    """What the token's maker says in the extensions: firmware, serial, PIN and touch policy."""
    claims = {}
    for extension in attested.extensions:
        value = extension.value
        if not isinstance(value, x509.UnrecognizedExtension):
            continue
        if value.oid == _FIRMWARE and len(value.value) == 3:
            claims["firmware"] = ".".join(str(part) for part in value.value)
        elif value.oid == _SERIAL and value.value[:1] == b"\x02":
            claims["serial"] = str(int.from_bytes(value.value[2:], "big"))
        elif value.oid == _POLICY and len(value.value) == 2:
            pin, touch = value.value
            claims["pin_policy"] = _PIN_POLICIES.get(pin, f"{pin:02x}")
            claims["touch_policy"] = _TOUCH_POLICIES.get(touch, f"{touch:02x}")
    return claims
