"""Whether a certificate was revoked, asked where it says: of an OCSP responder, or in its CA's list."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TypeVar

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from drivers.errors import CaUnavailable
from drivers.foreign_certificates import UNREADABLE

T = TypeVar("T")

_CONNECT, _WHOLE = 5.0, 20.0
"""Seconds to be connected in, and for all of an answer: a person waits for it."""

_LARGEST_ANSWER, _LARGEST_LIST = 65_536, 50_000_000
"""Bytes; the lists of national CAs have some millions."""

_SKEW, _UNDATED = timedelta(minutes=5), timedelta(days=1)
"""How far clocks may differ, and how old an answer may be that does not say how long it holds."""

_NONCE_BYTES = 32
"""RFC 9654 §2.1."""


def revoked_by_ocsp(found: x509.Certificate, issuer: x509.Certificate, at: datetime) -> datetime | None:
    """When a certificate was revoked, None where it holds, as its OCSP responder says (RFC 6960).

    Raises `CaUnavailable` where it names none, none answers, or no answer can be relied on.
    """
    nonce = os.urandom(_NONCE_BYTES)
    request = (
        ocsp.OCSPRequestBuilder()
        # The hash all responders know (RFC 5019 §2.1.1); it only names the issuer.
        .add_certificate(found, issuer, hashes.SHA1())  # noqa: S303
        .add_extension(x509.OCSPNonce(nonce), critical=False)
        .build()
    )

    def ask(url: str) -> datetime | None:
        body = request.public_bytes(serialization.Encoding.DER)
        answer = _fetch("POST", url, _LARGEST_ANSWER, body, "application/ocsp-request")
        return _read(answer, request, nonce, issuer, at)

    return _first_of(_ocsp_urls(found), ask, "OCSP responder")


def fetched_list(found: x509.Certificate) -> tuple[str, bytes]:
    """The revocation list a certificate names (RFC 5280 §4.2.1.13), by its URL; nothing of it is checked.

    Raises `CaUnavailable` where it names none, or none can be had.
    """
    return _first_of(
        _list_urls(found), lambda url: (url, _fetch("GET", url, _LARGEST_LIST)), "revocation list"
    )


def _first_of(urls: Iterator[str], ask: Callable[[str], T], what: str) -> T:
    failed = []
    for url in urls:
        try:
            return ask(url)
        except CaUnavailable as error:
            failed.append(f"{url}: {error.what}")
    raise CaUnavailable("; ".join(failed) if failed else f"the certificate names no {what}")


def _ocsp_urls(found: x509.Certificate) -> Iterator[str]:
    try:
        access = found.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, *UNREADABLE):
        return
    for one in access:
        if one.access_method == AuthorityInformationAccessOID.OCSP:
            yield from _web(one.access_location)


def _list_urls(found: x509.Certificate) -> Iterator[str]:
    try:
        points = found.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except (x509.ExtensionNotFound, *UNREADABLE):
        return
    for point in points:
        # A list of some reasons only, or by another than the issuer, does not tell all.
        if point.reasons is None and point.crl_issuer is None:
            for name in point.full_name or ():
                yield from _web(name)


def _web(name: x509.GeneralName) -> Iterator[str]:
    if isinstance(name, x509.UniformResourceIdentifier) and name.value.startswith(("http://", "https://")):
        yield name.value


def _fetch(method: str, url: str, largest: int, body: bytes = b"", kind: str | None = None) -> bytes:
    until = time.monotonic() + _WHOLE
    # What is compressed may be a thousand times as large.
    headers = {"accept-encoding": "identity"} | ({"content-type": kind} if kind else {})
    read = bytearray()
    try:
        with (
            httpx.Client(timeout=_CONNECT, trust_env=False) as client,
            client.stream(method, url, content=body, headers=headers) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise CaUnavailable(f"it answers {response.status_code} {response.reason_phrase}".rstrip())
            for part in response.iter_raw():
                read += part
                if len(read) > largest:
                    raise CaUnavailable(f"the answer has more than {largest:,} bytes")
                if time.monotonic() > until:
                    raise CaUnavailable(f"the answer takes more than {_WHOLE:.0f} seconds")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise CaUnavailable(f"no answer: {str(error) or type(error).__name__}") from None
    return bytes(read)


def _read(
    answer: bytes, request: ocsp.OCSPRequest, nonce: bytes, issuer: x509.Certificate, at: datetime
) -> datetime | None:
    """What a response says of the certificate asked about, once it is seen to be the CA's and of today."""
    try:
        response = ocsp.load_der_ocsp_response(answer)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise CaUnavailable(f"the responder says {response.response_status.name.lower()}")
        _check_signed(response, issuer, at)
        _check_nonce(response, nonce)
        return _status(response, request, at)
    except (NotImplementedError, *UNREADABLE) as error:
        raise CaUnavailable(f"the answer cannot be read: {error}") from None


def _status(response: ocsp.OCSPResponse, request: ocsp.OCSPRequest, at: datetime) -> datetime | None:
    asked = (request.serial_number, request.issuer_name_hash, request.issuer_key_hash)
    for one in response.responses:
        if (one.serial_number, one.issuer_name_hash, one.issuer_key_hash) != asked:
            continue
        until = one.next_update_utc or one.this_update_utc + _UNDATED
        if not one.this_update_utc - _SKEW <= at <= until + _SKEW:
            raise CaUnavailable(f"the answer is of {one.this_update_utc:%Y-%m-%d %H:%M} UTC")
        match one.certificate_status:
            case ocsp.OCSPCertStatus.GOOD:
                return None
            case ocsp.OCSPCertStatus.REVOKED:
                return one.revocation_time_utc
            case _:
                raise CaUnavailable("the responder does not know the certificate")
    raise CaUnavailable("the answer is about another certificate")


def _check_nonce(response: ocsp.OCSPResponse, nonce: bytes) -> None:
    """Many responders give out answers made before, without one; another's nonce is a replay."""
    try:
        given = response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except x509.ExtensionNotFound:
        return
    if given != nonce:
        raise CaUnavailable("the answer is one to another question")


def _check_signed(response: ocsp.OCSPResponse, issuer: x509.Certificate, at: datetime) -> None:
    """Signed by the issuer, or by whom it has given that task (RFC 6960 §4.2.2.2)."""
    for signer in (issuer, *response.certificates):
        try:
            if signer is not issuer:
                _check_delegate(signer, issuer, at)
            _check_signature(response, signer)
        except (InvalidSignature, x509.ExtensionNotFound, *UNREADABLE):
            continue
        return
    raise CaUnavailable("the answer is not signed by the CA, nor for it")


def _check_delegate(signer: x509.Certificate, issuer: x509.Certificate, at: datetime) -> None:
    signer.verify_directly_issued_by(issuer)
    usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    if ExtendedKeyUsageOID.OCSP_SIGNING not in usage:
        raise InvalidSignature
    if not signer.not_valid_before_utc <= at <= signer.not_valid_after_utc:
        raise InvalidSignature


def _check_signature(response: ocsp.OCSPResponse, signer: x509.Certificate) -> None:
    key, algorithm = signer.public_key(), response.signature_hash_algorithm
    if isinstance(key, ec.EllipticCurvePublicKey) and algorithm:
        key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(algorithm))
    elif isinstance(key, rsa.RSAPublicKey) and algorithm:
        key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), algorithm)
    else:
        raise InvalidSignature
