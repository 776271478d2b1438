"""A CA that is an EJBCA, by its REST interface: v1 of certificate and ca.

Every request has an end entity of its own, named after its transaction. So what was issued is found again by
that name, and a request whose answer was lost is looked for before it is sent once more.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from drivers.authorities.certificates import requested
from drivers.authorities.port import CertificateRequest, Provision, Reason
from drivers.authorities.remote import chains
from drivers.authorities.remote.errors import Busy, Lost
from drivers.authorities.remote.exchanges import Exchange, Exchanges
from drivers.authorities.remote.standing import Standing, standing
from drivers.authorities.remote.web import Answer, Connection, Web
from drivers.errors import CaPending, CaRefused, CaUnavailable, CaUnclear, Unsupported
from drivers.foreign_certificates import UNREADABLE, load_certificate, shown, spki
from drivers.options import typed

_DER = Encoding.DER
_JSON = {"content-type": "application/json", "accept": "application/json"}
_MOST = 50
_LATER = 300.0
_REASONS = {
    Reason.UNSPECIFIED: "UNSPECIFIED",
    Reason.KEY_COMPROMISE: "KEY_COMPROMISE",
    Reason.AFFILIATION_CHANGED: "AFFILIATION_CHANGED",
    Reason.SUPERSEDED: "SUPERSEDED",
    Reason.CESSATION_OF_OPERATION: "CESSATION_OF_OPERATION",
    Reason.PRIVILEGE_WITHDRAWN: "PRIVILEGES_WITHDRAWN",
}


class Names(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The two profiles of the CA that stand for one certificate profile of the desk."""

    certificate_profile: str
    end_entity_profile: str


