"""What is done with the token under the cursor: verified, handed over, unblocked, reported, revoked."""

from __future__ import annotations

from dataclasses import dataclass

from textual import work
from textual.binding import Binding

from batch.life.field.handling import before_hand_over
from batch.life.field.unblocking import refuse_not_here
from batch.model.errors import Transition
from batch.model.registry import Person
from batch.model.states import ItemState, LifeState, PersonState, move
from batch.people.separation import Act, Before
from batch.store import items, orders, registry, statements
from batch.store.database import Records
from drivers.authorities.port import Reason
from layouts.fields import Kind
from layouts.life import Consent
from station.tui.desk_screen import words
from station.tui.dialogs.asking import AskLine
from station.tui.dialogs.choosing import Choose
from station.tui.dialogs.choosing_seats import seat_for
from station.tui.dialogs.confirming import Confirm, TypedConfirmation
from station.tui.dialogs.picking import PickFile
from station.tui.dialogs.telling import Tell
from station.tui.practice.practising import put_in
from station.tui.screens.chosen_token import ChosenToken
from station.tui.screens.token_details import TokenDetails
from station.tui.words import N_, _
from station.wiring import Desk

ACTS = [
    Binding("v", "verify", N_("Verify")),
    Binding("h", "hand_over", N_("Hand over")),
    Binding("a", "activate", N_("Activate")),
    Binding("u", "unblock", N_("Unblock PIN")),
    Binding("l", "report('lost')", N_("Lost")),
    Binding("d", "report('damaged')", N_("Damaged")),
    Binding("b", "report('returned')", N_("Came back")),
    Binding("x", "destroy", N_("Destroyed")),
    Binding("r", "revoke", N_("Revoke")),
]

_REPORTS = {
    "lost": (LifeState.LOST, N_("Token {number} is lost")),
    "damaged": (LifeState.DAMAGED, N_("Token {number} does not work")),
    "returned": (LifeState.RETURNED, N_("Token {number} is at the desk again")),
}

_CONSENTS = {
    Consent.TERMS: N_("the terms"),
    Consent.DEVICE: N_("the device, as it is meant to be used"),
    Consent.RECIPIENT: N_("that the token came into their own hands"),
}

_REASONS = {
    Reason.KEY_COMPROMISE: N_("lost or stolen, or somebody else may use it"),
    Reason.CESSATION_OF_OPERATION: N_("not used any more"),
    Reason.SUPERSEDED: N_("another one took its place"),
    Reason.AFFILIATION_CHANGED: N_("its holder has another place or name"),
    Reason.PRIVILEGE_WITHDRAWN: N_("its holder may not have it any more"),
    Reason.UNSPECIFIED: N_("not told"),
}
_PAPERS = (".pdf", ".p7m", ".p7s", ".eml", ".txt", ".png", ".jpg", ".jpeg", ".tif")
_ALONE = ""


@dataclass(frozen=True)
class _Receiving:
    """What handing a token over asks for."""

    before: Before
    personal: bool
    consents: tuple[Consent, ...]
    managers: tuple[Person, ...]


