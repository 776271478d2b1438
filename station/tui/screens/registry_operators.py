"""Who works here, what they may do, and since when."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

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
from station.tui.desk_screen import DeskScreen, words
from station.tui.dialogs.asking import AskLine
from station.tui.dialogs.choosing import Choose, ChooseSome
from station.tui.dialogs.confirming import Confirm, TypedConfirmation
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
    asked: Mapping[str, Any] | None = None
    """What was begun, as its statement tells it."""


class OperatorsScreen(DeskScreen):
    """Opened from the registry; Escape goes back to it."""

    area = "registry"
    help = N_(
        "Who works here. Two administrators enrol, change and retire: together, or one begins and another "
        "completes. "
        "Escape goes back."
    )
    BINDINGS = [
        Binding("escape", "back", N_("Back")),
        Binding("e", "enrol", N_("Enrol")),
        Binding("c", "change", N_("Roles")),
        Binding("x", "retire", N_("Retire")),
        Binding("w", "complete", N_("Complete")),
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
            (_("Roles"), _roles(one.operator.roles) if one.operator else None),
            (_("Waits"), _asked(one) if one.begun_by else None),
            (_("Begun by"), _("{name}; w: complete it").format(name=one.begun_by) if one.begun_by else None),
        ]
        shown.tell(facts)

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
        roles = await self._marked(title)
        means = await self._means(title) if roles else None
        other = await self._other(title, Act.ENROL) if means is not None else None
        if roles and means is not None and other is not None:
            await self.act(title, "operator", "enrol", *roles, *means, *other, "--", name)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_change(self) -> None:
        """Other roles for who is under the cursor."""
        if (known := self._working()) is None or not await self.may(Act.CHANGE, where=known.name):
            return
        title = _("Roles of {name}").format(name=known.name)
        roles = await self._marked(title, known.roles)
        if roles and (other := await self._other(title, Act.CHANGE)) is not None:
            await self.act(title, "operator", "change", *roles, *other, "--", known.name)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_retire(self) -> None:
        """End the time of who is under the cursor."""
        if (known := self._working()) is None or not await self.may(Act.RETIRE, where=known.name):
            return
        title = _("Retire {name}").format(name=known.name)
        why = await self.app.push_screen_wait(AskLine(title, _("Why, in a sentence; the register keeps it.")))
        if why is None or (other := await self._other(title, Act.RETIRE, known.name)) is None:
            return
        text = _("They may do nothing here any more. What they signed still holds.")
        if await self.app.push_screen_wait(TypedConfirmation(title, text, known.name, _("Retire"))):
            await self.act(title, "operator", "retire", f"--reason={why}", *other, "--", known.name)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_complete(self) -> None:
        """What another administrator began about who is under the cursor."""
        one = self._chosen()
        if one is None or one.begun_by is None:
            self.notify(_("Nothing waits for a second administrator there."), severity="warning")
        elif await self.may(Act.ENROL, where=one.name):
            title = _("Complete what waits about {name}").format(name=one.name)
            text = _("{name} signed for this:").format(name=one.begun_by)
            if await self.app.push_screen_wait(Confirm(title, f"{text}\n{_asked(one)}", _("Sign, too"))):
                await self.act(title, "operator", "complete", "--", one.name)

    def _working(self) -> Operator | None:
        """Who is under the cursor, where they work here already; says so where not."""
        one = self._chosen()
        if one is None or one.operator is None:
            self.notify(_("Nobody who works here is under the cursor."), severity="warning")
            return None
        return one.operator

    async def _marked(self, title: str, before: Collection[Role] = ()) -> list[str] | None:
        """The options for the roles that somebody is to have; None where none are chosen."""
        options = [(_(role.replace("-", " ")), str(role)) for role in Role]
        roles = await self.app.push_screen_wait(ChooseSome(title, options, _("Save"), set(map(str, before))))
        return [word for role in roles for word in ("--role", role)] if roles else None

    async def _means(self, title: str) -> list[str] | None:
        """The option for what somebody proves themselves with, where the desk has both."""

        def both(desk: Desk, _records: Records) -> bool:
            configured = desk.configuration.operators
            return desk.passphrases and configured is not None and configured.driver is not None

        if not await self.read(both):
            return []
        means = [
            (_("With a token of their own"), list[str]()),
            (_("With a passphrase they choose"), ["--passphrase"]),
        ]
        return await self.app.push_screen_wait(Choose(title, means, _("How do they prove who they are?")))

    async def _other(self, title: str, act: Act, *but: str) -> list[str] | None:
        """The option for the second administrator: none where they do it later, None where it was left."""
        here = [
            (_("Another administrator is here"), True),
            (_("Another administrator completes it later, with w"), False),
        ]
        now_ = await self.app.push_screen_wait(Choose(title, here))
        if not now_:
            return None if now_ is None else []
        other = await self.partner(act, *but)
        return None if other is None else ["--with", other]

    def action_back(self) -> None:
        """To the subscribers."""
        self.dismiss()


def _workers(_desk: Desk, records: Records) -> tuple[_Worker, ...]:
    register = register_of(records)
    begun: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for signed in waiting(records):
        statement = read(signed)
        if statement.act in REGISTER_ACTS and statement.about.get("after") == register.head:
            told = statement.about["operator"]
            name = told if isinstance(told, str) else str(told["name"])
            begun[name] = ", ".join(signed.signers), statement.about
    active = register.active(now())
    found = [_Worker(one.name, one, *begun.pop(one.name, (None, None))) for one in active]
    return (*found, *(_Worker(name, None, by, asked) for name, (by, asked) in begun.items()))


def _asked(one: _Worker) -> str:
    """What an administrator signed about somebody."""
    about = one.asked or {}
    told = about.get("operator")
    if isinstance(told, Mapping):
        return words((_("Roles") + f": {_roles(told['roles'])}", _(str(told["means"]))))
    return _("Retire: {why}").format(why=about.get("reason", ""))


def _roles(roles: Iterable[str]) -> str:
    return ", ".join(sorted(_(role.replace("-", " ")) for role in roles))


def _cells(one: _Worker) -> tuple[str, ...]:
    known = one.operator
    name = f"! {one.name}" if one.begun_by else one.name
    if known is None:
        return name, _("waits for a second administrator"), "", "", ""
    until = f"{known.until:%Y-%m-%d}" if known.until else ""
    return name, _roles(known.roles), _(str(known.means)), f"{known.since:%Y-%m-%d}", until
