"""The register of operators: a chain of signed statements, from the founding on, and what it makes of them.

Whoever relies on an operator replays it from statements alone, so that editing the records makes no operator.
Two digests kept in a key token, of the founding and of the last statement, keep it from being swapped whole
and from being cut short.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_certificate

from batch.audit.chain import canonical
from batch.model.errors import NotTrusted, Refused
from batch.model.people import Means, Operator, Role, Signed
from batch.people.separation import RULES, Act, Before, check, same
from batch.people.statements import Statement, digest, read, signature_holds

NOTE = "register"
"""The name under which key tokens keep `Trust`."""

REGISTER_ACTS = (Act.FOUND, Act.ENROL, Act.CHANGE, Act.RETIRE)
"""The acts that make the register."""


@dataclass(frozen=True)
class Trust:
    """What a key token keeps of the register, so that its statements can be relied on: digests.

    `heads` is that of the last statement, or two while one is being put on record.
    """

    founding: str
    heads: tuple[str, ...]

    def note(self) -> bytes:
        """What a key token keeps under `NOTE`."""
        return canonical({"founding": self.founding, "heads": list(self.heads)}).encode()

    @classmethod
    def of_note(cls, note: bytes) -> Trust:
        """What a key token kept; raises `NotTrusted` where it is none of ours."""
        try:
            facts = json.loads(note)
            return cls(str(facts["founding"]), tuple(map(str, facts["heads"])))
        except (ValueError, KeyError, TypeError):
            raise NotTrusted("the key token tells of no register", where="register") from None


@dataclass(frozen=True)
class Register:
    """Everybody who is or was an operator, in the order in which they became it.

    `head` is the digest of the last statement, `founding` that of the first, which names the desk. Who got
    other keys or roles is there once for each time, so that what was signed before still holds.
    """

    founding: str
    head: str
    operators: tuple[Operator, ...]

    @property
    def trust(self) -> Trust:
        """What vouches for this register, as a key token keeps it."""
        return Trust(self.founding, (self.head,))

    def operator(self, name: str, at: datetime | None = None) -> Operator:
        """The operator of a name, whatever its case, as at a moment or as known last; raises `Refused`."""
        known = [one for one in self.operators if same(one.name, name)]
        if not known:
            raise Refused(
                "is no operator of this desk",
                where=name,
                next="two administrators enrol: `station operator enrol`",
            )
        return next((one for one in known if at is not None and works(one, at)), known[-1])

    def active(self, at: datetime) -> list[Operator]:
        """Those who may work at a moment, by name."""
        return sorted((one for one in self.operators if works(one, at)), key=lambda one: one.name)

    def check_working(self, operator: Operator, at: datetime) -> None:
        """Raise `Refused` for who may not work at a moment, or not with these keys and roles, and say why."""
        if operator in self.active(at):
            return
        if operator.until is None and operator.certificate is not None:
            end = load_der_x509_certificate(operator.certificate).not_valid_after_utc
            if at > end:
                raise Refused(
                    f"the certificate of the token expired on {end:%Y-%m-%d %H:%M UTC}",
                    where=operator.name,
                    next=f"two administrators register a new one: `station operator change {operator.name} "
                    "--new-keys`",
                )
        raise Refused(
            f"{operator.name} is no operator any more, or with another key",
            where=operator.name,
            next="see `station operator list`",
        )

    def verify(self, signed: Signed, act: Act, *, at: datetime, before: Before | None = None) -> Statement:
        """The statement, where it is about this act, holds at `at` and was signed by as many different
        operators as the act takes, each in a role that may, and kept from it by nothing done `before`.

        Raises `NotTrusted` for what is not signed as it should be, `Refused` for who may not.
        """
        statement, where = read(signed), f"statement {digest(signed.text)[:16]}"
        if statement.act is not act:
            raise NotTrusted(f"is about {statement.act}, not {act}", where=where)
        if statement.station != self.founding:
            raise NotTrusted("was made at another desk", where=where)
        if statement.until is not None and at >= statement.until:
            ended = statement.until.isoformat(timespec="minutes")
            raise Refused(f"{act} was signed to hold until {ended}", where=where, next="have it signed anew")
        self.check_signatures(signed, statement, before=before)
        return statement

    def check_signatures(self, signed: Signed, statement: Statement, *, before: Before | None = None) -> None:
        """Raise `NotTrusted` or `Refused` unless all who must have signed did, and nobody else."""
        where = f"statement {digest(signed.text)[:16]}"
        self.check_each(signed, statement, before=before)
        wanted = RULES[statement.act].persons
        if len(signed.signatures) < wanted:
            raise NotTrusted(
                f"{statement.act} takes {wanted} persons; {len(signed.signatures)} signed",
                where=where,
                next="let another person give the same command",
            )

    def check_each(self, signed: Signed, statement: Statement, *, before: Before | None = None) -> None:
        """The same for those who did sign, however many more it takes."""
        where = f"statement {digest(signed.text)[:16]}"
        seen: list[Operator] = []
        for signature in signed.signatures:
            operator = self.operator(signature.operator, statement.at)
            if any(same(operator.name, other.name) or operator.key == other.key for other in seen):
                raise NotTrusted(f"{operator.name} signed twice", where=where)
            seen.append(operator)
            if not works(operator, statement.at):
                raise NotTrusted(f"{operator.name} was no operator when it was signed", where=where)
            if not signature_holds(operator.key, signed.text, signature.value):
                raise NotTrusted(f"the signature of {operator.name} does not hold", where=where)
            check(statement.act, operator, where=where, before=before)


def works(operator: Operator, at: datetime) -> bool:
    """Whether an operator's signatures count at a moment, and the certificate of their key is valid."""
    if at < operator.since or (operator.until is not None and at >= operator.until):
        return False
    if operator.certificate is None:
        return True
    certificate = load_der_x509_certificate(operator.certificate)
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc


