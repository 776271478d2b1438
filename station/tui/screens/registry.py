"""The area of the registry: subscribers; behind them their people, operators, and what is to be forgotten."""

from __future__ import annotations

from functools import partial

from textual import on, work
from textual.binding import Binding

from batch.model.registry import Subscriber
from batch.people.acting import register_of
from batch.people.separation import Act, same
from batch.store import registry
from batch.store.database import Records
from batch.store.paging import Page, Place
from station.tui.dialogs.confirming import Confirm, TypedConfirmation
from station.tui.dialogs.picking import NewFile, PickFile
from station.tui.screens.order_importing import REGISTRY_FILES, look, mend
from station.tui.screens.registry_forgetting import ForgettingScreen
from station.tui.screens.registry_forms import fill_in, subscriber_fields
from station.tui.screens.registry_operators import OperatorsScreen
from station.tui.screens.registry_people import PeopleScreen
from station.tui.sought_screen import SoughtScreen
from station.tui.state_words import told
from station.tui.widgets.facts import Fact
from station.tui.widgets.paged_table import PagedTable
from station.tui.words import N_, _, n_
from station.wiring import Desk


class RegistryScreen(SoughtScreen[tuple[str, ...], Subscriber]):
    """Who may order, by number."""

    area = "registry"
    help = N_(
        "Who may order. Enter shows the people of a subscriber, p those of all; / finds by words of name, "
        "number or address. o: who works here. d: whose time is over."
    )
    BINDINGS = [
        Binding("slash", "filter", N_("Find"), key_display="/"),
        Binding("a", "add", N_("Add")),
        Binding("c", "change", N_("Change")),
        Binding("x", "close_subscriber", N_("Close")),
        Binding("p", "people", N_("People")),
        Binding("o", "operators", N_("Operators")),
        Binding("d", "forgetting", N_("To be forgotten")),
        Binding("i", "take_in", N_("Import")),
        Binding("e", "export", N_("Export")),
        Binding("escape", "everything", N_("All subscribers"), show=False),
    ]

    def __init__(self) -> None:
        super().__init__(())

    def new_table(self) -> PagedTable[Subscriber]:
        headings = (_("Subscriber"), _("Name"), _("State"), _("Most tokens"))
        return PagedTable(headings, _cells, id="subscribers")

    def placeholder(self) -> str:
        return _("Words of name, number or address")

    def page(self, records: Records, wanted: tuple[str, ...], place: Place, limit: int) -> Page[Subscriber]:
        return registry.subscribers_page(records, wanted, place, limit)

    def sought(self, text: str) -> tuple[str, ...]:
        return tuple(text.split())

    def empty(self) -> str:
        if self.wanted:
            return _("No such subscriber; Esc shows all. p finds people.")
        return _("No subscribers yet. i takes a file in, a adds one.")

    def tell(self, row: Subscriber | None) -> None:
        self.facts.tell(_facts(row) if row is not None else ())

    async def load(self) -> None:
        if sought := self.station.take_sought(self.area):
            # What is due here is about operators, or somebody to be forgotten.
            works = await self.read(partial(_works_here, name=sought))
            if works:
                self.action_operators()
            else:
                self.action_forgetting()
        await super().load()

    # Finding

    def scanned(self, text: str) -> None:
        """A person's number begins with a letter, as nothing else here does."""
        if text[:1] in ("P", "p"):
            self.app.push_screen(PeopleScreen(None, (text,)))
        else:
            self.want((text,))

    @on(PagedTable.Opened)
    def show_people(self, event: PagedTable.Opened) -> None:
        """The people of a subscriber."""
        self.app.push_screen(PeopleScreen(event.row))

    def action_people(self) -> None:
        """Everybody's people."""
        self.app.push_screen(PeopleScreen(None))

    def action_operators(self) -> None:
        """Who works here."""
        self.app.push_screen(OperatorsScreen())

    def action_forgetting(self) -> None:
        """Whose personal data may be forgotten."""
        self.app.push_screen(ForgettingScreen())

    # Acts

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_add(self) -> None:
        """Take a subscriber into the registry."""
        if await self.may(Act.KEEP_REGISTRY, where="registry"):
            await fill_in(self, _("Add a subscriber"), subscriber_fields(None), ("add",), None)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_change(self) -> None:
        """Change what is given of the one under the cursor."""
        row = self._chosen()
        if row is not None and await self.may(Act.KEEP_REGISTRY, where=row.organisation):
            title = _("Change {number}").format(number=row.organisation)
            await fill_in(self, title, subscriber_fields(row), ("change",), row.organisation)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_close_subscriber(self) -> None:
        """The one under the cursor orders no more."""
        row = self._chosen()
        if row is None or not await self.may(Act.KEEP_REGISTRY, where=row.organisation):
            return
        title = _("Close {number}").format(number=row.organisation)
        text = _("{name} orders no more, and the functions of its people end today.").format(name=row.name)
        confirmation = TypedConfirmation(title, text, row.organisation, _("Close it"))
        if await self.app.push_screen_wait(confirmation):
            await self.act(title, "registry", "close", row.organisation)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_take_in(self) -> None:
        """Take a registry file in, having looked at it."""
        if not await self.may(Act.KEEP_REGISTRY, where="registry"):
            return
        title = _("Import a registry")
        file = await self.app.push_screen_wait(PickFile(title, self.station.samples, REGISTRY_FILES))
        while file is not None:
            outcome = await look(self, "registry", "check", str(file))
            if outcome is None:
                return
            found = outcome.document
            if found["faults"]:
                if not await mend(self, file, found):
                    return
                continue
            if await self.app.push_screen_wait(Confirm(title, _changes(found), _("Take it in"))):
                await self.act(title, "registry", "import", str(file))
            else:
                self.notify(_("Nothing was taken in."))
            return

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_export(self) -> None:
        """Write all of it to a file."""
        if not await self.may(Act.KEEP_REGISTRY, where="registry"):
            return
        title = _("Export the registry")
        file = await self.app.push_screen_wait(NewFile(title, self.station.folder, "registry.csv"))
        if file is not None:
            await self.act(title, "registry", "export", str(file))

    def _chosen(self) -> Subscriber | None:
        return self.choose(_("There is no subscriber under the cursor."))


