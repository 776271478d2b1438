"""A certificate template, a CSR and a CA's key made into a certificate or CRL of RFC 5280."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ObjectIdentifier

from drivers.authorities.port import CertificateTemplate, KeyUsage, Reason
from drivers.authorities.records import Revocation
from drivers.errors import CaRefused
from drivers.foreign_certificates import UNREADABLE, load_csr, odd_key, shown
from drivers.keys import TokenKey, scheme_arguments
from drivers.tokens import SignatureScheme

REASONS = {
    Reason.KEY_COMPROMISE: x509.ReasonFlags.key_compromise,
    Reason.AFFILIATION_CHANGED: x509.ReasonFlags.affiliation_changed,
    Reason.SUPERSEDED: x509.ReasonFlags.superseded,
    Reason.CESSATION_OF_OPERATION: x509.ReasonFlags.cessation_of_operation,
    Reason.PRIVILEGE_WITHDRAWN: x509.ReasonFlags.privilege_withdrawn,
}
"""reasonCode by reason; `unspecified` is told by its absence (RFC 5280 §5.3.1)."""


@dataclass(frozen=True)
class Places:
    """URLs that subscribers' certificates name: of the CRL, the CA's own certificate, and its OCSP responder.

    RFC 5280 §4.2.1.13 and §4.2.2.1.
    """

    crl: tuple[str, ...] = ()
    issuer: tuple[str, ...] = ()
    ocsp: tuple[str, ...] = ()


NOWHERE = Places()


def name(subject: Iterable[tuple[str, str]]) -> x509.Name:
    """A DN of (dotted OID, value), each its own RDN; `ValueError` for what X.520 does not allow."""
    return x509.Name([x509.NameAttribute(ObjectIdentifier(oid), value) for oid, value in subject])


def alternative_names(template: CertificateTemplate) -> x509.SubjectAlternativeName | None:
    """The subject alternative names of a template (RFC 5280 §4.2.1.6), None where it has none."""
    names: list[x509.GeneralName] = [x509.RFC822Name(email) for email in template.emails]
    names += [x509.UniformResourceIdentifier(uri) for uri in template.uris]
    return x509.SubjectAlternativeName(names) if names else None


def in_utc(moment: datetime) -> datetime:
    """A moment in UTC, to the second as certificates have it; without a zone it is UTC."""
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.replace(microsecond=0)


def requested(csr: bytes, template: CertificateTemplate) -> x509.CertificateSigningRequest:
    """The CSR (DER) if it proves possession of its key and names the template's subject, else `CaRefused`."""
    try:
        request = load_csr(csr)
        proven = request.is_signature_valid
        subject = name(template.subject)
    except UNREADABLE as error:
        raise CaRefused(f"the request cannot be read: {error}") from error
    if not proven:
        raise CaRefused("the CSR does not prove possession of its key", next="sign it on the token again")
    if request.subject != subject:
        raise CaRefused(f"the CSR asks for {shown(request.subject)}, the order for {shown(subject)}")
    if odd := odd_key(request):
        raise CaRefused(f"the CSR asks for {odd}", next="use RSA of 2048 bits or more, P-256 or P-384")
    return request


