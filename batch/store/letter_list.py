"""PIN letters as lists show them, with their tokens and forms, in pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batch.model.orders import Outlook
from batch.model.states import LetterState
from batch.store import forms, id_sets, letters
from batch.store.database import Records
from batch.store.paging import FIRST, MOST, UPTO, Count, Page, Place


@dataclass(frozen=True)
class LettersWanted:
    """Which letters: of an order (its id), in any of some states. None: any."""

    order_id: int | None = None
    states: tuple[LetterState, ...] = ()


@dataclass(frozen=True)
class ListedLetter:
    """A letter with what decides whether it may be printed or leave, and the number of the form it is on."""

    outlook: Outlook
    form: str | None


def page(
    records: Records, wanted: LettersWanted, place: Place = FIRST, limit: int = MOST, *, newest: bool = False
) -> Page[ListedLetter]:
    """The page at a place of the letters that are wanted, by number, the lowest first or the highest."""
    sets = letters.sets_of(wanted.order_id, wanted.states)
    return id_sets.page(records, sets, lambda ids: _load(records, ids), place, limit, newest=newest)


def count(records: Records, wanted: LettersWanted, upto: int = UPTO) -> Count:
    """How many letters are wanted, counted up to a number."""
    return id_sets.count(records, letters.sets_of(wanted.order_id, wanted.states), upto)


def _load(records: Records, ids: Sequence[int]) -> list[ListedLetter]:
    found = {one.letter.item_id: one for one in letters.outlooks_of(records, ids)}
    on = forms.of_letters(records, [one.letter.mailer_number for one in found.values()])
    return [ListedLetter(found[id_], on.get(found[id_].letter.mailer_number)) for id_ in ids]
