"""A CA that speaks EST, Enrollment over Secure Transport (RFC 7030).

EST has no way to ask what was issued. So a request whose answer was lost is not sent again, unless the
configuration says what this CA does with one that it gets twice.
"""

from __future__ import annotations

import base64
import binascii
import textwrap
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from drivers.authorities.certificates import requested
from drivers.authorities.port import CertificateRequest, Provision, Reason
from drivers.authorities.remote import chains
from drivers.authorities.remote.errors import Busy, Lost
from drivers.authorities.remote.exchanges import Exchanges, doubtful
from drivers.authorities.remote.standing import Standing, standing
from drivers.authorities.remote.web import Answer, Connection, Web, fetched
from drivers.errors import CaRefused, CaUnavailable, CaUnclear, Unsupported
from drivers.foreign_certificates import load_certificate, shown, spki
from drivers.options import typed

_DER = Encoding.DER
_REQUEST = {"content-type": "application/pkcs10", "content-transfer-encoding": "base64"}
_LINE = 76

Label = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._~-]{0,64}$")]


class Options(Connection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An EST server at `url`, whose path is that of RFC 7030 where it names none.

    `profiles`: the label (§3.2.2) under which the CA has each certificate profile, "" for none. `issuer`: a
    PEM file of the issuing CA and those above it, where /cacerts shall not be believed alone. `crl_url`:
    where its revocation list is, by which the desk sees that it revoked. `repeated`: what this CA does with a
    request that it answered before: it gives the `same` certificate, has it `refused`, or is `never` asked.
    `reenroll`: certificates that take another's place are asked for by /simplereenroll.
    """

    url: str
    profiles: dict[str, Label]
    issuer: str | None = None
    crl_url: str | None = None
    repeated: Literal["never", "same", "refused"] = "never"
    reenroll: bool = False


class EstCa:
    """Carries out `drivers.authorities.port.CertificateAuthority`; lives in a child process of its own."""

    def __init__(self, options: Mapping[str, Any], provision: Provision) -> None:
        self._options = typed(options, Options, "EST")
        self._where = self._options.url.rstrip("/")
        self._pinned = chains.read(self._options.issuer) if self._options.issuer is not None else None
        self._web = Web(self._base(), self._options, provision.pin)
        self._directory = provision.directory
        self._exchanges = Exchanges(provision.directory, self._where)
        self._known: list[x509.Certificate] | None = None

    def issue(self, request: CertificateRequest) -> bytes:
        """Asks by /simpleenroll or /simplereenroll (§4.2.1, §4.2.2), after 202 the same again (§4.2.3)."""
        asked = requested(request.csr, request.template)
        if (known := self._exchanges.answer(request)) is not None:
            return known
        path = self._path(request)
        before = self._exchanges.of(request.transaction)
        in_doubt = before is not None and before.doubtful
        if in_doubt and self._options.repeated == "never":
            # Kept, so that a request that another process sends just now does not look answered.
            raise self._exchanges.unclear(request.transaction, "its answer was lost")
        self._exchanges.due(request.transaction)
        # A desk that the server does not let in is told so here: a request might just look lost.
        self._chain()
        self._exchanges.leaving(request)
        answer = self._enrol(request.transaction, path, request.csr)
        if answer.status == 202:
            seconds = max(1.0, answer.retry_after or 0.0)
            self._exchanges.came_back(request.transaction, waiting=True, seconds=seconds)
            self._exchanges.due(request.transaction)
        if answer.status != 200:
            self._exchanges.came_back(request.transaction)
            if in_doubt:
                why = f"it refuses a request whose answer was lost before ({answer.words()})"
                raise self._exchanges.unclear(request.transaction, why)
            raise CaRefused(f"the CA refuses the request: {answer.words()}", where=self._where)
        return self._taken(request, asked, answer)

    def find(self, transaction: str) -> bytes | None:
        """Of what was asked from this desk only: EST tells nothing of what was issued."""
        issued = self._exchanges.records.issued(transaction)
        exchange = self._exchanges.of(transaction)
        if issued is None and exchange is not None and exchange.doubtful:
            raise self._exchanges.unclear(transaction, "its answer was lost")
        if issued is None and exchange is not None and exchange.waiting:
            self._exchanges.due_soon(transaction)
            raise CaUnclear(
                f"the CA still has the request {transaction}, and may issue",
                where=self._where,
                next="ask who runs the CA to drop it, then `station ca settle`",
            )
        return issued

    def issued_for(self, public_key: bytes) -> tuple[bytes, ...]:
        raise Unsupported("EST does not tell what was issued for a key", where=self._where)

    def revoke(self, certificate: bytes, reason: Reason, at: datetime) -> None:
        """EST revokes nothing: looks whether who runs the CA did, by its revocation list."""
        issuer = self._chain()[0]
        found = chains.issued_by(certificate, issuer, self._where)
        if self._options.crl_url is not None:
            listed = chains.signed_list(self._list(), issuer, self._where)
            if listed.get_revoked_certificate_by_serial_number(found.serial_number) is not None:
                return
        hint = (
            ""
            if self._options.crl_url
            else "; with `crl_url` in [authority.options] the desk sees when it is"
        )
        raise CaRefused(
            f"EST cannot revoke: have serial number {found.serial_number:x} revoked at the CA ({reason})",
            where=self._where,
            next=f"then run `station ca crl`{hint}",
        )

    def crl(self, at: datetime) -> bytes:
        """The list that the CA gives out at `crl_url`."""
        return chains.signed_list(self._list(), self._chain()[0], self._where).public_bytes(_DER)

    def ocsp(self, request: bytes, at: datetime) -> bytes:
        raise Unsupported("the CA answers OCSP itself", where=self._where)

    def chain(self) -> tuple[bytes, ...]:
        return tuple(one.public_bytes(_DER) for one in self._chain())

    def doubtful(self) -> tuple[str, ...]:
        """The transactions of which the CA may have issued a certificate that nobody here has."""
        return tuple(one.transaction for one in doubtful(self._directory))

    def settle(self, transaction: str, certificate: bytes | None) -> None:
        """Somebody asked who runs the CA: it issued this certificate (DER), or none; raises `CaRefused`."""
        if certificate is not None:
            chains.issued_by(certificate, self._chain()[0], self._where)
        self._exchanges.settle(transaction, certificate)

    @staticmethod
    def look(options: Mapping[str, Any], directory: Path) -> Standing:
        """How the CA stands, as far as that shows without the desk's key; raises `DriverError`."""
        read = typed(options, Options, "EST")
        if read.issuer is not None:
            chains.read(read.issuer)
        return standing(read.url, read, directory)

    def close(self) -> None:
        self._web.close()

    def _base(self) -> str:
        has_path = self._where.count("/") > 2
        return self._where if has_path else f"{self._where}/.well-known/est"

    def _path(self, request: CertificateRequest) -> str:
        profile = request.template.profile
        label = self._options.profiles.get(profile)
        if label is None:
            raise CaUnavailable(
                f"the CA has no label for the certificate profile {profile!r}",
                where=self._where,
                next="add it to [authority.options.profiles]; nothing was asked",
            )
        again = self._options.reenroll and request.renews is not None and _alike(request)
        return f"{'/' if label else ''}{label}/{'simplereenroll' if again else 'simpleenroll'}"

    def _enrol(self, transaction: str, path: str, csr: bytes) -> Answer:
        body = "\n".join(textwrap.wrap(base64.b64encode(csr).decode(), _LINE)).encode() + b"\n"
        try:
            return self._web.ask("POST", path, safe=False, content=body, headers=_REQUEST)
        except Lost as error:
            self._exchanges.lost(transaction)
            if self._options.repeated == "never":
                raise self._exchanges.unclear(transaction, error.what) from error
            raise
        except CaUnavailable as error:
            seconds = error.seconds if isinstance(error, Busy) else None
            self._exchanges.came_back(transaction, seconds=seconds)
            raise

    def _taken(
        self, request: CertificateRequest, asked: x509.CertificateSigningRequest, answer: Answer
    ) -> bytes:
        """The certificate of an answer: the one for the key, else the first there is, for others to judge."""
        try:
            found = chains.certificates_of(decoded(answer.body))
            if not found:
                raise ValueError("it holds no certificate")
        except ValueError as error:
            self._exchanges.lost(request.transaction)
            why = f"its answer cannot be read: {error}"
            raise self._exchanges.unclear(request.transaction, why) from error
        key = spki(asked)
        mine = [one for one in found if spki(one) == key] or found
        return self._exchanges.keep(request.transaction, key, mine[0].public_bytes(_DER))

    def _chain(self) -> list[x509.Certificate]:
        if self._known is None:
            answer = self._web.ask("GET", "/cacerts", safe=True)
            try:
                if answer.status != 200:
                    raise ValueError(answer.words())
                found = chains.certificates_of(decoded(answer.body))
            except ValueError as error:
                what = f"the CA does not show its certificates: {error}"
                raise CaUnavailable(what, where=self._where, next="look at `url` and at the CA") from error
            if self._pinned is not None and self._pinned[0] not in found:
                raise CaUnavailable(
                    f"the CA does not show {shown(self._pinned[0].subject)} as its certificate any more",
                    where=self._where,
                    next="issue nothing with it; ask who runs the CA, then correct the file `issuer` names",
                )
            self._known = self._pinned or chains.ordered(found, self._where)
            # By this a backup knows that what is here is whole.
            self._exchanges.records.keep_certificate(self._known[0].public_bytes(_DER))
        return self._known

    def _list(self) -> bytes:
        url = self._options.crl_url
        if url is None:
            hint = "name it: `crl_url` in [authority.options]"
            raise Unsupported("nothing tells where the CA's revocation list is", where=self._where, next=hint)
        return fetched(url, self._options)


def decoded(body: bytes) -> bytes:
    """A body in base64 (RFC 8951 §3), or as some servers send it, in PEM or DER; raises `ValueError`."""
    text = body.strip()
    if text.startswith((b"-----BEGIN", b"\x30\x82", b"\x30\x80")):
        return text
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error as error:
        raise ValueError("it is not in base64") from error


def _alike(request: CertificateRequest) -> bool:
    """Whether subject and alternative names stay, as /simplereenroll wants it (§4.2.2)."""
    assert request.renews is not None
    old, csr = load_certificate(request.renews), x509.load_der_x509_csr(request.csr)
    return old.subject == csr.subject and _names(old.extensions) == _names(csr.extensions)


def _names(extensions: x509.Extensions) -> x509.SubjectAlternativeName | None:
    try:
        return extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
