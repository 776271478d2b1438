"""Tokens and certificates: found while somebody types, with all that is on record of each."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Label

from batch.model.errors import NotFound
from batch.model.states import ItemState, LifeState
from batch.store import certificate_list, expiry, items, lists, orders, renewals, revocations, search
from batch.store.certificate_list import CertificateState, CertificatesWanted, ListedCertificate
from batch.store.clock import now
from batch.store.database import Records
from batch.store.lists import ListedToken, TokensWanted
from batch.store.paging import MOST, Count, Page, Place
from batch.store.revocations import Standing
from batch.store.search import Hit
from station.tui.dialogs.choosing import Choose
from station.tui.screens.token_acts import ACTS, TokenActs
from station.tui.screens.token_details import SECTIONS, TokenDetails, details_of
from station.tui.screens.token_renewing import RENEWING, TokenRenewing
from station.tui.state_words import told
from station.tui.widgets.folds import Folds
from station.tui.widgets.paged_table import Fetch, PagedTable
from station.tui.widgets.split import Split
from station.tui.words import N_, _, n_
from station.wiring import Desk

_RENEWAL = re.compile(r"R-\d+", re.IGNORECASE)
_HOLDER = 24
"""Characters of a holder's name that the list shows."""
_WITHIN = (30, 60, 90)
"""Days within which certificates that end are listed."""


@dataclass(frozen=True)
class Row:
    """A token as the list shows it."""

    token: ListedToken
    certificates: str | None
    """How its certificates stand; what ended before it was revoked has expired."""


Shown = Row | ListedCertificate


@dataclass(frozen=True)
class Filter:
    """What is listed of all: a state of making or of life; of certificates a state, or ending within days."""

    state: ItemState | None = None
    life: LifeState | None = None
    certificates: CertificateState | None = None
    within: int | None = None

    def told(self) -> str:
        """In words; empty where nothing is left out."""
        if self.within is not None:
            return _("ends within {days} days").format(days=self.within)
        return told(self.state or self.life or self.certificates)


