"""Accounting for letters: each form in somebody's hand, spoiled, destroyed or lost, and said so (R12-R14)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from batch.audit.log import log
from batch.letters.policy import May
from batch.model.errors import FaultyValue, NotFound, Refused
from batch.model.events import Event
from batch.model.forms import FormNumber
from batch.model.orders import LetterRecord
from batch.model.scans import plain
from batch.model.states import FormState, LetterState
from batch.people.separation import Act, apart
from batch.production.lock import only_one
from batch.store import forms, items, letters, orders
from batch.store.database import Records
from drivers.errors import ToldError
from layouts.scans import Kind

LONGEST_LINE = 200
"""Characters of a scanned line."""

_MOST_TOLD = 20
_MOST_LINES = 100_000


@dataclass(frozen=True)
class Seen:
    """What a person saw at the printer: a letter, and its form where forms have numbers."""

    letter: str
    form: FormNumber | None = None


def confirm(records: Records, seen: Sequence[Seen], operator: str, *, numbered: bool) -> None:
    """Somebody has the forms of printed letters in hand, whole and sealed, and has read their numbers.

    `numbered`: the printer has numbered forms. All or nothing: raises `Refused` that names every fault.
    """
    faults: list[str] = []
    with records.transaction():
        for one in seen:
            try:
                _hold(records, one, operator, numbered=numbered)
            except ToldError as error:
                faults.append(f"{error.where}: {error.what}")
        refuse_all(faults, "nothing was confirmed; read the numbers again")
        for one in seen:
            _log(records, LetterState.CONFIRMED, one.letter, operator, {"form": _text(one.form)})


def in_print_order(
    records: Records, order_id: int, first: FormNumber | None, spoiled: Iterable[FormNumber] = ()
) -> list[Seen]:
    """The printed letters of an order as they came out of the printer, on forms in a row from `first` on.

    `spoiled` are forms in between that went through the printer without one; those that are spoiled, missing
    or destroyed on record are passed over as well. Without `first` no numbers.
    """
    printed = sorted(
        letters.letters(records, order_id, LetterState.PRINTED),
        key=lambda one: (one.printed_at is None, one.printed_at, one.mailer_number),
    )
    if first is None:
        return [Seen(one.mailer_number) for one in printed]
    passed_over, form = {*spoiled, *forms.gone_without_a_letter(records, first)}, first
    found: list[Seen] = []
    for one in printed:
        while form in passed_over:
            form = form.after(1)
        found.append(Seen(one.mailer_number, form))
        form = form.after(1)
    return found


def read_lines(lines: Iterable[str]) -> list[Seen]:
    """Lines `LETTER FORM`, or `LETTER` alone, as scanned; raises `FaultyValue` with the line's number."""
    found: list[Seen] = []
    for at, line in enumerate(lines, 1):
        if at > _MOST_LINES:
            raise FaultyValue(f"are more than {_MOST_LINES}", where="lines", next="scan fewer at once")
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            letter = plain(words[0], Kind.LETTER)
            form = FormNumber.read(words[1]) if len(words) == 2 else None
        except FaultyValue as error:
            told = f"{error.where} {error.what}"
            raise FaultyValue(told, where=f"line {at}", next=error.next) from None
        if len(words) > 2 or not (letter.isascii() and letter.isdecimal()) or len(letter) > 12:
            raise FaultyValue("is not LETTER FORM", where=f"line {at}", next="scan the letter, then its form")
        found.append(Seen(letter.zfill(6), form))
    return found


