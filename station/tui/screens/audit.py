"""The audit log: how its chain stands, its entries, and what an auditor does with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import Label

from batch.audit.care import neglected
from batch.audit.chain import GENESIS, facts_of, linked
from batch.model.events import Entry
from batch.people.separation import Act
from batch.store import audit, checkpoints, log_list
from batch.store.clock import now
from batch.store.database import Records
from batch.store.log_list import EntriesWanted
from batch.store.paging import Count, Page, Place
from station.tui.desk_screen import DeskScreen, words
from station.tui.dialogs.asking import AskLine
from station.tui.dialogs.choosing import Choose
from station.tui.dialogs.picking import NewFile
from station.tui.event_words import event_in_words
from station.tui.widgets.facts import Fact, Facts
from station.tui.widgets.paged_table import PagedTable
from station.tui.widgets.split import Split
from station.tui.words import N_, _, n_
from station.wiring import Desk

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class _Care:
    """How the log stands: its last entry, its checkpoints, when it was verified, what it wants."""

    entries: int
    checkpoints: int
    covered: int
    signed: str
    verified: datetime | None
    wanted: tuple[str, ...]

    @property
    def line(self) -> str:
        """In one line, with a sign."""
        sign = "!" if self.wanted else "✓"
        day = self.verified.date().isoformat() if self.verified else _("never")
        signed = (
            _("signed up to {entry} on {day}").format(entry=self.covered, day=self.signed[:10])
            if self.checkpoints
            else _("never signed")
        )
        held = n_("{number} entry", "{number} entries", self.entries)
        return words((f"{sign} {held}", _("verified: {day}").format(day=day), signed, *self.wanted))


class AuditScreen(DeskScreen):
    """Entries, the newest first, narrowed as wanted."""

    area = "audit"
    help = N_(
        "The log of everything that happened, the newest first; narrowed by more than days, it leaves "
        "out single steps. Each entry is hashed over its text and the hash before it. Verify and sign it at "
        "least every 31 days. A number, typed or scanned, shows what happened to that token. Enter reads all "
        "of an entry."
    )
    BINDINGS = [
        Binding("slash,f", "narrow", N_("Narrow"), key_display="/"),
        Binding("a", "all", N_("All")),
        Binding("escape", "back", N_("Back"), show=False),
        Binding("v", "verify", N_("Verify")),
        Binding("c", "checkpoint", N_("Checkpoint")),
        Binding("x", "export", N_("Export")),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._wanted = EntriesWanted()

    def content(self) -> ComposeResult:
        yield Label("", id="care", markup=False)
        yield Label("", id="narrowed", markup=False)
        columns = ("#", _("Time (UTC)"), _("Event"), _("Operator"), _("About"))
        entries = PagedTable[Entry](columns, _cells, id="entries").add_class("list")
        yield Split(entries, VerticalScroll(Facts(id="entry"), classes="details"))
        yield Label(_("No entry is like that; a shows all."), id="entries-none", classes="empty")

    def on_mount(self) -> None:
        """The entries have the focus."""
        self.query_one(PagedTable).focus()

    def scanned(self, text: str) -> None:
        """What happened to a token."""
        self._narrow(EntriesWanted(item=text))

    async def load(self) -> None:
        sought = self.station.take_sought(self.area)
        if sought is not None and sought != "log":
            self._wanted = EntriesWanted(item=sought)
        wanted = self._wanted

        def find(_desk: Desk, records: Records) -> tuple[_Care, Count]:
            return _care(records), log_list.count(records, wanted)

        care, count = await self.read(find)
        self.query_one("#care", Label).update(care.line)
        narrowed = self.query_one("#narrowed", Label)
        narrowed.display = wanted != EntriesWanted()
        narrowed.update(words((_told(wanted), _counted(count))))
        table = self.query_one(PagedTable)
        await table.look_again(self._page)
        table.display = bool(table.page.rows)
        self.query_one("#entries-none").display = not table.page.rows

    async def _page(self, place: Place, limit: int) -> Page[Entry]:
        wanted = self._wanted
        return await self.read(lambda _desk, records: log_list.page(records, wanted, place, limit))

    def on_paged_table_opened(self, event: PagedTable.Opened) -> None:
        """Go to the entry, to read all of it."""
        self.query_one(Split).open()

    def action_back(self) -> None:
        """Go back to the entries."""
        self.query_one(Split).close(self.query_one(PagedTable))

    async def on_paged_table_highlighted(self, event: PagedTable.Highlighted) -> None:
        """Tell of the entry under the cursor."""
        self._tell(event.row)

    @work(group="entry", exclusive=True, exit_on_error=False)
    async def _tell(self, entry: Entry | None) -> None:
        facts = self.query_one("#entry", Facts)
        if entry is None:
            facts.tell([])
            return

        def before(_desk: Desk, records: Records) -> Entry | None:
            return audit.entry(records, entry.sequence - 1)

        facts.tell(_facts(entry, await self.read(before)))

    # Narrowing

    def action_all(self) -> None:
        """Show every entry."""
        self._narrow(EntriesWanted())

    def _narrow(self, wanted: EntriesWanted) -> None:
        self._wanted = wanted
        self._from_the_beginning()

    @work(group="narrow", exclusive=True, exit_on_error=False)
    async def _from_the_beginning(self) -> None:
        await self.query_one(PagedTable).look(self._page)
        self.reload()
        self.query_one(PagedTable).focus()

    @work(group="narrow", exclusive=True, exit_on_error=False)
    async def action_narrow(self) -> None:
        """Show only entries of an operator, an event, an order, a token, or some days."""
        options = [
            (_("Operator"), "operator"),
            (_("Event"), "event"),
            (_("Order"), "order"),
            (_("Token"), "item"),
            (_("From a day on"), "since"),
            (_("Up to a day"), "until"),
        ]
        title = _("Narrow the log by")
        which = await self.app.push_screen_wait(Choose(title, options))
        if which is None:
            return
        if which in ("operator", "event"):
            value = await self._chosen(which)
        else:
            label = {name: label for label, name in options}[which]
            hint = "2027-01-31" if which in ("since", "until") else ""
            value = await self.app.push_screen_wait(AskLine(title, label, hint=hint))
        if value is not None:
            self._take(which, value)

    async def _chosen(self, which: str) -> str | None:
        def find(_desk: Desk, records: Records) -> list[str]:
            return log_list.events(records) if which == "event" else log_list.operators(records)

        found = await self.read(find)
        options = [(event_in_words(one) if which == "event" else one, one) for one in found]
        return await self.app.push_screen_wait(Choose(_("Narrow the log by"), options))

    def _take(self, which: str, value: str) -> None:
        wanted = self._wanted
        match which:
            case "operator":
                self._narrow(replace(wanted, operator=value))
            case "event":
                self._narrow(replace(wanted, event=value))
            case "order":
                self._narrow(replace(wanted, order=value))
            case "item":
                self._narrow(replace(wanted, item=value))
            case _:
                self._take_day(which, value)

    def _take_day(self, which: str, value: str) -> None:
        try:
            day = datetime.combine(date.fromisoformat(value), datetime.min.time(), UTC)
        except ValueError:
            told = _("{text} is no day; write it such as 2027-01-31").format(text=value)
            self.notify(told, severity="warning", markup=False)
            return
        if which == "since":
            self._narrow(replace(self._wanted, since=day))
        else:
            self._narrow(replace(self._wanted, until=day + _DAY - timedelta(microseconds=1)))

    # Acts

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_verify(self) -> None:
        """Verify the whole log; what was found stays to be read."""
        if await self.may(Act.KEEP_LOG, where="audit verify"):
            await self.act(_("Verify the log"), "audit", "verify", show=True)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_checkpoint(self) -> None:
        """Sign the log as it is."""
        if await self.may(Act.KEEP_LOG, where="audit checkpoint"):
            await self.act(_("Sign the log"), "audit", "checkpoint", show=True)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_export(self) -> None:
        """Write the log, or an order's part of it, where it can be checked without this program."""
        if not await self.may(Act.KEEP_LOG, where="audit export"):
            return
        order = self._wanted.order
        name = f"log-{order or 'all'}-{now():%Y%m%d}.zip"
        title = (
            _("Export the log") if order is None else _("Export the log of order {order}").format(order=order)
        )
        path = await self.app.push_screen_wait(NewFile(title, self.station.folder, name))
        if path is not None:
            part = [] if order is None else ["--order", order]
            await self.act(title, "audit", "export", str(path), *part)


