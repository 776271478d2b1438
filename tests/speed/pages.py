"""How fast pages of lists, and what is looked for while typing, are told of many tokens."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from batch.model.states import ItemState, LetterState, LifeState, OrderState
from batch.store import (
    certificate_list,
    letter_list,
    lists,
    log_list,
    order_list,
    parcel_list,
    quarantine_list,
    search,
)
from batch.store.certificate_list import CertificateState, CertificatesWanted
from batch.store.database import Records
from batch.store.letter_list import LettersWanted
from batch.store.lists import TokensWanted
from batch.store.log_list import EntriesWanted
from batch.store.order_list import OrdersWanted
from batch.store.paging import FIRST, LAST, MOST, Page, Place, after, before
from batch.store.parcel_list import ParcelsWanted
from batch.store.quarantine_list import StaysWanted
from tests.speed.large import home

_AT = datetime(2024, 2, 15, tzinfo=UTC)
_ROUNDS = 3
Pages = Callable[[Records, Place], Page[Any]]


@dataclass(frozen=True)
class Timed:
    """What was asked, the rows of the first page, and the longest of the middle times of its pages, in ms."""

    what: str
    rows: int
    worst: float


def measure(count: int) -> list[Timed]:
    """Pages of lists, and of what is found, of so many tokens: first, second, last, and the one before."""
    with tempfile.TemporaryDirectory() as folder:
        return measured(home(Path(folder) / "home", count).records)


def measured(path: Path) -> list[Timed]:
    """The same of records that are there."""
    with closing(Records(path)) as records:
        return [_timed(records, what, pages) for what, pages in (*_pages(), *_found(), *_counts())]


def _timed(records: Records, what: str, pages: Pages) -> Timed:
    first = pages(records, FIRST)
    places = [FIRST, LAST]
    if first.cursors:
        places += [after(first.cursors[-1]), before(pages(records, LAST).cursors[0])]
    return Timed(what, len(first.rows), max(_middle(records, pages, place) for place in places) * 1000)


def _middle(records: Records, pages: Pages, place: Place) -> float:
    taken = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        pages(records, place)
        taken.append(time.perf_counter() - begun)
    return sorted(taken)[_ROUNDS // 2]


def _of(module: Any, wanted: Any, *more: Any) -> Pages:
    return lambda records, place: module.page(records, wanted, *more, place)


def _pages() -> Iterator[tuple[str, Pages]]:
    yield "tokens", _of(lists, TokensWanted())
    yield "tokens of an order", _of(lists, TokensWanted(order_id=2))
    yield "tokens of a subscriber", _of(lists, TokensWanted(subscriber="NTRNL-10000042"))
    yield (
        "active tokens of a subscriber",
        _of(lists, TokensWanted(subscriber="NTRNL-10000042", life=LifeState.ACTIVE)),
    )
    yield "tokens in quarantine", _of(lists, TokensWanted(state=ItemState.QUARANTINED))
    yield "lost tokens", _of(lists, TokensWanted(life=LifeState.LOST))
    yield "certificates", _of(certificate_list, CertificatesWanted(), _AT)
    yield "valid certificates", _of(certificate_list, CertificatesWanted(state=CertificateState.VALID), _AT)
    yield (
        "expired certificates",
        _of(certificate_list, CertificatesWanted(state=CertificateState.EXPIRED), _AT),
    )
    yield (
        "revoked certificates",
        _of(certificate_list, CertificatesWanted(state=CertificateState.REVOKED), _AT),
    )
    yield "orders, with what became of their tokens", _of(order_list, OrdersWanted())
    yield "orders in production", _of(order_list, OrdersWanted(states=(OrderState.IN_PRODUCTION,)))
    yield "letters", _of(letter_list, LettersWanted())
    yield "sealed letters", _of(letter_list, LettersWanted(states=(LetterState.SEALED,)))
    yield "parcels", _of(parcel_list, ParcelsWanted())
    yield "quarantine", _of(quarantine_list, StaysWanted())
    yield "audit log", _of(log_list, EntriesWanted())
    yield "audit log of a token", _of(log_list, EntriesWanted(item="000042"))
    yield "audit log of an operator and event", _of(log_list, EntriesWanted("bob", "token.dispatched"))
    yield "audit log of a day", _of(log_list, EntriesWanted(since=datetime(2021, 1, 8, tzinfo=UTC)))


def _found(
    texts: tuple[str, ...] = (
        "b",
        "g",
        "1",
        "ba",
        "bal",
        "bali",
        "gemeente",
        "jans",
        "1234",
        "esmée jansstra",
        "gemeente ministerie",
        "a b c",
        "balie 1 an",
        "0000",
        "2021-0",
        "nergens",
    ),
) -> Iterator[tuple[str, Pages]]:
    for text in texts:
        yield f'search "{text}"', _of(search, text)


def _counts() -> Iterator[tuple[str, Pages]]:
    def counted(records: Records, place: Place) -> Page[Any]:
        lists.count(records, TokensWanted())
        return Page((), (), has_before=False, has_after=False)

    def found(records: Records, place: Place) -> Page[Any]:
        search.count(records, "b")
        return Page((), (), has_before=False, has_after=False)

    yield f"count of tokens, up to {MOST * 5}", counted
    yield f'count of what "b" finds, up to {MOST * 5}', found
