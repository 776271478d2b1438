"""Certificates for keys that are on a token, from an issuer that exists for one test run."""

from __future__ import annotations

import datetime
import functools

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa


@functools.cache
def _issuer() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def certificate_for(public_key: bytes, name: str) -> bytes:
    """A certificate (DER) for an SPKI (DER), named as told."""
    public = serialization.load_der_public_key(public_key)
    assert isinstance(public, ec.EllipticCurvePublicKey | rsa.RSAPublicKey)
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Contract CA")]))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
    )
    return builder.sign(_issuer(), hashes.SHA256()).public_bytes(serialization.Encoding.DER)
