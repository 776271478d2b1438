"""The area stock: blank tokens and numbered forms, every one accounted for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Label

from batch.life.dispatch.blanks import Line
from batch.model.dispatch import Departure
from batch.model.forms import Form
from batch.model.states import FormState
from batch.store.paging import Page, Place
from drivers.errors import ToldError
from layouts.scans import Kind
from station.tui.dialogs.choosing import Choose
from station.tui.lists_screen import Told, whole
from station.tui.screens import stock_reading as reading
from station.tui.screens.stock_acts import StockActs
from station.tui.screens.stock_reading import RangeRow
from station.tui.state_words import told
from station.tui.widgets.paged_table import Fetch, PagedTable
from station.tui.words import N_, _, n_


class StockScreen(StockActs):
    """What lies in the drawers, and where the rest went."""

    area = "stock"
    scans = (Kind.LETTER, Kind.TOKEN, Kind.FORM)
    help = N_(
        "Blanks: received = used + spoiled + returned + written off + in stock. Forms: received = in stock + "
        "printed + mailed + returned + spoiled + destroyed + missing. ! marks what does not add up or runs "
        "short. What was used is not typed: it is what production and printing put on record."
    )
    lists = (("blanks", N_("Blanks")), ("ranges", N_("Forms received")), ("forms", N_("Forms used")))
    BINDINGS = [
        Binding("n", "receive", N_("Receive")),
        Binding("u", "count", N_("Count")),
        Binding("g", "leave", N_("Gone")),
        Binding("f", "receive_forms", N_("Forms in")),
        Binding("s", "spoil", N_("Spoiled")),
        Binding("x", "destroy", N_("Destroy")),
        Binding("i", "filter", N_("Filter")),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._state: FormState | None = None

    def heading(self) -> ComposeResult:
        yield Label("", id="stock", markup=False)

    def tables(self) -> Mapping[str, PagedTable[Any]]:
        of_blanks = (_("Driver"), _("Model"), _("Lot"), _("In stock"), _("Received"), _("Used"), _("Spoiled"))
        of_ranges = (_("From"), _("To"), _("In stock"), _("Received"), _("Printer"), _("Delivery"))
        of_forms = (_("Form"), _("State"), _("Letter"), _("Since"), _("By"))
        return {
            "blanks": PagedTable(of_blanks, _blank_cells),
            "ranges": PagedTable(of_ranges, _range_cells),
            "forms": PagedTable(of_forms, _form_cells),
        }

    def fetch_of(self, name: str) -> Fetch[Any]:
        state = self._state

        async def fetch(place: Place, limit: int) -> Page[Any]:
            if name == "blanks":
                blanks = await self.read(reading.blanks)
                return whole(blanks, [(one.driver, one.lot or "") for one in blanks])
            if name == "ranges":
                ranges = await self.read(reading.ranges)
                return whole(ranges, [(one.range.id,) for one in ranges])
            return await self.read(lambda _desk, records: reading.forms_page(records, place, limit, state))

        return fetch

    def empty_of(self, name: str) -> str:
        return {
            "blanks": _("No blanks are on record. n takes a delivery in."),
            "ranges": _("No numbered forms are on record. f takes a delivery in."),
            "forms": _("No form is used up. Letters use them once they are confirmed: F4."),
        }[name]

    async def counted(self) -> Mapping[str, str]:
        found = await self.read(reading.overview)
        lines = [_blanks_line(found), _forms_line(found)]
        lines += [f"! {text}" for text in found.wrong[:2]]
        if found.skipped:
            passed = _("! passed over, though later ones were used: {forms}")
            lines.append(passed.format(forms=", ".join(found.skipped)))
        self.query_one("#stock", Label).update("\n".join(filter(None, lines)))
        return {"forms": _(self._state) if self._state else ""}

    async def told_of(self, name: str, row: Any) -> Told:
        if isinstance(row, Line):
            return _blank_told(row)
        if isinstance(row, RangeRow):
            one = row.range
            received = f"{one.received_by}, {one.received_at:%Y-%m-%d}"
            facts = [
                (
                    _("Forms"),
                    n_("{number} form", "{number} forms", one.count) + f", {one.first} … {one.last}",
                ),
                (_("In stock"), str(row.in_stock)),
                (_("Printer"), one.printer),
                (_("Received"), received),
                (_("Delivery"), one.delivery),
            ]
            return facts, []
        assert isinstance(row, Form)
        facts = [
            (_("Form"), f"{row.number} · {told(row.state)}"),
            (_("Letter"), row.letter),
            (_("Since"), f"{row.since:%Y-%m-%d %H:%M}" if row.since else None),
            (_("By"), row.operator),
            (_("Witness"), row.witness),
            (_("Reason"), row.reason),
        ]
        return facts, []

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_filter(self) -> None:
        """Choose which used forms are shown."""
        used = [one for one in FormState if one is not FormState.IN_STOCK]
        states = [(_("All"), ""), *((told(one), str(one)) for one in used)]
        chosen = await self.app.push_screen_wait(Choose(_("Which forms?"), states))
        if chosen is not None:
            self._state = FormState(chosen) if chosen else None
            self.show_list("forms", afresh=True)

    def scanned(self, text: str) -> None:
        self._find(text)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def _find(self, text: str) -> None:
        """A form's number shows that form; what is none finds its token."""
        try:
            found = await self.read(lambda _desk, records: reading.form_of(records, text))
        except ToldError:
            super().scanned(text)
            return
        if found.state is FormState.IN_STOCK:
            self.notify(_("Form {form} is in stock.").format(form=found.number), markup=False)
        else:
            self._state = None
            self.show_list("forms", begin=(str(found.number),))


