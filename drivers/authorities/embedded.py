"""The CA that comes with the desk: its key in a PKCS#11 token, its records in a directory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from drivers.authorities import certificates, status
from drivers.authorities.port import CertificateRequest, Provision, Reason
from drivers.authorities.records import Records, Revocation
from drivers.errors import CaRefused, CaUnavailable, DriverError, NotBlank, Unsupported
from drivers.foreign_certificates import UNREADABLE, load_certificate
from drivers.keys import TokenKey
from drivers.options import typed
from drivers.pkcs11.vault import Vault
from drivers.secret import Secret
from drivers.tokens import Algorithm, SignatureScheme

_DER = serialization.Encoding.DER
_SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
_RSA = (Algorithm.RSA2048, Algorithm.RSA3072)


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the CA is: its `key` by label, and its name.

    `subject`: (dotted OID, value) in order. `scheme` defaults to that of the algorithm, PKCS#1 v1.5 for RSA.
    `crl_days` is how long a CRL is valid. Subscribers' certificates say that it is at `crl_urls`, the CA's
    own certificate at `issuer_urls`, and that OCSP requests are answered at `ocsp_urls`.
    """

    key: str
    subject: tuple[tuple[str, str], ...]
    algorithm: Algorithm = Algorithm.P256
    scheme: SignatureScheme | None = None
    crl_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 7
    crl_urls: tuple[str, ...] = ()
    issuer_urls: tuple[str, ...] = ()
    ocsp_urls: tuple[str, ...] = ()

    def places(self) -> certificates.Places:
        """What subscribers' certificates say of where all this is."""
        return certificates.Places(self.crl_urls, self.issuer_urls, self.ocsp_urls)

    def signature(self) -> SignatureScheme:
        """The scheme the CA signs with; raises `Unsupported` where it does not go with its key (R28)."""
        rsa = self.algorithm in _RSA
        wide = self.algorithm is Algorithm.P384
        curve_default = SignatureScheme.ECDSA_SHA384 if wide else SignatureScheme.ECDSA_SHA256
        scheme = self.scheme or (SignatureScheme.RSA_PKCS1_SHA256 if rsa else curve_default)
        if scheme.value.startswith("rsa") is not rsa:
            raise Unsupported(f"a CA with {self.algorithm.value} cannot sign {scheme.value}", where=self.key)
        return scheme


def parse(options: Mapping[str, Any]) -> Options:
    """Typed options; raises `Unsupported` naming what is wrong."""
    return typed(options, Options, "embedded CA")


