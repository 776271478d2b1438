"""A list that is read again while somebody moves in it."""

from __future__ import annotations

import asyncio

from textual.app import App, ComposeResult

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
