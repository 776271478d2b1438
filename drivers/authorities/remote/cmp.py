"""A CA that speaks CMP, the Certificate Management Protocol (RFC 9810), by `openssl cmp`.

A request keeps its transaction: its message is on disk before it leaves, and whatever is sent again for it is
that very message. CMP cannot be asked what was issued, so one whose answer was lost is sent again only where
the configuration says what this CA does then. A certificate is confirmed (§5.3.18) after it is on disk here;
one that never was may be revoked by the CA.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from drivers.authorities.certificates import requested
from drivers.authorities.port import CertificateRequest, Provision, Reason
from drivers.authorities.remote import chains, web
from drivers.authorities.remote import cmp_outcomes as outcomes
from drivers.authorities.remote.cmp_client import Client, Connection, Run, good_until, not_sent, reach
from drivers.authorities.remote.cmp_messages import Failure
from drivers.authorities.remote.cmp_transaction import REQUEST, Transaction, alone
from drivers.authorities.remote.errors import Busy, Lost, NotSent
from drivers.authorities.remote.exchanges import Exchange, Exchanges, doubtful
from drivers.authorities.remote.standing import Standing
from drivers.errors import CaPending, CaRefused, CaUnavailable, CaUnclear, Unsupported
from drivers.foreign_certificates import UNREADABLE, load_certificate, load_csr, spki
from drivers.options import typed

_DER, _PEM = Encoding.DER, Encoding.PEM
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 2.0
_FOLDER, _GREETED = "cmp", "greeted.der"

_REASONS = {
    Reason.UNSPECIFIED: -1,
    Reason.KEY_COMPROMISE: 1,
    Reason.AFFILIATION_CHANGED: 3,
    Reason.SUPERSEDED: 4,
    Reason.CESSATION_OF_OPERATION: 5,
    Reason.PRIVILEGE_WITHDRAWN: 9,
}
"""CRLReason (RFC 5280 §5.3.1); openssl leaves out -1."""

Label = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._~/-]{0,64}$")]


class Options(Connection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A CMP server at `url`, whose path is that of RFC 9811 where it names none.

    `profiles`: what is added to the path for each certificate profile, "" for nothing. `issuer`: a PEM file
    of the issuing CA and those above it. `crl_url`: where its revocation list is. `repeated`: what this CA
    does with a request it gets again under the same transaction ID: it gives the `same` certificate, has it
    `refused`, or is `never` asked. `confirm`: certificates are confirmed by a message of their own
    (`explicit`), the CA is asked to want none (`implicit`), or it wants none (`never`).
    """

    profiles: dict[str, Label]
    issuer: str
    crl_url: str | None = None
    repeated: Literal["never", "same", "refused"] = "never"
    confirm: Literal["explicit", "implicit", "never"] = "explicit"


