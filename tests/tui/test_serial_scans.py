"""A scanner at a serial port is as good as hands at the keyboard, and never types where a code is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.widgets import Input

from layouts.scans import Kind, content
from tests.tui.letters_at_desk import ORDER, acknowledged, letters_at, numbered_forms, printed, states
from tests.tui.playing import in_area, playing
from tests.unit.scanner_kit import FakeScanner

EACH = ("000004", "000005", "000006")


@pytest.fixture
def device(home: Path) -> Iterator[FakeScanner]:
    """The scanner of the home."""
    with FakeScanner() as made:
        configuration = home / "station.toml"
        configuration.write_text(configuration.read_text() + made.options)
        yield made


async def test_forms_are_confirmed_by_a_serial_scanner(home: Path, device: FakeScanner) -> None:
    numbered_forms(home)
    acknowledged(home, *EACH)
    printed(home, *EACH)
    async with in_area(home, "pim", "f4", ORDER, "May be printed") as player:
        await player.until(lambda: player.app.under_way.scanning.open, "the scanner is open")
        device.scan(content(Kind.LETTER, EACH[1]))
        await player.sees(f"{EACH[1]} · {ORDER}")
        await player.press("c")
        await player.sees("Scan the number of each form")
        device.scan(content(Kind.FORM, "A-0001"))
        await player.sees("No number is asked for here")
        await player.press("enter")
        await player.sees("Letter 000004, 1 of 3")
        device.scan(content(Kind.LETTER, EACH[0]))
        await player.sees("is the number of a letter or token")
        device.scan(*(content(Kind.FORM, number) for number in ("A-0001", "A-0002", "A-0003")))
        await player.until(lambda: set(states(home).values()) == {"confirmed"}, "confirmed")
        await player.settled()
        with letters_at(home) as desk:
            assert desk.form("A-0003") == "printed"


async def test_a_scan_never_goes_where_a_code_is_asked_for(home: Path, device: FakeScanner) -> None:
    async with playing(home) as player:
        await player.until(lambda: player.app.under_way.scanning.open, "the scanner is open")
        device.scan(content(Kind.LETTER, EACH[0]))
        await player.sees("No number is asked for here")
        assert not any(field.value for field in player.app.screen.query(Input))
        device.unplug()
        await player.sees(f"scanner {device.port}")
        await player.until(lambda: not player.app.under_way.scanning.open, "told as gone")