def replay(statements: Sequence[Signed], trust: Trust | None = None) -> Register:
    """The register that a chain of statements makes, every signature verified.

    With `trust`, its founding and its last statement must be known to it; raises `NotTrusted`.
    """
    if not statements:
        raise NotTrusted("this desk has no operators", where="register", next="run `station operator found`")
    register = _founded(statements[0])
    for signed in statements[1:]:
        register = follow(register, signed)
    if trust is not None and not _vouched(register, trust):
        raise NotTrusted(
            "the register of operators is not the one that the key token knows",
            where="register",
            next="somebody changed the records: see `station audit verify`, then restore a backup",
        )
    return register


def grown(statements: Sequence[Signed], trust: Trust) -> Register:
    """The register of a chain that goes on from where a key token saw it last; raises `NotTrusted`.

    For a token that is not at hand whenever somebody is enrolled: it is told of each that came since by the
    administrators' signatures alone.
    """
    register = replay(statements)
    if register.founding != trust.founding or not any(
        digest(signed.text) in trust.heads for signed in statements
    ):
        raise NotTrusted(
            "the register of operators does not go on from the one that the key token knows",
            where="register",
            next="somebody changed the records: see `station audit verify`, then restore a backup",
        )
    return register


def _vouched(register: Register, trust: Trust) -> bool:
    return register.founding == trust.founding and register.head in trust.heads


def founding(operators: Iterable[Operator], anchors: Iterable[bytes], name: str, at: datetime) -> Statement:
    """The founding: the first administrators, and the certificates (DER) of the CAs of operators' tokens."""
    about = {
        "name": name,
        "operators": [entry(one) for one in operators],
        "anchors": [_text(one) for one in anchors],
    }
    return Statement(Act.FOUND, "", about, at)


def enrolment(register: Register, operator: Operator, at: datetime) -> Statement:
    """A new operator, or one who got a new key or other roles, as a statement that follows the last."""
    known = any(same(one.name, operator.name) for one in register.operators)
    about = {"after": register.head, "operator": entry(operator)}
    return Statement(Act.CHANGE if known else Act.ENROL, register.founding, about, at)


def retirement(register: Register, name: str, reason: str, at: datetime) -> Statement:
    """An operator's end as a statement that follows the last."""
    about = {"after": register.head, "operator": register.operator(name).name, "reason": reason}
    return Statement(Act.RETIRE, register.founding, about, at)


