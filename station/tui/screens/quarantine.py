"""Quarantine: what was set aside and why, and the ways out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Label

from batch.model.errors import NotFound
from batch.model.quarantine import Way
from batch.people.separation import Act
from batch.production.quarantine import Resume, rule_of, ways
from batch.production.report import whole
from batch.production.ways_out import token_name
from batch.store import items, quarantine_list
from batch.store.database import Records
from batch.store.paging import Page, Place
from batch.store.quarantine_list import ListedStay, StaysWanted
from station.tui.desk_screen import DeskScreen, words
from station.tui.dialogs.asking import AskLine
from station.tui.dialogs.choosing import Choose
from station.tui.dialogs.choosing_seats import seat_for
from station.tui.dialogs.confirming import TypedConfirmation
from station.tui.screens.token_details import making_sections, moment_told
from station.tui.state_words import told
from station.tui.widgets.facts import Fact
from station.tui.widgets.folds import Folds, Section
from station.tui.widgets.paged_table import PagedTable
from station.tui.widgets.split import Split
from station.tui.words import N_, _, n_
from station.wiring import Desk

_WITNESSED = {
    Way.DESTROY: (N_("Destroy a token before a witness"), N_("Destroyed")),
    Way.WRITE_OFF: (N_("Write a token off that cannot be found"), N_("Write off")),
}

_WHY = 32
"""Characters of a reason that the list shows; the details have all of it."""


@dataclass(frozen=True)
class Row:
    """A stay as the list shows it, and the ways that are open as far as the records tell."""

    number: str
    order: str
    seat: str | None
    serial: str | None
    typed: str
    """What names the token where that is to be typed."""
    since: datetime
    step: str | None
    cause: str
    reason: str
    ways: tuple[Way, ...]
    reading: bool
    """Whether only a reading of the token can tell that it may be resumed."""


class QuarantineScreen(DeskScreen):
    """Tokens that were set aside, the oldest first."""

    area = "quarantine"
    help = N_(
        "What was set aside, why, and what may be done about it. A token that may go on is resumed; any "
        "other is made blank, destroyed or written off, and another is made in its place. "
        "Enter shows all of it."
    )
    BINDINGS = [
        Binding("r", "resume", N_("Resume")),
        Binding("b", "reset", N_("Make blank")),
        Binding("x", "spoil('destroy')", N_("Destroy")),
        Binding("w", "spoil('write-off')", N_("Write off")),
        Binding("a", "add", N_("Set aside")),
        Binding("t", "token", N_("Its token")),
        Binding("escape", "back", N_("Back"), show=False),
    ]

    def content(self) -> ComposeResult:
        columns = ("", _("Token"), _("Why"), _("Ways out"), _("Since"), _("Order"), _("Seat"))
        table = PagedTable[Row](columns, _cells, id="stays")
        none = Label("", id="stays-none", classes="empty", markup=False)
        details = Folds(("ways", "stays", "steps", "keys", "tries"), opened=("ways",), id="stay")
        yield Split(Vertical(table, none, classes="list"), details, id="quarantine-split")

    def on_mount(self) -> None:
        """The list has the focus."""
        self.query_one("#stays").focus()

    async def load(self) -> None:
        table = self._table
        await table.look_again(self._fetch)
        sought = self.station.take_sought(self.area)
        if sought is not None:
            self._show_row(sought)
        count = await self.read(lambda _desk, records: quarantine_list.count(records, StaysWanted()))
        table.display = bool(count.number)
        none = self.query_one("#stays-none", Label)
        none.display = not count.number
        none.update(
            _("Nothing is in quarantine. A begun token that is lost or must not go on: set it aside, a.")
        )
        number = f"{count.number}{'+' if count.more else ''}"
        title = n_("{number} token in quarantine", "{number} tokens in quarantine", count.number)
        table.border_title = title.replace(str(count.number), number, 1)
        self._show_details()

    def scanned(self, text: str) -> None:
        """A number that is in the list is gone to; any other is looked for among all tokens."""
        if not self._show_row(text):
            self.station.find(text)

    @property
    def _table(self) -> PagedTable[Row]:
        return self.query_one("#stays", PagedTable)

    async def _fetch(self, place: Place, limit: int) -> Page[Row]:
        def read(_desk: Desk, records: Records) -> Page[Row]:
            page = quarantine_list.page(records, StaysWanted(), place, limit, newest=False)
            rows = tuple(_row(records, one) for one in page.rows)
            return Page(rows, page.cursors, page.has_before, page.has_after)

        return await self.read(read)

    def _show_row(self, name: str) -> bool:
        for place, row in enumerate(self._table.page.rows):
            if name in (row.number, row.serial):
                self._table.move_cursor(row=place)
                return True
        return False

    @on(PagedTable.Highlighted, "#stays")
    @work(group="details", exclusive=True, exit_on_error=False)
    async def _show_details(self) -> None:
        row, details = self._table.chosen, self.query_one("#stay", Folds)
        if row is None:
            details.tell("", ())
            return
        found = await self.read(lambda _desk, records: _details(records, row.number))
        details.tell(row.number, *found)

    @on(PagedTable.Opened, "#stays")
    def _open(self) -> None:
        self.query_one("#quarantine-split", Split).open()

    def action_back(self) -> None:
        """From the details to the list."""
        self.query_one("#quarantine-split", Split).close(self._table)

    def action_token(self) -> None:
        """Go to the token in the area of tokens."""
        if (row := self._table.chosen) is not None:
            self.station.find(row.number)

    # Ways out

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_resume(self) -> None:
        """Put it back into production."""
        row = self._table.chosen
        if (
            row is None
            or not await self.may(Act.SET_ASIDE, where=row.number)
            or not self._open_way(row, Way.RESUME)
        ):
            return
        seat = []
        if row.reading:
            text = _("Only the token itself can tell whether it may go on. Which seat is it in?")
            chosen = await seat_for(self, text)
            if chosen is None:
                return
            seat = ["--seat", chosen]
        await self.act(
            _("Resume token {number}").format(number=row.number), "quarantine", "resume", row.number, *seat
        )

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_reset(self) -> None:
        """Make it blank in its seat, for another item."""
        row = self._table.chosen
        if (
            row is None
            or not await self.may(Act.GIVE_UP, where=row.number)
            or not self._open_way(row, Way.RESET)
        ):
            return
        seat = await seat_for(self, _("Put token {number} into a seat. Which?").format(number=row.number))
        if (
            seat is None
            or (asked := await self._spoiled(row, _("Make a token blank"), _("Make blank"))) is None
        ):
            return
        title = _("Make token {number} blank").format(number=row.number)
        await self.act(title, "quarantine", "reset", row.number, "--seat", seat, *asked)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_spoil(self, way: str) -> None:
        """Destroy it, or give it up as lost, before a witness."""
        row, which = self._table.chosen, Way(way)
        if row is None or not await self.may(Act.GIVE_UP, where=row.number) or not self._open_way(row, which):
            return
        witness = await self.partner(Act.WITNESS)
        if witness is None:
            return
        title, yes = (_(one) for one in _WITNESSED[which])
        asked = await self._spoiled(row, title, yes)
        if asked is not None:
            await self.act(title, "quarantine", way, row.number, "--witness", witness, *asked)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_add(self) -> None:
        """Set a begun token aside."""
        if not await self.may(Act.SET_ASIDE, where="quarantine"):
            return
        title = _("Set a begun token aside")
        number = await self.app.push_screen_wait(AskLine(title, _("Its number or serial")))
        if number is None:
            return
        why = await self.app.push_screen_wait(
            AskLine(title, _("Why, in a sentence; it is kept with the token"))
        )
        if why is not None:
            await self.act(title, "quarantine", "add", number, "--reason", why)

    def _open_way(self, row: Row, way: Way) -> bool:
        if way in row.ways:
            return True
        title = _("This way out is not open")
        told = _("token {number} may leave by: {ways}").format(number=row.number, ways=_ways(row.ways))
        self.notify(told, title=title, severity="warning", markup=False)
        return False

    async def _spoiled(self, row: Row, title: str, yes: str) -> list[str] | None:
        """Why, whether another is made in its place, and its name typed; None where it was left."""
        why = await self.app.push_screen_wait(AskLine(title, _("Why, in a sentence"), row.reason))
        if why is None:
            return None
        choices = [(_("Yes, make another"), True), (_("No, the order gets one less"), False)]
        again = await self.app.push_screen_wait(
            Choose(_("Is another token made in the place of {number}?").format(number=row.number), choices)
        )
        if again is None:
            return None
        text = _("Token {number} of order {order}: its certificates are revoked, its letter is void.")
        typed = await self.app.push_screen_wait(
            TypedConfirmation(title, text.format(number=row.number, order=row.order), row.typed, yes)
        )
        if typed is None:
            return None
        return ["--yes", typed, "--reason", why, *([] if again else ["--no-replacement"])]


def _row(records: Records, listed: ListedStay) -> Row:
    item, stay = listed.item, listed.stay
    try:
        open_ways, rule = ways(records, item, stay), rule_of(records, item, stay)
    except NotFound:
        open_ways, rule = (), None
    reading = rule is not None and rule.resume is Resume.AFTER_READING
    return Row(
        item.mailer_number,
        listed.order,
        item.seat,
        item.token_serial,
        token_name(item),
        stay.since,
        stay.step,
        str(stay.cause),
        stay.reason,
        open_ways,
        reading,
    )


def _cells(row: Row) -> tuple[str, ...]:
    why = row.reason if len(row.reason) <= _WHY else f"{row.reason[: _WHY - 1]}…"
    return ("!", row.number, why, _ways(row.ways), f"{row.since:%Y-%m-%d}", row.order, row.seat or "")


def _ways(found: tuple[Way, ...]) -> str:
    return ", ".join(_(str(one)) for one in found)


def _details(records: Records, number: str) -> tuple[list[Fact], list[Section]]:
    """All that is on record of an item in quarantine."""
    try:
        found = whole(records, items.item(records, number))
    except NotFound:
        return [], []
    last = found["stays"][-1] if found["stays"] else {}
    facts: list[Fact] = [
        (_("Token"), words((found["number"], found["layout"], found["serial"]))),
        (_("Why"), found["reason"]),
        (_("Step"), words((last.get("step"), last.get("cause")))),
        (_("By"), words((last.get("put_by"), moment_told(last.get("since")), found["seat"]))),
        (_("Order"), found["order"]),
        (_("Letter"), told(found["letter"]) or None),
        (_("Replaces"), found["replaces"]),
    ]
    open_, closed = _("open"), _("not open")
    out = [
        words(
            (
                f"✓ {_(one['way'])}: {open_}" if one["open"] == "yes" else f"✗ {_(one['way'])}: {closed}",
                one["note"],
            )
        )
        for one in found.get("ways", [])
    ]
    return facts, [
        Section("ways", _("Ways out"), tuple(out)),
        Section("stays", _("Times in quarantine"), tuple(_stay_told(one) for one in found["stays"])),
        *making_sections(found),
    ]


def _stay_told(stay: dict[str, str | None]) -> str:
    left = moment_told(stay["left"])
    way = stay["way"] and words((_(stay["way"]), stay["by"], stay["witness"], stay["why"], left))
    return words((moment_told(stay["since"]), stay["put_by"], stay["reason"], way))
