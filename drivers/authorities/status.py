"""Answers to OCSP requests, signed by the CA itself (RFC 6960 §2.2, §4.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from drivers.authorities.certificates import REASONS, in_utc
from drivers.authorities.records import Revocation
from drivers.errors import Unsupported
from drivers.foreign_certificates import UNREADABLE
from drivers.keys import TokenKey, scheme_arguments
from drivers.tokens import SignatureScheme

HOLDS = timedelta(hours=12)
"""How long an answer is good: a status changes within 24 hours (R23)."""

_LONGEST = 65_536
"""Bytes of a request at most."""

_SERIALS = 1 << 160
"""Serial numbers have 20 octets at most (RFC 5280 §4.1.2.2)."""


def answer(
    request: bytes,
    issuer: x509.Certificate,
    key: TokenKey,
    scheme: SignatureScheme,
    *,
    revoked: Mapping[int, Revocation],
    issued: Callable[[int], bool],
    at: datetime,
) -> bytes:
    """The response (DER): good, revoked or, for a serial number that was never given, unknown.

    What cannot be read, or is about another CA's certificates, gets a response that says so. Raises
    `Unsupported` for a scheme that OCSP responses cannot be signed with here.
    """
    arguments = scheme_arguments(scheme)
    if "rsa_padding" in arguments:
        raise Unsupported("OCSP answers with RSASSA-PSS cannot be made", next="publish revocation lists")
    try:
        if len(request) > _LONGEST:
            raise ValueError
        asked = ocsp.load_der_ocsp_request(request)
        name_hash, key_hash = _issuer_hashes(issuer, asked.hash_algorithm)
        ours = (asked.issuer_name_hash, asked.issuer_key_hash) == (name_hash, key_hash)
        serial, extensions = asked.serial_number, list(asked.extensions)
        if not 0 <= serial < _SERIALS:
            raise ValueError
    except (NotImplementedError, *UNREADABLE):
        return _refusal(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
    if not ours:
        return _refusal(ocsp.OCSPResponseStatus.UNAUTHORIZED)
    entry, now = revoked.get(serial), in_utc(at)
    known = ocsp.OCSPCertStatus.GOOD if issued(serial) else ocsp.OCSPCertStatus.UNKNOWN
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response_by_hash(
            name_hash,
            key_hash,
            serial,
            asked.hash_algorithm,
            ocsp.OCSPCertStatus.REVOKED if entry else known,
            now,
            now + HOLDS,
            in_utc(entry.at) if entry else None,
            REASONS.get(entry.reason) if entry else None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, issuer)
    )
    for extension in extensions:
        if isinstance(extension.value, x509.OCSPNonce):  # whoever asked knows that it is no old answer
            builder = builder.add_extension(extension.value, critical=False)
    response = builder.sign(key, arguments["algorithm"])
    return response.public_bytes(serialization.Encoding.DER)


def _refusal(status: ocsp.OCSPResponseStatus) -> bytes:
    response = ocsp.OCSPResponseBuilder.build_unsuccessful(status)
    return response.public_bytes(serialization.Encoding.DER)


def _issuer_hashes(issuer: x509.Certificate, algorithm: hashes.HashAlgorithm) -> tuple[bytes, bytes]:
    """Of the issuer's name, and of its key without what stands around it (RFC 6960 §4.1.1)."""
    identifier = ocsp.OCSPRequestBuilder().add_certificate(issuer, issuer, algorithm).build()
    return identifier.issuer_name_hash, identifier.issuer_key_hash