class CmpCa:
    """Carries out `drivers.authorities.port.CertificateAuthority`; lives in a child process of its own."""

    def __init__(self, options: Mapping[str, Any], provision: Provision) -> None:
        self._options = typed(options, Options, "CMP")
        self._where = self._options.url
        self._known = chains.read(self._options.issuer)
        self._client = Client(self._options, self._where, provision.pin)
        self._exchanges = Exchanges(provision.directory, self._where)
        # By this a backup knows that what is here is whole.
        self._exchanges.records.keep_certificate(self._known[0].public_bytes(_DER))
        self._directory = provision.directory
        self._welcome = False
        self._folder = provision.directory / _FOLDER

    @classmethod
    def look(cls, options: Mapping[str, Any], directory: Path) -> Standing:
        """How it stands, without asking for anything; raises `Unsupported` or `CaUnavailable`."""
        read = typed(options, Options, "CMP")
        chains.read(read.issuer)
        until = good_until(read)
        if read.tls is None:
            reach(read, read.url)
        else:
            web.reach(read.url, _web(read))
        return Standing(read.url, until, tuple(one.transaction for one in doubtful(directory)))

    def issue(self, request: CertificateRequest) -> bytes:
        """Asks by p10cr (§5.3.4), polls where the CA wants to be (§5.3.22), then confirms (§5.3.18)."""
        requested(request.csr, request.template)
        label = self._label(request)
        with self._alone(request.transaction) as transaction:
            known = self._exchanges.answer(request)
            if known is None:
                known = self._enrolled(transaction, request, label)
            self._confirm(transaction, known, label)
        return known

    def find(self, transaction: str) -> bytes | None:
        """Of what was asked from this desk only; a transaction that the CA holds open is polled."""
        issued, exchange = self._exchanges.records.issued(transaction), self._exchanges.of(transaction)
        if issued is not None or exchange is None or not (exchange.doubtful or exchange.waiting):
            return issued
        with self._alone(transaction) as folder:
            if folder.message() is None and not folder.waits:
                self._exchanges.lost(transaction)
                raise self._exchanges.unclear(transaction, "its answer was lost")
            if folder.message() is None:
                self._exchanges.due_soon(transaction)
            try:
                return self._asked(folder, exchange, self._resuming(folder), folder.label)
            except (CaUnclear, CaPending):
                raise
            except CaRefused:
                return None
            except CaUnavailable as error:
                raise self._exchanges.unclear(transaction, error.what) from error

    def issued_for(self, public_key: bytes) -> tuple[bytes, ...]:
        raise Unsupported("CMP does not tell what was issued for a key", where=self._where)

    def revoke(self, certificate: bytes, reason: Reason, at: datetime) -> None:
        """Asks by rr (§5.3.9); that it was revoked before is as good. The date is the CA's."""
        found = chains.issued_by(certificate, self._known[0], self._where)
        with self._alone(f"revoke {found.serial_number:x}") as transaction:
            transaction.begin(b"", "")
            (transaction.folder / "certificate.pem").write_bytes(found.public_bytes(_PEM))
            asking = ["-cmd", "rr", "-oldcert", "certificate.pem", "-revreason", str(_REASONS[reason])]

            def ask() -> None:
                self._client.reach()
                run = self._client.run(transaction, [*asking, "-rspout", "r0000.der"])
                message = transaction.message()
                told = message is not None and outcomes.told(run)
                if run.good or (told and message is not None and Failure.CERT_REVOKED in message.failures):
                    return
                if not told or message is None:
                    raise self._silent(run)
                raise outcomes.refusal(
                    message, f"to revoke serial number {found.serial_number:x}", self._where
                )

            self._patiently((NotSent, Lost), ask)
            transaction.end()

    def crl(self, at: datetime) -> bytes:
        """The list that the CA gives out at `crl_url`."""
        if self._options.crl_url is None:
            hint = "name it: `crl_url` in [authority.options]"
            raise Unsupported("nothing tells where the CA's revocation list is", where=self._where, next=hint)
        content = web.fetched(self._options.crl_url, _web(self._options))
        return chains.signed_list(content, self._known[0], self._where).public_bytes(_DER)

    def ocsp(self, request: bytes, at: datetime) -> bytes:
        raise Unsupported("the CA answers OCSP itself", where=self._where)

    def chain(self) -> tuple[bytes, ...]:
        return tuple(one.public_bytes(_DER) for one in self._known)

    def doubtful(self) -> tuple[str, ...]:
        """The transactions of which the CA may have issued a certificate that nobody here has."""
        return tuple(one.transaction for one in doubtful(self._directory))

    def settle(self, transaction: str, certificate: bytes | None) -> None:
        """Somebody asked who runs the CA: it issued this certificate (DER), or none; raises `CaRefused`."""
        if certificate is not None:
            chains.issued_by(certificate, self._known[0], self._where)
        with self._alone(transaction) as folder:
            self._exchanges.settle(transaction, certificate)
            folder.end()

    def close(self) -> None:
        """Nothing is held."""

    def _enrolled(self, transaction: Transaction, request: CertificateRequest, label: str) -> bytes:
        before = self._exchanges.of(request.transaction)
        if before is None or not (before.doubtful or before.waiting):
            self._exchanges.due(request.transaction)
            transaction.begin(request.csr, label)
            self._written(transaction, label)
            going_on = ["-reqin", REQUEST]
        elif transaction.message() is not None or transaction.waits:
            if transaction.message() is None:
                self._exchanges.due(request.transaction)
            going_on = self._resuming(transaction)
        elif self._options.repeated == "never" or not transaction.begun:
            self._exchanges.lost(request.transaction)
            raise self._exchanges.unclear(request.transaction, "its answer was lost")
        else:
            self._exchanges.due(request.transaction)
            going_on = ["-reqin", REQUEST]
        if transaction.message() is None:
            self._let_in()
        self._exchanges.leaving(request)
        exchange = self._exchanges.of(request.transaction)
        assert exchange is not None, "it leaves"
        return self._asked(transaction, exchange, going_on, label)

    def _let_in(self) -> None:
        """See once that server and CA let this desk in, by a general message (§5.3.19), which issues nothing.

        A request that a server's TLS does not let in might just look lost. Raises `CaUnavailable`.
        """
        if self._welcome:
            return
        self._patiently((NotSent,), self._client.reach)
        if self._options.tls is not None:
            web.reach(self._where, _web(self._options))
        place = self._folder / f"greeting-{os.getpid()}"
        try:
            with alone(place, self._where) as transaction:
                run = self._client.run(transaction, ["-cmd", "genm", "-rspout", _GREETED])
                message = transaction.message(_GREETED)
                if message is not None and outcomes.told(run) and outcomes.unwelcome(message):
                    raise outcomes.refusal(message, "this desk", self._where)
                # Not every CA knows general messages; whatever it answers, the desk was let in.
                if not ((place / _GREETED).exists() or run.says("received error:code=")):
                    raise CaUnavailable(
                        f"the server does not let this desk in: {run.words}",
                        where=self._where,
                        next="look at `tls` in [authority.options] and the server's log; nothing was asked",
                    )
        finally:
            shutil.rmtree(place, ignore_errors=True)
        self._welcome = True

    def _written(self, transaction: Transaction, label: str) -> None:
        """The request as it will be sent, whatever happens; nothing of it leaves yet."""
        run = self._client.run(
            transaction, [*transaction.enrolling(), "-reqout", REQUEST, "-rspin", "none"], label
        )
        if not transaction.begun:
            raise Unsupported(
                f"openssl makes no request: {run.words}",
                where=self._where,
                next="correct [authority.options]; nothing was asked",
            )

    def _resuming(self, transaction: Transaction) -> list[str]:
        return ["-rspin", ",".join(transaction.answers())]

    def _asked(
        self, transaction: Transaction, exchange: Exchange, going_on: Sequence[str], label: str
    ) -> bytes:
        """The certificate kept for a transaction that goes on so; else raises, and what is known is kept."""
        name = exchange.transaction
        implicit = ["-implicit_confirm"] if self._options.confirm == "implicit" else ["-disable_confirm"]

        def ask() -> bytes:
            if transaction.message() is None:
                self._client.reach()
            run = self._client.run(transaction, [*transaction.enrolling(), *implicit, *going_on], label)
            certificate = outcomes.certificate(transaction, run)
            if certificate is None:
                raise self._unanswered(transaction, exchange, run)
            return certificate

        try:
            certificate = self._patiently((NotSent,), ask)
        except NotSent:
            self._exchanges.came_back(name, waiting=transaction.waits)
            raise
        except Lost as error:
            if transaction.waits:
                # A poll may be repeated: the CA knows the transaction.
                self._exchanges.came_back(name, waiting=True)
                raise
            self._exchanges.lost(name)
            if self._options.repeated == "never":
                raise self._exchanges.unclear(name, error.what) from error
            raise
        return self._exchanges.keep(name, exchange.public_key, certificate)

    def _unanswered(self, transaction: Transaction, exchange: Exchange, run: Run) -> Exception:
        """Why there is no certificate, which is on disk then; `Lost` and `NotSent` are for others to keep."""
        name, message = exchange.transaction, transaction.message()
        transaction.forget_answer()
        if message is None or not outcomes.told(run):
            if message is not None:
                return outcomes.lost(run, self._where)
            if transaction.waits and (run.stopped or run.says("total timeout")):
                seconds = max(1.0, transaction.check_after())
                self._exchanges.came_back(name, waiting=True, seconds=seconds)
                return self._later(name)
            if run.says("code=503", "code=429"):
                self._exchanges.came_back(name, waiting=transaction.waits)
                return Busy("the server is busy", where=self._where, next="ask again later")
            if run.says("code=400", "code=401", "code=403", "code=404", "code=405"):
                self._exchanges.came_back(name, waiting=transaction.waits)
                hint = "correct `url` and `profiles` in [authority.options], or ask who runs the CA"
                return CaUnavailable(
                    f"the server does not take the request: {run.words}", where=self._where, next=hint
                )
            return self._silent(run)
        refusal = outcomes.refusal(message, "the request", self._where)
        if isinstance(refusal, Lost):
            return refusal
        waiting = transaction.waits and not isinstance(refusal, CaRefused)
        self._exchanges.came_back(name, waiting=waiting)
        if exchange.unclear and isinstance(refusal, CaRefused):
            why = f"it refuses a request whose answer was lost before ({outcomes.words(message)})"
            return self._exchanges.unclear(name, why)
        return refusal

    def _later(self, name: str) -> CaUnavailable:
        try:
            self._exchanges.due(name)
        except CaUnavailable as error:
            return error
        return CaUnavailable("the CA has the request, and is to be asked again", where=self._where)

    def _silent(self, run: Run) -> NotSent | Lost:
        return not_sent(run.words, self._where) if outcomes.unsent(run) else outcomes.lost(run, self._where)

    def _confirm(self, transaction: Transaction, certificate: bytes, label: str) -> None:
        """Tell the CA that its certificate arrived; not of one that is wrong, which the desk has revoked."""
        wanted = self._options.confirm == "explicit" and transaction.message() is not None
        if wanted and self._fits(transaction, certificate):
            told = [*transaction.enrolling(answers=False), *self._resuming(transaction)]

            def ask() -> None:
                self._client.reach()
                run = self._client.run(transaction, told, label)
                if run.good or run.says("certConfirmed"):
                    return
                if not outcomes.told(run):
                    raise Lost(
                        f"the certificate came, and could not be confirmed: {run.words}",
                        where=self._where,
                        next="ask again, lest the CA revokes it",
                    )
                raise CaRefused(
                    f"the CA does not take the confirmation of its certificate: {run.words}",
                    where=self._where,
                    next="ask who runs the CA whether the certificate holds",
                )

            self._patiently((NotSent, Lost), ask)
        transaction.end()

    def _fits(self, transaction: Transaction, certificate: bytes) -> bool:
        """Whether it is for this key and name, and holds today; the desk looks more closely (R34)."""
        try:
            found, asked = load_certificate(certificate), load_csr(transaction.csr())
            same = spki(found) == spki(asked) and found.subject == asked.subject
            found.verify_directly_issued_by(self._known[0])
        except (InvalidSignature, *UNREADABLE):
            return False
        return same and found.not_valid_before_utc <= datetime.now(UTC) <= found.not_valid_after_utc

    def _patiently(self, again: tuple[type[Exception], ...], ask: Callable[[], Any]) -> Any:
        retrying = Retrying(
            stop=stop_after_attempt(self._options.attempts),
            wait=wait_exponential_jitter(multiplier=_FIRST_PAUSE, max=_LONGEST_PAUSE, jitter=_FIRST_PAUSE),
            retry=retry_if_exception_type(again),
            reraise=True,
        )
        return retrying(ask)

    def _alone(self, transaction: str) -> AbstractContextManager[Transaction]:
        name = hashlib.sha256(transaction.encode()).hexdigest()
        return alone(self._folder / name[:2] / name, self._where)

    def _label(self, request: CertificateRequest) -> str:
        label = self._options.profiles.get(request.template.profile)
        if label is None:
            raise CaUnavailable(
                f"the CA has no path for the certificate profile {request.template.profile!r}",
                where=self._where,
                next="add it to [authority.options.profiles]; nothing was asked",
            )
        return label


def _web(options: Options) -> web.Connection:
    tls = options.tls
    trust = tls.trust if tls is not None else options.issuer
    return web.Connection(
        trust=trust,
        certificate=tls.certificate if tls is not None else None,
        key=tls.key if tls is not None else None,
        answer_seconds=options.answer_seconds,
    )