def settle(
    records: Records,
    number: str,
    to: LetterState,
    operator: str,
    reason: str,
    *,
    session: Path,
    form: FormNumber | None = None,
    numbered: bool = False,
    no_form: bool = False,
) -> None:
    """A person accounts for a letter whose printing is unknown: its form is there, spoiled or lost (R12).

    `session` is the lock of whoever prints; `no_form`: no form came out of the printer. Raises `Busy` for a
    letter that may be in the printer right then, `Refused` for one that is not in doubt or where the number
    of the form is wanted, `NotFound`.
    """
    with ExitStack() as held, records.transaction():
        letter = letters.letter(records, number)
        if letter.state is LetterState.PRINTING:
            # Nobody prints: the session that began it has ended.
            held.enter_context(only_one(session, "printing"))
            doubt(records, operator)
        elif letter.state is not LetterState.UNKNOWN:
            raise Refused(
                f"it is {letter.state}; only a letter whose printing is unknown is accounted for",
                where=f"letter {number}",
                next="see `station letter list`",
            )
        if form is None and numbered and to is not LetterState.LOST and not (no_form and to is _VOID):
            raise Refused(
                "the number of its form is wanted",
                where=f"letter {number}",
                next="--form NUMBER; or --no-form, where the printer took none",
            )
        letters.set_state(records, number, to, printer=letter.printer or "", operator=operator)
        detail = {"reason": reason, "form": _text(form)}
        if to is LetterState.PRINTED and form is not None:
            _log(records, to, number, operator, {"reason": reason})
            _hold(records, Seen(number, form), operator, numbered=True)
            _log(records, LetterState.CONFIRMED, number, operator, detail)
            return
        if form is not None:
            _need_of(records, form, letter)
            state = FormState.SPOILED if to is _VOID else FormState.MISSING
            forms.set_state(records, form, state, operator=operator, letter=number, reason=reason)
        _log(records, to, number, operator, detail)


def spoil(
    records: Records,
    number: str,
    operator: str,
    reason: str,
    *,
    form: FormNumber | None = None,
    numbered: bool = False,
) -> None:
    """A printed letter's form is torn, creased or misprinted: the letter is void, its form is spoiled.

    Raises `Refused` where the number of its form is wanted, `Transition` for a letter that is not here.
    """
    with records.transaction():
        letter = letters.letter(records, number)
        if letter.state not in (LetterState.PRINTED, LetterState.CONFIRMED):
            raise Refused(
                f"it is {letter.state}; only the form of a printed letter that is here is spoiled",
                where=f"letter {number}",
                next="see `station letter list`",
            )
        held = forms.of_letter(records, number)
        on = held.number if held else form
        if (held is not None and form not in (None, held.number)) or (on is None and numbered):
            told = f"it is on form {held.number}" if held else "the number of its form is wanted"
            raise Refused(told, where=f"letter {number}", next="read it from the form: --form NUMBER")
        letters.set_state(records, number, _VOID, printer=letter.printer or "", operator=operator)
        if on is not None:
            if held is None:
                _need_of(records, on, letter)
            forms.set_state(records, on, FormState.SPOILED, operator=operator, letter=number, reason=reason)
        _log(records, _VOID, number, operator, {"reason": reason, "form": _text(on)})


def lose(records: Records, number: str, operator: str, reason: str) -> None:
    """A letter's form cannot be found: nobody prints it again; whoever finds it has its codes (R13)."""
    with records.transaction():
        letter = letters.letter(records, number)
        letters.set_state(records, number, LetterState.LOST, printer=letter.printer or "", operator=operator)
        held = forms.of_letter(records, number)
        if held is not None:
            forms.set_state(records, held.number, FormState.MISSING, operator=operator, reason=reason)
        on = held.number if held else None
        _log(records, LetterState.LOST, number, operator, {"reason": reason, "form": _text(on)})


def destroy(records: Records, number: str, operator: str, witness: str, reason: str) -> None:
    """A letter that is here and leaves no more is destroyed unopened before a witness (R14); it is void.

    It was confirmed or came back, or was lost and found. Raises `Refused` where the witness is who does it,
    or for a letter in another state.
    """
    apart(Act.WITNESS, witness, where=f"letter {number}", before={Act.KEEP_FORMS: (operator,)})
    with records.transaction():
        letter = letters.letter(records, number)
        if letter.state not in (LetterState.CONFIRMED, LetterState.RETURNED, LetterState.LOST):
            raise Refused(
                f"it is {letter.state}; a letter that is destroyed was confirmed, came back or was found",
                where=f"letter {number}",
                next="see `station letter list`",
            )
        letters.set_state(records, number, _VOID, printer=letter.printer or "", operator=operator)
        held = forms.of_letter(records, number)
        if held is not None:
            forms.set_state(
                records,
                held.number,
                FormState.DESTROYED,
                operator=operator,
                witness=witness,
                reason=reason,
            )
        on = held.number if held else None
        _log(records, _VOID, number, operator, {"reason": reason, "form": _text(on), "witness": witness})


