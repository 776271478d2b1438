"""Tearing a personalisation at a chosen exchange, many tokens at once, and judging what came of each.

One order of as many items as there are seats: the token in each seat is torn at another exchange, the desk is
killed when all are, the tokens are put into other seats, and the same command is run again.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from simulators.bench import Bench
from simulators.faults.model import Fault, When
from station.exit_codes import ExitCode
from tests.bench.desk import Desk, Started
from tests.bench.pages import Page, read_page
from tests.faults import outside
from tests.faults.outside import Seen

SEATS = 16
_FIRED_WITHIN = 120.0
_ENDED = ("produced", "quarantined")


@dataclass(frozen=True)
class Point:
    """Where a personalisation is torn: at its `on`-th exchange, of the kind `of` where that is named.

    `hang` kills the desk with the exchange unanswered, `pull` and `power-loss` a moment after it heard that
    the token left.
    """

    on: int
    when: When
    do: str
    of: str | None = None

    def __str__(self) -> str:
        kind = f" {self.of}" if self.of else ""
        return f"{self.when} {self.on}{kind} ({self.do})"

    def at(self, seat: str) -> Fault:
        """The fault that tears the token in a seat here."""
        return Fault(seat, self.do, self.on, self.of, self.when)


@dataclass(frozen=True)
class Outcome:
    """What came of one torn token; `wrong` tells all that does not agree, `torn` whether it was reached."""

    point: Point
    state: str
    reason: str | None
    wrong: tuple[str, ...]
    torn: bool


@dataclass(frozen=True)
class Round:
    """What came of one order: its torn tokens, and what is wrong with the order as a whole."""

    outcomes: tuple[Outcome, ...]
    wrong: tuple[str, ...]


def points(exchanges: int, *, once: bool = False, during: bool = False) -> list[Point]:
    """Every exchange before and after its effect, or only one of both in turn (`once`).

    The ways of tearing take turns, so that each meets all kinds of exchanges. With `during`, the power is
    lost in the middle of every exchange too.
    """
    found = []
    for on in range(1, exchanges + 1):
        whens: tuple[When, ...] = ("before", "after")
        if once:
            whens = (whens[on // 2 % 2],)
        found += [Point(on, when, ("hang", "pull")[(on + (when == "after")) % 2]) for when in whens]
        if during:
            found.append(Point(on, "during", "power-loss"))
    return found


@dataclass
class Floor:
    """A desk whose seats nobody but the test feeds, for tokens of one layout."""

    desk: Desk
    layout: str
    seats: tuple[str, ...]
    _orders: int = 0
    _codes: set[bytes] = field(default_factory=set, repr=False)

    @property
    def bench(self) -> Bench:
        return self.desk.bench

    @property
    def is_piv(self) -> bool:
        return self.seats[0].startswith("piv")

    def exchanges(self) -> int:
        """How many exchanges one personalisation has, from the first look to the last word."""
        order = self._approved(1)
        self._clear()
        self.bench.insert(self.seats[0])
        self.desk.run("produce", order, "--seat", self.seats[0], pins=True)
        return self.bench.exchanges(self.seats[0])

    def tear(self, torn: Sequence[Point]) -> Round:
        """Tear one token at each of these points, at most as many as there are seats."""
        order = self._approved(len(torn))
        at = dict(zip(self.seats, torn, strict=False))
        self._clear()
        self.bench.fill(len(at))
        fed = {seat: self.bench.feed(seat) for seat in at}
        self.bench.arm(*(point.at(seat) for seat, point in at.items()))
        fired = self._kill_when_torn(order, at)
        self._clear()
        put = {seat: name for seat, name in fed.items() if name is not None}
        self._resume(order, self._elsewhere(order, put))
        return self._judge(order, at, put, {seat for seat, point in at.items() if point.at(seat) in fired})

    def _approved(self, count: int) -> str:
        self._orders += 1
        if not self.layout.startswith("personal"):
            return self.desk.approved(
                {"layout": self.layout, "count": str(count), "group": f"Groep {self._orders}"}
            )
        numbers = [f"P-{self._orders}-{one}" for one in range(count)]
        person = {"kind": "person", "layout": self.layout, "given_name": "Zoë", "surname": "Voorbeeld"}
        return self.desk.approved(
            *(
                {**person, "person_number": number, "email": f"{number.lower()}@voorbeeldzaken.example.org"}
                for number in numbers
            )
        )

    def _clear(self) -> None:
        """Disarm, and take everything out."""
        self.bench.disarm()
        _at_once(self.bench.eject, self.seats)

    def _kill_when_torn(self, order: str, at: Iterable[str]) -> set[Fault]:
        """Produce, and kill -9 the station and all its processes when every fault has happened."""
        producing = self._start(order, at, "600")
        fired = set(self.bench.fired(seconds=_FIRED_WITHIN))
        children = producing.children
        producing.signal(signal.SIGKILL)
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        producing.end()
        return fired

    def _elsewhere(self, order: str, put: dict[str, str]) -> dict[str, str]:
        """Tokens known by their serial number in each other's seats, the others in their own, as is told."""
        known = [seat for seat in put if seat in {item.seat for item in self._items(order) if item.serial}]
        turned = [*known[1:], *known[:1]]
        return put | {there: put[here] for here, there in zip(known, turned, strict=True)}

    def _resume(self, order: str, put: dict[str, str]) -> None:
        """Put tokens in; the bench's feeder, which has no blanks left, takes them out when they are done."""
        _at_once(lambda seat: self.bench.insert(seat, put[seat]), put)
        by_hand = (self.desk.home / "station.toml").read_text()
        self.desk.configure(lambda text: text.replace('feeder = "hands"', 'feeder = "bench"'))
        ended = self._start(order, put, "60").end()
        self.desk.configure(lambda _: by_hand)
        assert ended.code in (ExitCode.OK, ExitCode.PARTIAL, ExitCode.REFUSED_BY_RULE), ended.err

    def _start(self, order: str, seats: Iterable[str], patience: str) -> Started:
        named = [word for seat in seats for word in ("--seat", seat)]
        return self.desk.start("produce", order, *named, "--patience", patience, pins=True)

    def _items(self, order: str) -> list[_Item]:
        rows = self.desk.rows(
            "SELECT items.id, mailer_number, items.state, seat, token_serial, items.reason FROM items "
            "JOIN orders ON orders.id = order_id WHERE number = ?",
            order,
        )
        return [_Item(*row) for row in rows]

    # What came of them

    def _judge(self, order: str, at: dict[str, Point], put: dict[str, str], fired: set[str]) -> Round:
        items = self._items(order)
        pages = self._letters(order, items)
        seen = self._seen(pages)
        by_serial = {item.serial: item for item in items if item.serial}
        by_seat = {item.seat: item for item in items if not item.serial}
        outcomes = []
        for seat, point in at.items():
            token = seen[put[seat]]
            item = by_serial.get(token.serial or "") or by_seat.get(seat)
            outcomes.append(self._outcome(point, token, item, seat in fired))
        return Round(tuple(outcomes), tuple(self._order_wrong(items, pages, seen, put.values())))

    def _letters(self, order: str, items: Sequence[_Item]) -> dict[str, Page]:
        """The letters of an order by the serial of their token; there is one for each produced one."""
        if any(item.state == "produced" for item in items):
            self.desk.run("letter", "print", order, operator="carl", pins=True)
        folder = self.bench.layout.printed
        pages = {item.serial: folder / f"{item.number}.pdf" for item in items if item.serial}
        return {serial: read_page(path) for serial, path in pages.items() if path.exists()}

    def _seen(self, pages: dict[str, Page]) -> dict[str, Seen]:
        if self.is_piv:
            return outside.cards(self.bench, pages)
        return outside.tokens(self.bench, self.desk.work, pages)

    def _outcome(self, point: Point, seen: Seen, item: _Item | None, torn: bool) -> Outcome:
        if item is None:
            return Outcome(point, "nobody's", None, () if seen.blank else ("written, yet nobody's",), torn)
        wrong = [f"{code} is blocked" for code in seen.locked]
        if item.state == "produced":
            wrong += self._produced_wrong(seen, item)
        elif not item.reason:
            wrong.append("no reason is given")
        return Outcome(point, item.state, item.reason, tuple(wrong), torn)

    def _produced_wrong(self, seen: Seen, item: _Item) -> Iterator[str]:
        yield from (f"{code} has lost tries" for code in seen.spent)
        yield from (f"{code} is still the factory's" for code in seen.factory)
        if not seen.opens:
            yield "its letter does not open it"
        steps = self.desk.rows("SELECT name, state FROM steps WHERE item_id = ?", item.id)
        yield from (f"step {name} is {state}" for name, state in steps if state != "done")
        keys = self.desk.rows("SELECT slot, public_key, certificate FROM keys WHERE item_id = ?", item.id)
        for slot, public_key, certificate in keys:
            if not public_key or seen.keys.get(slot) != public_key:
                yield f"key {slot} is not the one on record"
            if not certificate or seen.certificates.get(slot) != certificate:
                yield f"certificate {slot} is not the one on record"
            elif _spki(x509.load_der_x509_certificate(certificate)) != public_key:
                yield f"certificate {slot} is another key's"

    def _order_wrong(
        self, items: Sequence[_Item], pages: dict[str, Page], seen: dict[str, Seen], torn: Iterable[str]
    ) -> Iterator[str]:
        """Lost and double ones, and whether records, CA and audit chain agree."""
        for item in items:
            if item.state not in _ENDED:
                yield f"lost: {item.number} is {item.state}"
            if (item.state == "produced") != (item.serial in pages):
                yield f"{item.number} is {item.state}, and has {'a' if item.serial in pages else 'no'} letter"
        serials = {item.serial for item in items}
        yield from (f"lost: {name} was written" for name in torn if not _known(seen[name], serials))
        yield from (f"double: {item.number} shares its token" for item in items if _twice(item, items))
        for page in pages.values():
            for secret in (page.pin.reveal() + page.puk.reveal(), page.revocation.reveal()):
                if secret in self._codes:
                    yield "double: a code was seen before"
                self._codes.add(secret)
        yield from self._certificates_wrong()
        if self.desk.start("audit", "verify").end().code != ExitCode.OK:
            yield "the audit chain does not hold"

    def _certificates_wrong(self) -> Iterator[str]:
        issued = [x509.load_der_x509_certificate(path.read_bytes()) for path in self._issued()]
        for key, count in Counter(_spki(one) for one in issued).items():
            if count > 1:
                yield f"double: a key has {count} certificates ({key[-4:].hex()})"
        known = {one.public_bytes(Encoding.DER) for one in issued}
        recorded = {one for (one,) in self.desk.rows("SELECT certificate FROM keys") if one}
        if not recorded <= known:
            yield "a certificate on record is not the CA's"

    def _issued(self) -> list[Path]:
        return sorted(self.desk.home.glob("ca/issued/*/*.der"))