class Options(Connection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An EJBCA at `url`, with /ejbca/ejbca-rest-api where it names no path; `ca` is the name of the CA there.

    `station` begins the names of end entities, and no other station at that CA has it. `profiles`: the CA's
    by certificate profile. `issuer`: a PEM file of the issuing CA and those above it, where the server shall
    not be believed alone. `doubt_seconds`: so long after a lost answer the CA may still issue. `create_crl`:
    it is told to make a new list, else the last one is taken.
    """

    url: str
    ca: str
    station: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,40}$")]
    profiles: dict[str, Names]
    issuer: str | None = None
    doubt_seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 30.0
    create_crl: bool = False


class _Certificate(msgspec.Struct):
    certificate: str


class _Found(msgspec.Struct):
    certificates: list[_Certificate]
    more_results: bool = False


class _Ca(msgspec.Struct):
    name: str
    subject_dn: str


class _Cas(msgspec.Struct):
    certificate_authorities: list[_Ca]


class _List(msgspec.Struct):
    crl: str


class _Status(msgspec.Struct):
    revoked: bool


class _Fault(msgspec.Struct):
    error_message: str


_T = TypeVar("_T")


class EjbcaCa:
    """Carries out `drivers.authorities.port.CertificateAuthority`; lives in a child process of its own."""

    def __init__(self, options: Mapping[str, Any], provision: Provision) -> None:
        self._options = typed(options, Options, "EJBCA")
        self._where = self._options.url.rstrip("/")
        self._pinned = chains.read(self._options.issuer) if self._options.issuer is not None else None
        has_path = self._where.count("/") > 2
        base = self._where if has_path else f"{self._where}/ejbca/ejbca-rest-api"
        self._web = Web(base, self._options, provision.pin)
        self._exchanges = Exchanges(provision.directory, self._where)
        self._known: list[x509.Certificate] | None = None
        self._name: str | None = None

    def issue(self, request: CertificateRequest) -> bytes:
        """Looks first whether it was issued, under the end entity's name; then asks by pkcs10enroll."""
        asked = requested(request.csr, request.template)
        if (known := self._exchanges.answer(request)) is not None:
            return known
        names = self._names(request.template.profile)
        before = self._exchanges.of(request.transaction)
        if (found := self._found_before(request.transaction, spki(asked), before)) is not None:
            return found
        self._exchanges.due(request.transaction)
        self._not_at_work(request.transaction, before)
        self._exchanges.leaving(request)
        answer = self._enrol(request, names)
        if answer.status == 202:
            self._exchanges.came_back(request.transaction, waiting=True, seconds=_LATER)
            raise CaPending(
                f"{self._entity(request.transaction)} waits for approval at the CA: {_fault(answer)}",
                where=self._where,
                next="have it approved there, then go on with the same command",
            )
        if answer.status not in (200, 201):
            self._exchanges.came_back(request.transaction)
            raise CaRefused(f"the CA refuses the request: {_fault(answer)}", where=self._where)
        try:
            issued = certificate_of(answer)
        except ValueError as error:
            raise self._lost(request.transaction, f"its answer cannot be read: {error}") from error
        return self._exchanges.keep(request.transaction, spki(asked), issued)

    def find(self, transaction: str) -> bytes | None:
        if (known := self._exchanges.records.issued(transaction)) is not None:
            return known
        before = self._exchanges.of(transaction)
        found = self._search(transaction)
        if found and before is not None:
            return self._exchanges.keep(transaction, before.public_key, _first(found, before.public_key))
        if not found:
            self._not_at_work(transaction, before)
            if before is not None and before.waiting:
                self._exchanges.due_soon(transaction)
                what = f"{self._entity(transaction)} waited for approval at the CA, and may be issued"
                raise CaUnclear(
                    what, where=self._where, next="only asking again will tell, or who runs the CA"
                )
        return _first(found, None) if found else None

    def issued_for(self, public_key: bytes) -> tuple[bytes, ...]:
        """By the names of the end entities that this desk ever asked for with that key."""
        found = list(self._exchanges.records.issued_for(public_key))
        for transaction in self._exchanges.with_key(public_key):
            found += [one for one in self._search(transaction) if spki(load_certificate(one)) == public_key]
        return tuple(dict.fromkeys(found))

    def revoke(self, certificate: bytes, reason: Reason, at: datetime) -> None:
        """From the moment the CA is told: most CAs take no date that has passed."""
        found = chains.issued_by(certificate, self._chain()[0], self._where)
        place = f"/v1/certificate/{quote(self._subject(), safe='')}/{found.serial_number:x}"
        answer = self._web.ask(
            "PUT", f"{place}/revoke", safe=True, headers=_JSON, params={"reason": _REASONS[reason]}
        )
        if answer.status == 200:
            return
        # It was before: the first date and reason stay.
        status = self._web.ask("GET", f"{place}/revocationstatus", safe=True, headers=_JSON)
        if status.status != 200 or not self._read(status, _Status).revoked:
            raise CaRefused(f"the CA does not revoke it: {_fault(answer)}", where=self._where)

    def crl(self, at: datetime) -> bytes:
        place = f"/v1/ca/{quote(self._subject(), safe='')}"
        if self._options.create_crl:
            made = self._web.ask("POST", f"{place}/createcrl", safe=True, headers=_JSON)
            if made.status != 200:
                raise CaRefused(f"the CA makes no revocation list: {_fault(made)}", where=self._where)
        answer = self._web.ask("GET", f"{place}/getLatestCrl", safe=True, headers=_JSON)
        crl = _base64(self._read(answer, _List).crl)
        return chains.signed_list(crl, self._chain()[0], self._where).public_bytes(_DER)

    def ocsp(self, request: bytes, at: datetime) -> bytes:
        raise Unsupported("the CA answers OCSP itself", where=self._where)

    def chain(self) -> tuple[bytes, ...]:
        return tuple(one.public_bytes(_DER) for one in self._chain())

    def doubtful(self) -> tuple[str, ...]:
        return ()

    def settle(self, transaction: str, certificate: bytes | None) -> None:
        raise CaRefused(f"nothing is unclear about {transaction}: the CA tells", where=self._where)

    @staticmethod
    def look(options: Mapping[str, Any], directory: Path) -> Standing:
        """How the CA stands, as far as that shows without the desk's key; raises `DriverError`."""
        read = typed(options, Options, "EJBCA")
        if read.issuer is not None:
            chains.read(read.issuer)
        return standing(read.url, read)

    def close(self) -> None:
        self._web.close()

    def _names(self, profile: str) -> Names:
        names = self._options.profiles.get(profile)
        if names is None:
            raise CaUnavailable(
                f"the CA has no profiles for the certificate profile {profile!r}",
                where=self._where,
                next="add them to [authority.options.profiles]; nothing was asked",
            )
        return names

    def _entity(self, transaction: str) -> str:
        return f"{self._options.station}-{transaction.replace('/', '-')}"

    def _found_before(self, transaction: str, key: bytes, before: Exchange | None) -> bytes | None:
        found = self._search(transaction)
        if not found:
            return None
        certificate = _first(found, key)
        if before is None and spki(load_certificate(certificate)) != key:
            raise CaUnavailable(
                f"the CA has an end entity {self._entity(transaction)} that is not of this desk's making",
                where=self._where,
                next="no two stations may have the same `station` in [authority.options]",
            )
        return self._exchanges.keep(transaction, key, certificate)

    def _not_at_work(self, transaction: str, before: Exchange | None) -> None:
        """What the CA has not issued so far it may be about to, where its answer was lost only just now."""
        if before is None or not before.doubtful:
            return
        until = before.last_at + timedelta(seconds=self._options.doubt_seconds)
        if datetime.now(UTC) < until:
            raise CaUnavailable(
                f"the CA may still be at work on {transaction}, whose answer was lost",
                where=self._where,
                next=f"it is looked for again; from {until:%H:%M:%S} UTC on it counts as not issued",
            )

    def _enrol(self, request: CertificateRequest, names: Names) -> Answer:
        csr = x509.load_der_x509_csr(request.csr).public_bytes(Encoding.PEM).decode()
        body = {
            "certificate_request": csr,
            "certificate_authority_name": self._options.ca,
            "certificate_profile_name": names.certificate_profile,
            "end_entity_profile_name": names.end_entity_profile,
            "username": self._entity(request.transaction),
            # The end entity's enrolment code, which nobody is to use again.
            "password": secrets.token_urlsafe(24),
            "include_chain": False,
            "response_format": "DER",
        }
        content = msgspec.json.encode(body)
        path = "/v1/certificate/pkcs10enroll"
        try:
            return self._web.ask("POST", path, safe=False, content=content, headers=_JSON)
        except Lost as error:
            raise self._lost(request.transaction, error.what) from error
        except CaUnavailable as error:
            seconds = error.seconds if isinstance(error, Busy) else None
            self._exchanges.came_back(request.transaction, seconds=seconds)
            raise

    def _lost(self, transaction: str, why: str) -> CaUnavailable:
        self._exchanges.lost(transaction)
        hint = f"it is looked for at the CA as {self._entity(transaction)} before it is asked again"
        return Lost(why, where=self._where, next=hint)

    def _search(self, transaction: str) -> list[bytes]:
        """All certificates (DER) of a transaction's end entity."""
        body = {
            "max_number_of_results": _MOST,
            "criteria": [{"property": "QUERY", "value": self._entity(transaction), "operation": "EQUAL"}],
        }
        content = msgspec.json.encode(body)
        answer = self._web.ask("POST", "/v1/certificate/search", safe=True, content=content, headers=_JSON)
        found = self._read(answer, _Found)
        if found.more_results:
            what = f"the CA has more than {_MOST} certificates of {self._entity(transaction)}"
            raise CaUnavailable(what, where=self._where, next="ask who runs the CA why")
        try:
            return [_certificate(one) for one in found.certificates]
        except ValueError as error:
            what = f"what the CA found for {transaction} cannot be read: {error}"
            raise CaUnavailable(what, where=self._where) from error

    def _subject(self) -> str:
        """The CA's DN as EJBCA writes it."""
        if self._name is None:
            found = self._read(self._web.ask("GET", "/v1/ca", safe=True, headers=_JSON), _Cas)
            named = {one.name: one.subject_dn for one in found.certificate_authorities}
            if self._options.ca not in named:
                there = ", ".join(sorted(named)) or "none"
                what = f"there is no CA {self._options.ca!r}; there are: {there}"
                raise CaUnavailable(what, where=self._where, next="correct `ca` in [authority.options]")
            self._name = named[self._options.ca]
        return self._name

    def _chain(self) -> list[x509.Certificate]:
        if self._known is None:
            path = f"/v1/ca/{quote(self._subject(), safe='')}/certificate/download"
            answer = self._web.ask("GET", path, safe=True)
            try:
                if answer.status != 200:
                    raise ValueError(answer.words())
                pem = x509.load_pem_x509_certificates(answer.body)
                found = [load_certificate(one.public_bytes(_DER)) for one in pem]
            except UNREADABLE as error:
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

    def _read(self, answer: Answer, type_: type[_T]) -> _T:
        if answer.status != 200:
            raise CaUnavailable(f"the CA does not answer: {_fault(answer)}", where=self._where)
        try:
            return _decoded(answer, type_)
        except ValueError as error:
            raise CaUnavailable(f"the CA's answer cannot be read: {error}", where=self._where) from error


def certificate_of(answer: Answer) -> bytes:
    """The certificate (DER) of an answer to an enrolment; raises `ValueError`."""
    return _certificate(_decoded(answer, _Certificate))


def _decoded(answer: Answer, type_: type[_T]) -> _T:
    try:
        return msgspec.json.decode(answer.body, type=type_)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None


def _fault(answer: Answer) -> str:
    """What went wrong, in the CA's own words where it has any."""
    try:
        return f"{answer.status} {_decoded(answer, _Fault).error_message[:300]}"
    except ValueError:
        return answer.words()


def _certificate(one: _Certificate) -> bytes:
    der = _base64(one.certificate)
    # A search answers in base64 of base64.
    der = der if der.startswith(b"\x30") else _base64(der)
    return load_certificate(der).public_bytes(_DER)


def _base64(text: str | bytes) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError) as error:
        raise ValueError("it is not in base64") from error


def _first(found: list[bytes], key: bytes | None) -> bytes:
    """The first that was issued, for `key` where one is."""
    loaded = [load_certificate(one) for one in found]
    mine = [one for one in loaded if key is None or spki(one) == key] or loaded
    oldest = min(mine, key=lambda one: (one.not_valid_before_utc, one.serial_number))
    return oldest.public_bytes(_DER)
