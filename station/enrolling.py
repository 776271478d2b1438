"""A new operator's keys: read from the token in the operators' seat, or made under a passphrase."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from batch.audit.log import log
from batch.model.errors import Refused
from batch.model.events import Event
from batch.model.people import Means, Operator, Role
from batch.people.acting import UNATTENDED, Actor, founded, register_of
from batch.people.operators import Anchor, found, refuse_founded
from batch.people.passphrase import Made
from batch.people.register import Register, key_of
from batch.people.separation import RULES, Act, same
from batch.store import logins
from batch.store.clock import now
from batch.store.database import Records
from drivers.process import Child, harden
from station.acting import await_token
from station.errors import ConfigurationError
from station.key_tokens import EVERY
from station.operators_seat import OperatorsSeat, anchors
from station.wiring import Desk

_NAME = re.compile(r"\w[\w.@-]{0,63}")
_ANSWER = 60.0
_LARGEST_LIST = 1_000_000

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """Somebody to be enrolled."""

    name: str
    roles: frozenset[Role]


class Enrolling:
    """Makes operators of people, one after the other; `by` is who the log names for it."""

    def __init__(self, desk: Desk, records: Records, by: str, tell: Tell) -> None:
        self._desk, self._records, self._by, self._tell = desk, records, by, tell
        self._taken: set[bytes] = set()
        """Certificates of those who work here, or were just read."""

    @contextmanager
    def making(self, *, passphrases: bool) -> Iterator[Callable[[Wanted], Actor]]:
        """What makes an actor of a person, with keys under their passphrase or those of their token.

        Raises `ConfigurationError` where passphrases are not allowed, or there is no operators' seat.
        """
        harden()
        if founded(self._records):
            working = register_of(self._records).active(now())
            self._taken |= {one.certificate for one in working if one.certificate is not None}
        with ExitStack() as held:
            if not passphrases:
                seat = held.enter_context(self._desk.operators_seat())
                yield lambda wanted: self._with_token(seat, wanted)
                return
            if not self._desk.passphrases:
                raise ConfigurationError(
                    "operators have no passphrases at this desk",
                    where=str(self._desk.home.configuration),
                    next="present a token, or set `passphrases = true` in [operators]",
                )
            maker = Child("keys", "batch.people.passphrase:KeyMaker")
            held.callback(maker.close)
            yield lambda wanted: self._under_passphrase(maker, wanted, held)

    def _under_passphrase(self, maker: Child, wanted: Wanted, held: ExitStack) -> Actor:
        name = wanted.name
        check_name(name)
        secret = self._desk.pins.of_operator(name, "passphrase", new=True)
        made = maker.ask("make", secret, name, timeout=_ANSWER)
        assert isinstance(made, Made)
        with self._records.transaction():
            logins.add_keys(self._records, made.key, name, made.sealed)
            log(self._records, Event("operator.keys-made", self._by, detail={"operator": name}))
        operator = Operator(name, wanted.roles, Means.PASSPHRASE, made.key, made.agreement, None, now())

        def sign(message: bytes) -> bytes:
            child = Child(f"keys of {name}", "batch.people.passphrase:PassphraseKeys", (made.sealed, name))
            held.callback(child.close)
            child.ask("login", secret, timeout=_ANSWER)
            return bytes(child.ask("sign", message, timeout=_ANSWER))

        return Actor(operator, sign)

    def _with_token(self, seat: OperatorsSeat, wanted: Wanted) -> Actor:
        name = wanted.name
        check_name(name)
        certificate = self._presented(seat, name)
        key, agreement = key_of(certificate), seat.agreement_key()
        operator = Operator(name, wanted.roles, Means.TOKEN, key, agreement, certificate, now())

        def sign(message: bytes) -> bytes:
            # Somebody else's may have been presented since.
            if seat.holder != name or not seat.present():
                self._presented(seat, name, certificate)
            return seat.sign(message)

        return Actor(operator, sign)

    def _presented(self, seat: OperatorsSeat, name: str, known: bytes | None = None) -> bytes:
        """The certificate of a token that was put into the seat and that its PIN proves to be theirs.

        It is the one of before where that is `known`, else one that is nobody's yet.
        """
        desk = self._desk

        def theirs(found: bytes) -> bool:
            return found == known if known is not None else found not in self._taken

        self._tell(f"put the token of {name} into the operators' seat")
        desk.present(name)
        certificate = await_token(seat, name, theirs, self._tell)
        self._taken.add(certificate)
        seat.check(certificate, now())
        secret = desk.pins.of_operator(name, "PIN")
        seat.log_in(desk.configuration.station.name, name, certificate, secret, now)
        return certificate


def found_desk(
    desk: Desk,
    records: Records,
    names: Sequence[str],
    *,
    passphrases: bool,
    anchor: Anchor,
    tell: Tell,
) -> Register:
    """Found the register of operators with its first administrators; raises `Refused` for fewer than two."""
    if len({name.casefold() for name in names}) < RULES[Act.FOUND].persons:
        raise Refused(
            "a desk is founded by two administrators",
            where="--administrator",
            next="name two, who both are here and prove it",
        )
    refuse_founded(records)
    wanted = [Wanted(name, frozenset({Role.ADMINISTRATOR})) for name in names]
    enrolling = Enrolling(desk, records, names[0], tell)
    configured = desk.configuration.operators
    trusted = anchors(configured) if configured is not None else ()
    with enrolling.making(passphrases=passphrases) as make:
        return found(
            records,
            [make(one) for one in wanted],
            name=desk.configuration.station.name,
            anchors=[one.public_bytes(Encoding.DER) for one in trusted],
            anchor=anchor,
        )


def check_name(name: str) -> None:
    """Raise `Refused` for what cannot be an operator's name, which stands in the log and in --pin-fd."""
    if not _NAME.fullmatch(name) or unicodedata.normalize("NFC", name) != name:
        raise Refused(
            "is no operator's name",
            where=name[:80],
            next="a name has at most 64 letters, digits, '.', '@', '_' and '-', and no spaces",
        )
    if any(same(name, key) for key in (*EVERY, UNATTENDED)):
        raise Refused("is the name of something else here", where=name, next="choose another name")


