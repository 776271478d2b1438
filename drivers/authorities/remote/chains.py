"""The certificates of a CA elsewhere: put in order, or read from a file that names them once and for all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from drivers.errors import CaRefused, CaUnavailable, Unsupported
from drivers.foreign_certificates import UNREADABLE, load_certificate, shown

_MOST = 100
_PEM = b"-----BEGIN PKCS"


def certificates_of(message: bytes) -> list[x509.Certificate]:
    """All certificates of a certs-only PKCS#7 message (DER or PEM), which is a set; raises `ValueError`."""
    try:
        load = (
            pkcs7.load_pem_pkcs7_certificates
            if message.startswith(_PEM)
            else pkcs7.load_der_pkcs7_certificates
        )
        found = load(message)
    except UNREADABLE as error:
        raise ValueError("it is no PKCS#7 message of certificates") from error
    if len(found) > _MOST:
        raise ValueError(f"it holds more than {_MOST} certificates")
    return [load_certificate(one.public_bytes(Encoding.DER)) for one in found]


def read(path: str) -> list[x509.Certificate]:
    """The certificates of a PEM file, in its order; raises `Unsupported`."""
    try:
        found = x509.load_pem_x509_certificates(Path(path).read_bytes())
        return [load_certificate(one.public_bytes(Encoding.DER)) for one in found]
    except (OSError, *UNREADABLE) as error:
        what = f"the issuing CA's certificates cannot be read: {error}"
        raise Unsupported(what, where=path, next="correct `issuer` in [authority.options]") from None


def ordered(found: Sequence[x509.Certificate], where: str) -> list[x509.Certificate]:
    """The issuer of leaves first, each signed by the next; raises `CaUnavailable` where there is not one.

    Those of a root's change of keys (RFC 4210 §4.4) are left out.
    """
    issuers = {one.issuer for one in found if one.issuer != one.subject}
    lowest = [one for one in found if one.subject not in issuers and _is_ca(one)]
    newest = {one.subject: one for one in sorted(lowest, key=lambda one: one.not_valid_before_utc)}
    if len(newest) != 1:
        names = ", ".join(shown(name) for name in newest) or "none"
        raise CaUnavailable(
            f"the CA shows not one issuing CA, but: {names}",
            where=where,
            next="name the file of the right one: `issuer` in [authority.options]",
        )
    chain = list(newest.values())
    while (above := _issuer_of(chain[-1], found)) is not None and above not in chain:
        chain.append(above)
    return chain


def signed_list(crl: bytes, issuer: x509.Certificate, where: str) -> x509.CertificateRevocationList:
    """A revocation list (DER or PEM) that the CA signed; raises `CaUnavailable`."""
    try:
        pem = crl.startswith(b"-----BEGIN")
        found = x509.load_pem_x509_crl(crl) if pem else x509.load_der_x509_crl(crl)
        key = issuer.public_key()
        good = found.issuer == issuer.subject and found.is_signature_valid(key)  # type: ignore[arg-type]
    except (InvalidSignature, *UNREADABLE) as error:
        raise CaUnavailable(f"the CA's revocation list cannot be read: {error}", where=where) from error
    if not good:
        raise CaUnavailable(
            "the revocation list is not signed by the CA", where=where, next="ask who runs it"
        )
    return found


def issued_by(certificate: bytes, issuer: x509.Certificate, where: str) -> x509.Certificate:
    """A certificate (DER) that this CA issued; raises `CaRefused`."""
    try:
        found = load_certificate(certificate)
        found.verify_directly_issued_by(issuer)
    except (InvalidSignature, *UNREADABLE) as error:
        raise CaRefused("this certificate is not from this CA", where=where) from error
    return found


def _issuer_of(one: x509.Certificate, found: Sequence[x509.Certificate]) -> x509.Certificate | None:
    for other in found:
        try:
            one.verify_directly_issued_by(other)
        except (InvalidSignature, *UNREADABLE):
            continue
        return other if other != one else None
    return None


def _is_ca(one: x509.Certificate) -> bool:
    try:
        return one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
