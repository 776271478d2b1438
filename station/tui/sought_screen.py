"""A list, narrowed by what is typed above it, and beside it what is known of the row under the cursor."""

from __future__ import annotations

from abc import abstractmethod
from typing import Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Input, Label

from batch.store.database import Records
from batch.store.paging import Page, Place
from station.tui.desk_screen import DeskScreen
from station.tui.widgets.facts import Facts
from station.tui.widgets.paged_table import PagedTable, Row
from station.wiring import Desk

_Wanted = TypeVar("_Wanted")


class SoughtScreen(DeskScreen, Generic[_Wanted, Row]):
    """An area with one list of rows; `wanted` says which of them are shown."""

    AUTO_FOCUS = "PagedTable"

    def __init__(self, wanted: _Wanted) -> None:
        super().__init__()
        self.wanted = wanted
        self.all = wanted
        """What is wanted where nothing is sought."""
        self._shown: _Wanted | None = None

    @abstractmethod
    def new_table(self) -> PagedTable[Row]:
        """The list; made once."""

    @abstractmethod
    def placeholder(self) -> str:
        """What may be typed into the field."""

    @abstractmethod
    def page(self, records: Records, wanted: _Wanted, place: Place, limit: int) -> Page[Row]:
        """The page at a place of the rows that are wanted."""

    @abstractmethod
    def sought(self, text: str) -> _Wanted:
        """What is wanted once a text is typed."""

    @abstractmethod
    def empty(self) -> str:
        """What stands where no row is as wanted."""

    @abstractmethod
    def tell(self, row: Row | None) -> None:
        """Another row is under the cursor, or the same was read again: tell of it in `facts`."""

    def heading(self) -> ComposeResult:
        """What stands above the list."""
        yield from ()

    def content(self) -> ComposeResult:
        with Vertical(classes="split"):
            with Vertical(classes="list"):
                field = Input(placeholder=self.placeholder(), id="sought", compact=True)
                # There once it is asked for.
                field.display = False
                yield field
                yield from self.heading()
                yield self.new_table()
                yield Label("", id="none", classes="empty", markup=False)
            with VerticalScroll(classes="details"):
                yield Facts(id="told")

    @property
    def field(self) -> Input:
        """Where is typed what is sought."""
        return self.query_one("#sought", Input)

    @property
    def table(self) -> PagedTable[Row]:
        """The list."""
        return self.query_one(PagedTable)

    @property
    def facts(self) -> Facts:
        """What is known of the row under the cursor."""
        return self.query_one("#told", Facts)

    async def load(self) -> None:
        wanted = self.wanted

        async def fetch(place: Place, limit: int) -> Page[Row]:
            def page(_desk: Desk, records: Records) -> Page[Row]:
                return self.page(records, wanted, place, limit)

            return await self.read(page)

        await (self.table.look_again(fetch) if wanted == self._shown else self.table.look(fetch))
        self._shown = wanted
        empty, none = not self.table.page.rows, self.query_one("#none", Label)
        none.display = empty
        self.table.set_class(empty, "-empty")
        none.update(self.empty())

    @on(PagedTable.Highlighted)
    def _highlighted(self, event: PagedTable.Highlighted) -> None:
        self.tell(event.row)

    def want(self, wanted: _Wanted) -> None:
        """Show others."""
        if wanted != self.wanted:
            self.wanted = wanted
            self.reload()

    def show_afresh(self) -> None:
        """Show all from their beginning, also where they are shown already."""
        self._shown = None
        self.action_everything()
        self.reload()

    def action_filter(self) -> None:
        """Type what is sought."""
        self.field.display = True
        self.field.focus()

    @on(Input.Changed, "#sought")
    def _typed(self, event: Input.Changed) -> None:
        self.want(self.sought(event.value))

    @on(Input.Submitted, "#sought")
    def _found(self, event: Input.Submitted) -> None:
        event.stop()
        self.table.focus()

    def action_everything(self) -> None:
        """Show all again."""
        self.field.value = ""
        self.field.display = False
        self.table.focus()
        self.want(self.all)

    def choose(self, none: str) -> Row | None:
        """The row under the cursor; None, having said that there is none, else."""
        if self.table.chosen is None:
            self.notify(none, severity="warning")
        return self.table.chosen