def withhold(records: Records, number: str, may: May, operator: str) -> None:
    """The letter of a token that is out of use was never printed and never will be; `may` tells why.

    Raises `Refused` where it may be printed, now or later, or was sent to a printer.
    """
    where = f"letter {number}"
    with records.transaction():
        letter = letters.letter(records, number)
        if letter.state is not LetterState.SEALED or not may.never or may.reason is None:
            told = letter.state if letter.state is not LetterState.SEALED else may.reason or "may be printed"
            raise Refused(
                f"it is not to be withheld: {told}", where=where, next="see `station letter list --ready`"
            )
        letters.set_state(records, number, _VOID, printer="", operator=operator)
        _log(records, _VOID, number, operator, {"reason": f"never printed: {may.reason}"})


def doubt(records: Records, operator: str) -> Sequence[str]:
    """Letters that were being printed when a session died are unknown, in the caller's transaction."""
    doubtful = letters.doubt(records)
    for number in doubtful:
        reason = "the desk ended while it was being printed"
        log(records, Event("letter.unknown", operator, item=number, detail={"reason": reason}))
    return doubtful


def refuse_all(faults: Sequence[str], next: str) -> None:
    """Raise `Refused` with every fault, where there are any."""
    if faults:
        more = f"; and {len(faults) - _MOST_TOLD} more" if len(faults) > _MOST_TOLD else ""
        raise Refused("; ".join(faults[:_MOST_TOLD]) + more, where="letters", next=next)


_VOID = LetterState.VOID


def _hold(records: Records, seen: Seen, operator: str, *, numbered: bool) -> None:
    """A printed letter is in somebody's hand, on a form that was in stock."""
    where = f"letter {seen.letter}"
    letter = letters.letter(records, seen.letter)
    if letter.state is not LetterState.PRINTED:
        told = {LetterState.UNKNOWN: "account for it: `station letter settle`"}.get(letter.state)
        raise Refused(f"it is {letter.state}, not printed", where=where, next=told)
    if numbered is not (seen.form is not None):
        wanted = "the number of its form is wanted" if numbered else "the printer has no numbered forms"
        raise Refused(wanted, where=where, next="see [printer] in station.toml")
    if seen.form is not None:
        _need_of(records, seen.form, letter)
        forms.set_state(records, seen.form, FormState.PRINTED, operator=operator, letter=seen.letter)
    letters.set_state(
        records, seen.letter, LetterState.CONFIRMED, printer=letter.printer or "", operator=operator
    )


def _need_of(records: Records, number: FormNumber, letter: LetterRecord) -> None:
    """Raise unless a form is in the stock of the printer that the letter was sent to."""
    held = forms.form(records, number)
    if held.state is not FormState.IN_STOCK:
        on = f", with letter {held.letter}" if held.letter else ""
        raise Refused(
            f"it is {held.state}{on}",
            where=f"form {number}",
            next="read the number from the form again; see `station letter forms show`",
        )
    if letter.printer and held.printer != letter.printer:
        raise Refused(
            f"it is of the stock of printer {held.printer}, and letter {letter.mailer_number} was sent to "
            f"{letter.printer}",
            where=f"form {number}",
            next="read the number from the form again",
        )


def _text(form: FormNumber | None) -> str | None:
    return str(form) if form is not None else None


def _log(
    records: Records, state: LetterState, number: str, operator: str, detail: Mapping[str, object]
) -> None:
    try:
        item = items.item(records, number)
        order = orders.order_of(records, item.order_id).number
    except NotFound:
        order = None
    told = {key: value for key, value in detail.items() if value is not None}
    log(records, Event(f"letter.{state}", operator, order=order, item=number, detail=told or None))
