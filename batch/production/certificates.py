"""CSRs as the profile wants them, and the look at a certificate before it is loaded (R28, R34)."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from drivers.authorities.certificates import alternative_names, name
from drivers.authorities.port import CertificateTemplate
from drivers.errors import ReadBackFailed
from drivers.foreign_certificates import UNREADABLE, load_certificate, shown, spki
from drivers.keys import Sign, scheme_arguments, token_key
from drivers.tokens import SignatureScheme

_CLOCK_SLACK = timedelta(minutes=10)
"""A CA may round or back-date by this much."""

_SERIALS_END = 1 << 159
"""Of serial numbers in 20 octets: the first bit is the sign."""


class WrongCertificate(ReadBackFailed):
    """The CA's certificate is not what was asked for; no certificate of this item goes on a token."""


def build_csr(public_key: bytes, template: CertificateTemplate, scheme: SignatureScheme, sign: Sign) -> bytes:
    """A CSR (DER) for the key on the token, signed by it as the profile says (R28); no code in it (R25).

    It asks for the alternative names (RFC 2985 §5.4.2), which a CA elsewhere learns from nothing else.
    """
    builder = x509.CertificateSigningRequestBuilder().subject_name(name(template.subject))
    if names := alternative_names(template):
        builder = builder.add_extension(names, critical=False)
    csr = builder.sign(token_key(public_key, sign), **scheme_arguments(scheme))
    return csr.public_bytes(Encoding.DER)


def check_certificate(
    certificate: bytes,
    public_key: bytes,
    template: CertificateTemplate,
    issuer: x509.Certificate,
    at: datetime,
) -> None:
    """Refuse a certificate that is not what was asked for: key, subject, names, usages, validity (R34).

    The CA's `issuer` must have signed it, and it may not have expired by `at`. Raises `WrongCertificate`
    naming every difference.
    """
    try:
        found = load_certificate(certificate)
        wrong = _differences(found, public_key, template, at)
        wrong += _standing(found, issuer, at)
    except ValueError as error:
        wrong = [f"it cannot be read ({error})"]
    if wrong:
        raise WrongCertificate(
            f"the CA's certificate is not what was asked for: {'; '.join(wrong)}",
            next="do not hand this token out; compare the CA's profile with the layout's",
        )


def serial_number(certificate: bytes) -> str | None:
    """The serial number of a certificate (DER) in hex digits, None where it is none."""
    try:
        return f"{load_certificate(certificate).serial_number:x}"
    except ValueError:
        return None


def verify_signature(public_key: bytes, scheme: SignatureScheme, message: bytes, signature: bytes) -> bool:
    """Whether a signature made by a token verifies with the key (SPKI, DER)."""
    key = load_der_public_key(public_key)
    try:
        match scheme:
            case SignatureScheme.ECDSA_SHA256 if isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(signature, message, ec.ECDSA(SHA256()))
            case SignatureScheme.ECDSA_SHA384 if isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(signature, message, ec.ECDSA(SHA384()))
            case SignatureScheme.RSA_PKCS1_SHA256 if isinstance(key, rsa.RSAPublicKey):
                key.verify(signature, message, padding.PKCS1v15(), SHA256())
            case SignatureScheme.RSA_PSS_SHA256 if isinstance(key, rsa.RSAPublicKey):
                pss = padding.PSS(padding.MGF1(SHA256()), SHA256.digest_size)
                key.verify(signature, message, pss, SHA256())
            case _:
                return False
    except InvalidSignature:
        return False
    return True


def _differences(
    found: x509.Certificate, public_key: bytes, template: CertificateTemplate, at: datetime
) -> list[str]:
    wrong = []
    # A CA that answers after days may let it begin only then, but not later.
    later = max(at - template.not_before, timedelta())
    if spki(found) != public_key:
        wrong.append("its key is not the token's")
    if found.subject != name(template.subject):
        wrong.append(f"its subject is {shown(found.subject)}")
    if not 0 < found.serial_number < _SERIALS_END:
        wrong.append("its serial number is not positive or longer than 20 octets (RFC 5280 §4.1.2.2)")
    extensions = {extension.oid: extension.value for extension in found.extensions}
    usage = extensions.get(x509.KeyUsage.oid)
    if not isinstance(usage, x509.KeyUsage) or _usages(usage) != {str(bit) for bit in template.key_usage}:
        wrong.append("its key usage differs")
    extended = extensions.get(x509.ExtendedKeyUsage.oid, ())
    assert isinstance(extended, x509.ExtendedKeyUsage | tuple)
    if {oid.dotted_string for oid in extended} != set(template.extended_usage):
        wrong.append("its extended key usage differs")
    policies = extensions.get(x509.CertificatePolicies.oid, ())
    assert isinstance(policies, x509.CertificatePolicies | tuple)
    if {policy.policy_identifier.dotted_string for policy in policies} != set(template.policies):
        wrong.append("its policies differ")
    names = extensions.get(x509.SubjectAlternativeName.oid, ())
    assert isinstance(names, x509.SubjectAlternativeName | tuple)
    wanted: list[tuple[type[x509.GeneralName], str]] = [(x509.RFC822Name, email) for email in template.emails]
    wanted += [(x509.UniformResourceIdentifier, uri) for uri in template.uris]
    if Counter((type(one), one.value) for one in names) != Counter(wanted):
        wrong.append("its alternative names differ")
    constraints = extensions.get(x509.BasicConstraints.oid)
    if isinstance(constraints, x509.BasicConstraints) and constraints.ca:
        wrong.append("it is a CA's")
    if not -_CLOCK_SLACK <= found.not_valid_before_utc - template.not_before <= later + _CLOCK_SLACK:
        wrong.append(f"it is valid from {found.not_valid_before_utc:%Y-%m-%d %H:%M}")
    if abs(found.not_valid_after_utc - template.not_after) > _CLOCK_SLACK:
        wrong.append(f"it is valid until {found.not_valid_after_utc:%Y-%m-%d %H:%M}")
    return wrong


def _standing(found: x509.Certificate, issuer: x509.Certificate, at: datetime) -> list[str]:
    wrong = []
    try:
        found.verify_directly_issued_by(issuer)
    except (*UNREADABLE, InvalidSignature):
        wrong.append("it is not signed by the CA")
    if found.not_valid_after_utc <= at:
        wrong.append(f"it expired on {found.not_valid_after_utc:%Y-%m-%d}")
    return wrong


def _usages(usage: x509.KeyUsage) -> set[str]:
    bits = {
        "digitalSignature": usage.digital_signature,
        "nonRepudiation": usage.content_commitment,
        "keyEncipherment": usage.key_encipherment,
        "dataEncipherment": usage.data_encipherment,
        "keyAgreement": usage.key_agreement,
        "keyCertSign": usage.key_cert_sign,
        "cRLSign": usage.crl_sign,
    }
    return {name for name, on in bits.items() if on}
