"""Letters: each printed once, none printed again by itself, each doubtful one accounted for by a person."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from station.exit_codes import ExitCode
from tests.bench.cables import cable, cable_to, receive, tray
from tests.bench.conftest import DeskFactory
from tests.bench.desk import PATIENCE, Desk, Started
from tests.bench.pages import read_page

pytestmark = pytest.mark.bench


@pytest.fixture(scope="module")
def desk(desk_factory: DeskFactory) -> Desk:
    return desk_factory(piv=0, pkcs11=1).letters_first()


@pytest.fixture
def order(desk: Desk) -> str:
    """Three tokens are made and their letters are still sealed."""
    ((orders,),) = desk.rows("SELECT count(*) FROM orders")
    number = desk.approved({"group": f"Balie {orders + 1}", "layout": "group-usb:p-256", "count": "3"})
    desk.run("produce", number, pins=True)
    assert states(desk, number) == ["sealed"] * 3
    return number


@pytest.fixture
def settings(desk: Desk) -> Iterator[Callable[[str, str], None]]:
    """Changes station.toml for one test."""
    before = (desk.home / "station.toml").read_text()
    yield lambda old, new: desk.configure(lambda text: replaced(text, old, new))
    desk.configure(lambda _: before)


def replaced(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


def states(desk: Desk, order: str) -> list[str]:
    return list(desk.letters(order).values())


def print_letters(desk: Desk, order: str, expect: int = ExitCode.OK) -> str:
    return desk.run("letter", "print", order, operator="carl", pins=True, expect=expect).err


def begin_page(desk: Desk, order: str, printer: int) -> Started:
    """A command whose first page is half way to a printer that takes no more."""
    printing = desk.start("letter", "print", order, operator="carl", pins=True)
    assert receive(printer).startswith(b"%PDF")
    return printing


def test_letters_stay_sealed_until_the_printer_is_ready_and_each_is_then_one_page_printed_once(
    desk: Desk, order: str, settings: Callable[[str, str], None], tmp_path: Path
) -> None:
    numbers = list(desk.letters(order))
    (tmp_path / "file").touch()
    settings(str(desk.bench.layout.printed), str(tmp_path / "file" / "tray"))
    assert "the printer is not ready" in print_letters(desk, order, ExitCode.REFUSED_BY_RULE)
    settle = ("letter", "settle", numbers[0], "--printed", "--reason", "so I think")
    desk.run(*settle, expect=ExitCode.REFUSED_BY_RULE)  # only a doubtful one is accounted for
    assert states(desk, order) == ["sealed"] * 3

    settings(str(tmp_path / "file" / "tray"), str(desk.bench.layout.printed))
    assert "3 letters printed" in print_letters(desk, order)
    printed = desk.printed()
    for number in numbers:
        assert read_page(desk.bench.layout.printed / f"{number}.pdf").has(number)

    assert "0 letters printed" in print_letters(desk, order)

    assert desk.printed() == printed
    assert states(desk, order) == ["printed"] * 3
    assert {f"{number}-2.pdf" for number in numbers}.isdisjoint(printed)


def test_a_tray_that_fills_up_in_the_middle_of_a_page_leaves_that_letter_unknown(
    desk: Desk, order: str, settings: Callable[[str, str], None], tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    page = max(map(len, desk.printed().values()), default=40_000)
    settings(str(desk.bench.layout.printed), str(small))
    mount = f'mount -t tmpfs -o size={page * 3 // 2} tmpfs {small} && exec "$@"'

    ended = desk.start(
        *("letter", "print", order),
        operator="carl",
        pins=True,
        through=("unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh"),
    ).end()

    assert ended.code == ExitCode.PARTIAL, ended.err
    assert "No space left on device" in ended.err
    assert states(desk, order) == ["printed", "unknown", "sealed"]
    counted = desk.listed("order", "show", order)["letters"]
    assert {state: count for state, count in counted.items() if count} == {
        "sealed": 1,
        "printed": 1,
        "unknown": 1,
    }
    assert "3 letters: 1 sealed, 1 printed, 1 unknown" in desk.run("letter", "list", "--order", order).err


def test_a_torn_cable_leaves_one_letter_unknown_and_nothing_is_printed_again_by_itself(
    desk: Desk, order: str, settings: Callable[[str, str], None], tmp_path: Path
) -> None:
    first, second, third = desk.letters(order)
    simulated = tray(desk)
    with cable(tmp_path) as (device, printer):
        settings(tray(desk), cable_to(device))
        printing = begin_page(desk, order, printer)
        came = b""
        while b"%%EOF" not in came or b"%PDF" not in came.partition(b"%%EOF")[2]:
            came += receive(printer)
    ended = printing.end()

    assert ended.code == ExitCode.PARTIAL
    assert "look whether the form left the printer" in ended.err
    assert desk.letters(order) == {first: "printed", second: "unknown", third: "sealed"}
    settings(cable_to(device), simulated)
    before = set(desk.printed())
    print_letters(desk, order)
    assert set(desk.printed()) - before == {f"{third}.pdf"}
    assert desk.letters(order) == {first: "printed", second: "unknown", third: "printed"}


@pytest.mark.parametrize("whole_station", [False, True])
def test_a_process_killed_while_a_page_is_on_its_way_leaves_its_letter_unknown(
    desk: Desk, order: str, settings: Callable[[str, str], None], tmp_path: Path, whole_station: bool
) -> None:
    first, second, third = desk.letters(order)
    simulated = tray(desk)
    with cable(tmp_path) as (device, printer):
        settings(tray(desk), cable_to(device))
        printing = begin_page(desk, order, printer)
        if whole_station:
            printing.signal(signal.SIGKILL)
        else:
            (room,) = printing.children
            os.kill(room, signal.SIGKILL)
        printing.process.wait(PATIENCE)
    printing.end()
    settings(cable_to(device), simulated)
    before = set(desk.printed())

    said = print_letters(desk, order)

    assert (f"letter {first}: it is unknown whether it was printed" in said) is whole_station
    assert desk.letters(order) == {first: "unknown", second: "printed", third: "printed"}
    assert set(desk.printed()) - before == {f"{second}.pdf", f"{third}.pdf"}
    settled(desk, order, first)


def settled(desk: Desk, order: str, number: str) -> None:
    """A person looks, and accounts for the form; that is final."""
    before = desk.printed()
    desk.run("letter", "settle", number, "--void", "--reason", "half a page, shredded", operator="carl")
    assert desk.letters(order)[number] == "void"
    assert "1 void" in desk.run("letter", "list", "--order", order).err
    assert "2 printed, 1 void" in desk.run("order", "show", order).out
    print_letters(desk, order)
    again = ("letter", "settle", number, "--printed", "--reason", "found after all")
    desk.run(*again, expect=ExitCode.REFUSED_BY_RULE)
    assert desk.printed() == before
    desk.run("audit", "verify")


def test_ctrl_c_stops_after_the_page_that_is_being_printed(
    desk: Desk, order: str, settings: Callable[[str, str], None], tmp_path: Path
) -> None:
    with cable(tmp_path) as (device, printer):
        settings(tray(desk), cable_to(device))
        printing = begin_page(desk, order, printer)
        printing.signal(signal.SIGINT)
        came = b""
        while b"%%EOF" not in came:
            came += receive(printer)
        ended = printing.end()

    assert ended.code == ExitCode.INTERRUPTED
    assert states(desk, order) == ["printed", "sealed", "sealed"]
