"""What is due today: what each role must do, the longest due first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import DataTable, Label

from batch.life.due.collecting import due
from batch.life.duties import Duty
from batch.model.people import Role
from batch.store.clock import now
from batch.store.database import Records
from station.tui.desk_screen import DeskScreen, words
from station.tui.dialogs.choosing import Choose
from station.tui.widgets.bars import StationBar
from station.tui.widgets.desk_table import DeskTable
from station.tui.words import N_, _, n_
from station.wiring import Desk

_MOST = 500
"""Duties that are shown; who has more has other worries."""


@dataclass(frozen=True)
class _Found:
    """The first of what is due, how much it is in all, and how much of that is over its day."""

    shown: tuple[Duty, ...]
    count: int
    overdue: int


class DueScreen(DeskScreen):
    """Duties of one's own roles, of one role, or of all."""

    area = "due"
    help = N_(
        "What each role must do, the longest due first; ! marks what is over its day. "
        "Enter goes to where it is done. It shows what is due for your own roles, for one, or for all."
    )
    BINDINGS = [
        Binding("enter", "open", N_("Go there"), priority=True),
        Binding("f", "filter", N_("By role")),
        Binding("a", "everybody", N_("Everybody's / mine")),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._roles: frozenset[Role] | None = None
        """Whose duties are shown; None: of one's own roles, empty: of all."""
        self._found = _Found((), 0, 0)

    def content(self) -> ComposeResult:
        yield Label("", id="duties-count", markup=False)
        yield DeskTable(id="duties", cursor_type="row", zebra_stripes=True)
        yield Label("", id="duties-none", classes="empty", markup=False)
        yield Label("", id="duty", markup=False)

    def on_mount(self) -> None:
        """The columns, once."""
        table = self._table
        table.add_columns("", _("By"), _("About"), _("What"), _("Role"))
        table.focus()

    async def load(self) -> None:
        today, roles = now().date(), self.station.roles if self._roles is None else self._roles

        def find(desk: Desk, records: Records) -> _Found:
            found = due(records, desk.library.token, desk.configuration.retention.years(), on=today)
            wanted = [one for one in found if not roles or one.role in roles]
            return _Found(tuple(wanted[:_MOST]), len(wanted), sum(one.overdue(today) for one in wanted))

        before, self._found = self._chosen, await self.read(find)
        self._show(before)

    def show_who(self) -> None:
        """What is overdue stands in the top line as well."""
        super().show_who()
        if self._found.overdue:
            for bar in self.query(StationBar):
                bar.left = words((bar.left, f"! {_overdue(self._found.overdue)}"))

    @property
    def _table(self) -> DataTable[Text]:
        return self.query_one("#duties", DataTable)

    @property
    def _chosen(self) -> Duty | None:
        shown, at = self._found.shown, self._table.cursor_row
        return shown[at] if 0 <= at < len(shown) else None

    def _show(self, before: Duty | None) -> None:
        found, table, at, today = self._found, self._table, self._table.cursor_row, now().date()
        table.clear()
        for one in found.shown:
            sign = "!" if one.overdue(today) else ""
            row = (sign, one.by.isoformat(), one.about, one.what, _role(one.role))
            table.add_row(*(Text(cell) for cell in row))
        # What is over its day comes first and may be done by another meanwhile: the cursor stays on its own.
        place = found.shown.index(before) if before in found.shown else min(at, len(found.shown) - 1)
        table.move_cursor(row=max(0, place))
        table.display = bool(found.shown)
        none = self.query_one("#duties-none", Label)
        none.display = not found.shown
        none.update(
            _("Nothing is due.")
            if self._roles == frozenset()
            else _("Nothing is due here. a shows everybody's.")
        )
        self.query_one("#duties-count", Label).update(self._told())
        self.show_who()
        self._show_chosen()

    def _told(self) -> str:
        found = self._found
        if self._roles is None:
            whose = _("for your roles")
        else:
            whose = ", ".join(_role(one) for one in self._roles) or _("for everybody")
        some = n_("{number} thing is due", "{number} things are due", found.count)
        over = _overdue(found.overdue) if found.overdue else None
        more = _("the first {number} are shown").format(number=_MOST) if found.count > _MOST else None
        return words((f"{some} {whose}" if found.count else whose, over, more))

    def on_data_table_row_highlighted(self) -> None:
        """The command that does it stands below the list."""
        self._show_chosen()

    def _show_chosen(self) -> None:
        chosen = self._chosen
        told = _("Enter goes there; the command: {command}").format(command=chosen.command) if chosen else ""
        self.query_one("#duty", Label).update(told)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_filter(self) -> None:
        """Show what is due for one role."""
        options: Sequence[tuple[str, tuple[Role, ...] | None]] = [
            (_("Your own roles"), None),
            (_("Everybody"), ()),
            *((_role(role), (role,)) for role in Role),
        ]
        labels = [(label, place) for place, (label, _roles) in enumerate(options)]
        place = await self.app.push_screen_wait(Choose(_("Whose duties are shown?"), labels))
        if place is not None:
            roles = options[place][1]
            self._roles = None if roles is None else frozenset(roles)
            self.reload()

    def action_everybody(self) -> None:
        """Show what is due for all roles, or for one's own."""
        self._roles = frozenset() if self._roles is None else None
        self.reload()

    def action_open(self) -> None:
        """Go to where the duty is done."""
        if (chosen := self._chosen) is not None:
            self.station.open_duty(chosen)


def _role(role: Role) -> str:
    return _(role.replace("-", " "))


def _overdue(number: int) -> str:
    return n_("{number} is overdue", "{number} are overdue", number)
