"""What is due today: what each role must do, the longest due first."""

from __future__ import annotations

from datetime import date
from itertools import islice

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import DataTable, Label

from batch.life.due.collecting import due
from batch.life.duties import Duty
from batch.model.people import Role
from batch.store.clock import now
from batch.store.database import Records
from station.tui.desk_screen import DeskScreen
from station.tui.words import N_, _, n_
from station.wiring import Desk

_MOST = 500
"""Duties that are shown; who has more has other worries."""


class DueScreen(DeskScreen):
    """Duties of one's own roles, or of all."""

    area = "due"
    help = N_(
        "What each role must do, the longest due first; ! marks what is over its day. "
        "Enter goes to where it is done."
    )
    BINDINGS = [
        Binding("a", "everybody", N_("Everybody's / mine")),
        Binding("enter", "open", N_("Open"), priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._mine = True
        self._shown: list[Duty] = []

    def content(self) -> ComposeResult:
        yield DataTable(id="duties", cursor_type="row", zebra_stripes=True)
        yield Label("", id="duties-none", classes="empty", markup=False)

    def on_mount(self) -> None:
        """The columns, once."""
        table = self.query_one("#duties", DataTable)
        table.add_columns("", _("By"), _("Role"), _("What"), _("About"))
        table.focus()

    async def load(self) -> None:
        today = now().date()
        roles = self.station.roles if self._mine else frozenset()

        def find(desk: Desk, records: Records) -> list[Duty]:
            years = desk.configuration.retention.years()
            found = due(records, desk.library.token, years, on=today)
            return list(islice((one for one in found if not roles or one.role in roles), _MOST))

        self._show(await self.read(find), today)

    def _show(self, found: list[Duty], today: date) -> None:
        self._shown = found
        table = self.query_one("#duties", DataTable)
        at = table.cursor_row
        table.clear()
        for one in found:
            sign = "!" if one.overdue(today) else ""
            row = (sign, one.by.isoformat(), _role(one.role), one.what, one.about)
            table.add_row(*(Text(cell) for cell in row))
        table.move_cursor(row=min(at, max(0, len(found) - 1)))
        table.display = bool(found)
        none = self.query_one("#duties-none", Label)
        none.display = not found
        none.update(_("Nothing is due for your roles.") if self._mine else _("Nothing is due."))
        overdue = sum(one.overdue(today) for one in found)
        title = n_("{number} thing is due", "{number} things are due", len(found))
        over = n_("{number} is overdue", "{number} are overdue", overdue)
        table.border_title = f"{title}, {over}" if overdue else title

    def action_everybody(self) -> None:
        """Show what is due for all roles, or for one's own."""
        self._mine = not self._mine
        self.reload()

    def action_open(self) -> None:
        """Go to where the duty is done."""
        if self._shown:
            self.station.open_duty(self._shown[self.query_one("#duties", DataTable).cursor_row])


def _role(role: Role) -> str:
    return _(role.replace("-", " "))
