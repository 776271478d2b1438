"""Who works here, what they may do, and since when."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.widgets import DataTable

from batch.model.people import Operator, Role
from batch.people.acting import register_of
from batch.people.register import REGISTER_ACTS
from batch.people.separation import Act
from batch.people.statements import read
from batch.store.clock import now
from batch.store.database import Records
from batch.store.statements import waiting
from station.tui.desk_screen import DeskScreen
from station.tui.dialogs.asking import AskLine
from station.tui.dialogs.choosing import ChooseSome
from station.tui.widgets.desk_table import DeskTable
from station.tui.widgets.facts import Facts
from station.tui.words import N_, _
from station.wiring import Desk


@dataclass(frozen=True)
class _Worker:
    """An operator, or somebody about whom an administrator began something that waits for another."""

    name: str
    operator: Operator | None
    begun_by: str | None


class OperatorsScreen(DeskScreen):
    """Opened from the registry; Escape goes back to it."""

    area = "registry"
    help = N_(
        "Who works here. Two administrators enrol, change and retire: one begins, another completes. "
        "Escape goes back."
    )
    BINDINGS = [
        Binding("escape", "back", N_("Back")),
        Binding("e", "enrol", N_("Enrol")),
        Binding("w", "complete", N_("Complete what waits")),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._workers: tuple[_Worker, ...] = ()

    def content(self) -> ComposeResult:
        with Vertical(classes="split"):
            yield DeskTable(id="operators", classes="list", cursor_type="row", zebra_stripes=True)
            with VerticalScroll(classes="details"):
                yield Facts(id="operator")

    def on_mount(self) -> None:
        """The columns, once."""
        table = self.query_one("#operators", DataTable)
        table.add_columns(_("Name"), _("Roles"), _("By"), _("Since"), _("Until"))
        table.focus()

    async def load(self) -> None:
        self._workers = await self.read(_workers)
        table = self.query_one("#operators", DataTable)
        at = table.cursor_row
        table.clear()
        for one in self._workers:
            table.add_row(*(Text(cell) for cell in _cells(one)))
        table.move_cursor(row=min(at, max(0, len(self._workers) - 1)))
        self._tell()

    @on(DataTable.RowHighlighted, "#operators")
    def operator_changed(self) -> None:
        """Somebody else is under the cursor."""
        self._tell()

    def _tell(self) -> None:
        shown, one = self.query_one("#operator", Facts), self._chosen()
        if one is None:
            shown.tell(())
            return
        facts = [
            (_("Name"), one.name),
            (_("Roles"), _roles(one.operator) if one.operator else None),
            (
                _("Waits"),
                _("begun by {name}; w: complete it").format(name=one.begun_by) if one.begun_by else None,
            ),
        ]
        commands = [f"station operator change {one.name} --role …", f"station operator retire {one.name}"]
        shown.tell(facts, commands if one.operator else ())

    def _chosen(self) -> _Worker | None:
        at = self.query_one("#operators", DataTable).cursor_row
        return self._workers[at] if at < len(self._workers) else None

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_enrol(self) -> None:
        """Somebody who is here, with their token in the operators' seat or a passphrase they choose."""
        title = _("Enrol somebody")
        if not await self.may(Act.ENROL, where="operators"):
            return
        name = await self.app.push_screen_wait(AskLine(title, _("Their name, without spaces")))
        if name is None:
            return
        options = [(_(role.replace("-", " ")), str(role)) for role in Role]
        roles = await self.app.push_screen_wait(ChooseSome(title, options, _("Save")))
        if not roles or (other := await self.partner(Act.ENROL)) is None:
            return
        given = [word for role in roles for word in ("--role", role)]
        await self.act(title, "operator", "enrol", *given, "--with", other, "--", name)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_complete(self) -> None:
        """What another administrator began about who is under the cursor."""
        one = self._chosen()
        if one is None or one.begun_by is None:
            self.notify(_("Nothing waits for a second administrator there."), severity="warning")
        elif await self.may(Act.ENROL, where=one.name):
            title = _("Complete what waits about {name}").format(name=one.name)
            await self.act(title, "operator", "complete", one.name)

    def action_back(self) -> None:
        """To the subscribers."""
        self.dismiss()


def _workers(_desk: Desk, records: Records) -> tuple[_Worker, ...]:
    register = register_of(records)
    begun: dict[str, str] = {}
    for signed in waiting(records):
        statement = read(signed)
        if statement.act in REGISTER_ACTS and statement.about.get("after") == register.head:
            told = statement.about["operator"]
            begun[told if isinstance(told, str) else str(told["name"])] = ", ".join(signed.signers)
    active = register.active(now())
    found = [_Worker(one.name, one, begun.pop(one.name, None)) for one in active]
    return (*found, *(_Worker(name, None, by) for name, by in begun.items()))


def _roles(one: Operator) -> str:
    return ", ".join(sorted(_(role.replace("-", " ")) for role in one.roles))


def _cells(one: _Worker) -> tuple[str, ...]:
    known = one.operator
    name = f"! {one.name}" if one.begun_by else one.name
    if known is None:
        return name, _("waits for a second administrator"), "", "", ""
    until = f"{known.until:%Y-%m-%d}" if known.until else ""
    return name, _roles(known), _(str(known.means)), f"{known.since:%Y-%m-%d}", until
