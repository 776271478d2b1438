"""Areas with several lists, one of them shown, and beside it what is known of the row under the cursor."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, Vertical, VerticalScroll
from textual.widgets import ContentSwitcher, Label

from batch.store.paging import Cursor, Page
from drivers.errors import ToldError
from station.tui.desk_screen import DeskScreen
from station.tui.widgets.facts import Fact, Facts
from station.tui.widgets.list_bar import ListBar
from station.tui.widgets.paged_table import Fetch, PagedTable, Row
from station.tui.words import N_, _

Told = tuple[Sequence[Fact], Sequence[str]]
"""Facts about a row, and lines below them."""


class ListsScreen(DeskScreen):
    """An area with some lists. `tables` makes them, `fetch_of` fills them, `told_of` tells of a row."""

    lists: ClassVar[tuple[tuple[str, str], ...]]
    """Names and titles (N_) of the lists, the first shown first."""

    BINDINGS = [Binding("v", "next_list", N_("Next list"), show=False)]

    def __init__(self) -> None:
        super().__init__()
        self.shown = self.lists[0][0]
        """The list that is shown."""
        self._afresh = False
        self._from: Cursor | None = None

    @abstractmethod
    def tables(self) -> Mapping[str, PagedTable[Any]]:
        """The table of each list by its name; made once."""

    @abstractmethod
    def fetch_of(self, name: str) -> Fetch[Any]:
        """Gives the pages of a list as it is wanted at this moment."""

    @abstractmethod
    def empty_of(self, name: str) -> str:
        """What stands where a list is empty: what fills it."""

    @abstractmethod
    async def told_of(self, name: str, row: Any) -> Told:
        """What is known of a row of a list; runs in a worker that a later one cuts off."""

    async def counted(self) -> Mapping[str, str]:
        """What is told behind the titles of lists."""
        return {}

    def heading(self) -> ComposeResult:
        """What stands above the lists."""
        yield from ()

    def content(self) -> ComposeResult:
        yield from self.heading()
        if len(self.lists) > 1:
            yield ListBar(self.lists, self.shown)
        with Container(classes="split"):
            with ContentSwitcher(initial=f"list-{self.shown}", classes="list"):
                for name, table in self.tables().items():
                    with Vertical(id=f"list-{name}"):
                        yield table
                        yield Label("", classes="empty", markup=False)
            with VerticalScroll(classes="details", can_focus=False):
                yield Facts(id="told")

    def on_mount(self) -> None:
        """The list that is shown has the focus."""
        self.table.focus()

    @property
    def table(self) -> PagedTable[Any]:
        """The table of the list that is shown."""
        return self.table_of(self.shown)

    def table_of(self, name: str) -> PagedTable[Any]:
        """The table of a list."""
        return self.query_one(f"#list-{name} PagedTable", PagedTable)

    def show_list(self, name: str, *, afresh: bool = False, begin: Cursor | None = None) -> None:
        """Show a list and have it read: where it was, or else from its beginning or from a row on."""
        self.shown, self._afresh, self._from = name, afresh, begin
        self.query_one(ContentSwitcher).current = f"list-{name}"
        self.table.focus()
        self.reload()

    def action_next_list(self) -> None:
        """Show the list behind the one that is shown."""
        names = [name for name, _title in self.lists]
        self.show_list(names[(names.index(self.shown) + 1) % len(names)])

    async def load(self) -> None:
        """The list that is shown, and what is told of all."""
        name, table, fetch = self.shown, self.table, self.fetch_of(self.shown)
        if self._from is not None:
            await table.look_at(self._from, fetch)
        elif self._afresh:
            await table.look(fetch)
        else:
            await table.look_again(fetch)
        self._afresh, self._from = False, None
        there = bool(table.page.rows)
        table.display = there
        empty = self.query_one(f"#list-{name} .empty", Label)
        empty.display = not there
        if not there:
            empty.update(self.empty_of(name))
        told = await self.counted()
        for bar in self.query(ListBar):
            bar.tell(self.shown, told)

    @on(PagedTable.Highlighted)
    def _highlighted(self, event: PagedTable.Highlighted) -> None:
        if event.table is self.table:
            self._tell_of(self.shown, event.row)

    @work(group="details", exclusive=True, exit_on_error=False)
    async def _tell_of(self, name: str, row: Any) -> None:
        told: Told = ((), ())
        if row is not None:
            try:
                told = await self.told_of(name, row)
            except ToldError as error:
                told = ((), (f"✗ {error}",))
        self.query_one("#told", Facts).tell(*told)

    def chosen_in(self, name: str) -> Any:
        """The row under the cursor of a list, which is shown first; None, having said so, where none is."""
        if self.shown != name:
            self.show_list(name)
            self.notify(_("Choose a row, then press the key again."), severity="warning")
            return None
        if self.table.chosen is None:
            self.notify(self.empty_of(name), severity="warning")
        return self.table.chosen


def whole(rows: Sequence[Row], cursors: Sequence[Cursor]) -> Page[Row]:
    """A short list as its only page."""
    return Page(tuple(rows), tuple(cursors), False, False)
