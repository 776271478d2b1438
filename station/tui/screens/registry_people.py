"""The people of a subscriber, or of all."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Label

from batch.model.registry import Document, Person, Subscriber
from batch.people.manager_certificates import last_day
from batch.people.separation import Act
from batch.store import registry
from batch.store.database import Records
from batch.store.paging import Page, Place
from batch.store.registry import PeopleWanted
from station.tui.dialogs.choosing import Choose
from station.tui.dialogs.confirming import TypedConfirmation
from station.tui.dialogs.picking import PickFile
from station.tui.screens.registry_forms import fill_in, person_fields
from station.tui.sought_screen import SoughtScreen
from station.tui.state_words import told
from station.tui.widgets.facts import Fact
from station.tui.widgets.paged_table import PagedTable
from station.tui.words import N_, _


class PeopleScreen(SoughtScreen[PeopleWanted, Person]):
    """Opened from the list of subscribers; Escape goes back to it."""

    area = "registry"
    help = N_(
        "Representatives, contact persons and certificate managers. A manager is identified before a token "
        "is made for them; with a certificate they may sign orders. / finds by words; Escape goes back."
    )
    BINDINGS = [
        Binding("escape", "back", N_("Back")),
        Binding("slash", "filter", N_("Find"), key_display="/"),
        Binding("a", "add", N_("Add")),
        Binding("c", "change", N_("Change")),
        Binding("i", "identify", N_("Identify")),
        Binding("t", "terms", N_("Terms")),
        Binding("k", "certificate", N_("Certificate")),
        Binding("x", "end", N_("End")),
    ]

    def __init__(self, subscriber: Subscriber | None, words: tuple[str, ...] = ()) -> None:
        super().__init__(PeopleWanted(organisation=subscriber.organisation if subscriber else None))
        self.subscriber = subscriber
        self._begun = " ".join(words)
        self.wanted = self.sought(self._begun)

    def content(self) -> ComposeResult:
        of = self.subscriber
        yield Label(f"{of.organisation}  {of.name}" if of else _("People of all subscribers"), markup=False)
        yield from super().content()

    def on_mount(self) -> None:
        """Who was scanned is sought at once."""
        if self._begun:
            self.scanned(self._begun)

    def new_table(self) -> PagedTable[Person]:
        headings = (_("Name"), _("Functions"), _("State"), _("Person"), _("E-mail"), _("Subscriber"))
        return PagedTable(headings, _cells, id="people")

    def placeholder(self) -> str:
        return _("Words of name, number or e-mail")

    def page(self, records: Records, wanted: PeopleWanted, place: Place, limit: int) -> Page[Person]:
        return registry.persons_page(records, wanted, place, limit)

    def sought(self, text: str) -> PeopleWanted:
        return replace(self.all, words=tuple(text.split()))

    def empty(self) -> str:
        return (
            _("Nobody is found; Esc goes back.") if self.wanted.words else _("Nobody yet; a adds somebody.")
        )

    def tell(self, row: Person | None) -> None:
        self.facts.tell(_facts(row) if row is not None else ())

    def scanned(self, text: str) -> None:
        """Somebody's number."""
        self.field.value = text
        self.field.display = True
        self.table.focus()

    def action_back(self) -> None:
        """To the subscribers."""
        self.dismiss()

    # Acts

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_add(self) -> None:
        """Somebody of the subscriber."""
        if self.subscriber is None:
            self.notify(_("Open the subscriber first, then add."), severity="warning")
        elif await self.may(Act.KEEP_REGISTRY, where=self.subscriber.organisation):
            title = _("Add a person of {name}").format(name=self.subscriber.name)
            await fill_in(self, title, person_fields(None), ("person", "add"), self.subscriber.organisation)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_change(self) -> None:
        """Change what is given of who is under the cursor."""
        if (row := await self._allowed()) is not None:
            title = _("Change {number}").format(number=row.number)
            await fill_in(self, title, person_fields(row), ("person", "change"), row.number)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_identify(self) -> None:
        """They were identified, with what kind of document."""
        if (row := await self._allowed()) is None:
            return
        title = _("Identify {name}").format(name=row.name)
        text = _("With which document? Its number is kept nowhere.")
        kinds = [(_(str(one)), str(one)) for one in Document]
        if document := await self.app.push_screen_wait(Choose(title, kinds, text)):
            await self.act(title, "registry", "person", "identify", row.number, "--document", document)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_terms(self) -> None:
        """They signed the terms in a file."""
        if (row := await self._allowed()) is None:
            return
        title = _("Terms that {name} signed").format(name=row.name)
        suffixes = (".pdf", ".p7m", ".p7s", ".asice")
        if file := await self.app.push_screen_wait(PickFile(title, self.station.folder, suffixes)):
            await self.act(title, "registry", "terms", row.number, str(file))

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_certificate(self) -> None:
        """The certificate they sign orders with."""
        if (row := await self._allowed()) is None:
            return
        title = _("Certificate of {name}").format(name=row.name)
        suffixes = (".pem", ".crt", ".cer", ".der")
        if file := await self.app.push_screen_wait(PickFile(title, self.station.folder, suffixes)):
            await self.act(title, "registry", "certificate", "set", row.number, str(file))

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_end(self) -> None:
        """Their functions end today."""
        if (row := await self._allowed()) is None:
            return
        title = _("End {name}").format(name=row.name)
        text = _("The functions of {name} ({number}) end today, for good.")
        text = text.format(name=row.name, number=row.number)
        if await self.app.push_screen_wait(TypedConfirmation(title, text, row.number, _("End"))):
            await self.act(title, "registry", "person", "end", row.number)

    async def _allowed(self) -> Person | None:
        """Who is under the cursor, where the registry is for whoever is logged in to keep."""
        row = self.choose(_("There is nobody under the cursor."))
        allowed = row is not None and await self.may(Act.KEEP_REGISTRY, where=row.number)
        return row if allowed else None


def _cells(row: Person) -> tuple[str, ...]:
    functions = ", ".join(_(one) for one in row.functions)
    return row.name[:28], functions, told(row.state), row.number, row.email[:32], row.organisation


def _facts(row: Person) -> list[Fact]:
    known, terms = row.identified, row.terms
    day = partial(_day, _("any"))
    bounds = f"{day(row.valid_from)} – {day(row.valid_until)}"
    return [
        (_("Person"), f"{row.number}  {told(row.state)}"),
        (_("Name"), row.name),
        (_("Functions"), ", ".join(_(one) for one in row.functions)),
        (_("E-mail"), row.email),
        (_("Telephone"), row.phone or None),
        (_("Language"), row.language or None),
        (_("Valid"), bounds if row.valid_from or row.valid_until else None),
        (_("Identified"), f"{known.on}, {known.by}, {_(known.document)}" if known else _("! not yet")),
        (_("Terms"), f"{terms.on}, SHA-256 {terms.sha256[:16]}…" if terms else None),
        (_("Certificate"), certificate(row)),
        (_("First token"), str(row.registered_on) if row.registered_on else None),
        (_("Ended"), str(row.ended_on) if row.ended_on else None),
    ]


def certificate(row: Person) -> str | None:
    """What is known of the certificate a manager signs orders with."""
    if not row.manager:
        return None
    if row.certificate is None:
        return _("! none: signed orders cannot be verified")
    return _("until {day}").format(day=last_day(row.certificate))


def _day(otherwise: str, day: object) -> str:
    return str(day) if day else otherwise
