"""The driver of an offline CA: signed bundles of requests out, certificates and revocation lists in."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding

from drivers.authorities import certificates
from drivers.authorities.exchange import LARGEST, Bundle, Found, Outstanding, Standing
from drivers.authorities.offline import packing, reading
from drivers.authorities.offline.requests import FOLDER, Asked, Requests, Sent
from drivers.authorities.port import CertificateRequest, Provision, Reason
from drivers.authorities.records import Revocation
from drivers.errors import CaPending, CaRefused, CaUnavailable, DriverError, Unsupported
from drivers.foreign_certificates import UNREADABLE, load_certificate, shown, spki
from drivers.keys import TokenKey, scheme_arguments
from drivers.options import typed
from drivers.pkcs11.vault import Vault
from drivers.tokens import Algorithm, SignatureScheme

_SIGNER_DAYS = 7305
_LARGEST_CHAIN = 1_000_000


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`name` is the desk's in its bundles; `chain` are files (PEM or DER) of the CA's certificates, the
    issuer of subscribers' certificates first; `key` is the label of the key that signs bundles.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    chain: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    key: str = "requests"


def parse(options: Mapping[str, Any]) -> Options:
    """Typed options; raises `Unsupported` naming what is wrong."""
    read = typed(options, Options, "offline CA")
    for place in read.chain:
        if not os.path.isabs(place):
            raise Unsupported(
                f"its options: chain: {place!r} is no absolute path",
                where="offline CA",
                next="correct station.toml",
            )
    return read


class OfflineCa:
    """Carries out `CertificateAuthority` and `drivers.authorities.exchange.ByFiles`, in a child process."""

    def __init__(self, options: Mapping[str, Any], provision: Provision) -> None:
        self._options = parse(options)
        self._chain = read_chain(self._options)
        self._kept = Requests(provision.directory / FOLDER)
        self._kept.prepare()
        self._vault = Vault(provision.module, provision.token, provision.pin)

    @classmethod
    def look(cls, options: Mapping[str, Any], directory: Path) -> str:
        """The CA as configured, and what waits for it, for `station doctor`; raises `DriverError`."""
        chain = read_chain(parse(options))
        first = chain[0]
        at = _now()
        if not first.not_valid_before_utc <= at <= first.not_valid_after_utc:
            raise CaUnavailable(
                f"the CA's certificate is not valid: {first.not_valid_before_utc:%Y-%m-%d} to "
                f"{first.not_valid_after_utc:%Y-%m-%d}",
                next="correct `chain` in [authority.options]",
            )
        waiting = len(Requests(directory / FOLDER).waiting())
        told = f"offline, {shown(first.subject)} until {first.not_valid_after_utc:%Y-%m-%d}"
        if not waiting:
            return told
        return f"{told}; {'1 request waits' if waiting == 1 else f'{waiting} requests wait'}"

    def issue(self, request: CertificateRequest) -> bytes:
        asked = certificates.requested(request.csr, request.template)
        known = self._kept.issued(request.transaction)
        if known is not None:
            if spki(load_certificate(known)) != spki(asked):
                what = f"transaction {request.transaction} was answered for another key"
                raise CaRefused(
                    what, where=self._where, next="use the certificate issued, or have it revoked"
                )
            return known
        before = self._kept.asked(request.transaction)
        if before is not None and before.public_key != spki(asked):
            what = f"transaction {request.transaction} was asked for another key"
            raise CaRefused(what, where=self._where, next="report this as a bug")
        self._kept.ask(before or Asked(request, _now(), spki(asked)))
        raise CaPending(
            "its request waits for the offline CA",
            where=request.transaction,
            next="send it with `station ca requests`; `station ca take` takes the answer in",
        )

    def find(self, transaction: str) -> bytes | None:
        return self._kept.issued(transaction)

    def issued_for(self, public_key: bytes) -> tuple[bytes, ...]:
        return self._kept.issued_for(public_key)

    def revoke(self, certificate: bytes, reason: Reason, at: datetime) -> None:
        try:
            parsed = load_certificate(certificate)
            parsed.verify_directly_issued_by(self._chain[0])
        except (InvalidSignature, *UNREADABLE) as error:
            raise CaRefused("this certificate is not from this CA", where=self._where) from error
        if parsed.serial_number in self._listed():
            return
        with self._kept.alone():
            if parsed.serial_number not in self._kept.revocations():
                self._kept.revoke(Revocation(parsed.serial_number, certificates.in_utc(at), reason))
        raise CaPending(
            f"certificate {parsed.serial_number:x} is on no revocation list of the CA yet",
            where=self._where,
            next="the next `station ca requests` asks for it; `station ca take` takes in the list",
        )

    def crl(self, at: datetime) -> bytes:
        last = self._kept.last_crl()
        if last is None:
            raise CaUnavailable(
                "no revocation list of the offline CA was taken in yet",
                where=self._where,
                next="have one sent, then `station ca take FILE`",
            )
        end = x509.load_der_x509_crl(last).next_update_utc
        if end is not None and end < at:
            raise CaUnavailable(
                f"the last revocation list of the offline CA ended on {end:%Y-%m-%d %H:%M} UTC",
                where=self._where,
                next="have a new one sent, then `station ca take FILE`",
            )
        return last

    def ocsp(self, request: bytes, at: datetime) -> bytes:
        raise Unsupported("an offline CA answers no OCSP requests", where=self._where, next="use its lists")

    def chain(self) -> tuple[bytes, ...]:
        return tuple(one.public_bytes(Encoding.DER) for one in self._chain)

    def doubtful(self) -> tuple[str, ...]:
        # A request that waits is no riddle: what comes is matched by its key, whenever it comes.
        return ()

    def settle(self, transaction: str, certificate: bytes | None) -> None:
        raise CaRefused("nothing is unclear about it", where=transaction, next="`station ca take` its answer")

    def outstanding(self) -> tuple[Outstanding, ...]:
        before = _bundles(self._kept.sent())
        return tuple(
            Outstanding(one.request.transaction, one.asked_at, before.get(one.request.transaction, ()))
            for one in self._kept.waiting()
        )

    def withdraw(self, transactions: tuple[str, ...]) -> None:
        with self._kept.alone():
            before = _bundles(self._kept.sent())
            for transaction in transactions:
                if transaction not in before:
                    self._kept.end(transaction)

    def pack(self, at: datetime, withdrawn: tuple[str, ...], again: bool) -> Bundle | None:
        with self._kept.alone(), self._signing():
            sent = self._kept.sent()
            before = _bundles(sent)
            waiting = self._kept.waiting()
            listed = self._listed()
            gone = {name: before[name] for name in withdrawn if name in before}
            wanted = [one for one in waiting if one.request.transaction not in withdrawn]
            chosen = [one for one in wanted if again or one.request.transaction not in before]
            revoked = [one for one in self._kept.revocations().values() if one.serial not in listed]
            if not (chosen or gone or revoked):
                return None
            signer, key = self._signer()
            number = sent[-1].number + 1 if sent else 1
            asked = [(one, before.get(one.request.transaction, ())) for one in chosen]
            manifest = packing.manifest(self._options.name, number, at, asked, gone, revoked)
            scheme = SignatureScheme.ECDSA_SHA256
            content = packing.archive(manifest, chosen, signer, key, scheme)
            names = tuple(one.request.transaction for one in chosen)
            self._kept.send(Sent(number, at, hashlib.sha256(manifest).hexdigest(), names))
        return Bundle(number, content, names, tuple(gone), len(revoked), signer.public_bytes(Encoding.DER))

    def examine(self, files: tuple[tuple[str, bytes], ...]) -> tuple[Found, ...]:
        _bounded(sum(len(content) for _, content in files), 0)
        waiting = {one.public_key: one for one in self._kept.waiting()}
        seen: set[bytes] = set()
        found = []
        parts = itertools.chain.from_iterable(reading.parts(name, content) for name, content in files)
        size = 0
        for number, part in enumerate(parts):
            # Small archives unpack to much.
            size += len(part.certificate or part.crl or b"")
            _bounded(size, number)
            if part.certificate is not None:
                found.append(self._judged(part.where, part.certificate, waiting, seen))
            elif part.crl is not None:
                found.append(self._judged_list(part.where, part.crl))
            else:
                found.append(Found(part.where, Standing.UNREADABLE, part.why))
        return tuple(found)

    def keep(self, transaction: str, certificate: bytes, answers: bool) -> None:
        asked, loaded = self._kept.asked(transaction), load_certificate(certificate)
        if asked is None or spki(loaded) != asked.public_key or not self._is_issuer_of(loaded):
            raise CaRefused("it is no answer to this request", where=transaction, next="take it in again")
        name = transaction if answers else f"{transaction}/{loaded.serial_number:x}"
        if not self._kept.keep_issued(name, certificate) and self._kept.issued(name) != certificate:
            raise CaRefused("it was answered by another certificate", where=name, next="take it in again")
        self._kept.index(asked.public_key, loaded.serial_number, name)
        if answers:
            self._kept.end(transaction)

    def is_newer(self, crl: bytes) -> bool:
        return self._judged_list("", crl).standing is Standing.CRL

    def keep_crl(self, crl: bytes) -> None:
        if not self.is_newer(crl):
            raise CaRefused("it is no newer revocation list of this CA", where=self._where)
        with self._kept.alone():
            self._kept.keep_crl(crl)

    def close(self) -> None:
        self._vault.close()

    @property
    def _where(self) -> str:
        return self._kept.where

    def _judged(self, where: str, der: bytes, waiting: Mapping[bytes, Asked], seen: set[bytes]) -> Found:
        loaded = load_certificate(der)
        key = spki(loaded)
        if loaded in self._chain:
            return Found(where, Standing.OWN)
        if not self._is_issuer_of(loaded):
            return Found(where, Standing.FOREIGN, content=der)
        answered = self._kept.issued_for(key)
        if der in seen or der in answered:
            return Found(where, Standing.KNOWN, content=der)
        seen.add(der)
        asked = waiting.get(key)
        if asked is None and not answered:
            return Found(where, Standing.UNKNOWN, content=der)
        if asked is None:
            return Found(where, Standing.SECOND, "", der, self._kept.transaction_of(key), None, key)
        request = asked.request
        return Found(where, Standing.MATCHED, "", der, request.transaction, request.template, key)

    def _judged_list(self, where: str, der: bytes) -> Found:
        try:
            found = x509.load_der_x509_crl(der)
            signed = found.is_signature_valid(self._chain[0].public_key())  # type: ignore[arg-type]
            ours, at, number = found.issuer == self._chain[0].subject, found.last_update_utc, _number(found)
            # Its entries are read when something is looked up in it, and then too late.
            serials = {one.serial_number for one in found}
        except UNREADABLE:
            return Found(where, Standing.UNREADABLE, "it is no revocation list that can be read")
        if not (signed and ours):
            return Found(where, Standing.FOREIGN)
        last = self._kept.last_crl()
        if last is not None:
            before = x509.load_der_x509_crl(last)
            if (_number(before), before.last_update_utc) >= (number, at):
                return Found(where, Standing.OLD_CRL)
        return Found(where, Standing.CRL, f"{len(serials)} revoked", der)

    def _is_issuer_of(self, one: x509.Certificate) -> bool:
        try:
            one.verify_directly_issued_by(self._chain[0])
        except (InvalidSignature, *UNREADABLE):
            return False
        return True

    def _listed(self) -> set[int]:
        """The serial numbers on the last revocation list."""
        last = self._kept.last_crl()
        return set() if last is None else {one.serial_number for one in x509.load_der_x509_crl(last)}

    def _signer(self) -> tuple[x509.Certificate, TokenKey]:
        """The desk's certificate for its bundles, made once, and its key."""
        name = self._options.key
        if self._vault.public_key(name) is None:
            self._vault.generate_signing_key(name, Algorithm.P256)
        key = self._vault.signing_key(name)
        made = self._kept.signer()
        if made is None:
            made = self._kept.keep_signer(_self_signed(self._options.name, key).public_bytes(Encoding.DER))
        signer = load_certificate(made)
        if spki(signer) != self._vault.public_key(name):
            what = f"the key {name!r} is not that of the certificate bundles are signed with"
            raise CaUnavailable(
                what, where=self._where, next="check [keys.ca]; the CA knows this certificate"
            )
        return signer, key

    @contextmanager
    def _signing(self) -> Iterator[None]:
        try:
            yield
        except (CaRefused, CaUnavailable, Unsupported):
            raise
        except DriverError as error:
            what = f"the key for bundles does not sign: {error}"
            raise CaUnavailable(what, where=self._where, next="look at the token of [keys.ca]") from error