def _care(records: Records) -> _Care:
    head, last = audit.head(records), checkpoints.last(records)
    return _Care(
        head.sequence if head else 0,
        checkpoints.count(records),
        last.size if last else 0,
        last.made_at if last else "",
        checkpoints.last_verified(records),
        tuple(what for what, _command in neglected(records, now())),
    )


def _cells(entry: Entry) -> tuple[str, ...]:
    facts = facts_of(entry)
    detail = facts.get("detail")
    about = words([_text(facts.get(name)) for name in ("order", "item", "seat", "token")], " ")
    if not about and isinstance(detail, dict):
        about = _text(detail.get("name")) or ""
    at = (_moment(facts.get("at")) or "")[:19]
    who = _text(facts.get("operator")) or ""
    return str(entry.sequence), at, event_in_words(str(facts.get("event"))), who, about


def _facts(entry: Entry, before: Entry | None) -> list[Fact]:
    facts = facts_of(entry)
    follows = linked(before.hash if before else GENESIS, entry)
    chained = _("✓ follows the entry before") if follows else _("✗ does not follow the entry before: verify")
    detail = facts.get("detail")
    told = [(name, _text(value)) for name, value in detail.items()] if isinstance(detail, dict) else []
    return [
        (_("Entry"), str(entry.sequence)),
        (_("Event"), event_in_words(str(facts.get("event")))),
        (_("Time"), _moment(facts.get("at"))),
        (_("Latest"), _moment(facts.get("latest"))),
        (_("Operator"), _text(facts.get("operator"))),
        (_("Order"), _text(facts.get("order"))),
        (_("Token"), _text(facts.get("item"))),
        (_("Seat"), _text(facts.get("seat"))),
        (_("Serial"), _text(facts.get("token"))),
        *told,
        (_("Chain"), chained),
        (_("Hash"), entry.hash.hex()),
        (_("Text"), entry.body),
    ]


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _moment(value: object) -> str | None:
    """A moment as entries have it, as a person reads it."""
    return None if value is None else str(value).replace("T", " ").removesuffix("+00:00")


def _told(wanted: EntriesWanted) -> str:
    named = (
        (_("operator"), wanted.operator),
        (_("event"), event_in_words(wanted.event) if wanted.event else None),
        (_("order"), wanted.order),
        (_("token"), wanted.item),
        (_("from"), wanted.since.date().isoformat() if wanted.since else None),
        (_("to"), wanted.until.date().isoformat() if wanted.until else None),
    )
    return _("Only {what}").format(what=", ".join(f"{name} {value}" for name, value in named if value))


def _counted(count: Count) -> str:
    number = n_("{number} entry", "{number} entries", count.number)
    return _("more than {what}").format(what=number) if count.more else number
