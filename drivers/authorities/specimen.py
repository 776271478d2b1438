"""A certificate that looks like one of the CA and is worth nothing: all of its keys are thrown away."""

from __future__ import annotations

from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from drivers.authorities import certificates
from drivers.authorities.embedded import Options
from drivers.authorities.port import CertificateTemplate
from drivers.keys import TokenKey, scheme_arguments
from drivers.tokens import Algorithm, SignatureScheme

EXAMPLE = Options(
    key="none",
    subject=(
        ("2.5.4.6", "NL"),
        ("2.5.4.10", "Example Issuer"),
        ("2.5.4.97", "NTRNL-00000000"),
        ("2.5.4.3", "Example Issuing CA"),
    ),
    crl_urls=("http://ca.example.org/issuing.crl",),
    issuer_urls=("http://ca.example.org/issuing.crt",),
    ocsp_urls=("http://ca.example.org/ocsp",),
)
"""A CA that tells all that the standards ask for."""


def specimen(
    template: CertificateTemplate,
    algorithm: Algorithm,
    scheme: SignatureScheme,
    issuer: Options = EXAMPLE,
) -> bytes:
    """The certificate (DER) that a CA of such options would issue; raises `CaRefused`, `Unsupported`."""
    ca_key = _key(issuer.algorithm)
    whole = (template.not_before - timedelta(days=1), template.not_after + timedelta(days=1))
    root = certificates.root(ca_key, issuer.signature(), certificates.name(issuer.subject), *whole)
    key = _key(algorithm)
    asked = x509.CertificateSigningRequestBuilder().subject_name(certificates.name(template.subject))
    request = asked.sign(key, **scheme_arguments(scheme)).public_bytes(serialization.Encoding.DER)
    made = certificates.leaf(
        certificates.requested(request, template), template, root, ca_key, issuer.signature(), issuer.places()
    )
    return made.public_bytes(serialization.Encoding.DER)


def _key(algorithm: Algorithm) -> TokenKey:
    match algorithm:
        case Algorithm.RSA2048 | Algorithm.RSA3072:
            return rsa.generate_private_key(65537, int(algorithm.removeprefix("rsa-")))
        case Algorithm.P384:
            return ec.generate_private_key(ec.SECP384R1())
        case Algorithm.P256:
            return ec.generate_private_key(ec.SECP256R1())
