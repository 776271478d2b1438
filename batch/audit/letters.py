"""Whether letters and numbered forms are where the log tells they went (R14)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from batch.audit.findings import Finding, Kind
from batch.model.errors import FaultyValue
from batch.model.forms import named
from batch.model.states import PRINTED_LETTERS, FormState, LetterState
from batch.store import forms, letters
from batch.store.database import Records

FORMS_BACK = "forms.taken-back"
"""The event by which a restore put forms where the ledger told they were."""

_OF_LETTERS = {
    **{f"letter.{state}": state for state in LetterState},
    "letter.reprinted": LetterState.SEALED,
}
"""The state of a letter after each event about it."""

OF_FORMS: Mapping[LetterState, FormState] = {
    LetterState.CONFIRMED: FormState.PRINTED,
    LetterState.SENT: FormState.MAILED,
    LetterState.RETURNED: FormState.RETURNED,
    LetterState.LOST: FormState.MISSING,
    LetterState.VOID: FormState.SPOILED,
}
"""Where a letter's form is after each event about the letter; void before a witness, it is destroyed."""

_Facts = Mapping[str, object]


class LettersAgreement:
    """Hears every entry of the log, then compares."""

    def __init__(self) -> None:
        self._letters: dict[str, LetterState] = {}
        """The state of each letter as it was told last."""
        self._forms: dict[str, FormState] = {}
        """That of each form that has left the stock."""
        self._on: dict[str, str] = {}
        """The form that a letter is on."""
        self._received: set[tuple[str, str, str]] = set()

    def hear(self, facts: _Facts) -> None:
        """What one entry tells."""
        event, detail = str(facts.get("event")), facts.get("detail")
        told = detail if isinstance(detail, dict) else {}
        if (state := _OF_LETTERS.get(event)) is not None:
            letter = str(facts.get("item"))
            self._letters[letter] = state
            self._follow(letter, state, told)
        elif event == "forms.received":
            self._received.add((str(told.get("printer")), str(told.get("first")), str(told.get("last"))))
        elif event == FORMS_BACK:
            self._hear_back(told)
        elif event.startswith("forms."):
            with suppress(ValueError):
                self._moved(told.get("forms"), FormState(event.removeprefix("forms.")))

    def findings(self, records: Records) -> Iterator[Finding]:
        """Where the records disagree with what was heard."""
        missing = {number for number, state in self._letters.items() if state in PRINTED_LETTERS}
        for letter in letters.letters(records):
            number = letter.mailer_number
            missing.discard(number)
            told = self._letters.get(number)
            if letter.state in PRINTED_LETTERS and letter.state != told:
                yield _disagree(f"letter {number} is {letter.state}, but the log does not tell of it")
            if letter.state is LetterState.SEALED and told in PRINTED_LETTERS:
                yield _disagree(f"letter {number} is sealed, but was {told}, as the log tells")
        for number in sorted(missing):
            yield _disagree(f"letter {number} was printed, as the log tells, but is not on record")
        yield from self._of_forms(records)

    def _of_forms(self, records: Records) -> Iterator[Finding]:
        held = {(one.printer, str(one.first), str(one.last)) for one in forms.ranges(records)}
        for _, first, last in sorted(held ^ self._received):
            yield _disagree(f"forms {first} to {last} were not received as the log tells")
        missing = dict(self._forms)
        for form in forms.forms(records):
            told = missing.pop(str(form.number), FormState.IN_STOCK)
            if form.state is not told:
                yield _disagree(f"form {form.number} is {form.state}, but {told}, as the log tells")
        for number, told in sorted(missing.items()):
            yield _disagree(f"form {number} is in stock on record, but {told}, as the log tells")

    def _follow(self, letter: str, state: LetterState, detail: _Facts) -> None:
        """Where the form of a letter went with it."""
        form, goes = detail.get("form") or self._on.get(letter), OF_FORMS.get(state)
        if goes is None or not isinstance(form, str):
            return
        if goes is FormState.SPOILED and "witness" in detail:
            goes = FormState.DESTROYED
        self._forms[form] = goes
        if state is LetterState.VOID:
            self._on.pop(letter, None)
        else:
            self._on[letter] = form

    def _hear_back(self, detail: _Facts) -> None:
        states, on, received = detail.get("states"), detail.get("letters"), detail.get("received")
        for state, spans in states.items() if isinstance(states, dict) else ():
            with suppress(ValueError):
                self._moved(spans, FormState(state))
        for letter, form in on.items() if isinstance(on, dict) else ():
            self._on[str(letter)] = str(form)
        for one in received if isinstance(received, list) else ():
            if isinstance(one, list) and len(one) == 3:
                printer, first, last = map(str, one)
                self._received.add((printer, first, last))

    def _moved(self, spans: object, to: FormState) -> None:
        for span in spans if isinstance(spans, list) else ():
            with suppress(FaultyValue):
                self._forms.update((str(number), to) for number in named(str(span)))


def _disagree(what: str) -> Finding:
    return Finding(Kind.FACT, None, None, what)
