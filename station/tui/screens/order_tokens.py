"""The tokens of one order, under its reconciliation."""

from __future__ import annotations

from functools import partial

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Label

from batch.store import lists
from batch.store.database import Records
from batch.store.lists import ListedToken, TokensWanted
from batch.store.paging import Page, Place
from station.tui.desk_screen import DeskScreen
from station.tui.screens.orders_reading import balance_told, details
from station.tui.state_words import told
from station.tui.widgets.paged_table import PagedTable
from station.tui.words import N_, _
from station.wiring import Desk


class OrderTokensScreen(DeskScreen):
    """Opened from the list of orders; Escape goes back to it."""

    area = "orders"
    help = N_("The tokens of an order, by number. Enter shows one with all its history; Escape goes back.")
    BINDINGS = [Binding("escape", "back", N_("Back"))]

    def __init__(self, number: str) -> None:
        super().__init__()
        self.number = number

    def content(self) -> ComposeResult:
        yield Label("", id="balance", markup=False)
        headings = (_("Token"), _("State"), _("For"), _("Layout"), _("Where"), _("Serial"), _("Reason"))
        yield PagedTable[ListedToken](headings, _cells, id="order-tokens")

    def on_mount(self) -> None:
        """The table has the focus."""
        self.query_one(PagedTable).focus()

    async def load(self) -> None:
        self.number = self.station.take_sought(self.area) or self.number
        found = await self.read(partial(details, number=self.number))
        order = found.order
        state = f"{order.number} ({order.reference})  {told(order.state)}"
        self.query_one("#balance", Label).update(f"{state}\n{balance_told(found)}")
        wanted = TokensWanted(order_id=order.id)

        async def fetch(place: Place, limit: int) -> Page[ListedToken]:
            def page(_desk: Desk, records: Records) -> Page[ListedToken]:
                return lists.page(records, wanted, place, limit, newest=False)

            return await self.read(page)

        await self.query_one(PagedTable).look_again(fetch)

    @on(PagedTable.Opened)
    def show_token(self, event: PagedTable.Opened) -> None:
        """The token with all that is known of it."""
        self.station.find(event.row.item.mailer_number)

    def action_back(self) -> None:
        """To the list of orders."""
        self.dismiss()


def _cells(row: ListedToken) -> tuple[str, ...]:
    item = row.item
    person = f"{item.fields.get('given_name', '')} {item.fields.get('surname', '')}".strip()
    whose = item.fields.get("group") or person or (_("forgotten") if item.forgotten else "")
    where = told(row.life) if row.life else (item.seat or "")
    return (
        item.mailer_number,
        told(item.state),
        whose[:28],
        item.layout,
        where,
        item.token_serial or "",
        item.reason or "",
    )