def refuse_known(records: Records, people: Sequence[Wanted]) -> None:
    """Raise `Refused` for somebody who works here already."""
    working = register_of(records).active(now())
    for one in people:
        if any(same(one.name, other.name) for other in working):
            raise Refused("works here already", where=one.name, next=f"station operator change {one.name}")


def roles_of(names: Collection[str], where: str) -> frozenset[Role]:
    """The roles of these names; raises `Refused` naming those there are."""
    try:
        found = frozenset(Role(one) for one in names)
    except ValueError:
        found = frozenset()
    if not found:
        raise Refused(
            f"no such role: {', '.join(sorted(names))[:80] or 'none given'}",
            where=where,
            next=f"the roles are {', '.join(Role)}",
        )
    return found


def read_list(path: Path) -> list[Wanted]:
    """The people of a CSV file with the columns `name` and `roles` (separated by spaces).

    Raises `Refused` for the first line that is wrong.
    """
    with path.open("rb") as file:
        data = file.read(_LARGEST_LIST + 1)
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise Refused("is no UTF-8", where=path.name, next="save it as UTF-8") from None
    mark = ";" if lines and ";" in lines[0] else ","
    reader = csv.DictReader(lines, delimiter=mark)
    if len(data) > _LARGEST_LIST or {"name", "roles"} - set(reader.fieldnames or ()):
        raise Refused(
            "is no list with the columns name and roles", where=path.name, next="see docs/operators.md"
        )
    listed: list[Wanted] = []
    for row in reader:
        where, name = f"{path.name}, line {reader.line_num}", (row["name"] or "").strip()
        check_name(name)
        if any(same(name, other.name) for other in listed):
            raise Refused(f"names {name} again", where=where, next="give everybody one line")
        listed.append(Wanted(name, roles_of((row["roles"] or "").split(), where)))
    return listed