def root(
    key: TokenKey, scheme: SignatureScheme, subject: x509.Name, not_before: datetime, not_after: datetime
) -> x509.Certificate:
    """A self-signed CA certificate: pathLen 0, keyCertSign and cRLSign only (RFC 5280 §4.2.1)."""
    public = key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(in_utc(not_before))
        .not_valid_after(in_utc(not_after))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage({}, signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    return builder.sign(key, **scheme_arguments(scheme))


def leaf(
    request: x509.CertificateSigningRequest,
    template: CertificateTemplate,
    issuer: x509.Certificate,
    key: TokenKey,
    scheme: SignatureScheme,
    places: Places = NOWHERE,
) -> x509.Certificate:
    """A subscriber's certificate: the template's extensions, AKI, SKI, cA false, where CRL and issuer are.

    The serial number has 159 random bits, positive, in at most 20 octets (§4.1.2.2). Raises `CaRefused`.
    """
    not_before, not_after = in_utc(template.not_before), in_utc(template.not_after)
    if not issuer.not_valid_before_utc <= not_before < not_after <= issuer.not_valid_after_utc:
        hint = "correct the profile's validity, or renew the CA"
        raise CaRefused(f"{not_before} to {not_after} is not within the CA's own validity", next=hint)
    try:
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(template.subject))
            .issuer_name(issuer.subject)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(not_before)
            .not_valid_after(not_after)
        )
        for extension, critical in _extensions(request, template, issuer, places):
            builder = builder.add_extension(extension, critical=critical)
    except ValueError as error:
        raise CaRefused(f"the template makes no certificate: {error}") from error
    return builder.sign(key, **scheme_arguments(scheme))


def _extensions(
    request: x509.CertificateSigningRequest,
    template: CertificateTemplate,
    issuer: x509.Certificate,
    places: Places,
) -> list[tuple[x509.ExtensionType, bool]]:
    made: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (authority_key(issuer), False),
        (x509.SubjectKeyIdentifier.from_public_key(request.public_key()), False),
    ]
    if template.key_usage:
        made.append((_key_usage(template.key_usage), True))
    if template.extended_usage:
        made.append(
            (x509.ExtendedKeyUsage([ObjectIdentifier(oid) for oid in template.extended_usage]), False)
        )
    if template.policies:
        policies = [x509.PolicyInformation(ObjectIdentifier(oid), None) for oid in template.policies]
        made.append((x509.CertificatePolicies(policies), False))
    if alternatives := alternative_names(template):
        made.append((alternatives, False))
    if places.crl:
        made.append(
            (x509.CRLDistributionPoints([x509.DistributionPoint(_uris(places.crl), None, None, None)]), False)
        )
    access = [(AuthorityInformationAccessOID.OCSP, one) for one in _uris(places.ocsp)]
    access += [(AuthorityInformationAccessOID.CA_ISSUERS, one) for one in _uris(places.issuer)]
    if access:
        made.append(
            (x509.AuthorityInformationAccess([x509.AccessDescription(*one) for one in access]), False)
        )
    return made


def _uris(urls: tuple[str, ...]) -> list[x509.GeneralName]:
    return [x509.UniformResourceIdentifier(url) for url in urls]


def revocation_list(
    issuer: x509.Certificate,
    key: TokenKey,
    scheme: SignatureScheme,
    revoked: Iterable[Revocation],
    *,
    number: int,
    at: datetime,
    lifetime: timedelta,
) -> x509.CertificateRevocationList:
    """A complete CRL, version 2, with its number and the CA's key identifier (§5.2)."""
    this_update = in_utc(at)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(this_update)
        .next_update(this_update + lifetime)
        .add_extension(authority_key(issuer), critical=False)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for entry in revoked:
        made = x509.RevokedCertificateBuilder().serial_number(entry.serial).revocation_date(in_utc(entry.at))
        if flag := REASONS.get(entry.reason):
            made = made.add_extension(x509.CRLReason(flag), critical=False)
        builder = builder.add_revoked_certificate(made.build())
    return builder.sign(key, **scheme_arguments(scheme))


def authority_key(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """The key identifier of an issuer, as its own certificate has it (§4.2.1.1)."""
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _key_usage(usage: Any, *, signs_certificates: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=KeyUsage.DIGITAL_SIGNATURE in usage,
        content_commitment=KeyUsage.NON_REPUDIATION in usage,
        key_encipherment=KeyUsage.KEY_ENCIPHERMENT in usage,
        data_encipherment=KeyUsage.DATA_ENCIPHERMENT in usage,
        key_agreement=KeyUsage.KEY_AGREEMENT in usage,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