class TokenActs(ChosenToken):
    """The acts for the token under the cursor."""

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_verify(self) -> None:
        """Read the token in a seat and hold it against the records."""
        number = self.number
        if number is None:
            return
        text = _("The token is read and held against the records of {number}; no code is needed.")
        seat = await seat_for(self, text.format(number=number))
        if seat is None:
            return
        await put_in(self.station, seat, number)
        title = _("Verify token {number}").format(number=number)
        outcome = await self.act(title, "token", "verify", seat, number, "--json", checks=True)
        if outcome.failed is None and outcome.output:
            lines = [
                words((f"{'✓' if one['ok'] else '✗'} {one['check']}", one["found"]))
                for one in outcome.document
            ]
            whole = _("It is as on record.") if outcome.done else _("It is NOT as on record.")
            await self.app.push_screen_wait(
                Tell(title, [*lines, "", f"{'✓' if outcome.done else '✗'} {whole}"])
            )

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_hand_over(self) -> None:
        """Put on record that its holder, or a manager of its group, has it."""
        found = self._to(LifeState.HANDED_OVER)
        if found is None:
            return
        number = found.number
        asked = await self.read(lambda desk, records: _receiving(desk, records, number))
        if not await self.may(Act.HAND_OVER, where=number, before=asked.before):
            return
        title = _("Hand token {number} over").format(number=number)
        to = await self._receiver(title, asked)
        if to is None:
            return
        given: list[str] = []
        if asked.consents:
            agreed = "\n".join(f"· {_(_CONSENTS[one])}" for one in asked.consents)
            text = _("Did the receiver agree to all of this, and sign for it?")
            if not await self.app.push_screen_wait(Confirm(title, f"{text}\n\n{agreed}", _("Yes, signed"))):
                return
            paper = await self._paper(_("What was signed; its digest is kept"))
            if paper is None:
                return
            given = [*(f"--consent={one}" for one in asked.consents), "--signed", paper]
        await self.act(title, "token", "hand-over", number, "--to", to, *given)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_activate(self) -> None:
        """Put on record that its holder uses it."""
        found = self._to(LifeState.ACTIVE)
        if found is None or not await self.may(Act.ACTIVATE, where=found.number):
            return
        title = _("Token {number} is in use").format(number=found.number)
        here = await self.app.push_screen_wait(
            Choose(title, [(_("Put it on record"), False), (_("Read the token in a seat first"), True)])
        )
        if here is None:
            return
        seat = await seat_for(self, _("Which seat is the token in?")) if here else None
        if here and seat is None:
            return
        await self.act(title, "token", "activate", found.number, *(["--seat", seat] if seat else []))

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_unblock(self) -> None:
        """Let its holder set a new PIN."""
        number = self.number
        if number is None or not await self.may(Act.UNBLOCK, where=number):
            return
        await self.read(lambda _desk, records: refuse_not_here(records, items.item(records, number)))
        title = _("A new PIN for token {number}").format(number=number)
        seat = await seat_for(self, _("The holder is at the desk, the token in a seat. Which?"))
        if seat is None:
            return
        ways = [
            (_("The holder has the PUK of the letter"), False),
            (_("Two PIN officers; a USB token then needs no PUK"), True),
        ]
        both = await self.app.push_screen_wait(Choose(title, ways)) if not await self._two(number) else True
        if both is None:
            return
        other = await self.partner(Act.UNBLOCK) if both else None
        if both and other is None:
            return
        await self.act(
            title, "token", "unblock", number, "--seat", seat, *(["--with", other] if other else [])
        )

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_report(self, what: str) -> None:
        """Put on record that it is lost, damaged or back."""
        to, told = _REPORTS[what]
        found = self._to(to)
        if found is None or not await self.may(Act.REPORT, where=found.number):
            return
        title = _(told).format(number=found.number)
        why = await self.app.push_screen_wait(AskLine(title, _("What happened, in a sentence without names")))
        if why is not None:
            await self.act(title, "token", what, found.number, "--reason", why)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_destroy(self) -> None:
        """Put on record that it was destroyed before a witness."""
        found = self._to(LifeState.DESTROYED)
        if found is None or not await self.may(Act.DESTROY, where=found.number):
            return
        title = _("Token {number} was destroyed").format(number=found.number)
        witness = await self.partner(Act.WITNESS)
        if witness is None:
            return
        why = await self.app.push_screen_wait(AskLine(title, _("Why, in a sentence without names")))
        if why is None:
            return
        text = _("{witness} saw it. Read the serial from the token itself.").format(witness=witness)
        typed = await self._typed(title, text, found.serial or found.number, _("Destroyed"))
        if typed is not None:
            options = ("--witness", witness, "--yes", typed, "--reason", why)
            await self.act(title, "token", "destroy", found.number, *options)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_revoke(self) -> None:
        """Have its certificates revoked: by its revocation code, or by two officers."""
        number = self.number
        if number is None:
            return
        title = _("Revoke the certificates of token {number}").format(number=number)
        by_code = await self.app.push_screen_wait(
            Choose(
                title,
                [
                    (_("By the revocation code of its letter"), True),
                    (_("Without it: two revocation officers"), False),
                ],
                _("It is final: a revoked certificate never holds again."),
            )
        )
        if by_code is None:
            return
        if by_code:
            await self._revoke_by_code(title, number)
        elif await self.may(Act.REVOKE, where=number):
            await self._revoke_by_two(title, number)

    async def _revoke_by_code(self, title: str, number: str) -> None:
        reason = await self._reason(title)
        if reason is None:
            return
        typed = await self._typed(
            title, _("The code is asked for next; it is not shown."), number, _("Revoke")
        )
        if typed is not None:
            await self.act(title, "revoke", number, "--reason", reason)

    async def _revoke_by_two(self, title: str, number: str) -> None:
        begun = await self.read(
            lambda _desk, records: number in {one for one, _at in statements.begun(records, Act.REVOKE)}
        )
        upon: list[str] = []
        if begun:
            text = _("Another officer signed for it; you are the second.")
        else:
            text = _("Two officers sign for it.")
            reason = await self._reason(title)
            if reason is None or (ground := await self._ground(title)) is None:
                return
            other = await self._second(title)
            if other is None:
                return
            upon = ["--reason", reason, *ground, *(["--with", other] if other else [])]
        typed = await self._typed(title, text, number, _("Revoke"))
        if typed is not None:
            await self.act(title, "token", "revoke", number, *upon)

    async def _ground(self, title: str) -> list[str] | None:
        signed = await self.app.push_screen_wait(
            Choose(
                _("What is it done upon?"),
                [(_("A signed request, in a file"), True), (_("Another ground"), False)],
            )
        )
        if signed is None:
            return None
        if signed:
            told = await self._paper(_("The signed request; its digest is signed for"))
        else:
            label = _("On what ground, in a sentence without names")
            told = await self.app.push_screen_wait(AskLine(title, label))
        return None if told is None else ["--request" if signed else "--ground", told]

    async def _paper(self, title: str) -> str | None:
        """A file of what somebody signed."""
        path = await self.app.push_screen_wait(PickFile(title, self.station.folder, _PAPERS))
        return None if path is None else str(path)

    async def _second(self, title: str) -> str | None:
        """Who signs as well: a name, nothing where they do so later, None where it was left."""
        now_ = await self.app.push_screen_wait(
            Choose(
                title, [(_("The other officer is here"), True), (_("The other officer signs later"), False)]
            )
        )
        if now_ is None:
            return None
        return await self.partner(Act.REVOKE) if now_ else _ALONE

    async def _reason(self, title: str) -> str | None:
        options = [(f"{one}: {_(told)}", str(one)) for one, told in _REASONS.items()]
        return await self.app.push_screen_wait(Choose(title, options, _("Why is it revoked?")))

    async def _typed(self, title: str, text: str, expected: str, yes: str) -> str | None:
        return await self.app.push_screen_wait(TypedConfirmation(title, text, expected, yes))

    async def _receiver(self, title: str, asked: _Receiving) -> str | None:
        if asked.personal:
            label = _("The holder's name as it was ordered; look at their document")
            return await self.app.push_screen_wait(AskLine(title, label))
        options = [(words((one.name, one.email)), one.number) for one in asked.managers]
        if not options:
            self.notify(
                _("Its subscriber has no registered manager; register one first: F9"),
                title=title,
                severity="warning",
            )
            return None
        return await self.app.push_screen_wait(Choose(title, options, _("To which manager?")))

    async def _two(self, number: str) -> bool:
        """Whether the layout of a token always wants two to unblock it."""

        def persons(desk: Desk, records: Records) -> int:
            return desk.library.token(items.item(records, number).layout).life.unblock_persons

        return await self.read(persons) > 1

    def _to(self, state: LifeState) -> TokenDetails | None:
        """The chosen token, where it may come to a state; else says why not."""
        found = self.details
        if found is None or found.number != self.number:
            return None
        if found.life is None or found.state is not ItemState.PRODUCED:
            why: str = _("It is {state}; only a finished token is.").format(state=_(found.state))
        else:
            try:
                move(found.life, state, where=f"token {found.number}")
            except Transition as refused:
                why = f"{refused.what}; {refused.next}"
            else:
                return found
        title = _("Not with token {number}").format(number=found.number)
        self.notify(why, title=title, severity="warning", markup=False)
        return None


def _receiving(desk: Desk, records: Records, number: str) -> _Receiving:
    item = items.item(records, number)
    layout = desk.library.token(item.layout)
    people = registry.people_of(records, orders.order_of(records, item.order_id).organisation)
    managers = tuple(one for one in people if one.manager and one.state is PersonState.REGISTERED)
    before = before_hand_over(records, item)
    return _Receiving(before, layout.kind is Kind.PERSON, layout.life.consents, managers)
