"""How the desk is: every check of `station doctor`, looked at again each minute, and what is in the seats."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Label

from batch.audit.chain import facts_of
from batch.people.separation import Act
from batch.store import log_list
from batch.store.clock import now
from batch.store.database import Records
from batch.store.log_list import EntriesWanted
from station.tui.acts import Outcome
from station.tui.desk_screen import DeskScreen, words
from station.tui.dialogs.picking import NewFile
from station.tui.feeding import SeatSight
from station.tui.widgets.desk_table import DeskTable
from station.tui.widgets.facts import Facts
from station.tui.widgets.split import Split
from station.tui.words import N_, _, n_
from station.wiring import Desk

_SIGNS = {"ok": "✓", "warn": "!", "fail": "✗"}

_AGAIN = 60.0
"""Seconds between two looks at everything."""

_LONG = 30.0
"""Seconds after which a look that has not ended is told to hang."""


@dataclass(frozen=True)
class Checked:
    """One check: its name, `ok`, `warn` or `fail`, what was found, how to mend it."""

    name: str
    state: str
    found: str
    mend: str | None = None


class HealthScreen(DeskScreen):
    """Checks with what is wrong first in view of whoever opens it."""

    area = "health"
    help = N_(
        "What the desk needs: ✓ is well, ! wants attention, ✗ must be mended before work. All is looked at "
        "again each minute while this is open. How to mend it stands beside the check under the cursor."
    )
    BINDINGS = [
        Binding("r", "look", N_("Look again")),
        Binding("b", "backup", N_("Back up")),
        Binding("k", "backup_keys", N_("Back up keys")),
        Binding("l", "crl", N_("Revocation list")),
        Binding("escape", "back", N_("Back"), show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._checks: tuple[Checked, ...] = ()
        self._looking: float | None = None
        self._looked: float | None = None
        self._trouble = ""
        self._backup: str | None = None

    def content(self) -> ComposeResult:
        yield Label("", id="look", markup=False)
        yield Label("", id="seats-line", markup=False)
        table: DataTable[Text] = DeskTable(id="checks", cursor_type="row", zebra_stripes=True)
        yield Split(table.add_class("list"), VerticalScroll(Facts(id="check"), classes="details"))

    def on_mount(self) -> None:
        """Looks go on while it is open."""
        table = self.query_one(DataTable)
        table.add_columns("", _("Check"), _("Found"))
        table.focus()
        self.station.under_way.watch_seats()
        self.set_interval(1.0, self._tick)

    def on_screen_resume(self) -> None:
        """Look at everything, unless that was done a moment ago."""
        if self._looked is None or time.monotonic() - self._looked >= _AGAIN:
            self.action_look()

    def bench_changed(self) -> None:
        """What is in the seats is told at once."""
        super().bench_changed()
        self._tell_look()

    async def load(self) -> None:
        def last(_desk: Desk, records: Records) -> str | None:
            found = log_list.page(records, EntriesWanted(event="backup.made"), limit=1).rows
            return str(facts_of(found[0]).get("at"))[:10] if found else None

        self._backup = await self.read(last)
        self._tell_look()

    # Looking

    def action_look(self) -> None:
        """Look at everything now, unless somebody does."""
        if self._looking is None:
            self._looking = time.monotonic()
            self._look()

    @work(group="doctor", exclusive=True)
    async def _look(self) -> None:
        try:
            outcome = await self.station.run_act("doctor", "--json")
        finally:
            self._looking, self._looked = None, time.monotonic()
        self._take(outcome)

    def _take(self, outcome: Outcome) -> None:
        found = outcome.document
        if found is None:
            self._trouble = outcome.said or _("the checks gave no answer")
        else:
            self._trouble = ""
            self._checks = tuple(Checked(**one) for one in found)
        self._show()

    def _tick(self) -> None:
        if not self.is_current:
            return
        if self._looking is None and self._looked is not None and time.monotonic() - self._looked >= _AGAIN:
            self.action_look()
        self._tell_look()

    # Showing

    def _show(self) -> None:
        table = self.query_one(DataTable)
        at = table.cursor_row
        table.clear()
        for one in self._checks:
            found = one.found.replace(f"{self.station.home}/", "")
            table.add_row(*(Text(cell) for cell in (_SIGNS[one.state], one.name, found)))
        table.move_cursor(row=min(at, max(0, len(self._checks) - 1)))
        self._tell_look()

    def _tell_look(self) -> None:
        self.query_one("#look", Label).update(self._line())
        seats = self.query_one("#seats-line", Label)
        seats.update(words([_seat(one) for one in self.station.feeding.seats.values()]))
        seats.display = bool(self.station.feeding.seats)

    def _line(self) -> str:
        waited = time.monotonic() - self._looking if self._looking is not None else 0.0
        failed = sum(one.state == "fail" for one in self._checks)
        warned = sum(one.state == "warn" for one in self._checks)
        told = [
            "✗ " + n_("{number} must be mended", "{number} must be mended", failed) if failed else None,
            "! " + n_("{number} wants attention", "{number} want attention", warned) if warned else None,
            _("✓ all is well") if self._checks and not failed and not warned else None,
            _("last backup: {day}").format(day=self._backup or _("never")),
            f"✗ {self._trouble}" if self._trouble else None,
        ]
        if waited >= _LONG:
            hangs = _(
                "! no answer for {seconds} s: a device or module hangs; what stands below is from before"
            )
            told.append(hangs.format(seconds=int(waited)))
        elif self._looking is not None:
            told.append(_("… looking"))
        return words(told)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Tell of the check under the cursor."""
        if 0 <= event.cursor_row < len(self._checks):
            one = self._checks[event.cursor_row]
            facts = [
                (_("Check"), f"{_SIGNS[one.state]} {one.name}"),
                (_("Found"), one.found),
                (_("To mend"), one.mend),
            ]
            self.query_one("#check", Facts).tell(facts)

    def on_data_table_row_selected(self) -> None:
        """Go to what is told of it."""
        self.query_one(Split).open()

    def action_back(self) -> None:
        """Go back to the checks."""
        self.query_one(Split).close(self.query_one(DataTable))

    # Acts

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_backup(self) -> None:
        """Copy the records away, while the desk works."""
        await self._back_up(_("Back up the records"), "records")

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_backup_keys(self) -> None:
        """Copy the key tokens away, to be kept elsewhere."""
        await self._back_up(_("Back up the key tokens"), "keys", "--keys")

    async def _back_up(self, title: str, what: str, *options: str) -> None:
        if not await self.may(Act.KEEP_DESK, where="backup"):
            return
        name = f"{what}-{now():%Y%m%d-%H%M}.backup"
        path = await self.app.push_screen_wait(NewFile(title, self.station.folder, name))
        if path is not None:
            await self.act(title, "backup", str(path), *options, show=True)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_crl(self) -> None:
        """Have the CA told of revocations that wait, and its revocation list written."""
        title = _("Revocation list of the CA")
        path = await self.app.push_screen_wait(NewFile(title, self.station.folder, "ca.crl"))
        if path is not None:
            await self.act(title, "ca", "crl", "--output", str(path), show=True)


def _seat(sight: SeatSight) -> str:
    match sight.state:
        case "token":
            return f"✓ {sight.name}: {_('a token is in it')}"
        case "in-use":
            return f"▶ {sight.name}: {_('in use')}"
        case "unusable":
            return f"✗ {sight.name}: {sight.problem or _('unusable')}"
        case _:
            return f"· {sight.name}: {_('empty')}"
