"""The simulated employer that issues operators' certificates, and the stranger that issues false ones."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Condition = Literal["good", "expired", "stranger", "revoked"]
"""How an operator's certificates are: as they should be, past their time, another CA's, or revoked."""

_YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Pair:
    """A key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


class Employer:
    """A CA in the directory `folder`: `NAME.pem` (key, 0600), `NAME-ca.pem` and `NAME-crl.pem`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, f"Simulated {name.title()}"),
                x509.NameAttribute(NameOID.COMMON_NAME, f"Simulated {name.title()} CA"),
            ]
        )
        self._secret, self.anchor, self.crl = (
            folder / f"{name}.pem",
            folder / f"{name}-ca.pem",
            folder / f"{name}-crl.pem",
        )
        self._now = datetime.now(UTC).replace(microsecond=0)
        if self._secret.exists():
            key = serialization.load_pem_private_key(self._secret.read_bytes(), None)
            self._key = cast(ec.EllipticCurvePrivateKey, key)
        else:
            self._key = ec.generate_private_key(ec.SECP256R1())
            self._found()

    def issue(self, operator: str, condition: Condition, *, agrees: bool) -> Pair:
        """A key pair with its certificate, for logging in or, where it `agrees`, for agreeing on secrets."""
        key = ec.generate_private_key(ec.SECP256R1())
        begin, end = self._now - timedelta(days=1), self._now + _YEAR
        if condition == "expired":
            begin, end = self._now - _YEAR, self._now - timedelta(days=1)
        subject = x509.Name([*self._name.rdns[:1][0], x509.NameAttribute(NameOID.COMMON_NAME, operator)])
        builder = (
            self._builder(subject, key.public_key(), begin, end)
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(_usage(digital_signature=not agrees, key_agreement=agrees), critical=True)
        )
        if not agrees:
            use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
            builder = builder.add_extension(use, critical=False)
        made = Pair(key, builder.sign(self._key, hashes.SHA256()))
        if condition == "revoked":
            self._publish(made.certificate.serial_number)
        return made

    def _found(self) -> None:
        dump = self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        descriptor = os.open(self._secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(dump)
        begin, end = self._now - 2 * _YEAR, self._now + 10 * _YEAR
        made = (
            self._builder(self._name, self._key.public_key(), begin, end)
            .add_extension(x509.BasicConstraints(True, 0), critical=True)
            .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.anchor.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        self._publish()

    def _publish(self, *revoked: int) -> None:
        """Write the revocation list anew, with those of the old one and these."""
        numbers = list(revoked)
        if self.crl.exists():
            numbers += [entry.serial_number for entry in x509.load_pem_x509_crl(self.crl.read_bytes())]
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._name)
            .last_update(self._now)
            .next_update(self._now + _YEAR)
        )
        for number in numbers:
            entry = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(self._now).build()
            builder = builder.add_revoked_certificate(entry)
        made = builder.sign(self._key, hashes.SHA256())
        self.crl.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, begin: datetime, end: datetime
    ) -> x509.CertificateBuilder:
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(issuer, critical=False)
        )


def _usage(**named: bool) -> x509.KeyUsage:
    uses = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{use: named.get(use, False) for use in uses})