class TokensScreen(TokenRenewing, TokenActs):
    """Every token ever ordered, the newest first, or their certificates."""

    area = "tokens"
    help = N_(
        "Type a number, the serial of a chip or certificate, an order or words: what begins so is found "
        "while you type. Enter shows all of a token and its whole way. "
        "The acts are for the token under the cursor."
    )
    BINDINGS = [
        Binding("slash", "search", N_("Search"), key_display="/"),
        Binding("f", "filter", N_("Filter")),
        Binding("c", "certificates", N_("Certificates / tokens")),
        *ACTS,
        *RENEWING,
        Binding("o", "order", N_("Its order")),
        Binding("e", "letter", N_("Its letter")),
        Binding("escape", "back", N_("Back"), show=False),
        Binding("down", "to_list", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        self._filters = {False: Filter(), True: Filter()}
        """Of tokens, and of certificates."""
        self._of_certificates = False
        self._details: TokenDetails | None = None

    def content(self) -> ComposeResult:
        with Horizontal(classes="search"):
            yield Input(placeholder=_("Number, serial, order or words"), id="search", select_on_focus=False)
            yield Label("", id="found", markup=False)
        tokens = PagedTable[Shown](
            (_("Number"), _("Holder"), _("Made"), _("Where"), _("Certificates"), _("Order"), _("Seat")),
            _cells,
            id="tokens",
        )
        certificates = PagedTable[Shown](
            (_("Number"), _("Key"), _("Until"), _("Days"), _("State"), _("Order"), _("Subscriber"), _("Why")),
            _cells,
            id="certificates",
        )
        certificates.display = False
        none = Label("", id="tokens-none", classes="empty", markup=False)
        details = Folds(SECTIONS, opened=("keys",), id="token")
        yield Split(Vertical(tokens, certificates, none, classes="list"), details, id="tokens-split")

    def on_mount(self) -> None:
        """The list has the focus, so that every act is a key away."""
        self._table.focus()

    async def load(self) -> None:
        sought = self.station.take_sought(self.area)
        if sought is None:
            await self._table.look_again(self._fetch())
            await self._tell_count()
            self._show_details()
            return
        if self._of_certificates:
            self._turn()
        self._filters[False] = Filter()
        field = self.query_one("#search", Input)
        with field.prevent(Input.Changed):
            field.value = sought
        self._text = sought
        await self._table.look(self._fetch())
        await self._tell_count()
        self._table.focus()

    # The list

    @property
    def _table(self) -> PagedTable[Shown]:
        return self.query_one("#certificates" if self._of_certificates else "#tokens", PagedTable)

    @property
    def _filter(self) -> Filter:
        return self._filters[self._of_certificates]

    def _fetch(self) -> Fetch[Shown]:
        text, filter_, of_certificates = self._text, self._filter, self._of_certificates

        async def fetch(place: Place, limit: int) -> Page[Shown]:
            def read(_desk: Desk, records: Records) -> Page[Shown]:
                if of_certificates:
                    wanted = _certificates_wanted(records, text, filter_)
                    page = certificate_list.page(records, wanted, now(), place, limit)
                    return Page(tuple(page.rows), page.cursors, page.has_before, page.has_after)
                return _tokens_page(records, text, filter_, place, limit)

            return await self.read(read)

        return fetch

    @on(Input.Changed, "#search")
    def _changed(self, event: Input.Changed) -> None:
        self._text = event.value.strip()
        self._search()

    @work(group="search", exclusive=True, exit_on_error=False)
    async def _search(self) -> None:
        await self._table.look(self._fetch())
        await self._tell_count()

    async def _tell_count(self) -> None:
        text, filter_, of_certificates = self._text, self._filter, self._of_certificates

        def read(_desk: Desk, records: Records) -> Count:
            if of_certificates:
                return certificate_list.count(records, _certificates_wanted(records, text, filter_), now())
            return _tokens_count(records, text, filter_)

        count = await self.read(read)
        number = f"{count.number:,}{'+' if count.more else ''}"
        if of_certificates:
            told_ = n_("{number} certificate", "{number} certificates", count.number)
        else:
            told_ = n_("{number} token", "{number} tokens", count.number)
        told_ = told_.replace(str(count.number), number, 1)
        found, text = self.query_one("#found", Label), "\n".join(filter(None, (told_, filter_.told())))
        if found.content != text:
            found.update(text)
        self._table.display = bool(count.number)
        none = self.query_one("#tokens-none", Label)
        none.display = not count.number
        if none.display:
            none.update(
                _("Nothing begins like that. Escape shows all.")
                if text or filter_ != Filter()
                else _("There are no tokens yet; they come with the first order, F3.")
            )

    @on(Input.Submitted, "#search")
    def action_to_list(self) -> None:
        """From the field to what was found."""
        self._table.focus()

    def action_search(self) -> None:
        """To the field."""
        self.query_one("#search", Input).focus()

    def action_back(self) -> None:
        """From the details to the list; from a search to all."""
        split, field = self.query_one("#tokens-split", Split), self.query_one("#search", Input)
        if split.opened:
            split.close(self._table)
        elif self._text or self._filter != Filter():
            self._filters[self._of_certificates] = Filter()
            self._text = ""
            with field.prevent(Input.Changed):
                field.value = ""
            self._search()
            self._table.focus()
        else:
            self._table.focus()

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_filter(self) -> None:
        """Leave out all but one state."""
        if self._of_certificates:
            options = [Filter(certificates=one) for one in CertificateState] + [
                Filter(within=days) for days in _WITHIN
            ]
        else:
            options = [Filter(life=one) for one in LifeState]
            options += [Filter(state=one) for one in ItemState if one is not ItemState.PRODUCED]
        labels = [(_("All"), Filter()), *((one.told(), one) for one in options)]
        chosen = await self.app.push_screen_wait(Choose(_("Which are shown?"), labels))
        if chosen is not None:
            self._filters[self._of_certificates] = chosen
            self._search()

    def action_certificates(self) -> None:
        """Show certificates in the place of tokens, or tokens again."""
        self._turn()
        self._search()
        self._table.focus()

    def _turn(self) -> None:
        self._table.display = False
        self._of_certificates = not self._of_certificates
        self._table.display = True

    # One token

    @property
    def number(self) -> str | None:
        """The number of the token under the cursor."""
        row = self._table.chosen
        if row is None:
            return None
        return row.number if isinstance(row, ListedCertificate) else row.token.item.mailer_number

    @property
    def details(self) -> TokenDetails | None:
        """All of it, once it was read."""
        return self._details

    @on(PagedTable.Highlighted)
    @work(group="details", exclusive=True, exit_on_error=False)
    async def _show_details(self) -> None:
        number, place = self.number, self.query_one("#token", Folds)
        if number is None:
            self._details = None
            place.tell("", ())
            return
        self._details = await self.read(lambda _desk, records: details_of(records, number))
        place.tell(number, self._details.facts, self._details.sections)

    @on(PagedTable.Opened)
    def _open(self) -> None:
        self.query_one("#tokens-split", Split).open()

    def action_order(self) -> None:
        """Go to the order of the token."""
        if self._details is not None:
            self.station.go("orders", self._details.order)

    def action_letter(self) -> None:
        """Go to the letter of the token."""
        if self._details is not None:
            self.station.go("letters", self._details.number)


def _tokens_page(records: Records, text: str, filter_: Filter, place: Place, limit: int) -> Page[Shown]:
    text = _resolved(records, text)
    if text and filter_ == Filter():
        hits = search.page(records, text, place, limit)
        page = _once(hits)
    else:
        page = lists.page(records, _tokens_wanted(text, filter_), place, limit)
    ids = [one.item.id for one in page.rows]
    standing, ended = revocations.standing_of(records, ids), expiry.ended(records, ids, now())
    rows = tuple(
        Row(one, _stands(standing[one.item.id], one.item.id in ended) if one.life else None)
        for one in page.rows
    )
    return Page(rows, page.cursors, page.has_before, page.has_after)


def _once(hits: Page[Hit]) -> Page[ListedToken]:
    """Each token of a page once, however many ways it was found."""
    first = {hit.token.item.id: place for place, hit in reversed(list(enumerate(hits.rows)))}
    places = sorted(first.values())
    return Page(
        tuple(hits.rows[place].token for place in places),
        tuple(hits.cursors[place] for place in places),
        hits.has_before,
        hits.has_after,
    )


def _tokens_count(records: Records, text: str, filter_: Filter) -> Count:
    text = _resolved(records, text)
    if text and filter_ == Filter():
        found = search.count(records, text)
        return found if found.number > MOST else Count(len(_once(search.page(records, text)).rows), False)
    return lists.count(records, _tokens_wanted(text, filter_))


def _tokens_wanted(text: str, filter_: Filter) -> TokensWanted:
    return TokensWanted(words=text or None, state=filter_.state, life=filter_.life)


def _certificates_wanted(records: Records, text: str, filter_: Filter) -> CertificatesWanted:
    """Of a text the certificates of one token, else of one order, else of a subscriber."""
    wanted, text = CertificatesWanted(state=filter_.certificates), _resolved(records, text)
    if filter_.within is not None:
        at = now()
        wanted = replace(wanted, ends_since=at, ends_until=at + timedelta(days=filter_.within))
    if not text:
        return wanted
    try:
        return replace(wanted, item_id=items.item(records, text).id)
    except NotFound:
        pass
    try:
        return replace(wanted, order_id=orders.order(records, text).id)
    except NotFound:
        return replace(wanted, subscriber=text)


def _resolved(records: Records, text: str) -> str:
    """The token of a renewal where its number was typed."""
    if not _RENEWAL.fullmatch(text):
        return text
    try:
        return items.item_of(records, renewals.renewal(records, text).item_id).mailer_number
    except NotFound:
        return text


def _stands(standing: Standing, ended: bool) -> str:
    return str(CertificateState.EXPIRED if ended and standing is Standing.VALID else standing)


def _cells(row: Shown) -> tuple[str, ...]:
    if isinstance(row, Row):
        item, name = row.token.item, row.token.item.called
        holder = name if len(name) <= _HOLDER else f"{name[: _HOLDER - 1]}…"
        life, standing = told(row.token.life), told(row.certificates)
        return (
            item.mailer_number,
            holder,
            told(item.state),
            life,
            standing,
            row.token.order,
            item.seat or "",
        )
    key = _("{key} (former)").format(key=row.key) if row.former else row.key
    until = f"{row.ends:%Y-%m-%d}" if row.ends else ""
    days = str((row.ends - now()).days) if row.ends else ""
    return (row.number, key, until, days, told(row.state), row.order, row.subscriber, row.reason or "")
