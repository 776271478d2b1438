"""Whatever printer, print process or desk do: no letter is printed twice by itself, none is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulators.faults.model import Fault
from station.exit_codes import ExitCode
from tests.bench.desk import Desk
from tests.faults.desks import desk_for_faults
from tests.faults.impatient import IMPATIENT
from tests.faults.letters import Commit, Page, Row, account, crash, order_of_letters, states_of

pytestmark = pytest.mark.bench


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk_for_faults(tmp_path_factory.mktemp, piv=0, pkcs11=1) as desk:
        yield desk


@pytest.fixture(scope="module")
def order(shared: Desk) -> str:
    """Sealed letters for all tests; each goes on with the next."""
    return order_of_letters(shared, 24)


@pytest.fixture
def desk(shared: Desk) -> Iterator[Desk]:
    shared.bench.disarm()
    yield shared
    shared.stop()
    shared.bench.disarm()


def sealed(desk: Desk, order: str) -> list[str]:
    return [number for number, state in states_of(desk, order).items() if state == "sealed"]


def print_letters(desk: Desk, order: str, expect: int, *faults: Fault) -> str:
    desk.bench.disarm()
    desk.bench.arm(*faults)
    return desk.run("letter", "print", order, operator="carl", pins=True, expect=expect).err


def test_a_printer_that_stops_leaves_sealed_what_it_never_took_and_unknown_what_it_tore(
    desk: Desk, order: str
) -> None:
    first, second, third, *rest = sealed(desk, order)
    tray = set(desk.printed())

    said = print_letters(desk, order, ExitCode.REFUSED_BY_RULE, Fault("printer", "offline"))
    assert "the printer is not ready: it is offline" in said
    assert sealed(desk, order) == [first, second, third, *rest]

    out, busy = Fault("printer", "paper-out", 2), Fault("printer", "busy", 3)
    said = print_letters(desk, order, ExitCode.PARTIAL, out, busy)
    assert "it is out of paper" in said
    assert f"{len(rest) + 2} letters are left" in said
    assert sealed(desk, order) == [second, third, *rest]

    said = print_letters(desk, order, ExitCode.PARTIAL, Fault("printer", "jam", 2))
    assert "the paper has jammed; look whether the form left the printer" in said
    assert sealed(desk, order) == rest
    found = states_of(desk, order)
    assert [found[number] for number in (first, second, third)] == ["printed", "printed", "unknown"]
    assert set(desk.printed()) - tray == {f"{first}.pdf", f"{second}.pdf", f"{third}.torn"}


def test_a_print_process_that_hangs_is_ended_and_its_letter_is_unknown(desk: Desk, order: str) -> None:
    first, second, *rest = sealed(desk, order)
    desk.bench.arm(Fault("printer", "slow", 2, when="during", seconds=600))

    ended = desk.start("letter", "print", order, operator="carl", pins=True, through=IMPATIENT).end()

    assert ended.code == ExitCode.PARTIAL
    assert "print room: no answer within 5 s, ended" in ended.err
    found = states_of(desk, order)
    assert (found[first], found[second]) == ("printed", "unknown")
    assert sealed(desk, order) == rest


def test_after_a_crash_at_any_step_no_letter_is_printed_twice_by_itself(desk: Desk, order: str) -> None:
    """A sample; `make faults` takes every step."""
    sample: list[Commit | Page] = [
        Commit(1, "after"),
        Commit(3, "before"),
        Page(1, "before", "desk"),
        Page(2, "during", "room"),
        Commit(4, "after"),
    ]
    row = sum((crash(desk, order, point) for point in sample), Row()) + account(desk, order)
    assert row.points == len(sample)
    assert (row.lost, row.double) == (0, 0)
    assert set(states_of(desk, order).values()) == {"printed", "void"}
