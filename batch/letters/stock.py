"""The stock of numbered forms: what came in, and what became of forms without a letter (R14)."""

from __future__ import annotations

from collections.abc import Iterable

from batch.audit.log import log
from batch.model.errors import FaultyValue, Refused
from batch.model.events import Event
from batch.model.forms import MOST_NAMED, FormNumber, FormRange, spans
from batch.model.states import FormState
from batch.people.separation import Act, apart
from batch.store import forms
from batch.store.database import Records

MOST_RECEIVED = 1_000_000
"""Forms in one delivery; more is a slip of the hand."""


def receive(
    records: Records,
    printer: str,
    first: FormNumber,
    last: FormNumber,
    operator: str,
    delivery: str | None = None,
) -> FormRange:
    """Take the forms from one number to another into a printer's stock.

    Raises `FaultyValue` where they are no range, `Refused` where one of them is there already.
    """
    where = f"forms {first} to {last}"
    if (first.series, first.width) != (last.series, last.width) or last.place < first.place:
        raise FaultyValue("are no range", where=where, next="give the lowest number, then the highest")
    if (count := last.place - first.place + 1) > MOST_RECEIVED:
        raise FaultyValue(
            f"are {count}; {MOST_RECEIVED} at most are taken in at once", where=where, next="read them again"
        )
    with records.transaction():
        received = forms.receive(records, printer, first, last, by=operator, delivery=delivery)
        detail = {
            "printer": printer,
            "first": str(first),
            "last": str(last),
            "count": received.count,
            "delivery": delivery,
        }
        log(records, Event("forms.received", operator, detail=detail))
    return received


def lacking(records: Records, printer: str, letters: int) -> int:
    """How many forms a printer's stock has too few, on record, for so many letters."""
    return max(0, letters - forms.balance(records, printer).states[FormState.IN_STOCK])


def spoil(records: Records, numbers: Iterable[FormNumber], operator: str, reason: str) -> int:
    """Take forms out of stock that were torn, misprinted or run through the printer; how many.

    Raises `Refused` for one that a letter was printed on: that letter is accounted for with it.
    """
    return _out(records, numbers, FormState.SPOILED, operator, reason)


def miss(records: Records, numbers: Iterable[FormNumber], operator: str, reason: str) -> int:
    """Tell that forms cannot be found; how many. Raises `Refused` for one that a letter was printed on."""
    return _out(records, numbers, FormState.MISSING, operator, reason)


def destroy(records: Records, numbers: Iterable[FormNumber], operator: str, witness: str, reason: str) -> int:
    """Tell that spoiled forms, or missing ones that were found, are destroyed before a witness; how many.

    Raises `Refused` where the witness is who destroys them (R14), `Transition` for forms in other states.
    """
    apart(Act.WITNESS, witness, where="forms", before={Act.KEEP_FORMS: (operator,)})
    return _out(records, numbers, FormState.DESTROYED, operator, reason, witness)


def _out(
    records: Records,
    numbers: Iterable[FormNumber],
    to: FormState,
    operator: str,
    reason: str,
    witness: str | None = None,
) -> int:
    wanted = sorted(set(numbers))
    if len(wanted) > MOST_NAMED:
        raise FaultyValue(
            f"are {len(wanted)} forms; {MOST_NAMED} at most at once", where="forms", next="name fewer"
        )
    with records.transaction():
        for number in wanted:
            held = forms.form(records, number)
            if held.letter is not None and held.state is not FormState.SPOILED:
                raise Refused(
                    f"letter {held.letter} is on it",
                    where=f"form {number}",
                    next=f"account for the letter: `station letter spoil {held.letter}`, `lost` or `destroy`",
                )
            forms.set_state(records, number, to, operator=operator, witness=witness, reason=reason)
        detail = {"forms": spans(wanted), "count": len(wanted), "reason": reason, "witness": witness}
        log(records, Event(f"forms.{to}", operator, detail=detail))
    return len(wanted)