def _works_here(_desk: Desk, records: Records, name: str) -> bool:
    return any(same(one.name, name) for one in register_of(records).operators)


def _cells(row: Subscriber) -> tuple[str, ...]:
    quota = _("any number") if row.quota is None else str(row.quota)
    return row.organisation, row.name[:40], told(row.state), quota


def _facts(row: Subscriber) -> list[Fact]:
    return [
        (_("Subscriber"), f"{row.organisation}  {told(row.state)}"),
        (_("Name"), row.name),
        (_("Most tokens"), _("any number") if row.quota is None else str(row.quota)),
        (_("Notices to"), row.email),
        (_("Language"), row.language),
        (_("Visiting address"), ", ".join(row.visiting)),
        (_("Postal address"), ", ".join(row.postal) or None),
        (_("Country"), row.country),
    ]


def _changes(found: dict[str, int]) -> str:
    """What would be taken, a line for each kind; nothing of which there is none."""
    subscribers, persons = found["new_subscribers"], found["new_persons"]
    changed, others = found["changed_subscribers"], found["changed_persons"]
    same = found["unchanged"]
    lines = [
        (subscribers, n_("{number} subscriber is new", "{number} subscribers are new", subscribers)),
        (changed, n_("{number} subscriber is changed", "{number} subscribers are changed", changed)),
        (persons, n_("{number} person is new", "{number} persons are new", persons)),
        (others, n_("{number} person is changed", "{number} persons are changed", others)),
        (same, n_("{number} stays as it is", "{number} stay as they are", same)),
    ]
    return "\n".join(f"{text}." for number, text in lines if number)
