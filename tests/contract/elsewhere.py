"""What the tests of CAs elsewhere share: a request as a lane makes it, and a desk's own directory."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from batch.production.certificates import build_csr, check_certificate
from drivers.authorities.port import (
    CertificateAuthority,
    CertificateRequest,
    CertificateTemplate,
    KeyUsage,
    Provision,
)
from drivers.foreign_certificates import load_certificate, load_csr, spki
from drivers.secret import Secret
from drivers.tokens import SignatureScheme
from simulators.responders.issuing import Profile

PIN = Secret(b"271828")
_SPKI = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
LIFETIME = timedelta(days=365)
PROFILE = Profile(
    frozenset({KeyUsage.DIGITAL_SIGNATURE}), ("1.3.6.1.5.5.7.3.2",), ("2.16.528.1.1003.1.2.5.4",), LIFETIME
)


def provision(directory: Path, pin: Secret = PIN) -> Provision:
    return Provision("", "", pin, directory)


def request(
    transaction: str = "000001/authentication/1",
    *,
    common_name: str = "Balie 1",
    profile: str = "authentication",
) -> CertificateRequest:
    """A request for a new key, as a lane builds it."""
    key, begin = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC).replace(microsecond=0)
    template = CertificateTemplate(
        subject=(("2.5.4.6", "NL"), ("2.5.4.3", common_name)),
        key_usage=PROFILE.key_usage,
        not_before=begin,
        not_after=begin + LIFETIME,
        extended_usage=PROFILE.extended_usage,
        policies=PROFILE.policies,
        emails=("balie@example.org",),
        profile=profile,
    )
    public = key.public_key()
    csr = build_csr(
        public.public_bytes(*_SPKI),
        template,
        SignatureScheme.ECDSA_SHA256,
        lambda _, message: key.sign(message, ec.ECDSA(hashes.SHA256())),
    )
    return CertificateRequest(transaction, csr, template)


def renewing(old: CertificateRequest, certificate: bytes, transaction: str) -> CertificateRequest:
    """A request for the same subject with a new key, in the place of a certificate."""
    common_name = dict(old.template.subject)["2.5.4.3"]
    return replace(request(transaction, common_name=common_name), renews=certificate)


def public_key(one: CertificateRequest) -> bytes:
    return spki(load_csr(one.csr))


def judged(ca: CertificateAuthority, one: CertificateRequest, certificate: bytes) -> None:
    """Hold a certificate against what was asked for, as the desk does before it is loaded (R34)."""
    issuer = load_certificate(ca.chain()[0])
    check_certificate(certificate, public_key(one), one.template, issuer, datetime.now(UTC))
