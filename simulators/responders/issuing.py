"""A CA in memory: it issues what its profiles say for whoever asks, and revokes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

from drivers.authorities.port import KeyUsage

_DAY = timedelta(days=1)
_PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Profile:
    """What this CA puts into certificates of a profile, and how long they last."""

    key_usage: frozenset[KeyUsage]
    extended_usage: tuple[str, ...]
    policies: tuple[str, ...]
    lifetime: timedelta


@dataclass
class Issuer:
    """A root, and an issuing CA under it; `issued` has all it ever gave, `revoked` their serial numbers."""

    name: str = "Elsewhere"
    issued: list[x509.Certificate] = field(default_factory=list)
    revoked: dict[int, x509.ReasonFlags | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._root_key, self._key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        root = _name(f"{self.name} Root CA")
        self.root = _ca(root, self._root_key, root, self._root_key)
        self.certificate = _ca(_name(f"{self.name} Issuing CA"), self._key, root, self._root_key)

    def issue(
        self, csr: x509.CertificateSigningRequest, profile: Profile, *, wrong: str | None = None
    ) -> x509.Certificate:
        """A certificate; `wrong` in its `key`, its `subject`, or `expired`."""
        begin = datetime.now(UTC).replace(microsecond=0)
        end = begin + profile.lifetime
        if wrong == "expired":
            begin, end = begin - 3 * _DAY, begin - _DAY
        key = csr.public_key()
        if wrong == "key":
            key = ec.generate_private_key(ec.SECP256R1()).public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name("Iemand Anders") if wrong == "subject" else csr.subject)
            .issuer_name(self.certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
        )
        for extension, critical in _extensions(csr, profile):
            builder = builder.add_extension(extension, critical=critical)
        made = builder.sign(self._key, hashes.SHA256())
        self.issued.append(made)
        return made

    def crl(self) -> bytes:
        """Its revocation list (DER)."""
        at = datetime.now(UTC).replace(microsecond=0)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(at)
            .next_update(at + _DAY)
        )
        for serial, reason in self.revoked.items():
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at)
            if reason is not None:
                entry = entry.add_extension(x509.CRLReason(reason), critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def identity(self, name: str, passphrase: bytes | None = None) -> tuple[bytes, bytes]:
        """Certificate with chain, and key, both PEM, of a host or client called `name`, from the root."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name), key, self.root.subject).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False
        )
        certificate = builder.sign(self._root_key, hashes.SHA256())
        encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase is not None:
            encryption = serialization.BestAvailableEncryption(passphrase)
        private = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, encryption)
        return certificate.public_bytes(_PEM), private


def _extensions(
    csr: x509.CertificateSigningRequest, profile: Profile
) -> list[tuple[x509.ExtensionType, bool]]:
    usage = {one.value for one in profile.key_usage}
    made: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (
            x509.KeyUsage(
                digital_signature="digitalSignature" in usage,
                content_commitment="nonRepudiation" in usage,
                key_encipherment="keyEncipherment" in usage,
                data_encipherment="dataEncipherment" in usage,
                key_agreement="keyAgreement" in usage,
                key_cert_sign=False,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            True,
        ),
    ]
    if profile.extended_usage:
        made.append((x509.ExtendedKeyUsage([ObjectIdentifier(oid) for oid in profile.extended_usage]), False))
    if profile.policies:
        policies = [x509.PolicyInformation(ObjectIdentifier(oid), None) for oid in profile.policies]
        made.append((x509.CertificatePolicies(policies), False))
    try:
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        made.append((names.value, False))
    except x509.ExtensionNotFound:
        pass
    return made


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, key: ec.EllipticCurvePrivateKey, issuer: x509.Name
) -> x509.CertificateBuilder:
    at = datetime.now(UTC).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - _DAY)
        .not_valid_after(at + 5000 * _DAY)
    )


def _ca(
    subject: x509.Name, key: ec.EllipticCurvePrivateKey, issuer: x509.Name, signer: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    builder = _builder(subject, key, issuer).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    return builder.sign(signer, hashes.SHA256())
