"""The area letters: what may be printed and leave and why the rest may not, forms, and every letter's way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Label

from batch.model.states import LetterState
from batch.people.separation import Act
from batch.store.paging import Page, Place
from drivers.errors import ToldError
from layouts.scans import Kind
from station.tui.dialogs.asking import AskLine
from station.tui.dialogs.choosing import Choose
from station.tui.dialogs.confirm_forms import ConfirmForms
from station.tui.dialogs.confirming import Confirm
from station.tui.dialogs.form import Field, Form
from station.tui.lists_screen import ListsScreen, Told
from station.tui.screens import letters_reading as reading
from station.tui.screens.letter_acts import LetterActs
from station.tui.screens.letters_reading import LetterRow, OrderRow
from station.tui.state_words import told
from station.tui.widgets.paged_table import Fetch, PagedTable
from station.tui.words import N_, _, n_


class LettersScreen(LetterActs, ListsScreen):
    """Letters by order, then one by one."""

    area = "letters"
    scans = (Kind.LETTER, Kind.TOKEN, Kind.FORM)
    help = N_(
        "Orders with what their letters wait for; Enter shows the letters of one, v all, Escape the orders. "
        "Two PIN officers print; then each form is looked at and its number scanned; then letters are sent. "
        "Settle says what became of a torn form, or of a letter in doubt; a void letter may be reprinted. "
        "Scan a letter's number, or that of its form, to find it. What stands in a letter is never shown."
    )
    lists = (("orders", N_("Orders")), ("letters", N_("Letters")))
    BINDINGS = [
        Binding("p", "print", N_("Print")),
        Binding("c", "confirm", N_("Confirm")),
        Binding("m", "send", N_("Send")),
        Binding("s", "settle", N_("Settle")),
        Binding("r", "reprint", N_("Reprint")),
        Binding("l", "lose", N_("Lost")),
        Binding("f", "filter", N_("Filter")),
        Binding("escape", "all_orders", N_("All orders"), show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._order: str | None = None
        self._states: tuple[LetterState, ...] = ()

    def heading(self) -> ComposeResult:
        yield Label("", id="forms", markup=False)

    def tables(self) -> Mapping[str, PagedTable[Any]]:
        of_orders = (
            _("Order"),
            _("Subscriber"),
            _("Sealed"),
            _("Confirm"),
            _("In doubt"),
            _("Send"),
            _("Sent"),
        )
        of_letters = (_("Letter"), _("Order"), _("State"), _("Form"), _("Next"))
        return {
            "orders": PagedTable(of_orders, _order_cells, id="letter-orders"),
            "letters": PagedTable(of_letters, _letter_cells, id="letters"),
        }

    def fetch_of(self, name: str) -> Fetch[Any]:
        order, states = self._order, self._states

        async def fetch(place: Place, limit: int) -> Page[Any]:
            if name == "orders":
                return await self.read(lambda _desk, records: reading.orders_page(records, place, limit))
            return await self.read(
                lambda desk, records: reading.letters_page(desk, records, order, states, place, limit)
            )

        return fetch

    def empty_of(self, name: str) -> str:
        if name == "orders":
            return _("No letters: they are there once tokens are made. F2 starts a production.")
        return _("No letters of this kind. f chooses another, Escape shows all orders.")

    async def counted(self) -> Mapping[str, str]:
        stock = await self.read(reading.form_stock)
        line = self.query_one("#forms", Label)
        line.display = stock is not None
        if stock is not None:
            text = n_("{number} form in stock", "{number} forms in stock", stock.in_stock)
            following = _("next {form}").format(form=stock.next) if stock.next else None
            low = None
            if stock.lacking:
                low = n_(
                    "! {number} too few for those sealed",
                    "! {number} too few for those sealed",
                    stock.lacking,
                )
            line.update(" · ".join(filter(None, (stock.printer, text, following, low))))
        states = ", ".join(_(state) for state in self._states)
        return {"letters": " ".join(filter(None, (self._order or _("all"), states)))}

    async def told_of(self, name: str, row: Any) -> Told:
        if isinstance(row, OrderRow):
            return await self._told_of_order(row)
        assert isinstance(row, LetterRow)
        return await self._told_of_letter(row)

    async def _told_of_order(self, row: OrderRow) -> Told:
        found = await self.read(lambda desk, records: reading.prospects(desk, records, row.number))
        facts = [
            (_("Order"), f"{row.number} · {row.subscriber}"),
            (_("May be printed"), str(found.printable)),
            (_("May leave"), str(found.sendable)),
        ]
        counts = [f"{number} {_(state)}" for state, number in row.letters.items() if number]
        facts.append((_("Letters"), ", ".join(counts) or _("none yet")))
        waiting = [
            n_("{number} waits: ", "{number} wait: ", number) + reason for reason, number in found.waiting
        ]
        return facts, waiting

    async def _told_of_letter(self, row: LetterRow) -> Told:
        found = await self.read(lambda _desk, records: reading.letter_facts(records, row.number))
        printed = f"{found.printed_at:%Y-%m-%d %H:%M}" if found.printed_at else None
        facts = [
            (_("Letter"), f"{row.number} · {row.order}"),
            (_("State"), told(row.state)),
            (_("Next"), _next(row) or None),
            (_("Token"), told(row.token) or None),
            (_("Printed"), printed),
            (_("Printer"), found.printer),
            (_("By"), found.operator),
            (_("Printed again"), str(found.reprints) if found.reprints else None),
        ]
        lines = [f"{form}: {told(state)}" for form, state in found.forms]
        for one in found.postings:
            lines.append(
                " · ".join(filter(None, (f"{one.sent_at:%Y-%m-%d}", one.how, one.reference, one.sent_by)))
            )
            if one.returned_at is not None:
                lines.append(f"{one.returned_at:%Y-%m-%d} {_('came back')} · {one.returned_by}")
        return facts, lines

    # Going about

    @on(PagedTable.Opened, "#letter-orders")
    def _open_order(self, event: PagedTable.Opened) -> None:
        self._look_into(event.row.number)

    def _look_into(self, order: str | None, *states: LetterState) -> None:
        self._order, self._states = order, states
        self.show_list("letters", afresh=True)

    def action_all_orders(self) -> None:
        """Back to the orders."""
        self._order, self._states = None, ()
        self.show_list("orders")

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_filter(self) -> None:
        """Choose which letters are shown."""
        options: list[tuple[str, tuple[LetterState, ...]]] = [
            (_("All"), ()),
            (_("To be printed"), (LetterState.SEALED,)),
            (_("To be confirmed"), (LetterState.PRINTED,)),
            (_("In doubt"), (LetterState.PRINTING, LetterState.UNKNOWN)),
            (_("To be sent"), (LetterState.CONFIRMED, LetterState.RETURNED)),
            (_("Sent"), (LetterState.SENT,)),
            (_("Void or lost"), (LetterState.VOID, LetterState.LOST)),
        ]
        chosen = await self.app.push_screen_wait(Choose(_("Which letters?"), options))
        if chosen is not None:
            self._look_into(self.order_here() if self.shown == "letters" else None, *chosen)

    def on_screen_resume(self) -> None:
        """Go to what another area is about: the letters of an order, or one letter."""
        if (sought := self.station.take_sought(self.area)) is not None:
            if "-" in sought:
                self._look_into(sought)
            else:
                self._find(sought)

    def scanned(self, text: str) -> None:
        self._find(text)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def _find(self, text: str) -> None:
        try:
            found = await self.read(lambda _desk, records: reading.found_letter(records, text))
        except ToldError as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        if found is None:
            none = _("No letter is on form {form}.").format(form=text)
            self.notify(none, severity="warning", markup=False)
            return
        number, order = found
        self._order, self._states = order, ()
        self.show_list("letters", begin=(int(number),))

    def order_here(self) -> str | None:
        """The order that the cursor is on."""
        row = self.table.chosen
        if isinstance(row, OrderRow):
            return row.number
        if isinstance(row, LetterRow):
            return row.order
        return self._order

    # What is done with all letters of an order

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_print(self) -> None:
        """Print what may be printed of an order, two PIN officers being here."""
        order = self.order_of_act()
        if order is None:
            return
        known = await self.read(lambda desk, records: reading.before_printing(desk, records, order))
        if not await self.may(Act.RELEASE, where=order, before=known.before):
            return
        if not known.ready:
            title = _("No letter of {order} may be printed").format(order=order)
            none = _("All of its letters were sent to a printer.")
            self.notify("\n".join(known.held) or none, title=title, severity="warning", markup=False)
            return
        officers = list[str]()
        for _place in range(known.officers - 1):
            who = await self.partner(Act.OPEN_CUSTODY, *officers)
            if who is None:
                return
            officers.append(who)
        together = [word for name in officers for word in ("--with", name)]
        title = _("Print the letters of {order}").format(order=order)
        await self.act(title, "letter", "print", order, *together, show=True)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_confirm(self) -> None:
        """Say which form each printed letter is on."""
        order = self.order_of_act()
        if order is None or not await self.may(Act.SETTLE, where=order):
            return
        found = await self.read(lambda desk, records: reading.to_confirm(desk, records, order))
        if not found.seen:
            self.notify(_("No letter of {order} waits to be confirmed.").format(order=order), markup=False)
            return
        title = _("Confirm the letters of {order}").format(order=order)
        if not found.numbered:
            text = n_(
                "{number} letter was printed. Does it lie there, whole and sealed?",
                "{number} letters were printed. Do all of them lie there, whole and sealed?",
                len(found.seen),
            )
            if await self.app.push_screen_wait(Confirm(title, text, _("They do"))):
                await self.act(title, "letter", "confirm", "--order", order)
            return
        ways = [(_("Scan the number of each form"), True), (_("They are in a row: scan the first"), False)]
        each = await self.app.push_screen_wait(Choose(title, ways))
        if each:
            await self._confirm_each(order, title, found)
        elif each is not None:
            await self._confirm_row(order, title, found)

    async def _confirm_row(self, order: str, title: str, found: reading.ToConfirm) -> None:
        first = found.seen[0].form
        text = _("The first is letter {letter}.").format(letter=found.seen[0].letter)
        # Seen in hand, not taken over from what is expected (R12).
        hint = _("{form} is expected").format(form=first) if first else ""
        fields = (
            Field("first", _("Its form"), hint=hint, needed=True),
            Field("spoiled", _("Without a letter"), hint=_("forms in between, where there are any")),
        )
        typed = await self.app.push_screen_wait(Form(title, fields, _("They lie there"), text))
        if typed is not None:
            spoiled = [word for one in typed["spoiled"].split() for word in ("--spoiled", one)]
            await self.act(title, "letter", "confirm", "--order", order, "--first", typed["first"], *spoiled)

    async def _confirm_each(self, order: str, title: str, found: reading.ToConfirm) -> None:
        scanned = await self.app.push_screen_wait(ConfirmForms(order, found.seen, found.gone))
        if scanned is None:
            return
        if scanned.seen:
            seen = [word for letter, form in scanned.seen for word in ("--seen", letter, form)]
            spoiled = [word for form in scanned.spoiled for word in ("--spoiled", form)]
            outcome = await self.act(title, "letter", "confirm", *seen, *spoiled)
            if not outcome.done:
                return
        for number in scanned.missing:
            await self.lose(number)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_send(self) -> None:
        """Put on record that letters leave: of the order, or the one under the cursor."""
        row = self.table.chosen
        if row is None:
            self.notify(self.empty_of(self.shown), severity="warning")
            return
        before = None
        if isinstance(row, LetterRow):
            before = await self.read(lambda _desk, records: reading.before_sending(records, row.number))
            if row.doing == "send" and row.may is not None and row.may.reason is not None:
                self._say_why(row.number, row.may.reason)
                return
        if not await self.may(Act.SEND_LETTER, where=row.number, before=before):
            return
        if isinstance(row, OrderRow):
            found = await self.read(lambda desk, records: reading.prospects(desk, records, row.number))
            if not found.sendable:
                self._say_why(row.number, *(reason for reason, _number in found.waiting))
                return
            text = n_("{number} letter may leave", "{number} letters may leave", found.sendable)
            what: Sequence[str] = ("--order", row.number)
        else:
            text, what = _("Letter {number}").format(number=row.number), (row.number,)
        ways = [(_("By post"), "post"), (_("By courier"), "courier"), (_("By hand"), "hand")]
        title = _("Send letters")
        how = await self.app.push_screen_wait(Choose(title, ways, text))
        if how is None:
            return
        reference: Sequence[str] = ()
        if how != "post":
            label = _("The courier's number") if how == "courier" else _("Who carries it")
            typed = await self.app.push_screen_wait(AskLine(title, label))
            if typed is None:
                return
            reference = ("--reference", typed)
        await self.act(title, "letter", "send", *what, "--by", how, *reference)

    def _say_why(self, number: str, *reasons: str) -> None:
        title = _("Nothing of {number} may leave").format(number=number)
        none = _("No letter of it is confirmed.")
        self.notify("\n".join(reasons[:3]) or none, title=title, severity="warning", markup=False)

    def order_of_act(self) -> str | None:
        """The order that something is done with; says so where there is none."""
        order = self.order_here()
        if order is None:
            self.notify(self.empty_of("orders"), severity="warning")
        return order


def _order_cells(row: OrderRow) -> tuple[str, ...]:
    counts = row.letters
    doubt = counts[LetterState.UNKNOWN] + counts[LetterState.PRINTING]
    printed, leave = counts[LetterState.PRINTED], counts[LetterState.CONFIRMED] + counts[LetterState.RETURNED]
    return (
        row.number,
        row.subscriber,
        str(counts[LetterState.SEALED]),
        f"! {printed}" if printed else "",
        f"? {doubt}" if doubt else "",
        str(leave or ""),
        str(counts[LetterState.SENT] or ""),
    )


def _letter_cells(row: LetterRow) -> tuple[str, ...]:
    return row.number, row.order, told(row.state), row.form or "", _next(row)


def _next(row: LetterRow) -> str:
    """What comes next of a letter, and whether it may."""
    if row.doing is None or row.may is None:
        return {
            LetterState.PRINTED: _("! confirm its form"),
            LetterState.UNKNOWN: _("! say what became of its form"),
        }.get(row.state, "")
    doing = _("print") if row.doing == "print" else _("send")
    if row.may.reason is None:
        return f"✓ {doing}"
    if row.may.never:
        return f"✗ {row.may.reason}"
    since = _("{doing} from {day}").format(doing=doing, day=row.may.since) if row.may.since else None
    return f"‖ {since or _('not yet')}: {row.may.reason}"
