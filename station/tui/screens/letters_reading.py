"""What the area of letters shows, read from the records: never what stands in a letter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice

from batch.letters.accounting import Seen, in_print_order
from batch.letters.policy import WAITING, May, had_token, next_of
from batch.letters.releasing import printable, produced_by, reprints
from batch.model.custody import SetState
from batch.model.forms import FormNumber
from batch.model.orders import Posting
from batch.model.scans import plain
from batch.model.states import LetterState, LifeState, OrderState
from batch.people.separation import RULES, Act, Before
from batch.store import custody, forms, items, letter_list, letters, order_list, orders
from batch.store.clock import now
from batch.store.database import Records
from batch.store.letter_list import LettersWanted, ListedLetter
from batch.store.order_list import OrdersWanted
from batch.store.paging import Page, Place
from layouts.scans import Kind, parse
from station.wiring import Desk

_MOST_LOOKED_AT = 5_000
"""Letters of an order that are looked at for what may be done with them."""

_WITH_LETTERS = (OrderState.IN_PRODUCTION, OrderState.PRODUCED)


@dataclass(frozen=True)
class OrderRow:
    """An order whose tokens are made, and how many of its letters are in each state."""

    number: str
    subscriber: str
    letters: Mapping[LetterState, int]


@dataclass(frozen=True)
class LetterRow:
    """A letter, its form, where its token is, and what may come next: `print` or `send`."""

    number: str
    order: str
    state: LetterState
    form: str | None
    token: LifeState | None
    doing: str | None
    may: May | None


@dataclass(frozen=True)
class LetterFacts:
    """More about one letter: every form it was on with that form's state, how often it left, who did what."""

    printer: str | None
    operator: str | None
    printed_at: datetime | None
    forms: tuple[tuple[str, str], ...]
    reprints: int
    postings: tuple[Posting, ...]


@dataclass(frozen=True)
class Prospects:
    """What may be done with the letters of an order on a day, and how many wait for which reason."""

    printable: int
    sendable: int
    waiting: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class FormStock:
    """Numbered forms of the desk's printer; `lacking` of them for the letters that are sealed."""

    printer: str
    in_stock: int
    next: str | None
    lacking: int


@dataclass(frozen=True)
class ToConfirm:
    """An order's printed letters in print order, on the forms they should be on; `gone` forms have none."""

    numbered: bool
    seen: tuple[Seen, ...]
    gone: frozenset[FormNumber]


@dataclass(frozen=True)
class BeforePrinting:
    """What is known before an order's letters are printed: who may not, how many officers open custody."""

    before: Before
    officers: int
    ready: int
    held: tuple[str, ...]


def orders_page(records: Records, place: Place, limit: int) -> Page[OrderRow]:
    """The page at a place of orders whose tokens are made, the newest first."""
    page = order_list.page(records, OrdersWanted(states=_WITH_LETTERS), place, limit)
    counts = letters.counts_of(records, [one.order.id for one in page.rows])
    rows = [OrderRow(one.order.number, one.order.subscriber, counts[one.order.id]) for one in page.rows]
    return Page(tuple(rows), page.cursors, page.has_before, page.has_after)


def letters_page(
    desk: Desk,
    records: Records,
    order: str | None,
    states: Sequence[LetterState],
    place: Place,
    limit: int,
) -> Page[LetterRow]:
    """The page at a place of the letters of an order, or of all, in some states or any."""
    today = now().date()
    order_id = orders.order(records, order).id if order is not None else None
    page = letter_list.page(records, LettersWanted(order_id, tuple(states)), place, limit)
    rows = [_row(desk, one, today) for one in page.rows]
    return Page(tuple(rows), page.cursors, page.has_before, page.has_after)


def _row(desk: Desk, one: ListedLetter, on: date) -> LetterRow:
    outlook = one.outlook
    following = next_of(outlook, desk.library.token, on)
    return LetterRow(
        outlook.letter.mailer_number,
        outlook.order,
        outlook.letter.state,
        one.form,
        outlook.life.state if outlook.life else None,
        *(following or (None, None)),
    )