@dataclass(frozen=True)
class _Item:
    id: int
    number: str
    state: str
    seat: str | None
    serial: str | None
    reason: str | None


@contextmanager
def floor(directory: Path, layout: str, seats: int = SEATS) -> Iterator[Floor]:
    """A bench and a desk of their own for tokens of a layout; gone afterwards."""
    piv = "card" in layout
    state, work = directory / "b", directory / "w"
    work.mkdir(parents=True)
    bench = Bench.up(state, piv=seats * piv, pkcs11=seats * (not piv), tether=True, faults=True)
    try:
        desk = Desk.make(bench, work).letters_first()
        desk.feed_by_hand(*bench.seats)
        try:
            yield Floor(desk, layout, bench.seats)
        finally:
            desk.stop()
    finally:
        bench.down()


def _known(seen: Seen, serials: set[str | None]) -> bool:
    return seen.blank or seen.serial in serials


def _twice(item: _Item, items: Sequence[_Item]) -> bool:
    return item.serial is not None and [one.serial for one in items].count(item.serial) > 1


def _spki(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _at_once(do: Callable[[str], object], seats: Iterable[str]) -> None:
    """Hands for every seat: inserting and ejecting wait until the reader has seen it."""
    with ThreadPoolExecutor(SEATS) as hands:
        list(hands.map(do, seats))
