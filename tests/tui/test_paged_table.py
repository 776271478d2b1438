"""A list that is read again while somebody moves in it."""

from __future__ import annotations

import asyncio

import pytest
from rich.style import Style
from rich.text import Text
from textual.app import App, ComposeResult
from textual.strip import Strip
from textual.widgets import DataTable

from batch.store.paging import FIRST, LAST, Page, Place
from station.tui.widgets.paged_table import PagedTable


class _Numbers(App[None]):
    """A hundred numbers, given as soon as `gate` is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.wanted = asyncio.Event(), asyncio.Event()
        self.gate.set()

    def compose(self) -> ComposeResult:
        yield PagedTable[int](("Number",), lambda number: (str(number),))

    async def fetch(self, place: Place, limit: int) -> Page[int]:
        self.wanted.set()
        await self.gate.wait()
        rows = range(100 - limit, 100) if place is LAST else range(limit)
        return Page(tuple(rows), tuple((row,) for row in rows), place is LAST, place is FIRST)

    async def is_read_again(self) -> asyncio.Task[None]:
        """Reads its list again, which waits for the gate."""
        self.gate.clear()
        self.wanted.clear()
        reading = asyncio.create_task(self.table.look_again())
        await self.wanted.wait()
        return reading

    @property
    def table(self) -> PagedTable[int]:
        return self.query_one(PagedTable)


async def test_who_moves_while_the_list_is_read_again_stays_there() -> None:
    app = _Numbers()
    async with app.run_test() as pilot:
        await app.table.look(app.fetch)
        reading = await app.is_read_again()
        await pilot.press("down", "down")
        app.gate.set()
        await reading
        assert app.table.chosen == 2


async def test_who_went_to_the_end_while_the_list_is_read_again_stays_there() -> None:
    app = _Numbers()
    async with app.run_test() as pilot:
        await app.table.look(app.fetch)
        app.gate.clear()
        app.wanted.clear()
        await pilot.press("end")
        await app.wanted.wait()
        reading = await app.is_read_again()
        app.gate.set()
        await reading
        await pilot.pause()
        assert app.table.chosen == 99


class _Names(App[None]):
    """Names of every sort, more than are in sight, broader than the screen."""

    names = ("Ada", "Noëlle", "漢字 and Latin", "a\ttab", "two\nlines", "long " * 12)

    def compose(self) -> ComposeResult:
        yield PagedTable[int](("Number", "Name"), self.cells)

    def cells(self, row: int) -> tuple[str, Text]:
        return str(row), Text(self.names[row % len(self.names)], style="red bold" if row % 4 else "")

    async def fetch(self, _place: Place, limit: int) -> Page[int]:
        return Page(tuple(range(limit)), tuple((row,) for row in range(limit)), False, False)


def _looks(line: Strip) -> list[tuple[str, str, str, bool, bool]]:
    """Each character of a line, its colours, and whether it is bold or reversed."""
    return [
        (character, str(style.color), str(style.bgcolor), bool(style.bold), bool(style.reverse))
        for text, style, _control in line
        for style in (style or Style.null(),)
        for character in text
    ]


@pytest.mark.parametrize("keys", [(), ("down", "down"), ("end", "up"), ("down", "right", "right", "right")])
async def test_lines_look_as_the_table_itself_would_draw_them(keys: tuple[str, ...]) -> None:
    app = _Names()
    async with app.run_test(size=(40, 10)) as pilot:
        table = app.query_one(PagedTable)
        await table.look(app.fetch)
        await pilot.press(*keys)
        await pilot.pause()
        for y in range(10):
            assert _looks(table.render_line(y)) == _looks(DataTable.render_line(table, y)), f"line {y}"


async def test_a_click_goes_to_the_row_under_it() -> None:
    app = _Names()
    async with app.run_test(size=(40, 10)) as pilot:
        table = app.query_one(PagedTable)
        await table.look(app.fetch)
        await pilot.click(PagedTable, offset=(2, 4))
        assert table.chosen == 3
