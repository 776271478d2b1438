"""A table over more rows than a screen should hold: one window of them, moved as the cursor moves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

from rich.style import Style
from rich.text import Text
from textual import work
from textual.binding import Binding
from textual.coordinate import Coordinate
from textual.message import Message
from textual.strip import Strip

from batch.store.paging import FIRST, LAST, Cursor, Page, Place, before, beginning
from station.tui.widgets.desk_table import DeskTable
from station.tui.widgets.table_line import table_line
from station.tui.words import N_

Row = TypeVar("Row")

Fetch = Callable[[Place, int], Awaitable[Page[Row]]]
"""Gives the page of at most so many rows at a place."""

_WINDOW = 80
"""Rows that are held: more than the tallest screen shows, and few enough to be drawn while somebody types."""

_EDGE = 3
"""Rows from the edge of the window at which it is moved."""


class PagedTable(DeskTable, Generic[Row]):
    """Rows of a list, of which only a window is held; `cells` tells what a row shows."""

    BINDINGS = [
        Binding("home,ctrl+home", "scroll_top", N_("First"), show=False),
        Binding("end,ctrl+end", "scroll_bottom", N_("Last"), show=False),
    ]

    class Opened(Message):
        """A row was chosen with Enter."""

        def __init__(self, table: PagedTable[Any], row: Any) -> None:
            super().__init__()
            self.table, self.row = table, row

        @property
        def control(self) -> PagedTable[Any]:
            """The table, for `@on` with a selector."""
            return self.table

    class Highlighted(Message):
        """The cursor came to a row; None where there is none."""

        def __init__(self, table: PagedTable[Any], row: Any) -> None:
            super().__init__()
            self.table, self.row = table, row

        @property
        def control(self) -> PagedTable[Any]:
            """The table, for `@on` with a selector."""
            return self.table

    def __init__(
        self, columns: Sequence[str], cells: Callable[[Row], Sequence[str | Text]], *, id: str | None = None
    ) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=True)
        self._headings, self._cells = tuple(columns), cells
        self._fetch: Fetch[Row] | None = None
        self._page: Page[Row] = Page((), (), False, False)
        self._shown: Sequence[tuple[Text, ...]] = ()
        self._moving = False

    def on_mount(self) -> None:
        """The columns, once."""
        self.add_columns(*self._headings)

    @property
    def chosen(self) -> Row | None:
        """The row under the cursor."""
        return self._page.rows[self.cursor_row] if self._page.rows else None

    @property
    def page(self) -> Page[Row]:
        """The window that is held."""
        return self._page

    def render_line(self, y: int) -> Strip:
        """The headings above, and of the window what is in sight."""
        across, down = self.scroll_offset
        width, base = self.size.width, self.rich_style
        row = y + down - 1 if y else -1
        if row >= len(self._shown):
            return Strip.blank(width, base)
        cells = self._shown[row] if row >= 0 else [column.label for column in self.ordered_columns]
        component = self.get_component_rich_style
        over = Style.null()
        if row < 0:
            style = base + component("datatable--header")
        else:
            style = base + component("datatable--odd-row" if row % 2 else "datatable--even-row")
            if row == self.cursor_row:
                cursor = component("datatable--cursor")
                style, over = style + cursor, Style.from_color(cursor.color)
        widths = [column.get_render_width(self) for column in self.ordered_columns]
        laid = list(zip(cells, widths, strict=True))
        line = table_line(self.app.console, row, laid, style, over, self.cell_padding)
        return line.crop(across, across + width).adjust_cell_length(width, style)

    async def look(self, fetch: Fetch[Row]) -> None:
        """Show a list from its beginning."""
        self._fetch = fetch
        self._fill(await fetch(FIRST, _WINDOW), 0)

    async def look_at(self, cursor: Cursor, fetch: Fetch[Row]) -> None:
        """Show a list from one of its rows on, the cursor on that row."""
        self._fetch = fetch
        self._fill(await fetch(beginning(cursor), _WINDOW), 0)

    async def look_again(self, fetch: Fetch[Row] | None = None) -> None:
        """Show what is there now of the same rows, the cursor staying on its own."""
        self._fetch = fetch or self._fetch
        if self._fetch is None:
            return
        held = self._page
        if not held.cursors:
            self._fill(await self._fetch(FIRST, _WINDOW), 0)
            return
        page = await self._fetch(beginning(held.cursors[0]) if held.has_before else FIRST, _WINDOW)
        # Somebody may have moved the cursor meanwhile, or the window, which then is newer than this.
        if self._page is held:
            at = self.cursor_row
            self._fill(page, _place(page, held.cursors[min(at, len(held.cursors) - 1)], at))

    def watch_cursor_coordinate(self, old: object, new: object) -> None:
        """Near an edge of the window the next is asked for."""
        super().watch_cursor_coordinate(old, new)  # type: ignore[arg-type]
        if self._page.rows:
            self.post_message(self.Highlighted(self, self.chosen))
        if self._moving or self._fetch is None:
            return
        at, rows = self.cursor_row, len(self._page.rows)
        if self._page.has_after and at >= rows - _EDGE:
            self._move(beginning(self._page.cursors[rows // 2]))
        elif self._page.has_before and at < _EDGE:
            self._move(before(self._page.cursors[rows // 2]))

    def action_select_cursor(self) -> None:
        """Open the row under the cursor."""
        if self._page.rows:
            self.post_message(self.Opened(self, self._page.rows[self.cursor_row]))

    def action_scroll_top(self) -> None:
        """To the first row of all."""
        self._jump(FIRST)

    def action_scroll_bottom(self) -> None:
        """To the last row of all."""
        self._jump(LAST)

    @work(group="page", exclusive=True, exit_on_error=False)
    async def _jump(self, place: Place) -> None:
        if self._fetch is not None:
            page = await self._fetch(place, _WINDOW)
            self._fill(page, 0 if place is FIRST else len(page.rows) - 1)

    @work(group="page", exclusive=True, exit_on_error=False)
    async def _move(self, place: Place) -> None:
        if self._fetch is not None and self._page.cursors:
            page = await self._fetch(place, _WINDOW)
            wanted = self._page.cursors[self.cursor_row]
            self._fill(page, _place(page, wanted, len(page.rows) // 2))

    def _fill(self, page: Page[Row], at: int) -> None:
        """Show a page in the place of the last; what is the same in both is not drawn again."""
        self._moving = True
        try:
            self._page = page
            cells = [tuple(_text(one) for one in self._cells(row)) for row in page.rows]
            if len(cells) == len(self._shown):
                self._change(cells)
            else:
                self.clear()
                self.add_rows(cells)
            self._shown = cells
            self.move_cursor(row=max(0, min(at, len(page.rows) - 1)), scroll=True)
        finally:
            self._moving = False
        self.post_message(self.Highlighted(self, self.chosen))

    def _change(self, cells: Sequence[Sequence[Text]]) -> None:
        """Put these in the place of as many rows; columns grow as they must, and never jump back."""
        for at, (shown, wanted) in enumerate(zip(self._shown, cells, strict=True)):
            for place, (was, text) in enumerate(zip(shown, wanted, strict=True)):
                if was != text or was.style != text.style:
                    wider = text.cell_len > self.ordered_columns[place].content_width
                    self.update_cell_at(Coordinate(at, place), text, update_width=wider)


def _text(cell: str | Text) -> Text:
    return cell if isinstance(cell, Text) else Text(cell)


def _place(page: Page[Row], cursor: Cursor, otherwise: int) -> int:
    """Where in a page the row of a cursor is."""
    return page.cursors.index(cursor) if cursor in page.cursors else otherwise
