"""Confirming printed letters: the number of the form in hand is scanned for one letter after the other."""

from __future__ import annotations

import enum
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from textual import work
from textual.app import ComposeResult
from textual.widgets import Button, Input, Label

from batch.letters.accounting import Seen
from batch.model.errors import FaultyValue
from batch.model.forms import FormNumber
from batch.model.scans import plain
from layouts.scans import Kind
from station.tui.dialogs.asking import AskLine
from station.tui.dialogs.base import Choice, Dialog, back
from station.tui.dialogs.choosing import Choose
from station.tui.widgets.large_text import LargeText
from station.tui.words import _, n_

_MOST_PASSED = 50
"""Forms that may have gone through the printer without a letter; more is a slip of the hand."""


@dataclass(frozen=True)
class Confirmed:
    """Letters in hand with their forms, forms without a letter, and letters that are not there."""

    seen: tuple[tuple[str, str], ...]
    spoiled: tuple[str, ...]
    missing: tuple[str, ...]


class _Why(enum.Enum):
    AGAIN = "again"
    SPOILED = "spoiled"
    SWAPPED = "swapped"
    MISSING = "missing"


class ConfirmForms(Dialog[Confirmed]):
    """Dismissed with what was scanned: when all letters are accounted for, or with those so far."""

    def __init__(self, order: str, letters: Sequence[Seen], gone: Collection[FormNumber]) -> None:
        """`letters` in print order, on the forms expected; `gone` are forms that have no letter."""
        kept = Choice(_("Confirm those so far"), Confirmed((), (), ()))
        super().__init__(_("Forms of order {order}").format(order=order), (back(), kept))
        self._left = [one.letter for one in letters]
        self._all = len(letters)
        self._expected = next((one.form for one in letters if one.form is not None), None)
        self._gone = set(gone)
        self._seen: list[tuple[str, FormNumber]] = []
        self._spoiled: list[FormNumber] = []
        self._missing: list[str] = []
        self._leaving = False

    def body(self) -> ComposeResult:
        yield LargeText(id="expected")
        yield Label("", id="which", markup=False)
        yield Input(id="form", compact=True)
        yield Label("", id="last", markup=False)

    def on_mount(self) -> None:
        """The field has the focus."""
        self._show("")
        self.set_focus(self.query_one(Input))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """A form was scanned."""
        event.stop()
        typed, event.input.value = event.value.strip(), ""
        if not typed:
            return
        try:
            form = FormNumber.read(typed)
        except FaultyValue as error:
            self._show(f"✗ {error.where}: {error.what}")
            return
        if any(form == other for _letter, other in self._seen):
            self._show(_("✗ {form} was scanned already").format(form=form))
        elif self._expected is None or form == self._expected:
            self._take(self._left[0], form)
        else:
            self._ask(form)

    def chosen(self, choice: Choice[Confirmed | None]) -> None:
        self.dismiss(None if choice.value is None else self._whole())

    def action_leave(self) -> None:
        """Nothing is thrown away that was scanned before Escape is pressed twice."""
        if self._seen and not self._leaving:
            self._leaving = True
            self._show(_("! Nothing is on record yet. Enter confirms those so far, Escape throws them away."))
            self.query_one("#choice-1", Button).focus()
        else:
            self.dismiss(None)

    @work(group="why", exclusive=True)
    async def _ask(self, form: FormNumber) -> None:
        letter, expected = self._left[0], self._expected
        assert expected is not None
        passed = self._between(expected, form)
        options = [(_("I scan it again"), _Why.AGAIN)]
        if 0 < len(passed) <= _MOST_PASSED:
            text = n_(
                "{number} form before it came out without a letter, and is spoiled",
                "{number} forms before it came out without a letter, and are spoiled",
                len(passed),
            )
            options.append((text, _Why.SPOILED))
        options.append((_("Another letter is on it: they lie in another order"), _Why.SWAPPED))
        options.append((_("Letter {letter} is not there").format(letter=letter), _Why.MISSING))
        title = _("Form {form} is not {expected}").format(form=form, expected=expected)
        text = _("What happened?")
        why = await self.app.push_screen_wait(Choose(title, options, text))
        match why:
            case _Why.SPOILED:
                self._spoiled += passed
                self._take(letter, form)
            case _Why.SWAPPED:
                await self._swapped(form)
            case _Why.MISSING:
                self._missing.append(letter)
                self._left.remove(letter)
                self._show(_("! letter {letter} is not there").format(letter=letter))
                if not self._left:
                    self.dismiss(self._whole())
            case _:
                self._show("")

    async def _swapped(self, form: FormNumber) -> None:
        title = _("Which letter is on form {form}?").format(form=form)
        typed = await self.app.push_screen_wait(AskLine(title, _("The number on the letter")))
        try:
            number = plain(typed or "", Kind.LETTER).zfill(6)
        except FaultyValue as error:
            self._show(f"✗ {error.where}: {error.what}")
            return
        if typed and number in self._left:
            self._take(number, form)
        elif typed:
            self._show(_("✗ letter {letter} is not one of those that wait").format(letter=typed))

    def _take(self, letter: str, form: FormNumber) -> None:
        self._seen.append((letter, form))
        self._left.remove(letter)
        self._leaving = False
        if self._expected is not None and form >= self._expected:
            self._expected = form
        self._expected = self._after(self._expected)
        self._show(_("✓ letter {letter} is on form {form}").format(letter=letter, form=form))
        if not self._left:
            self.dismiss(self._whole())

    def _after(self, form: FormNumber | None) -> FormNumber | None:
        if form is None:
            return None
        taken = {*self._gone, *self._spoiled, *(other for _letter, other in self._seen)}
        while form in taken:
            form = form.after(1)
        return form

    def _between(self, expected: FormNumber, form: FormNumber) -> list[FormNumber]:
        if (expected.series, expected.width) != (form.series, form.width):
            return []
        count = min(form.place - expected.place, _MOST_PASSED + 1)
        taken = {*self._gone, *(other for _letter, other in self._seen)}
        return [one for one in (expected.after(more) for more in range(count)) if one not in taken]

    def _whole(self) -> Confirmed:
        seen = tuple((letter, str(form)) for letter, form in self._seen)
        return Confirmed(seen, tuple(map(str, self._spoiled)), tuple(self._missing))

    def _show(self, last: str) -> None:
        expected = str(self._expected) if self._expected is not None else ""
        self.query_one("#expected", LargeText).text = expected
        self.query_one("#last", Label).update(last)
        if self._left:
            which = _("Letter {letter}, {place} of {all}. Scan or type the number on its form.")
            place = self._all - len(self._left) + 1
            self.query_one("#which", Label).update(
                which.format(letter=self._left[0], place=place, all=self._all)
            )
        self.query_one("#choice-1", Button).disabled = not self._seen