class EmbeddedCa:
    """Carries out `drivers.authorities.port.CertificateAuthority`; lives in a child process of its own."""

    def __init__(self, options: Mapping[str, Any], provision: Provision) -> None:
        self._options = parse(options)
        self._scheme = self._options.signature()
        self._records = Records(provision.directory)
        der = self._records.certificate()
        if der is None:
            raise CaUnavailable("there is no CA yet", where=self._records.where, next="create it first")
        self._certificate = self._kept(der, "ca.der")
        self._vault = Vault(provision.module, provision.token, provision.pin)
        self._key = self._vault.signing_key(self._options.key)
        if _spki(self._key) != _spki(self._certificate):
            what = f"the key {self._options.key!r} is not that of the CA certificate"
            raise CaUnavailable(what, where=self._records.where, next="check token, key and directory")

    @classmethod
    def create(
        cls,
        options: Mapping[str, Any],
        provision: Provision,
        so_pin: Secret,
        not_before: datetime,
        not_after: datetime,
    ) -> EmbeddedCa:
        """Make key, self-signed certificate and directory; where it is missing, the token under `so_pin`.

        May be repeated after a crash; raises `CaRefused` where the CA exists.
        """
        read = parse(options)
        scheme = read.signature()
        records = Records(provision.directory)
        if records.certificate() is not None:
            raise CaRefused("the CA exists already", where=records.where, next="use it, or another directory")
        records.prepare()
        vault = _vault(provision, so_pin)
        try:
            if vault.public_key(read.key) is None:
                vault.generate_signing_key(read.key, read.algorithm)
            key = vault.signing_key(read.key)
            subject = certificates.name(read.subject)
            certificate = certificates.root(key, scheme, subject, not_before, not_after)
            records.keep_certificate(certificate.public_bytes(_DER))
        except ValueError as error:
            raise CaRefused(f"no CA can be made of this: {error}", where=records.where) from error
        finally:
            vault.close()
        return cls(options, provision)

    def issue(self, request: CertificateRequest) -> bytes:
        asked = certificates.requested(request.csr, request.template)
        known = self._records.issued(request.transaction)
        if known is None:
            with self._signing():
                certificate = certificates.leaf(
                    asked,
                    request.template,
                    self._certificate,
                    self._key,
                    self._scheme,
                    self._options.places(),
                )
                certificate.verify_directly_issued_by(self._certificate)
            der = certificate.public_bytes(_DER)
            if self._records.keep_issued(request.transaction, der):
                self._records.index(_spki(asked), certificate.serial_number, request.transaction)
                return der
            known = self._records.issued(request.transaction)
            assert known is not None
        issued = self._kept(known, f"the certificate of transaction {request.transaction}")
        if _spki(issued) != _spki(asked) or issued.subject != asked.subject:
            what = f"transaction {request.transaction} was answered for another key or subject"
            raise CaRefused(what, where=self._records.where, next="use the certificate issued, or revoke it")
        # Whoever issued it may have died before.
        self._records.index(_spki(asked), issued.serial_number, request.transaction)
        return known

    def find(self, transaction: str) -> bytes | None:
        return self._records.issued(transaction)

    def issued_for(self, public_key: bytes) -> tuple[bytes, ...]:
        return self._records.issued_for(public_key)

    def revoke(self, certificate: bytes, reason: Reason, at: datetime) -> None:
        try:
            parsed = load_certificate(certificate)
            parsed.verify_directly_issued_by(self._certificate)
        except (InvalidSignature, *UNREADABLE) as error:
            raise CaRefused("this certificate is not from this CA", where=self._records.where) from error
        with self._records.alone():
            if parsed.serial_number not in self._records.revocations():
                entry = Revocation(parsed.serial_number, certificates.in_utc(at), reason)
                self._records.revoke(entry)

    def crl(self, at: datetime) -> bytes:
        with self._records.alone():
            last = self._records.last_crl()
            number, since = (0, at) if last is None else self._last(last)
            with self._signing():
                made = certificates.revocation_list(
                    self._certificate,
                    self._key,
                    self._scheme,
                    self._records.revocations().values(),
                    number=number + 1,
                    # Where the clock was put back, who has the CRL before would not take an older one.
                    at=max(certificates.in_utc(at), certificates.in_utc(since)),
                    lifetime=timedelta(days=self._options.crl_days),
                )
            der = made.public_bytes(_DER)
            self._records.keep_crl(der)
        return der

    def ocsp(self, request: bytes, at: datetime) -> bytes:
        if not self._records.counts_serials:
            self._records.learn_serials(lambda der: self._kept(der, "a certificate").serial_number)
        with self._records.alone():
            revoked = dict(self._records.revocations())
        with self._signing():
            return status.answer(
                request,
                self._certificate,
                self._key,
                self._scheme,
                revoked=revoked,
                issued=self._records.gave,
                at=at,
            )

    def chain(self) -> tuple[bytes, ...]:
        return (self._certificate.public_bytes(_DER),)

    def doubtful(self) -> tuple[str, ...]:
        return ()

    def settle(self, transaction: str, certificate: bytes | None) -> None:
        raise CaRefused(f"nothing is unclear about {transaction}", where=self._records.where)

    def close(self) -> None:
        self._vault.close()

    def _kept(self, der: bytes, name: str) -> x509.Certificate:
        try:
            return load_certificate(der)
        except ValueError as error:
            what = f"{name} is damaged: {error}"
            raise CaUnavailable(what, where=self._records.where, next="restore it from a copy") from error

    def _last(self, crl: bytes) -> tuple[int, datetime]:
        """Number and time of the CRL before."""
        try:
            loaded = x509.load_der_x509_crl(crl)
            number: int = loaded.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        except (x509.ExtensionNotFound, *UNREADABLE) as error:
            what = f"crl.der is damaged: {error}"
            raise CaUnavailable(what, where=self._records.where, next="restore it from a copy") from error
        return number, loaded.last_update_utc

    @contextmanager
    def _signing(self) -> Iterator[None]:
        try:
            yield
        except (CaRefused, CaUnavailable, Unsupported):
            raise
        except (DriverError, InvalidSignature) as error:
            what = f"the CA's key does not sign: {error or 'wrong signature'}"
            raise CaUnavailable(what, where=self._records.where, next="look at the CA's token") from error


def _vault(provision: Provision, so_pin: Secret) -> Vault:
    with suppress(NotBlank):
        return Vault.create(provision.module, provision.token, so_pin, provision.pin)
    return Vault(provision.module, provision.token, provision.pin)


def _spki(holder: TokenKey | x509.Certificate | x509.CertificateSigningRequest) -> bytes:
    return holder.public_key().public_bytes(_DER, _SPKI)
