"""Renewing the token under the cursor: what its renewal asks for, one act after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from textual import work
from textual.binding import Binding

from batch.life.renewal.on_same_token import carried_out_before
from batch.life.renewal.renewing import Asked, asked_by, asks, used
from batch.model.renewals import OldEnds, Renewal, Way
from batch.model.states import ItemState, RenewalState
from batch.people.acting import register_of
from batch.people.separation import RULES, Act, Before, same
from batch.store import expiry, items, renewals
from batch.store.clock import now
from batch.store.database import Records
from station.tui.desk_screen import words
from station.tui.dialogs.asking import AskLine
from station.tui.dialogs.choosing import Choose
from station.tui.dialogs.choosing_seats import seat_for
from station.tui.dialogs.confirming import Confirm, TypedConfirmation
from station.tui.dialogs.telling import Tell
from station.tui.screens.chosen_token import ChosenToken
from station.tui.screens.token_details import TokenDetails
from station.tui.state_words import told
from station.tui.words import N_, _
from station.wiring import Desk

RENEWING = [Binding("n", "renew", N_("Renew"))]

_CONFIRM, _ROLE, _APPROVE, _PAUSE, _RESUME = "confirm", "role", "approve", "pause", "resume"
_ORDER, _CARRY_OUT, _UNDO, _FINISH, _CANCEL = "order", "carry-out", "undo", "finish", "cancel"

_DOES = {
    _CONFIRM: (Act.RENEW, N_("Say what of its data still holds")),
    _ROLE: (Act.CONFIRM_ROLE, N_("Confirm that the role still holds")),
    _APPROVE: (Act.APPROVE_RENEWAL, N_("Approve it")),
    _ORDER: (Act.RECEIVE, N_("Order the new token")),
    _CARRY_OUT: (Act.PRODUCE, N_("Make the new keys on the token")),
    _FINISH: (Act.RENEW, N_("End it: the new token is in use")),
    _RESUME: (Act.RENEW, N_("Go on with it")),
    _PAUSE: (Act.RENEW, N_("Let it wait")),
    _UNDO: (Act.PRODUCE, N_("Take the new keys off the token again")),
    _CANCEL: (Act.RENEW, N_("Cancel it")),
}
"""What may be done with a renewal: who may, and in words; the name is the command's."""

_OFFERED = {
    RenewalState.BEGUN: (_CONFIRM, _ROLE, _APPROVE, _ORDER, _PAUSE, _CANCEL),
    RenewalState.PAUSED: (_RESUME, _CANCEL),
    RenewalState.APPROVED: (_CARRY_OUT, _PAUSE, _CANCEL),
    RenewalState.MAKING: (_CARRY_OUT, _UNDO, _CANCEL),
    RenewalState.ORDERED: (_FINISH, _CANCEL),
}


@dataclass(frozen=True)
class _Going:
    """A renewal under way, what it asks for, and who may not do what to it."""

    renewal: Renewal
    asked: Asked
    words: Mapping[str, str]
    """What the token's certificates say, and what is to stand in the new ones."""
    asked_by: Before
    approved_by: Before