def entry(operator: Operator) -> dict[str, Any]:
    """An operator as a statement tells it; keys and certificate in base64."""
    return {
        "name": operator.name,
        "roles": sorted(operator.roles),
        "means": str(operator.means),
        "key": _text(operator.key),
        "agreement": _text(operator.agreement) if operator.agreement else None,
        "certificate": _text(operator.certificate) if operator.certificate else None,
    }


def _founded(signed: Signed) -> Register:
    statement, name = read(signed), digest(signed.text)
    if statement.act is not Act.FOUND or statement.station:
        raise NotTrusted("the register does not begin with a founding", where="register")
    operators = tuple(_operator(one, statement.at) for one in _list(statement.about.get("operators")))
    if any(Role.ADMINISTRATOR not in one.roles for one in operators):
        raise NotTrusted("a founding names administrators only", where="register")
    register = Register(name, name, operators)
    register.check_signatures(signed, statement)
    return register


def follow(register: Register, signed: Signed) -> Register:
    """The register after one more statement; raises `NotTrusted` or `Refused`."""
    statement, where = read(signed), f"statement {digest(signed.text)[:16]}"
    if statement.act not in REGISTER_ACTS[1:]:
        raise NotTrusted(f"{statement.act} is nothing of the register", where=where)
    if statement.station != register.founding or statement.about.get("after") != register.head:
        raise NotTrusted("does not follow the last statement of the register", where=where)
    register.check_signatures(signed, statement)
    if statement.act is Act.RETIRE:
        name = register.operator(str(statement.about.get("operator"))).name
        operators = _ended(register.operators, name, statement.at)
    else:
        operator = _operator(statement.about.get("operator"), statement.at)
        _check_unlike(register.operators, operator, where)
        known = any(same(one.name, operator.name) for one in register.operators)
        if (statement.act is Act.CHANGE) != known:
            what = "an operator already" if known else "no operator yet"
            raise NotTrusted(f"{operator.name} is {what}", where=where)
        operators = (*_ended(register.operators, operator.name, statement.at), operator)
    left = {one.name for one in operators if works(one, statement.at) and Role.ADMINISTRATOR in one.roles}
    if len(left) < RULES[Act.ENROL].persons:
        raise Refused(
            "fewer than two administrators would be left", where=where, next="enrol another one first"
        )
    return replace(register, head=digest(signed.text), operators=operators)


def _ended(operators: tuple[Operator, ...], name: str, at: datetime) -> tuple[Operator, ...]:
    """The same, with what is known of a name until then."""
    return tuple(
        replace(one, until=at) if same(one.name, name) and one.until is None else one for one in operators
    )


def _check_unlike(operators: Iterable[Operator], operator: Operator, where: str) -> None:
    """One key is one person's."""
    for other in operators:
        if other.key == operator.key and not same(other.name, operator.name):
            raise Refused(
                f"{operator.name} would sign with the key of {other.name}",
                where=where,
                next="give everybody a token of their own",
            )


def _operator(facts: object, at: datetime) -> Operator:
    try:
        assert isinstance(facts, dict)
        certificate = facts["certificate"]
        agreement = facts["agreement"]
        found = Operator(
            name=str(facts["name"]),
            roles=frozenset(map(Role, facts["roles"])),
            means=Means(facts["means"]),
            key=_bytes(facts["key"]),
            agreement=_bytes(agreement) if agreement is not None else None,
            certificate=_bytes(certificate) if certificate is not None else None,
            since=at,
        )
        if found.certificate is not None and key_of(found.certificate) != found.key:
            raise ValueError
    except (AssertionError, KeyError, TypeError, ValueError):
        raise NotTrusted("tells of no operator", where="register") from None
    return found


def key_of(certificate: bytes) -> bytes:
    """The public key (SPKI, DER) of a certificate (DER)."""
    public = load_der_x509_certificate(certificate).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise NotTrusted("names no operators", where="register")
    return value


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(value: object) -> bytes:
    try:
        return base64.b64decode(str(value), validate=True)
    except binascii.Error as error:
        raise ValueError from error