def _blanks_line(found: reading.Overview) -> str:
    parts = [
        n_("{number} blank in stock", "{number} blanks in stock", found.blanks),
        n_("{number} token to be made", "{number} tokens to be made", found.to_make),
    ]
    if found.lacking:
        parts.append(n_("! {number} blank too few", "! {number} blanks too few", found.lacking))
    if found.lent:
        parts.append(n_("{number} device lent: F5", "{number} devices lent: F5", found.lent))
    if found.late:
        parts.append(n_("! {number} should be back", "! {number} should be back", found.late))
    return " · ".join(parts)


def _forms_line(found: reading.Overview) -> str:
    if not found.balance.received:
        return ""
    sign = "✓" if found.balance.holds else "!"
    parts = [f"{sign} {_('Forms')}: {found.balance}"]
    if found.forms is not None and found.forms.lacking:
        lacking = found.forms.lacking
        parts.append(
            n_("! {number} too few for those sealed", "! {number} too few for those sealed", lacking)
        )
    return " · ".join(parts)


def _blank_cells(row: Line) -> tuple[str, ...]:
    one = row.counts
    sign = "!" if row.discrepancies or one.in_stock <= 0 else "✓"
    used, spoiled = str(one.used or ""), str(one.spoiled or "")
    return row.driver, row.model, row.lot or "", f"{sign} {one.in_stock}", str(one.received), used, spoiled


def _range_cells(row: RangeRow) -> tuple[str, ...]:
    one = row.range
    sign = "✓" if row.in_stock else "–"
    received = f"{one.received_at:%Y-%m-%d}"
    return str(one.first), str(one.last), f"{sign} {row.in_stock}", received, one.printer, one.delivery or ""


def _form_cells(row: Form) -> tuple[str, ...]:
    since = f"{row.since:%Y-%m-%d}" if row.since else ""
    return str(row.number), told(row.state), row.letter or "", since, row.operator or ""


def _blank_told(row: Line) -> Told:
    one = row.counts
    facts = [
        (_("Blanks"), " · ".join(filter(None, (row.driver, row.model, row.lot or _("by count"))))),
        (_("Received"), str(one.received)),
        (_("Used"), str(one.used)),
        (_("Spoiled"), str(one.spoiled)),
        (_("Returned"), str(one.left[Departure.RETURNED])),
        (_("Written off"), str(one.left[Departure.WRITTEN_OFF])),
        (_("In stock"), str(one.in_stock)),
    ]
    return facts, [f"! {text}" for text in row.discrepancies]