class TokenRenewing(ChosenToken):
    """The renewal of the token under the cursor."""

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_renew(self) -> None:
        """Begin a renewal of the token, or do what the one under way asks for."""
        found = self.details
        if found is None:
            return
        if found.renewal is None:
            await self._begin(found)
            return
        number = found.renewal
        going = await self.read(lambda desk, records: _going(desk, records, number))
        offered = [one for one in _OFFERED.get(going.renewal.state, ()) if _fits(one, going)]
        title = _("Renewal {number} of token {token}").format(number=number, token=found.number)
        chosen = await self.app.push_screen_wait(
            Choose(title, [(_(_DOES[one][1]), one) for one in offered], _stands(going))
        )
        if chosen is None:
            return
        before = going.approved_by if chosen in (_CARRY_OUT, _UNDO) else going.asked_by
        if not await self.may(_DOES[chosen][0], where=number, before=before):
            return
        asked = await self._ask(chosen, title, going)
        if asked is None:
            return
        if chosen not in (_CARRY_OUT, _FINISH):
            await self.act(title, "renew", chosen, number, *asked)
            return
        outcome = await self.act(title, "renew", chosen, number, "--json", *asked)
        if outcome.done:
            await self.app.push_screen_wait(Tell(title, _valid_until(outcome.document["expires"])))

    async def _begin(self, found: TokenDetails) -> None:
        if not await self.may(Act.RENEW, where=found.number):
            return
        title = _("Renew token {number}").format(number=found.number)
        if found.state is not ItemState.PRODUCED:
            why = _("It is {state}; only finished tokens are renewed.").format(state=_(found.state))
            self.notify(why, title=title, severity="warning", markup=False)
            return
        ways = [
            (_("As its layout prefers"), ()),
            (_("On the token itself, the old keys kept"), ("--on", Way.SAME)),
            (_("By a new token"), ("--on", Way.NEW)),
        ]
        way = await self.app.push_screen_wait(Choose(title, ways))
        if way is None:
            return
        ends = [
            (_("The old certificates end by themselves"), ()),
            (_("The old certificates are revoked once the new ones are in use"), ("--old", "revoke")),
        ]
        old = await self.app.push_screen_wait(Choose(title, ends))
        if old is None:
            return
        early: tuple[str, ...] = ()
        if begins := await self.read(lambda desk, records: _too_early(desk, records, found.number)):
            label = _("It is renewed from {day} on. Why earlier?").format(day=begins)
            why_early = await self.app.push_screen_wait(AskLine(title, label))
            if why_early is None:
                return
            early = ("--early", why_early)
        await self.act(title, "renew", "start", found.number, *map(str, way), *old, *early)

    async def _ask(self, chosen: str, title: str, going: _Going) -> list[str] | None:
        """What a command is given beside the renewal's number; None where it was left."""
        match chosen:
            case "confirm":
                return await self._fields(title, going.asked)
            case "pause":
                waits = [(_("for payment"), "payment"), (_("for approval"), "approval")]
                what = await self.app.push_screen_wait(Choose(title, waits, _("What does it wait for?")))
                return None if what is None else ["--for", what]
            case "resume":
                return await self._paid(title, going)
            case "cancel" | "undo":
                return await self._ended(chosen, title, going.renewal.number)
            case "carry-out":
                return await self._seat_and_officers()
            case _:
                text = f"{_('{what}?').format(what=_(_DOES[chosen][1]))}\n\n{_decided_on(going)}"
                return [] if await self.app.push_screen_wait(Confirm(title, text, _("Yes"))) else None

    async def _fields(self, title: str, asked: Asked) -> list[str] | None:
        # Each value stands in the list itself, which scrolls where they do not fit.
        options: list[tuple[str, str]] = [(_("All of it holds"), "")]
        options += [(f"{name}: {value}", name) for name, value in asked.fields.items()]
        text = _("Look at each; choose the one that does not hold.")
        name = await self.app.push_screen_wait(Choose(title, options, text))
        if name is None:
            return None
        if not name:
            return ["--holds", "all"]
        value = await self.app.push_screen_wait(AskLine(title, name, asked.fields[name]))
        return None if value is None else ["--set", f"{name}={value}"]

    async def _paid(self, title: str, going: _Going) -> list[str] | None:
        if str(going.renewal.pause) != "payment":
            return []
        label = _("The reference of its payment")
        paid = await self.app.push_screen_wait(AskLine(title, label))
        return None if paid is None else ["--paid", paid]

    async def _ended(self, chosen: str, title: str, number: str) -> list[str] | None:
        why = await self.app.push_screen_wait(AskLine(title, _("Why, in a sentence without names")))
        if why is None:
            return None
        seat = await self._seat_and_officers() if chosen == _UNDO else []
        if seat is None:
            return None
        text = _("{what}?").format(what=_(_DOES[chosen][1]))
        typed = await self.app.push_screen_wait(TypedConfirmation(title, text, number, _("End it")))
        return None if typed is None else ["--reason", why, *seat]

    async def _seat_and_officers(self) -> list[str] | None:
        """The seat of the token, and two PIN officers where its management key is wanted."""
        seat = await seat_for(self, _("The holder is at the desk, the token in a seat. Which?"))
        if seat is None:
            return None
        title = _("Is its management key wanted?")
        text = _(
            "Cards make new keys under it; it comes out of custody by two PIN officers. Tokens do without."
        )
        wanted = await self.app.push_screen_wait(
            Choose(title, [(_("No"), False), (_("Yes, two PIN officers are here"), True)], text)
        )
        if wanted is None:
            return None
        officers: list[str] = []
        while wanted and len(officers) < RULES[Act.RECOVER_ADMIN].persons:
            names = [one for one in await self._officers() if one not in officers]
            label = _("A PIN officer") if not officers else _("Another PIN officer")
            one = await self.app.push_screen_wait(Choose(label, [(name, name) for name in names]))
            if one is None:
                return None
            officers.append(one)
        return ["--seat", seat, *(part for name in officers for part in ("--officer", name))]

    async def _officers(self) -> list[str]:
        mine = self.station.operator or ""

        def find(_desk: Desk, records: Records) -> list[str]:
            roles = RULES[Act.RECOVER_ADMIN].roles
            return [
                one.name
                for one in register_of(records).active(now())
                if roles & one.roles and not same(one.name, mine)
            ]

        return sorted(await self.read(find), key=str.casefold)


