"""A SIGKILL before and after every commit of the records, while tokens are made and orders come in.

A commit is durable with one fdatasync of the write-ahead log. `before` kills at the first write after the
sync before it, so that what the commit tells has happened and is on no record; `after` kills right behind it.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from simulators.faults.model import Fault
from simulators.native.armed import COMMITS
from simulators.native.table import Table
from station.exit_codes import ExitCode
from tests.bench.desk import Desk
from tests.bench.pages import read_page
from tests.bench.test_main_job_crash import no_key_has_two_certificates

CARD = {"group": "Balie Noord"}
STICK = {"group": "Balie Noord", "layout": "group-usb:p-256"}


@dataclass(frozen=True)
class Point:
    """One place to kill at: a commit of one command, counted from 1."""

    commit: int
    when: Literal["before", "after"]


@dataclass(frozen=True)
class Row:
    """What became of the tokens of so many points."""

    points: int = 0
    produced: int = 0
    quarantined: int = 0
    lost: int = 0
    double: int = 0

    def __add__(self, other: Row) -> Row:
        return Row(
            self.points + other.points,
            self.produced + other.produced,
            self.quarantined + other.quarantined,
            self.lost + other.lost,
            self.double + other.double,
        )


def commits(desk: Desk, *arguments: str, operator: str = "ada", pins: bool = False) -> int:
    """How many commits a command makes that is left alone."""
    desk.bench.disarm()
    desk.run(*arguments, operator=operator, pins=pins)
    return Table(desk.bench.layout.processes / COMMITS).exchanges


def points(count: int) -> list[Point]:
    """All there are in so many commits."""
    return [Point(n, when) for n in range(1, count + 1) for when in ("before", "after")]


def killed(desk: Desk, point: Point, *arguments: str, operator: str = "ada", pins: bool = False) -> bool:
    """Run a command into its kill; False where it ended well before, having had fewer commits this time."""
    desk.bench.disarm()
    desk.bench.arm(Fault("disk", "kill", on=point.commit, when=point.when))
    ended = desk.start(*arguments, operator=operator, pins=pins).end()
    desk.bench.disarm()
    if ended.code == ExitCode.OK:
        return False
    assert ended.code == -signal.SIGKILL, ended.err
    return True


def clean_production(desk: Desk) -> int:
    """How many commits the production of a card and a USB token makes."""
    order = desk.approved(CARD, STICK)
    return commits(desk, "produce", order, pins=True)


def torn_production(desk: Desk, point: Point) -> Row:
    """Make a card and a USB token, killed once, and by the same command again; what became of them."""
    for seat in desk.bench.seats:
        desk.bench.eject(seat)
    order = desk.approved(CARD, STICK)
    if killed(desk, point, "produce", order, pins=True):
        # A busy machine takes its time to see a token that is in its seat.
        desk.start("produce", order, "--patience", "60", pins=True).end()
    row = outcome(desk, order)
    desk.run("letter", "print", order, operator="carl", pins=True)
    assert len(desk.letters(order)) == row.produced
    desk.run("audit", "verify")
    no_key_has_two_certificates(desk)
    return row


def codes_twice(desk: Desk) -> int:
    """How many of the codes in the printer's tray are in two letters."""
    pages = [read_page(path) for path in desk.bench.layout.printed.glob("*.pdf")]
    codes = [page.pin.reveal() + page.puk.reveal() for page in pages]
    codes += [page.revocation.reveal() for page in pages]
    return len(codes) - len(set(codes))


def outcome(desk: Desk, order: str) -> Row:
    """Count the tokens of one order; `double` are serials that are there twice."""
    tokens = desk.tokens(order)
    states = [token["state"] for token in tokens]
    produced, quarantined = states.count("produced"), states.count("quarantined")
    assert all(token["reason"] for token in tokens if token["state"] == "quarantined")
    serials = [token["serial"] for token in tokens if token["serial"]]
    double = len(serials) - len(set(serials))
    return Row(1, produced, quarantined, len(tokens) - produced - quarantined, double)


def torn_order(desk: Desk, importing: Point, approving: Point) -> Row:
    """Bring in and approve an order, both killed once: each is wholly done or not at all."""
    file = desk.file(CARD, STICK | {"count": "2"})
    before = len(desk.listed("order", "list"))
    killed(desk, importing, "order", "import", str(file))
    there = len(desk.listed("order", "list")) - before
    if not there:
        desk.run("order", "import", str(file))
    else:
        assert there == 1
        again = desk.start("order", "import", str(file)).end()
        assert again.code == ExitCode.FAULTS_IN_INPUT, again.err
    order = newest(desk)
    assert [token["state"] for token in desk.tokens(order["number"])] == ["planned"] * 3
    assert order["state"] == "received"

    desk.assess(order["number"])
    killed(desk, approving, "order", "approve", order["number"], operator="bob", pins=True)
    epochs = "SELECT count(*) FROM epochs JOIN orders ON orders.id = order_id WHERE number = ?"
    ((opened,),) = desk.rows(epochs, order["number"])
    if newest(desk)["state"] == "assessed":
        assert opened == 0
        desk.run("order", "approve", order["number"], operator="bob", pins=True)
    assert newest(desk)["state"] == "approved"
    assert desk.rows(epochs, order["number"]) == [(1,)]
    desk.run("audit", "verify")
    return Row(2)


def newest(desk: Desk) -> dict[str, str]:
    """The order that came in last."""
    orders: Sequence[dict[str, str]] = desk.listed("order", "list")
    return max(orders, key=lambda order: order["number"])
