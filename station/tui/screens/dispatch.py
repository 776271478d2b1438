"""The area dispatch: parcels, tokens that wait for one, acknowledgements, and what is lent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual import on, work
from textual.binding import Binding

from batch.store.paging import Count, Page, Place
from drivers.errors import ToldError
from station.tui.desk_screen import words
from station.tui.lists_screen import Told, whole
from station.tui.screens import dispatch_reading as reading
from station.tui.screens.acknowledging_acts import AcknowledgingActs
from station.tui.screens.dispatch_reading import AcknowledgementRow, LoanRow, PackRow, ParcelRow
from station.tui.screens.lending_acts import LendingActs
from station.tui.screens.parcel_acts import ParcelActs
from station.tui.state_words import told
from station.tui.widgets.paged_table import Fetch, PagedTable
from station.tui.words import N_, _, n_


class DispatchScreen(ParcelActs, AcknowledgingActs, LendingActs):
    """From the finished token to its acknowledgement."""

    area = "dispatch"
    help = N_(
        "Tokens are packed (n), each is read once more (k), the parcel is closed with its papers (c), "
        "and sent (s). Who quotes the number of the accompanying letter acknowledges the token (a); what is "
        "in doubt waits for somebody else (d). Readers and sticks are lent (b) and come back (l). v shows "
        "the next list, h also what is over. Scan a parcel, a token, or a number that is quoted."
    )
    lists = (
        ("parcels", N_("Parcels")),
        ("pack", N_("To pack")),
        ("acknowledgements", N_("Acknowledgements")),
        ("loans", N_("Lent")),
    )
    BINDINGS = [
        Binding("n", "new", N_("New")),
        Binding("k", "check", N_("Check")),
        Binding("c", "close", N_("Close")),
        Binding("s", "send", N_("Send")),
        Binding("a", "acknowledge", N_("Acknowledge")),
        Binding("d", "decide", N_("Decide")),
        Binding("t", "tokens", N_("Tokens in/out")),
        Binding("w", "papers", N_("Papers")),
        Binding("o", "reopen", N_("Reopen")),
        Binding("x", "cancel", N_("Cancel")),
        Binding("e", "mail", N_("E-mail")),
        Binding("r", "reminders", N_("Reminders")),
        Binding("b", "lend", N_("Lend")),
        Binding("l", "end_loan", N_("Back, lost")),
        Binding("h", "history", N_("Also what is over")),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._every = False

    def tables(self) -> Mapping[str, PagedTable[Any]]:
        parcels = (_("Parcel"), _("Order"), _("State"), _("To"), _("Tokens"), _("Read"), _("Sent"))
        pack = (_("Order"), _("Subscriber"), _("At the desk"))
        known = (_("No."), _("Token"), _("State"), _("Sender"), _("In doubt"))
        lent = (_("Loan"), _("Device"), _("Serial"), _("State"), _("Until"), _("Whom"))
        return {
            "parcels": PagedTable(parcels, _parcel_cells),
            "pack": PagedTable(pack, _pack_cells),
            "acknowledgements": PagedTable(known, _acknowledgement_cells),
            "loans": PagedTable(lent, _loan_cells),
        }

    def fetch_of(self, name: str) -> Fetch[Any]:
        every = self._every

        async def fetch(place: Place, limit: int) -> Page[Any]:
            match name:
                case "parcels":
                    return await self.read(
                        lambda _desk, records: reading.parcels_page(records, place, limit, every=every)
                    )
                case "acknowledgements":
                    return await self.read(
                        lambda _desk, records: reading.acknowledgements_page(
                            records, place, limit, every=every
                        )
                    )
                case "loans":
                    return await self.read(
                        lambda _desk, records: reading.loans_page(records, place, limit, every=every)
                    )
                case _:
                    rows = await self.read(reading.to_pack)
                    return whole(rows, [(one.order,) for one in rows])

        return fetch

    def empty_of(self, name: str) -> str:
        return {
            "parcels": _("No parcel is under way. n begins one, h shows those that went."),
            "pack": _("No finished token waits for a parcel. F2 starts a production."),
            "acknowledgements": _("No acknowledgement waits for somebody. a takes one in, h shows all."),
            "loans": _("Nothing is lent. b lends a reader or USB stick, h shows what came back."),
        }[name]

    async def counted(self) -> Mapping[str, str]:
        found = await self.read(reading.counts)
        return {
            "parcels": words((_number(found.parcels), _to_write(found.late)), ", "),
            "acknowledgements": f"! {_number(found.waiting)}" if found.waiting.number else "",
            "loans": words((_number(found.lent), _to_write(found.late_loans)), ", "),
        }

    async def told_of(self, name: str, row: Any) -> Told:
        if isinstance(row, ParcelRow):
            found = await self.read(lambda _desk, records: reading.parcel_facts(records, row.number))
            return _parcel_told(row, found)
        if isinstance(row, PackRow):
            to_pack = await self.read(lambda desk, records: reading.pack_facts(desk, records, row.order))
            return _pack_told(row, to_pack)
        if isinstance(row, AcknowledgementRow):
            return _acknowledgement_told(row)
        assert isinstance(row, LoanRow)
        return _loan_told(row)

    def action_history(self) -> None:
        """Show also what is over, or only what is under way."""
        self._every = not self._every
        self.show_list(self.shown, afresh=True)

    @on(PagedTable.Opened)
    def _opened(self, event: PagedTable.Opened) -> None:
        if isinstance(event.row, PackRow):
            self.action_new()

    def on_screen_resume(self) -> None:
        """Go to what another area is about: a parcel, a loan, an acknowledgement, an order to pack."""
        sought = self.station.take_sought(self.area)
        if sought is None:
            return
        if sought.startswith("P-"):
            self._scanned(sought)
        else:
            loan, order = sought.startswith("L-"), "-" in sought
            self.show_list("loans" if loan else "pack" if order else "acknowledgements")

    def scanned(self, text: str) -> None:
        self._scanned(text)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def _scanned(self, text: str) -> None:
        try:
            found = await self.read(lambda _desk, records: reading.scanned(records, text))
        except ToldError as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        if found is None:
            super().scanned(text)
            return
        kind, number, id_ = found
        if kind == "quoted":
            await self.take_in(number)
        else:
            self._every = True
            self.show_list("parcels", begin=(id_,))


def _parcel_cells(row: ParcelRow) -> tuple[str, ...]:
    all_read = row.tokens and row.read == row.tokens
    read = f"{'✓' if all_read else '‖'} {row.read}" if row.tokens else ""
    return row.number, row.order, told(row.state), row.to, str(row.tokens), read, row.went


def _pack_cells(row: PackRow) -> tuple[str, ...]:
    return row.order, row.subscriber, str(row.tokens)


def _acknowledgement_cells(row: AcknowledgementRow) -> tuple[str, ...]:
    one = row.found
    return str(one.id), row.token or "?", told(one.state), one.sender, "; ".join(map(_, one.wrong))


def _loan_cells(row: LoanRow) -> tuple[str, ...]:
    one = row.loan
    until = f"{'! ' if row.late else ''}{one.due_on:%Y-%m-%d}"
    whom = row.parcel or one.person or one.organisation
    return one.number, _(one.kind), one.serial, told(one.state), until, whom


def _parcel_told(row: ParcelRow, found: reading.ParcelFacts) -> Told:
    facts = [
        (_("Parcel"), f"{row.number} · {row.order} · {told(row.state)}"),
        (_("To"), ", ".join(found.address) or _("nobody yet: put tokens in with t")),
        (_("Begun"), found.made),
        (_("Closed"), found.closed),
        (_("Sent"), found.sent),
        (_("Reason"), found.reason),
        (_("Lent with it"), ", ".join(found.loans) or None),
    ]
    lines = [
        f"{'✓' if one.read else '‖'} {one.number} {one.certificate} · {told(one.life)}"
        for one in found.tokens
    ]
    return facts, lines


def _pack_told(row: PackRow, found: reading.PackFacts) -> Told:
    ready = n_("{number} token may go: n packs", "{number} tokens may go: n packs", found.ready)
    facts = [
        (_("Order"), f"{row.order} · {row.subscriber}"),
        (_("Ready"), f"✓ {ready}" if found.ready else _("‖ none may go")),
    ]
    waiting = [n_("{number} waits: ", "{number} wait: ", many) + reason for reason, many in found.waiting]
    return facts, waiting


def _acknowledgement_told(row: AcknowledgementRow) -> Told:
    one = row.found
    decided = f"{one.decided_by}, {one.decided_at:%Y-%m-%d %H:%M}" if one.decided_at is not None else None
    facts = [
        (_("Acknowledgement"), f"{one.id} · {told(one.state)}"),
        (_("Token"), row.token),
        (_("Certificate"), one.name or None),
        (_("Sender"), one.sender or None),
        (_("How"), _(one.channel)),
        (_("Taken in"), f"{one.taken_by}, {one.taken_at:%Y-%m-%d %H:%M}"),
        (_("Decided"), decided),
        (_("Reason"), one.reason),
    ]
    return facts, [f"! {_(doubt)}" for doubt in one.wrong]


def _loan_told(row: LoanRow) -> Told:
    one = row.loan
    ended = f"{one.ended_by}, {one.ended_at:%Y-%m-%d}" if one.ended_at is not None else None
    late = _("! it should be back") if row.late else None
    facts = [
        (_("Loan"), f"{one.number} · {_(one.kind)} {one.serial} · {told(one.state)}"),
        (_("Until"), " ".join(filter(None, (f"{one.due_on:%Y-%m-%d}", late)))),
        (_("Subscriber"), one.organisation),
        (_("Person"), one.person),
        (_("Parcel"), row.parcel),
        (_("Lent"), f"{one.lent_by}, {one.lent_at:%Y-%m-%d}"),
        (_("Ended"), ended),
        (_("Reason"), one.reason),
    ]
    return facts, []


def _number(count: Count) -> str:
    return f"{count.number}{'+' if count.more else ''}" if count.number else ""


def _to_write(reminders: int) -> str:
    return n_("! {number} due", "! {number} due", reminders) if reminders else ""