def _going(desk: Desk, records: Records, number: str) -> _Going:
    renewal = renewals.renewal(records, number)
    item = items.item_of(records, renewal.item_id)
    layout = desk.library.token(item.layout)
    said = {**used(records, item, layout), **renewal.changes}
    approved = carried_out_before(records, number)
    return _Going(renewal, asks(records, renewal, layout), said, asked_by(records, renewal), approved)


def _fits(one: str, going: _Going) -> bool:
    """Whether a renewal that is begun is as far as this, by what it asks for."""
    asked, confirmed = going.asked, not going.asked.fields and going.renewal.held_by is not None
    if going.renewal.state is not RenewalState.BEGUN:
        return True
    ready = confirmed and not asked.role
    return {
        _CONFIRM: not confirmed,
        _ROLE: confirmed and asked.role,
        _APPROVE: ready and going.renewal.way is Way.SAME,
        _ORDER: ready and going.renewal.way is Way.NEW,
    }.get(one, True)


def _stands(going: _Going) -> str:
    one = going.renewal
    waits = _("waits for {what}").format(what=_(one.pause)) if one.pause else None
    changed = [f"{name} → {value}" for name, value in one.changes.items()]
    return words((told(one.state), one.way, waits, *changed))


def _decided_on(going: _Going) -> str:
    """What somebody says yes to: who asks for it, how, and every word of it."""
    one = going.renewal
    ends = {
        OldEnds.EXPIRE: _("The old certificates end by themselves"),
        OldEnds.REVOKE: _("The old certificates are revoked once the new ones are in use"),
    }
    lines = [_("Asked for by {name}").format(name=one.begun_by), _stands(going), ends[one.old_ends]]
    return "\n".join((*lines, *(f"{name}: {value}" for name, value in going.words.items())))


def _valid_until(expires: Mapping[str, str] | str | None) -> list[str]:
    """When each new certificate ends, as read from the token."""
    each = expires.items() if isinstance(expires, Mapping) else [("", expires)]
    day = _("valid until {day}")
    return [words((f"✓ {name}".strip(), day.format(day=str(ends)[:10]))) for name, ends in each]


def _too_early(desk: Desk, records: Records, number: str) -> str | None:
    """From which day on a token is renewed, where that is not yet."""
    item = items.item(records, number)
    ends = expiry.expiry(records, item.id)
    if ends is None:
        return None
    begins = ends - timedelta(days=desk.library.token(item.layout).life.renew_days)
    return f"{begins:%Y-%m-%d}" if now() < begins else None
