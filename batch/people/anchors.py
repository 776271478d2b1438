"""The files that say whose certificates operators log in with: anchors, and the lists of revoked ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cryptography import x509

from batch.model.errors import BatchError
from drivers.foreign_certificates import UNREADABLE, load_certificate, shown

_PEM = b"-----BEGIN "
_LARGEST = 50_000_000
"""Bytes of a file; revocation lists of national CAs have some millions."""

_UNDERSTOOD = (x509.AuthorityKeyIdentifier, x509.CRLNumber)


class FaultyAnchors(BatchError):
    """A file of anchors or of revoked certificates that cannot be read or relied on."""


def read_anchors(files: Sequence[Path]) -> tuple[x509.Certificate, ...]:
    """The CA certificates in files, PEM (one or several) or DER; raises `FaultyAnchors`."""
    found: list[x509.Certificate] = []
    for path in files:
        data = _read(path)
        try:
            read = x509.load_pem_x509_certificates(data) if _PEM in data else [load_certificate(data)]
            for one in read:
                _need_ca(one, path)
        except UNREADABLE as error:
            raise _unreadable(str(path), error) from None
        found += read
    return tuple(found)


def read_crls(files: Sequence[Path]) -> tuple[x509.CertificateRevocationList, ...]:
    """The revocation lists in files, PEM or DER; raises `FaultyAnchors`, for partial lists too."""
    return tuple(revocation_list(_read(path), str(path)) for path in files)


def revocation_list(data: bytes, where: str, point: str | None = None) -> x509.CertificateRevocationList:
    """A revocation list, PEM or DER, from `where`; raises `FaultyAnchors`, for a partial one too.

    One that is of a distribution `point` only is whole for certificates that name it (RFC 5280 §6.3.3).
    """
    try:
        read = x509.load_pem_x509_crl(data) if _PEM in data else x509.load_der_x509_crl(data)
        partial = [
            one.oid.dotted_string
            for one in read.extensions
            if one.critical and not isinstance(one.value, _UNDERSTOOD) and not _is_of(point, one.value)
        ]
    except UNREADABLE as error:
        raise _unreadable(where, error) from None
    if partial:
        raise FaultyAnchors(
            f"this list does not tell of all certificates (critical extension {', '.join(partial)})",
            where=where,
            next="fetch the CA's complete list",
        )
    return read


def _is_of(point: str | None, value: x509.ExtensionType) -> bool:
    """Whether a list is narrowed to certificates with that distribution point, and by nothing else."""
    return (
        isinstance(value, x509.IssuingDistributionPoint)
        and any(
            isinstance(name, x509.UniformResourceIdentifier) and name.value == point
            for name in value.full_name or ()
        )
        and not (value.only_contains_ca_certs or value.only_contains_attribute_certs)
        and not (value.indirect_crl or value.only_some_reasons)
    )


def _need_ca(certificate: x509.Certificate, path: Path) -> None:
    try:
        is_ca = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        is_ca = False
    if not is_ca:
        raise FaultyAnchors(
            f"{shown(certificate.subject)} is no CA", where=str(path), next="name the file of its issuer"
        )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise FaultyAnchors(
            f"it cannot be read: {error.strerror}", where=str(path), next="correct [operators]"
        ) from None
    if len(data) > _LARGEST:
        raise FaultyAnchors(f"it has more than {_LARGEST:,} bytes", where=str(path), next="name another file")
    return data


def _unreadable(where: str, error: Exception) -> FaultyAnchors:
    why = " ".join(str(error).split())[:200] or type(error).__name__
    return FaultyAnchors(f"it cannot be read: {why}", where=where, next="name a file in PEM or DER")
