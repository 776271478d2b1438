"""The area of orders: taken in, assessed, decided on, started, closed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Label

from batch.model.assessment import Level
from batch.model.errors import NotFound
from batch.model.states import ORDER, OrderState
from batch.orders.catalogue import LibraryLayouts
from batch.orders.notices import KINDS, kind_of
from batch.people.separation import Act
from batch.production.ordering import approved_by
from batch.store import order_list, orders
from batch.store.database import Records
from batch.store.order_list import ListedOrder, OrdersWanted
from batch.store.paging import Page, Place
from station.tui.dialogs.asking import AskLine
from station.tui.dialogs.choosing import Choose
from station.tui.dialogs.confirming import Confirm, TypedConfirmation
from station.tui.dialogs.picking import NewFile
from station.tui.dialogs.reading_lines import Line, ReadLines
from station.tui.screens import orders_reading
from station.tui.screens.order_importing import import_order
from station.tui.screens.order_tokens import OrderTokensScreen
from station.tui.screens.orders_reading import OrderDetails, findings, levelled
from station.tui.sought_screen import SoughtScreen
from station.tui.state_words import told
from station.tui.widgets.paged_table import PagedTable
from station.tui.words import N_, _, n_
from station.wiring import Desk


class OrdersScreen(SoughtScreen[OrdersWanted, ListedOrder]):
    """Orders, the newest first, with what is known of the one under the cursor."""

    area = "orders"
    help = N_(
        "Orders, the newest first. A file is looked at before it is taken in; then the order is assessed, "
        "approved by somebody else, started, and closed once all is accounted for. "
        "Enter shows an order's tokens; "
        "Escape shows all orders again."
    )
    BINDINGS = [
        Binding("i", "take_in", N_("Import")),
        Binding("a", "assess", N_("Assess")),
        Binding("y", "approve", N_("Approve")),
        Binding("x", "reject", N_("Reject")),
        Binding("p", "produce", N_("Start")),
        Binding("c", "close_order", N_("Close")),
        Binding("n", "notice", N_("Notice")),
        Binding("r", "report", N_("Report")),
        Binding("slash", "filter", N_("Find"), key_display="/"),
        Binding("s", "state", N_("State")),
        Binding("t", "template", N_("Template")),
        Binding("escape", "everything", N_("All orders"), show=False),
    ]

    def __init__(self) -> None:
        super().__init__(OrdersWanted())

    def heading(self) -> ComposeResult:
        yield Label("", id="only", markup=False)

    def new_table(self) -> PagedTable[ListedOrder]:
        headings = (_("Order"), _("State"), _("Tokens"), _("Made"), _("Spoiled"), _("Left"))
        more = (_("Reference"), _("Subscriber"))
        return PagedTable((*headings, *more), _cells, id="orders")

    def placeholder(self) -> str:
        return _("Number, reference or subscriber")

    def page(self, records: Records, wanted: OrdersWanted, place: Place, limit: int) -> Page[ListedOrder]:
        return order_list.page(records, wanted, place, limit)

    def sought(self, text: str) -> OrdersWanted:
        return OrdersWanted(self.wanted.states, text=text.strip() or None)

    def empty(self) -> str:
        if self.wanted != self.all:
            return _("No such order; Esc shows all.")
        return _("No orders yet. i takes a file in, t writes a form.")

    async def load(self) -> None:
        if sought := self.station.take_sought(self.area):
            self.wanted = OrdersWanted(text=sought)
        await super().load()
        wanted, only = self.wanted, self.query_one("#only", Label)
        parts = [told(state) for state in wanted.states]
        parts += [_("beginning with {text}").format(text=wanted.text)] if wanted.text else []
        only.display = bool(parts)
        only.update(_("Only {what}; Esc shows all").format(what=", ".join(parts)))

    def tell(self, row: ListedOrder | None) -> None:
        self._show(row.order.number if row is not None else None)

    @work(group="details", exclusive=True, exit_on_error=False)
    async def _show(self, number: str | None) -> None:
        if number is None:
            self.facts.tell(())
            return
        found = await self._details(number)
        self.facts.tell(orders_reading.facts(found), orders_reading.lines(found))

    async def _details(self, number: str) -> OrderDetails:
        return await self.read(partial(orders_reading.details, number=number))

    # Finding

    @work(group="ask", exclusive=True)
    async def action_state(self) -> None:
        """Show the orders in one state only."""
        anything: tuple[str, tuple[OrderState, ...]] = (_("all"), ())
        options = [anything, *((told(state), (state,)) for state in OrderState)]
        states = await self.app.push_screen_wait(Choose(_("Which orders?"), options))
        if states is not None:
            self.want(OrdersWanted(states, text=self.wanted.text))

    def scanned(self, text: str) -> None:
        """An order of that number or reference, else the token."""
        self._look_up(text)

    @work(group="scan-found", exclusive=True, exit_on_error=False)
    async def _look_up(self, text: str) -> None:
        def number(_desk: Desk, records: Records) -> str | None:
            try:
                return orders.order(records, text).number
            except NotFound:
                return None

        found = await self.read(number)
        if found is None:
            self.station.find(text)
        else:
            self.want(OrdersWanted(text=found))

    @on(PagedTable.Opened)
    def show_tokens(self, event: PagedTable.Opened) -> None:
        """The order's tokens."""
        self.app.push_screen(OrderTokensScreen(event.row.order.number))

    # Acts

    def _chosen(self) -> ListedOrder | None:
        return self.choose(_("There is no order under the cursor."))

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_take_in(self) -> None:
        """Take an order in from a file."""
        if await self.may(Act.RECEIVE, where="order") and await import_order(self):
            # The new one is the first of all.
            self.show_afresh()

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_assess(self) -> None:
        """Find out all that must be known before somebody approves it."""
        row = self._chosen()
        if row is None or not await self.may(Act.ASSESS, where=row.order.number):
            return
        number = row.order.number
        title = _("Assess order {number}").format(number=number)
        outcome = await self.act(title, "order", "assess", number, "--json", checks=True)
        if outcome.failed is not None or not outcome.output.strip():
            return
        found = levelled([(one["level"], one["what"], one["next"]) for one in outcome.document])
        refusing = sum(one["level"] == Level.REFUSING for one in outcome.document)
        told_ = (
            n_("{number} finding refuses it.", "{number} findings refuse it.", refusing)
            if refusing
            else _("Nothing refuses it. Next: y, by somebody else than who brought it in.")
        )
        await self.app.push_screen_wait(ReadLines(title, told_, found))

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_approve(self) -> None:
        """Approve it, having read what was found."""
        if (row := self._chosen()) is None:
            return
        order = row.order
        before = {Act.RECEIVE: (order.imported_by,)}
        if not await self.may(Act.APPROVE, where=order.number, before=before):
            return
        found = await self._details(order.number)
        text = words_of(found)
        title = _("Approve order {number}?").format(number=order.number)
        lines = findings(found.assessment) or [Line("!", _("It is not assessed."), _("a: assess it"))]
        if await self.app.push_screen_wait(ReadLines(title, text, lines, yes=_("Approve"))):
            await self.act(
                _("Approve order {number}").format(number=order.number), "order", "approve", order.number
            )

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_reject(self) -> None:
        """Reject it for good, with the reason."""
        row = self._chosen()
        if row is None or not await self.may(Act.REJECT, where=row.order.number):
            return
        number = row.order.number
        title = _("Reject order {number}").format(number=number)
        label = _("Why, in a sentence; it is kept with the order.")
        reason = await self.app.push_screen_wait(AskLine(title, label))
        if reason is None:
            return
        text = f"{words_of(await self._details(number))}\n{reason}"
        if await self.app.push_screen_wait(TypedConfirmation(title, text, number, _("Reject"))):
            await self.act(title, "order", "reject", number, f"--reason={reason}")

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_produce(self) -> None:
        """Start its production, at the bench."""
        if (row := self._chosen()) is None:
            return
        order = row.order
        before = await self.read(lambda _desk, records: approved_by(records, order))
        if await self.may(Act.PRODUCE, where=order.number, before=before):
            self.station.start_order(order.number)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_close_order(self) -> None:
        """Close it, or tell all that keeps it open; then its report."""
        row = self._chosen()
        if row is None or not await self.may(Act.CLOSE, where=row.order.number):
            return
        number = row.order.number
        found = await self._details(number)
        title = _("Close order {number}").format(number=number)
        if OrderState.CLOSED not in ORDER[found.order.state]:
            text = _("It is {state}; an order is closed once it is produced.")
            text = text.format(state=told(found.order.state))
            await self.app.push_screen_wait(ReadLines(title, text, ()))
        elif found.obstacles:
            keeps = [Line("!", f"{one.told}: {one.why}", one.command) for one in found.obstacles]
            await self.app.push_screen_wait(ReadLines(title, _("This keeps it open:"), keeps))
        else:
            text = words_of(found)
            if await self.app.push_screen_wait(TypedConfirmation(title, text, number, _("Close it"))):
                outcome = await self.act(title, "order", "close", number)
                ask = _("It is closed. Write its signed report?")
                dialog = Confirm(title, ask, _("Write"))
                if outcome.done and (await self.app.push_screen_wait(dialog)) is True:
                    await self._report(number)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_report(self) -> None:
        """Write its signed report, as JSON and on paper."""
        if (row := self._chosen()) is not None:
            await self._report(row.order.number)

    async def _report(self, number: str) -> None:
        if not await self.may(Act.ACCOUNT, where=number):
            return
        title = _("Report of order {number}").format(number=number)
        if file := await self._new_file(title, f"order-{number}.json"):
            paper = file.with_suffix(".pdf")
            await self.act(title, "order", "report", number, "--json", str(file), "--pdf", str(paper))

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_notice(self) -> None:
        """Write a notice to its subscriber."""
        row = self._chosen()
        if row is None or not await self.may(Act.NOTIFY, where=row.order.number):
            return
        order = row.order
        title = _("Notice of order {number}").format(number=order.number)
        kinds = [kind for kind, states in KINDS.items() if order.state in states]
        kinds.sort(key=lambda kind: kind != kind_of(order))
        kind: str | None = kinds[0]
        if len(kinds) > 1:
            kind = await self.app.push_screen_wait(Choose(title, [(_(one), one) for one in kinds]))
        if kind and (file := await self._new_file(title, f"{kind}-{order.number}.eml")):
            await self.act(title, "order", "notice", order.number, "--kind", kind, "--output", str(file))

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_template(self) -> None:
        """Write an empty order form."""

        def layouts(desk: Desk, _records: Records) -> list[str]:
            return list(LibraryLayouts(desk.library).references())

        title = _("An empty order form")
        names = await self.read(layouts)
        options = [(_("tokens of any layout"), ""), *((name, name) for name in names)]
        layout = await self.app.push_screen_wait(Choose(title, options))
        if layout is not None and (file := await self._new_file(title, "order-form.xlsx")):
            outcome = await self.act(
                title, "order", "template", str(file), *(("--layout", layout) if layout else ())
            )
            if outcome.done:
                self.notify(_("Written: {file}").format(file=file), markup=False)

    async def _new_file(self, title: str, name: str) -> Path | None:
        return await self.app.push_screen_wait(NewFile(title, self.station.folder, name))


def words_of(found: OrderDetails) -> str:
    """What somebody decides about, in a few lines."""
    order = found.order
    return "\n".join(
        (
            f"{order.number} ({order.reference})  {told(order.state)}",
            f"{order.subscriber} ({order.organisation})",
            orders_reading.balance_told(found),
            f"{_('Signature')}: {orders_reading.signature(found.signature)}",
        )
    )


def _cells(row: ListedOrder) -> tuple[str, ...]:
    order = row.order
    counts = (row.ordered, row.produced, row.spoiled, row.left)
    return (
        order.number,
        told(order.state),
        *(str(count) for count in counts),
        order.reference[:20],
        order.subscriber[:40],
    )
