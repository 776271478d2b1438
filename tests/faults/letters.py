"""A crash at every step of printing letters: at every commit, and while a page is on its way.

All points share one order of letters; each run goes on with those the runs before it left sealed. Behind a
crash the records are held against what lies in the printer's tray.
"""

from __future__ import annotations

import os
import select
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from simulators.faults.model import Fault, When
from station.exit_codes import ExitCode
from tests.bench.desk import PATIENCE, Desk
from tests.bench.pages import read_page
from tests.faults.desks import desk_for_faults

LETTERS = 2
"""Letters a run gets to at most before its crash."""

_LONG, _SHORT = 600.0, 2.0
"""Seconds a printer rests: past every end, and until the page of a desk that was killed goes on."""


@dataclass(frozen=True)
class Commit:
    """SIGKILL of the desk before or after its n-th commit of a printing."""

    on: int
    when: Literal["before", "after"]


@dataclass(frozen=True)
class Page:
    """SIGKILL of the desk or of its print process with the n-th page not begun, half way or wholly out."""

    on: int
    when: When
    who: Literal["desk", "room"]


@dataclass(frozen=True)
class Row:
    """What became of the letter that was under way at so many points.

    `double` counts pages beyond those the records account for, `lost` letters with less than they say.
    """

    points: int = 0
    sealed: int = 0
    printed: int = 0
    unknown: int = 0
    lost: int = 0
    double: int = 0

    def __add__(self, other: Row) -> Row:
        return Row(
            self.points + other.points,
            self.sealed + other.sealed,
            self.printed + other.printed,
            self.unknown + other.unknown,
            self.lost + other.lost,
            self.double + other.double,
        )


def points() -> list[Commit | Page]:
    """Every one: a run commits the doubt an earlier crash left, then intent and outcome of each letter."""
    commits = [Commit(on, when) for on in range(1, 2 * LETTERS + 2) for when in ("before", "after")]
    pages = [
        Page(on, when, who)
        for on in range(1, LETTERS + 1)
        for when in ("before", "during", "after")
        for who in ("desk", "room")
    ]
    return [*commits, *pages]


def order_of_letters(desk: Desk, count: int) -> str:
    """A new order whose tokens are made and whose letters are sealed."""
    ((orders,),) = desk.rows("SELECT count(*) FROM orders")
    row = {"group": f"Balie {orders + 1}", "layout": "group-usb:p-256", "count": str(count)}
    order = desk.approved(row)
    desk.run("produce", order, pins=True)
    return order


def crash(desk: Desk, order: str, point: Commit | Page) -> Row:
    """Print into one crash, and hold the records against the tray."""
    before = states_of(desk, order)
    desk.bench.disarm()
    if isinstance(point, Commit):
        desk.bench.arm(Fault("disk", "kill", on=point.on, when=point.when))
        code = desk.start("letter", "print", order, operator="carl", pins=True).end().code
        assert code == -signal.SIGKILL, f"{point}: exit code {code}"
    else:
        _crash_at_page(desk, order, point)
    desk.bench.disarm()
    after = states_of(desk, order)
    moved = [number for number in after if after[number] != before[number] and before[number] == "sealed"]
    under_way = after[max(moved)] if moved else "sealed"
    lost, double = _beside(desk, after)
    return Row(
        1,
        sealed=under_way == "sealed",
        printed=under_way == "printed",
        unknown=under_way in ("printing", "unknown"),
        lost=lost,
        double=double,
    )


def account(desk: Desk, order: str) -> Row:
    """Print what is left, and let somebody look into the tray for each letter nobody is sure of."""
    ended = desk.run("letter", "print", order, operator="carl", pins=True)
    pages = desk.printed()
    doubtful = [number for number, state in states_of(desk, order).items() if state == "unknown"]
    for number in doubtful:
        whole = pages.get(f"{number}.pdf", b"").rstrip().endswith(b"%%EOF")
        found = "--printed" if whole else "--void"
        desk.run("letter", "settle", number, found, "--reason", "as the tray shows", operator="carl")
    assert "0 letters printed" in desk.run("letter", "print", order, operator="carl", pins=True).err
    states = Counter(states_of(desk, order).values())
    assert set(states) <= {"printed", "void"}, f"{states}: {ended.err}"
    counted = desk.listed("order", "show", order)["letters"]
    assert {state: count for state, count in counted.items() if count} == dict(states)
    lost, double = _beside(desk, states_of(desk, order))
    for number, state in states_of(desk, order).items():
        if state == "printed":
            assert read_page(desk.bench.layout.printed / f"{number}.pdf").has(number)
    desk.run("audit", "verify")
    return Row(lost=lost, double=double)


def row(place: Callable[[str], Path], every: int = 1) -> Row:
    """All points, or one in `every`, at a bench of their own; folders are made by `place`."""
    some = points()[::every]
    with desk_for_faults(place, piv=0, pkcs11=1) as desk:
        order = order_of_letters(desk, (LETTERS + 1) * len(some))
        return sum((crash(desk, order, point) for point in some), Row()) + account(desk, order)


def _crash_at_page(desk: Desk, order: str, point: Page) -> None:
    rest = _SHORT if point.who == "desk" else _LONG
    desk.bench.arm(Fault("printer", "slow", on=point.on, when=point.when, seconds=rest))
    printing = desk.start("letter", "print", order, operator="carl", pins=True)
    assert desk.bench.fired(1, PATIENCE), printing.end().err
    (room,) = printing.children
    end = os.pidfd_open(room)
    try:
        os.kill(room if point.who == "room" else printing.process.pid, signal.SIGKILL)
        ended = printing.end()
        assert select.select([end], [], [], PATIENCE)[0], "the print process lives on"
    finally:
        os.close(end)
    if point.who == "room":
        assert ended.code == ExitCode.PARTIAL, ended.err
        assert "the process ended (signal 9)" in ended.err


def states_of(desk: Desk, order: str) -> dict[str, str]:
    """The state of every letter of an order by its number, as the records have it."""
    rows: Sequence[tuple[str, str]] = desk.rows(
        "SELECT letters.mailer_number, letters.state FROM letters JOIN items ON items.id = item_id "
        "JOIN orders ON orders.id = order_id WHERE orders.number = ? ORDER BY 1",
        order,
    )
    return dict(rows)


def _beside(desk: Desk, states: dict[str, str]) -> tuple[int, int]:
    """Letters with fewer pages in the tray than the records say, and pages beyond those they account for."""
    sheets = Counter(name.partition(".")[0].partition("-")[0] for name in desk.printed())
    lost = sum(state == "printed" and not sheets[number] for number, state in states.items())
    most = {number: 0 if state == "sealed" else 1 for number, state in states.items()}
    double = sum(max(0, sheets[number] - most[number]) for number in states)
    return lost, double
