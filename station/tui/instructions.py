"""What a lane wants of the hands, in words: one instruction, by what happened there, never by a text."""

from __future__ import annotations

from dataclasses import dataclass

from batch.model.quarantine import Cause
from batch.production.calls import Limits
from batch.production.events import Feeding, Missing, Refusal, Removal, Trouble, What
from batch.production.plan import Kind
from batch.production.wishes import Will
from drivers.feeders.port import Tray
from station.feed.messages import Lane
from station.tui.words import N_, _

WORKING, NEEDS, DONE, WRONG, RESTING, FREE = "working", "needs", "done", "wrong", "resting", "free"
"""Kinds of instructions: each has a colour, and a sign that says the same."""

SIGNS = {WORKING: "▶", NEEDS: "!", DONE: "✓", WRONG: "✗", RESTING: "‖", FREE: "·"}


@dataclass(frozen=True)
class Instruction:
    """What to do at a lane.

    `kind` is one of `SIGNS`, `state` the lane's state in a word, `text` the instruction, `short` the same in
    18 letters, `detail` the reason; `needed`: somebody's hands or head are wanted; `keyed`: a key is named.
    """

    kind: str
    state: str
    text: str
    short: str
    detail: str = ""
    needed: bool = False
    keyed: bool = False

    @property
    def sign(self) -> str:
        """The state as one character."""
        return SIGNS[self.kind]


CAUSES = {
    Cause.UNSUPPORTED: N_("not supported"),
    Cause.CODE_REFUSED: N_("a code was refused"),
    Cause.CODE_BLOCKED: N_("a code is blocked"),
    Cause.UNDECIDED: N_("tries are used up"),
    Cause.NOT_BLANK: N_("not blank"),
    Cause.NO_EVIDENCE: N_("no evidence of its key"),
    Cause.READ_BACK: N_("read-back failed"),
    Cause.WRONG_CERTIFICATE: N_("wrong certificate"),
    Cause.DEVICE_FAILED: N_("it fails"),
    Cause.CA_REFUSED: N_("the CA refuses"),
    Cause.OTHER: N_("something is wrong"),
    Cause.TAKEN_OUT: N_("set aside by hand"),
    Cause.RESTORED: N_("begun before a restore"),
}

REFUSALS = {
    Refusal.NOT_BLANK: N_("not blank"),
    Refusal.BEGUN_BEFORE: N_("begun before"),
    Refusal.FINISHED: N_("it is finished"),
    Refusal.UNREADABLE: N_("not readable"),
}

_SLOW = 0.5
"""The share of its limit after which a silent step is told to be one."""

_LIMITS = Limits()

_STEPS = {
    Kind.SEAL: N_("drawing and sealing codes"),
    Kind.INITIALISE: N_("initialising"),
    Kind.GENERATE: N_("making key {key}"),
    Kind.CERTIFY: N_("certificate for {key}"),
    Kind.LOAD: N_("loading certificate {key}"),
    Kind.SET_ADMIN: N_("setting the admin credential"),
    Kind.SET_PUK: N_("setting the PUK"),
    Kind.SET_PIN: N_("setting the PIN"),
    Kind.VERIFY: N_("reading back"),
    Kind.RELEASE: N_("ending the resume key"),
}


def step_in_words(name: str) -> str:
    """A step of the journal, such as `generate:signature`, in words."""
    kind, _colon, key = name.partition(":")
    return _(_STEPS[Kind(kind)]).format(key=key)


def reason_of(trouble: Trouble) -> str:
    """Why a token is set aside or refused, in a few words."""
    if trouble.cause is not None:
        return _(CAUSES[trouble.cause])
    return _(REFUSALS[trouble.refusal]) if trouble.refusal is not None else ""


