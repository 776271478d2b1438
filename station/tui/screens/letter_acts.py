"""What is done with one letter: accounted for, printed again, lost, destroyed."""

from __future__ import annotations

import enum

from textual import work

from batch.model.states import LetterState
from batch.people.separation import Act
from station.tui.dialogs.asking import AskLine
from station.tui.dialogs.choosing import Choose
from station.tui.dialogs.confirming import TypedConfirmation
from station.tui.dialogs.form import Field, Form
from station.tui.lists_screen import ListsScreen
from station.tui.screens import letters_reading as reading
from station.tui.screens.letters_reading import LetterRow
from station.tui.words import _


class _Fate(enum.Enum):
    """What became of a letter or its form."""

    TORN = "torn"
    THERE = "there"
    NO_FORM = "no-form"
    LOST = "lost"
    DESTROYED = "destroyed"
    WITHHELD = "withheld"
    BACK = "back"


_FATES = {
    LetterState.SEALED: (_Fate.WITHHELD,),
    LetterState.PRINTING: (_Fate.THERE, _Fate.TORN, _Fate.NO_FORM),
    LetterState.UNKNOWN: (_Fate.THERE, _Fate.TORN, _Fate.NO_FORM),
    LetterState.PRINTED: (_Fate.TORN,),
    LetterState.CONFIRMED: (_Fate.TORN, _Fate.DESTROYED),
    LetterState.RETURNED: (_Fate.DESTROYED,),
    LetterState.LOST: (_Fate.DESTROYED,),
}
_DOUBTED = (LetterState.PRINTING, LetterState.UNKNOWN)


class LetterActs(ListsScreen):
    """The acts on the letter under the cursor."""

    def letter_here(self) -> LetterRow | None:
        """The letter that something is done with; where no letters are shown, they are, and that is all."""
        row = self.chosen_in("letters")
        return row if isinstance(row, LetterRow) else None

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_settle(self) -> None:
        """Say what became of a letter and its form."""
        row = self.letter_here()
        if row is None:
            return
        number = row.number
        fates = _FATES.get(row.state, ())
        if not fates:
            told = _("Letter {number} is {state}: nothing is to be settled.")
            self.notify(told.format(number=number, state=_(row.state)), severity="warning", markup=False)
            return
        words = {
            _Fate.THERE: _("It is there, whole and sealed"),
            _Fate.TORN: _("Its form is torn, creased or misprinted"),
            _Fate.NO_FORM: _("The printer took no form"),
            _Fate.DESTROYED: _("It is destroyed unopened, before a witness"),
            _Fate.WITHHELD: _("It is never to be printed"),
        }
        if not await self.may(Act.SETTLE, where=number):
            return
        title = _("Letter {number}: what became of it?").format(number=number)
        fate = await self.app.push_screen_wait(Choose(title, [(words[one], one) for one in fates]))
        match fate:
            case _Fate.WITHHELD:
                await self.act(title, "letter", "void", number)
            case _Fate.DESTROYED:
                await self._destroy(number)
            case _Fate.THERE | _Fate.TORN | _Fate.NO_FORM:
                await self._account(row, fate)

    async def _account(self, row: LetterRow, fate: _Fate) -> None:
        number = row.number
        title = _("Letter {number}").format(number=number)
        stock = await self.read(reading.form_stock)
        fields = []
        if stock is not None and row.form is None and fate is not _Fate.NO_FORM:
            fields.append(Field("form", _("Its form"), needed=True))
        fields.append(Field("reason", _("What was seen"), needed=True))
        typed = await self.app.push_screen_wait(Form(title, fields, _("On record")))
        if typed is None:
            return
        form = ["--form", typed["form"]] if "form" in typed else []
        reason = ["--reason", typed["reason"]]
        if row.state not in _DOUBTED:
            await self.act(title, "letter", "spoil", number, *form, *reason)
        elif fate is _Fate.THERE:
            await self.act(title, "letter", "settle", number, "--printed", *form, *reason)
        else:
            none = ["--no-form"] if fate is _Fate.NO_FORM and stock is not None else []
            await self.act(title, "letter", "settle", number, "--void", *form, *none, *reason)

    async def _destroy(self, number: str) -> None:
        if not await self.may(Act.KEEP_FORMS, where=number):
            return
        title = _("Destroy letter {number}").format(number=number)
        witness = await self.partner(Act.WITNESS)
        reason = witness and await self.app.push_screen_wait(AskLine(title, _("Why, in a sentence")))
        if not witness or not reason:
            return
        text = _("It is destroyed unopened before {witness}.").format(witness=witness)
        sure = TypedConfirmation(title, text, number, _("Destroyed"))
        if await self.app.push_screen_wait(sure):
            await self.act(title, "letter", "destroy", number, "--witness", witness, "--reason", reason)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_reprint(self) -> None:
        """Have a void letter printed again: two PIN officers sign, together or one after the other."""
        row = self.letter_here()
        if row is None:
            return
        number = row.number
        before = await self.read(lambda _desk, records: reading.before_reprint(records, number))
        if not await self.may(Act.REPRINT, where=number, before=before):
            return
        if row.state is not LetterState.VOID:
            told = _("Letter {number} is {state}: only a void letter is printed again (R13).")
            self.notify(told.format(number=number, state=_(row.state)), severity="warning", markup=False)
            return
        title = _("Print letter {number} again").format(number=number)
        reason = await self.app.push_screen_wait(AskLine(title, _("What became of its form, in a sentence")))
        if reason is None:
            return
        command = ("letter", "reprint", number, "--reason", reason)
        outcome = await self.act(title, *command, "--json")
        if not outcome.done or outcome.document["complete"]:
            return
        other = await self.partner(Act.REPRINT)
        if other is not None:
            await self.act(title, "--as", other, *command)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_lose(self) -> None:
        """Say that a letter cannot be found, or came back."""
        row = self.letter_here()
        if row is None:
            return
        number, fate = row.number, _Fate.LOST
        if row.state is LetterState.SENT:
            title = _("Letter {number} left: what became of it?").format(number=number)
            ways = [(_("It came back, sealed still"), _Fate.BACK), (_("It is lost"), _Fate.LOST)]
            chosen = await self.app.push_screen_wait(Choose(title, ways))
            if chosen is None:
                return
            fate = chosen
        if fate is _Fate.LOST:
            await self.lose(number, doubted=row.state in _DOUBTED)
            return
        if not await self.may(Act.SEND_LETTER, where=number):
            return
        title = _("Letter {number} came back").format(number=number)
        reason = await self.app.push_screen_wait(AskLine(title, _("Why, in a sentence")))
        if reason is not None:
            await self.act(title, "letter", "returned", number, "--reason", reason)

    async def lose(self, number: str, *, doubted: bool = False) -> None:
        """Put on record that a letter cannot be found; `doubted`: nobody knows whether it was printed."""
        if not await self.may(Act.SETTLE, where=number):
            return
        title = _("Letter {number} cannot be found").format(number=number)
        text = _(
            "It is never printed again: whoever finds its form has the codes. "
            "Its token is to be recalled or its certificates revoked."
        )
        reason = await self.app.push_screen_wait(AskLine(title, _("What is known, in a sentence")))
        if reason is None:
            return
        if not await self.app.push_screen_wait(TypedConfirmation(title, text, number, _("It is lost"))):
            return
        command = ("settle", number, "--lost") if doubted else ("lost", number)
        await self.act(title, "letter", *command, "--reason", reason, show=True)
