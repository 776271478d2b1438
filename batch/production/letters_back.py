"""After a restore: what became of letters and their forms after the backup, as the ledger tells it (R12)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from batch.audit.afterwards import detail_of
from batch.audit.letters import FORMS_BACK, OF_FORMS
from batch.audit.log import log
from batch.model.errors import NotFound, Refused
from batch.model.events import Event
from batch.model.forms import FormNumber, named, spans
from batch.model.orders import LetterRecord
from batch.model.states import PRINTED_LETTERS, FormState, ItemState, LetterState
from batch.store import forms, items, letters
from batch.store.database import Records
from batch.store.ledger import Line

_TOLD = (*PRINTED_LETTERS, LetterState.UNKNOWN, LetterState.VOID)
"""States that are what they are told to be; the others leave a doubt."""

_REPRINTED = "letter.reprinted"


@dataclass(frozen=True)
class After:
    """What the ledger tells last of a letter: its state, the printer, and who did it."""

    state: LetterState
    printer: str
    operator: str


def letters_of(ledger: Sequence[Line]) -> dict[str, After]:
    """What the ledger tells last of every letter."""
    told: dict[str, After] = {}
    for line in ledger:
        word = line.event.removeprefix("letter.")
        if line.event.startswith("letter.") and "item" in line.facts:
            # What this program does not know leaves a doubt.
            state = LetterState(word) if word in set(LetterState) else LetterState.UNKNOWN
            state = LetterState.SEALED if line.event == _REPRINTED else state
            if line.event == f"{_REPRINTED}.asked":
                continue
            number, printer = str(line.facts["item"]), str(detail_of(line).get("printer", ""))
            earlier = told.get(number)
            printer = printer or (earlier.printer if earlier else "")
            told[number] = After(state, printer, str(line.facts["operator"]))
    return told


def take_letters_back(
    records: Records, ledger: Sequence[Line], operator: str, *, complete: bool
) -> dict[str, str]:
    """Put letters where the ledger tells they are; the new states by number. In the caller's transaction.

    A letter under seal stays so only where it is known that it was not printed after the backup; one that
    was not is void where its token is set aside.
    """
    told, found = letters_of(ledger), dict[str, str]()
    for number in told:
        with suppress(NotFound):
            item = items.item(records, number)
            if letters.state_of(records, number) is None:
                letters.add(records, number, item.id)
    for letter in list(_concerned(records, told)):
        number, after = letter.mailer_number, told.get(letter.mailer_number)
        state = _state_of(letter.state, after, complete=complete)
        why = "as the ledger tells" if after else "it may have been printed after the backup"
        produced = items.item_of(records, letter.item_id).state is ItemState.PRODUCED
        if state is LetterState.SEALED and not produced:
            state, why = LetterState.VOID, "never printed; its token is set aside"
        if state is letter.state:
            continue
        printer = (after.printer if after else "") or letter.printer or ""
        who = after.operator if after else letter.operator or operator
        letters.take_back(records, number, state, printer=printer, operator=who)
        log(records, Event(f"letter.{state}", operator, item=number, detail={"reason": why}))
        found[number] = str(state)
    _take_forms_back(records, ledger, operator)
    return found


def _concerned(records: Records, told: dict[str, After]) -> Iterator[LetterRecord]:
    """Letters whose state may be another than on record."""
    open_ = (LetterState.SEALED, LetterState.PRINTING, LetterState.UNKNOWN)
    for letter in letters.letters(records):
        if letter.state in open_ or letter.mailer_number in told:
            yield letter


def _state_of(state: LetterState, after: After | None, *, complete: bool) -> LetterState:
    if after is None:
        doubted = state is LetterState.PRINTING or (state is LetterState.SEALED and not complete)
        return LetterState.UNKNOWN if doubted else state
    if after.state in _TOLD:
        return after.state
    under_way = state in (LetterState.PRINTING, LetterState.UNKNOWN)
    if after.state is LetterState.SEALED and not under_way:
        return LetterState.SEALED
    return LetterState.UNKNOWN


def _take_forms_back(records: Records, ledger: Sequence[Line], operator: str) -> None:
    """Forms that were received, and what became of each, with the leaving of letters."""
    moved, received = set[FormNumber](), list[tuple[str, str, str]]()
    for line in ledger:
        detail, at = detail_of(line), datetime.fromisoformat(str(line.facts["at"]))
        if line.event == "forms.received":
            with suppress(Refused):  # what overlaps is there
                received.append(_receive_back(records, line, at))
        elif line.event.startswith("forms.") and line.event != FORMS_BACK:
            state, spans_ = FormState(line.event.removeprefix("forms.")), detail.get("forms")
            for span in spans_ if isinstance(spans_, list) else ():
                for number in named(str(span)):
                    moved |= _take_form_back(records, number, state, line, at)
        elif line.event.startswith("letter.") and letters.state_of(records, str(line.facts.get("item"))):
            moved |= _follow_letter(records, line, at)
    if moved or received:
        states, on = dict[str, list[FormNumber]](), dict[str, str]()
        for number in sorted(moved):
            form = forms.form(records, number)
            states.setdefault(str(form.state), []).append(number)
            if form.letter is not None and forms.of_letter(records, form.letter) == form:
                on[form.letter] = str(number)
        detail = {
            "states": {state: spans(numbers) for state, numbers in states.items()},
            "letters": on,
            "received": [list(one) for one in received],
        }
        log(records, Event(FORMS_BACK, operator, detail=detail))


def _receive_back(records: Records, line: Line, at: datetime) -> tuple[str, str, str]:
    detail, by = detail_of(line), str(line.facts["operator"])
    first, last = (FormNumber.read(str(detail[end])) for end in ("first", "last"))
    printer, note = str(detail["printer"]), detail.get("delivery")
    delivery = None if note is None else str(note)
    forms.receive(records, printer, first, last, by=by, delivery=delivery, at=at)
    return printer, str(first), str(last)


def _follow_letter(records: Records, line: Line, at: datetime) -> set[FormNumber]:
    """The form of a letter, and its leaving, as one event about the letter left them."""
    letter, detail, by = str(line.facts["item"]), detail_of(line), str(line.facts["operator"])
    if line.event == "letter.sent":
        reference = detail.get("reference")
        how, told = str(detail.get("how", "")), None if reference is None else str(reference)
        letters.post(records, letter, by=by, how=how, reference=told, at=at)
    elif line.event == "letter.returned":
        letters.post_back(records, letter, by=by)
    word = line.event.removeprefix("letter.")
    state = OF_FORMS.get(LetterState(word)) if word in set(LetterState) else None
    held, named_ = forms.of_letter(records, letter), detail.get("form")
    number = FormNumber.read(str(named_)) if named_ is not None else held.number if held else None
    if number is None or state is None:
        return set()
    if state is FormState.SPOILED and "witness" in detail:
        state = FormState.DESTROYED
    return _take_form_back(records, number, state, line, at, letter)


def _take_form_back(
    records: Records,
    number: FormNumber,
    state: FormState,
    line: Line,
    at: datetime,
    letter: str | None = None,
) -> set[FormNumber]:
    witness, by = detail_of(line).get("witness"), str(line.facts["operator"])
    seen = None if witness is None else str(witness)
    with suppress(NotFound):  # of a delivery that nobody told of
        forms.take_back(records, number, state, operator=by, at=at, letter=letter, witness=seen)
        return {number}
    return set()