def instruction(lane: Lane, driver: str, waited: float = 0.0, limits: Limits = _LIMITS) -> Instruction:
    """What a lane of a production wants, whose step has been waited for so many seconds."""
    card = driver == "piv"
    match lane.what:
        case None:
            return Instruction(WORKING, _("starting"), _("wait"), _("wait"))
        case What.WAITING:
            return _waiting(lane.feeding, card)
        case What.MISSING:
            return _missing(lane.missing or Missing(), card)
        case What.REMOVE if lane.removal is not None:
            return _removal(lane, lane.removal)
        case What.PAUSED:
            text, short = _("paused; r lets it go on"), _("paused")
            return Instruction(RESTING, _("paused"), text, short, keyed=True)
        case What.JAMMED | What.LANE_STOPPED | What.LANE_ENDED:
            return _OVER[lane.what](lane)
        case What.DELAYED:
            state, text, short = _("waits for the CA"), _("wait, do not remove"), _("wait for the CA")
            reason = lane.delay.reason if lane.delay else ""
            return Instruction(RESTING, state, text, short, reason)
        case What.INTERRUPTED:
            return Instruction(WRONG, _("interrupted"), _("wait"), _("interrupted"), lane.text)
        case What.QUARANTINED | What.REFUSED:
            # Told for a moment only, before the hands may take it out.
            reason = reason_of(lane.trouble) if lane.trouble else ""
            return Instruction(WRONG, _("quarantine"), _("do not remove"), _("do not remove"), reason)
        case _:
            return _working(lane, waited, limits)


def _working(lane: Lane, waited: float, limits: Limits) -> Instruction:
    kind = lane.step.name.partition(":")[0] if lane.step else ""
    if kind == Kind.CERTIFY and waited > limits.answer * _SLOW:
        return Instruction(RESTING, _("waits for the CA"), _("wait, do not remove"), _("wait for the CA"))
    limit = limits.key if kind == Kind.GENERATE else limits.answer
    if waited > limit * _SLOW:
        text, short = _("no answer yet, do not remove"), _("no answer yet")
        detail = _("after {limit} s without an answer it is asked anew").format(limit=f"{limit:g}")
        return Instruction(WRONG, _("no answer"), text, short, detail)
    state = {
        Will.GO_ON: _("working"),
        Will.PAUSE: _("working, then pauses"),
        Will.END: _("working, then ends"),
    }[lane.wish]
    return Instruction(WORKING, state, _("working, do not remove"), _("do not remove"))


def _missing(missing: Missing, card: bool) -> Instruction:
    state = _("needs you")
    if missing.elsewhere is not None:
        text = _("take it out: seat {seat} works on it").format(seat=missing.elsewhere)
        return Instruction(NEEDS, state, text, _("take it out"), needed=True)
    first = missing.tokens[0] if missing.tokens else None
    if first is None:
        return Instruction(NEEDS, state, _("put the begun token back"), _("put it back"), needed=True)
    text = _("put back token {number}") if not card else _("put back card {number}")
    more = [one.item for one in missing.tokens[1:]]
    details = []
    if first.token:
        details.append(_("serial {serial}").format(serial=first.token))
    elif first.seat:
        details.append(_("it was in {seat}; there a blank will do as well").format(seat=first.seat))
    if more:
        details.append(_("or one of {numbers}").format(numbers=", ".join(more)))
    short = _("put back {number}").format(number=first.item)
    return Instruction(NEEDS, state, text.format(number=first.item), short, "; ".join(details), needed=True)


def _waiting(feeding: Feeding | None, card: bool) -> Instruction:
    if feeding is None:
        text = _("insert a blank card") if card else _("insert a blank token")
        return Instruction(NEEDS, _("needs you"), text, _("insert a blank"), needed=True)
    if not feeding.empty:
        text = _("the feeder brings a card, wait") if card else _("the feeder brings a token, wait")
        return Instruction(WORKING, _("is fed"), text, _("is fed, wait"))
    text = _("load blank cards into the feeder") if card else _("load blank tokens into the feeder")
    return Instruction(NEEDS, _("needs you"), text, _("load blanks"), needed=True)


def _jammed(lane: Lane) -> Instruction:
    state, short = _("feeder jammed"), _("clear the feeder")
    text = _("clear the feeder, then r lets it go on")
    if lane.removal is not None:
        # The machine may have dropped it anywhere.
        out = _by_hand(lane, lane.removal)
        text = _("clear the feeder, {where}, then r").format(where=out.short)
    return Instruction(WRONG, state, text, short, lane.text, needed=True, keyed=True)


def _removal(lane: Lane, removal: Removal) -> Instruction:
    if not removal.by_machine:
        return _by_hand(lane, removal)
    reason = reason_of(removal.why) if removal.why is not None else ""
    kind, state = (DONE, _("done")) if removal.tray is Tray.GOOD else (WRONG, _("take out"))
    return Instruction(kind, state, _("the feeder takes it out, wait"), _("wait"), reason)