def letter_facts(records: Records, number: str) -> LetterFacts:
    """More about a letter."""
    letter = letters.letter(records, number)
    return LetterFacts(
        letter.printer or None,
        letter.operator,
        letter.printed_at,
        tuple((str(one.number), str(one.state)) for one in forms.all_of_letter(records, number)),
        len(reprints(records, number)),
        tuple(letters.postings(records, number)),
    )


def prospects(desk: Desk, records: Records, order: str) -> Prospects:
    """What may be done with an order's letters today."""
    today = now().date()
    may, waiting = Counter[str](), Counter[str]()
    found = letters.outlooks(records, orders.order(records, order).id, *WAITING)
    for one in islice(found, _MOST_LOOKED_AT):
        following = next_of(one, desk.library.token, today)
        if following is None:
            continue
        doing, can = following
        if can.reason is None:
            may[doing] += 1
        else:
            waiting[can.reason] += 1
    return Prospects(may["print"], may["send"], tuple(waiting.most_common()))


def form_stock(desk: Desk, records: Records) -> FormStock | None:
    """The stock of numbered forms; None where the desk's printer has none."""
    printer = desk.configuration.printer
    if printer is None or not printer.numbered_forms:
        return None
    left = forms.in_stock_of(records, printer.driver)
    following = forms.next_in_stock(records, printer.driver)
    sealed = letters.counts(records)[LetterState.SEALED]
    return FormStock(printer.driver, left, str(following) if following else None, max(0, sealed - left))


def to_confirm(desk: Desk, records: Records, order: str) -> ToConfirm:
    """The letters of an order that were printed and that nobody has confirmed."""
    printer = desk.configuration.printer
    numbered = printer is not None and printer.numbered_forms
    order_id = orders.order(records, order).id
    first = forms.next_in_stock(records, printer.driver) if printer is not None and numbered else None
    gone = forms.gone_without_a_letter(records, first) if first is not None else set[FormNumber]()
    seen = in_print_order(records, order_id, first)
    return ToConfirm(numbered, tuple(seen), frozenset(gone))


def before_printing(desk: Desk, records: Records, order: str) -> BeforePrinting:
    """What is to be known before the letters of an order are printed."""
    found = orders.order(records, order)
    ready, held = printable(records, found, desk.library.token, now().date())
    tokens = [items.item(records, number) for number in ready]
    current = custody.sets(records, SetState.CURRENT)
    share = max((one.threshold for _state, one in current), default=0)
    return BeforePrinting(
        {**produced_by(records, found), **had_token(records, *tokens)},
        max(RULES[Act.OPEN_CUSTODY].persons, share),
        len(ready),
        tuple(f"{number}: {may.reason}" for number, may in islice(held.items(), 3)),
    )


def before_sending(records: Records, number: str) -> Before:
    """Who had the token of a letter in hand, and does not send the letter (R1)."""
    return had_token(records, items.item(records, number))


def before_reprint(records: Records, number: str) -> Before:
    """Who produced the token of a letter or had it in hand, and does not have the letter printed again."""
    item = items.item(records, number)
    order = orders.order_of(records, item.order_id)
    return {**produced_by(records, order), **had_token(records, item)}


def found_letter(records: Records, text: str) -> tuple[str, str] | None:
    """The number and order of the letter that a number names: its own, or that of its form."""
    scan = parse(text)
    number = text if scan is None else plain(text, Kind.LETTER, Kind.TOKEN, Kind.FORM)
    if scan is not None and scan.kind is Kind.TOKEN:
        number = items.item(records, text).mailer_number
    number = number.zfill(6) if number.isascii() and number.isdecimal() else number
    if (scan is not None and scan.kind is Kind.FORM) or letters.state_of(records, number) is None:
        form = forms.form(records, FormNumber.read(text))
        if form.letter is None:
            return None
        number = form.letter
    return number, orders.order_of(records, items.item(records, number).order_id).number
