"""Letters and their forms scanned one by one: bar codes tell which is which, and no order is asked for."""

from __future__ import annotations

from batch.letters.accounting import Seen
from batch.model.errors import FaultyValue
from batch.model.forms import FormNumber
from batch.model.scans import plain
from layouts.scans import Kind, parse


class Pairs:
    """Puts scans together: a letter and its form, or letters alone where forms have no numbers."""

    def __init__(self, *, numbered: bool) -> None:
        self._numbered = numbered
        self._letter: str | None = None
        self._form: FormNumber | None = None
        self.seen: list[Seen] = []
        """What is whole."""

    @property
    def half(self) -> str | None:
        """The letter or form whose counterpart was not scanned yet."""
        return self._letter if self._form is None else f"form {self._form}"

    def take(self, text: str) -> Seen | None:
        """One scan, or a number that was typed; the pair it makes whole, if any.

        A bare number is a letter's where none is open, else a form's. Raises `FaultyValue` for what was
        misread, scanned before, or is no other half; all else stands as before.
        """
        scan = parse(text)
        kind = scan.kind if scan is not None else Kind.FORM if self._letter is not None else Kind.LETTER
        if kind is Kind.FORM and self._numbered:
            self._take_form(FormNumber.read(text))
        else:
            self._take_letter(plain(text, Kind.LETTER))
        if self._letter is None or (self._numbered and self._form is None):
            return None
        self.seen.append(Seen(self._letter, self._form))
        self._letter, self._form = None, None
        return self.seen[-1]

    def _take_letter(self, number: str) -> None:
        if not (number.isascii() and number.isdecimal() and len(number) <= 12):
            raise FaultyValue("is no number of a letter", where=f"scan {number[:40]}", next="scan the letter")
        number = number.zfill(6)
        if number in {one.letter for one in self.seen}:
            raise FaultyValue("was scanned already", where=f"letter {number}", next="scan another one")
        if self._letter is not None and self._letter != number:
            what = f"comes before the form of letter {self._letter}"
            raise FaultyValue(what, where=f"letter {number}", next="scan that form first")
        self._letter = number

    def _take_form(self, form: FormNumber) -> None:
        if form in {one.form for one in self.seen}:
            raise FaultyValue("was scanned already", where=f"form {form}", next="scan another one")
        if self._form is not None and self._form != form:
            what = f"comes before the letter on form {self._form}"
            raise FaultyValue(what, where=f"form {form}", next="scan that letter first")
        self._form = form