def _by_hand(lane: Lane, removal: Removal) -> Instruction:
    if removal.tray is Tray.GOOD:
        text = _("take out, put in envelope {number}").format(number=lane.item or "?")
        short = _("envelope {number}").format(number=lane.item or "?")
        return Instruction(DONE, _("done"), text, short, needed=True)
    if removal.tray is Tray.WAITING:
        text = _("take out, keep it safe: {number} waits for the CA").format(number=lane.item or "?")
        return Instruction(
            RESTING,
            _("waits for the CA"),
            text,
            _("keep {number}").format(number=lane.item or "?"),
            needed=True,
        )
    why = removal.why
    reason = reason_of(why) if why is not None else ""
    text = _("quarantine tray: {reason}").format(reason=reason) if reason else _("quarantine tray")
    detail = why.reason if why is not None else ""
    return Instruction(WRONG, _("take out"), text, _("quarantine tray"), detail, needed=True)


def _stopped(lane: Lane) -> Instruction:
    if lane.removal is not None and not lane.removal.by_machine:
        out = _by_hand(lane, lane.removal)
        return Instruction(WRONG, _("stopped"), out.text, out.short, lane.text, needed=True)
    text = _("stopped: see why, then start again")
    return Instruction(WRONG, _("stopped"), text, _("stopped"), lane.text, needed=True)


def _ended(lane: Lane) -> Instruction:
    if lane.removal is not None and not lane.removal.by_machine:
        out = _removal(lane, lane.removal)
        return Instruction(out.kind, _("ended"), out.text, out.short, out.detail, needed=True)
    if lane.item is not None and lane.step is not None:
        text = _("keep {number} here, it is unfinished").format(number=lane.item)
        return Instruction(RESTING, _("ended"), text, _("keep {number}").format(number=lane.item))
    return Instruction(DONE, _("ended"), _("ended"), _("ended"))


_OVER = {What.JAMMED: _jammed, What.LANE_STOPPED: _stopped, What.LANE_ENDED: _ended}


def idle(driver: str, state: str, problem: str | None) -> Instruction:
    """What a seat wants while nothing is produced, by what `station lanes watch` tells of it."""
    card = driver == "piv"
    match state:
        case "unusable":
            text, short = _("unusable: see why"), _("unusable")
            return Instruction(WRONG, _("unusable"), text, short, problem or "")
        case "in-use":
            return Instruction(RESTING, _("in use"), _("in use by another command"), _("in use"))
        case "token":
            inside = _("a card is in it") if card else _("a token is in it")
        case "empty":
            inside = _("empty")
        case _:
            inside = "…"
    text = _("start an order: s")
    return Instruction(FREE, inside, text, text, keyed=True)


def happened(lane: Lane) -> tuple[str, str]:
    """What happened on a lane: a sign, and a few words for the list of events."""
    trouble = reason_of(lane.trouble) if lane.trouble else ""
    match lane.what:
        case What.BEGUN | What.RESUMED:
            return SIGNS[WORKING], _("begun") if lane.what is What.BEGUN else _("taken up again")
        case What.PRODUCED:
            return SIGNS[DONE], _("produced")
        case What.QUARANTINED:
            return SIGNS[WRONG], _("quarantine: {reason}").format(reason=trouble)
        case What.REFUSED:
            return SIGNS[WRONG], _("refused: {reason}").format(reason=trouble)
        case What.INTERRUPTED:
            return SIGNS[WRONG], _("interrupted: {reason}").format(reason=lane.text)
        case What.MISSING:
            return SIGNS[NEEDS], _missing(lane.missing or Missing(), card=False).text
        case What.DELAYED:
            return "…", _("the CA is away")
        case What.PAUSED | What.PENDING:
            return SIGNS[RESTING], _("paused") if lane.what is What.PAUSED else _("waits for the CA")
        case What.JAMMED:
            return SIGNS[WRONG], _("feeder jammed: {reason}").format(reason=lane.text)
        case What.LANE_STOPPED:
            return SIGNS[WRONG], _("stopped: {reason}").format(reason=lane.text)
        case What.LANE_ENDED:
            return SIGNS[DONE], _("lane ended")
        case _:
            return " ", str(lane.what)