def _bounded(size: int, count: int) -> None:
    if size > LARGEST or count > reading.MOST:
        raise CaRefused(
            f"the files hold more than {LARGEST:,} bytes or {reading.MOST:,} certificates",
            next="take in fewer at a time",
        )


def read_chain(options: Options) -> tuple[x509.Certificate, ...]:
    """The CA's certificates of the files in `chain`, in their order; raises `CaUnavailable`."""
    found: list[x509.Certificate] = []
    for place in options.chain:
        try:
            with Path(place).open("rb") as file:
                content = file.read(_LARGEST_CHAIN)
        except OSError as error:
            raise CaUnavailable(
                f"the CA's certificate cannot be read: {error.strerror}",
                where=place,
                next="correct `chain` in [authority.options]",
            ) from error
        loaded = [one.certificate for one in reading.parts(Path(place).name, content)]
        if not loaded or None in loaded:
            raise CaUnavailable(
                "there is something else than certificates in it",
                where=place,
                next="put the CA's certificate there, PEM or DER",
            )
        found += [load_certificate(one) for one in loaded if one is not None]
    return tuple(found)


def _bundles(sent: Sequence[Sent]) -> dict[str, tuple[int, ...]]:
    """The numbers of the bundles each transaction was in."""
    found: dict[str, tuple[int, ...]] = {}
    for one in sent:
        for name in one.transactions:
            found[name] = (*found.get(name, ()), one.number)
    return found


def _self_signed(station: str, key: TokenKey) -> x509.Certificate:
    subject = certificates.name((("2.5.4.10", station), ("2.5.4.3", "Certificate requests")))
    begin = _now()
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=_SIGNER_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return builder.sign(key, **scheme_arguments(SignatureScheme.ECDSA_SHA256))


def _number(crl: x509.CertificateRevocationList) -> int:
    """Its number, 0 where it has none, as lists of RFC 2459's time."""
    try:
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return 0


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
