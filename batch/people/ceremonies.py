"""Ceremonies of custody: what officers have done with its token together, each on record with who was there.

What is signed, and what the token is asked to do, is on record before it is done; what the process in which
it was done signed, after. A ceremony that was cut off is begun again with the same command.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from batch.audit.log import log
from batch.custody.shares import context
from batch.model.custody import HandedSet, KeyState, Opening, Outcome, RoomKeys, SetState, ShareSet
from batch.model.errors import NotFound, Refused
from batch.model.events import Event
from batch.model.people import Operator, Role
from batch.people.acting import Actor, Given, register_of, sign_together
from batch.people.operators import keep_whole
from batch.people.register import REGISTER_ACTS
from batch.people.separation import Act
from batch.store import custody, statements
from batch.store.clock import now
from batch.store.database import Records
from drivers.errors import DriverError
from drivers.secret import Secret

SUBJECT = "custody"
"""What statements about the custody token are about."""

_PATIENCE = 60.0
_MOST_KEYS = 1000


class Room(Protocol):
    """A process with the custody token, such as `drivers.process.Child` of `CustodyRoom`."""

    def ask(self, method: str, *arguments: Any, timeout: float | None = None) -> Any:
        """What a method of it returns; raises `DriverError`."""


@dataclass(frozen=True)
class Held:
    """A ceremony that was held: its id, the officers' statement, the process it was in, what came of it."""

    id: int
    given: Given
    keys: RoomKeys
    outcome: Outcome


def officers(records: Records, names: Sequence[str] = ()) -> dict[str, bytes]:
    """The agreement keys (SPKI, DER) of the PIN officers of these names, or of all who work here.

    Raises `Refused` for one who is no PIN officer or has no such key.
    """
    register = register_of(records)
    at = now()
    working = [one for one in register.active(at) if Role.PIN_OFFICER in one.roles]
    chosen = [_officer(working, name) for name in names] if names else working
    found: dict[str, bytes] = {}
    for one in chosen:
        if one.agreement is None:
            raise Refused(
                "has no key that a share could be sealed to",
                where=one.name,
                next="enrol them anew with a token that has one, or name others with --officer",
            )
        found[one.name] = one.agreement
    return found


def make(
    records: Records, room: Room, actors: Sequence[Actor], among: Mapping[str, bytes], threshold: int
) -> Held:
    """Make the custody token under a PIN that is split among officers; `NotBlank` where there is one."""
    if room.ask("state", timeout=_PATIENCE):
        raise Refused(
            "there is a custody token with a PIN",
            where=SUBJECT,
            next="`station custody prove` opens it; `station custody split` splits it anew",
        )
    shares = room.ask("draw", register_of(records).founding, dict(among), threshold, timeout=_PATIENCE)
    begun = _begin(records, room, actors, "make", _told(shares), [], drawn=shares)
    outcome = room.ask("create", begun.opening, timeout=_PATIENCE)
    return _end(records, begun, outcome, proven=shares)


def split(
    records: Records,
    room: Room,
    actors: Sequence[Actor],
    among: Mapping[str, bytes],
    threshold: int,
    pin: Secret | None = None,
) -> Held:
    """Split a new PIN among officers; those of the last split open it, or the `pin` of an older home."""
    candidates = [] if pin is not None else _candidates(records, room)
    shares = room.ask("draw", register_of(records).founding, dict(among), threshold, timeout=_PATIENCE)
    begun = _begin(records, room, actors, "split", _told(shares), candidates, drawn=shares)
    if pin is not None:
        room.ask("open_with_pin", pin, begun.opening, timeout=_PATIENCE)
    else:
        room.ask("open", begun.opening, timeout=_PATIENCE)
    outcome = room.ask("change_pin", timeout=_PATIENCE)
    held = _end(records, begun, outcome, proven=shares)
    room.ask("settle_sets", shares.name, timeout=_PATIENCE)
    return held


def prove(records: Records, room: Room, actors: Sequence[Actor]) -> Held:
    """Open the token and do nothing: who is there can, and a split that was cut off is settled."""
    begun, opened = _opened(records, room, actors, "prove", {})
    outcome = room.ask("prove", timeout=_PATIENCE)
    return _end(records, begun, outcome, proven=opened)


def make_keys(records: Records, room: Room, actors: Sequence[Actor], count: int) -> Held:
    """Make so many keys of epochs to come, one for each order that will be approved."""
    if not 1 <= count <= _MOST_KEYS:
        raise Refused(f"{count} keys at a time cannot be", where=SUBJECT, next=f"ask for 1 to {_MOST_KEYS}")
    names = [f"epoch-{secrets.token_hex(6)}" for _ in range(count)]
    begun, opened = _opened(records, room, actors, "epochs", {"keys": names})
    made, outcome = room.ask("make_keys", timeout=_PATIENCE + count)
    return _end(records, begun, outcome, proven=opened, made=made)


def destroy_key(records: Records, room: Room, actors: Sequence[Actor], name: str, order: str) -> Held:
    """Destroy the key of an order's epoch, which ends every copy of its codes (R42).

    Whether it may be is for `batch.orders.epochs` to say. May be repeated after a crash.
    """
    found = custody.key(records, name)
    if found is None or found.state is KeyState.DESTROYED:
        raise Refused("its key is destroyed" if found else "has no such key", where=order)
    about = {"key": name, "order": order}
    begun, opened = _opened(records, room, actors, "destroy", about, ending=name)
    outcome = room.ask("destroy_key", timeout=_PATIENCE)
    return _end(records, begun, outcome, proven=opened, destroyed=name)


def recover(records: Records, room: Room, actors: Sequence[Actor], backup: str) -> Held:
    """Open a token that a backup (SHA-256, hexadecimal) brought back; what was destroyed is so again."""
    begun, opened = _opened(records, room, actors, "recover", {"backup": backup})
    gone = tuple(one.name for one in custody.keys(records, KeyState.ENDING, KeyState.DESTROYED))
    outcome = room.ask("destroy_again", gone, timeout=_PATIENCE)
    held = _end(records, begun, outcome, proven=opened)
    room.ask("settle_sets", opened.name, timeout=_PATIENCE)
    return held


def backed_up(records: Records, actors: Sequence[Actor], sha256: str) -> Given:
    """Officers sign that a copy of the token was made: a file of this SHA-256 (hexadecimal)."""
    about = {"ceremony": "backup", "backup": sha256}
    given = sign_together(records, actors, Act.MANAGE_CUSTODY, about, subject=SUBJECT, where=SUBJECT)
    with records.transaction():
        keep_whole(records, given)
        log(records, _event("custody.backup", given, {"backup": sha256}))
    return given


def open_for(
    records: Records,
    room: Room,
    actors: Sequence[Actor],
    purpose: str,
    about: Mapping[str, Any],
    *,
    order: str,
) -> Given:
    """Open custody for one session of something else, such as printing an order's letters."""
    candidates = _candidates(records, room)
    keys: RoomKeys = room.ask("keys", timeout=_PATIENCE)
    whole = {**about, "for": purpose, "room": keys.digest}
    given, handed = _sign(records, actors, Act.OPEN_CUSTODY, whole, candidates, keys)
    with records.transaction():
        keep_whole(records, given)
        detail = {"statement": given.digest, "for": purpose, "officers": list(given.signed.signers)}
        log(records, Event(str(Act.OPEN_CUSTODY), actors[0].name, order=order, detail=detail))
    name = room.ask("open", _opening(records, given, handed), timeout=_PATIENCE)
    _settle(records, _named(candidates, name), given)
    return given


@dataclass(frozen=True)
class _Begun:
    id: int
    kind: str
    given: Given
    keys: RoomKeys
    opening: Opening


def _opened(
    records: Records,
    room: Room,
    actors: Sequence[Actor],
    kind: str,
    about: Mapping[str, Any],
    *,
    ending: str | None = None,
) -> tuple[_Begun, ShareSet]:
    candidates = _candidates(records, room)
    begun = _begin(records, room, actors, kind, about, candidates, ending=ending)
    name = room.ask("open", begun.opening, timeout=_PATIENCE)
    return begun, _named(candidates, name)


def _begin(
    records: Records,
    room: Room,
    actors: Sequence[Actor],
    kind: str,
    about: Mapping[str, Any],
    candidates: Sequence[ShareSet],
    *,
    drawn: ShareSet | None = None,
    ending: str | None = None,
) -> _Begun:
    """The officers sign for a ceremony and hand their shares over; on record before anything is opened."""
    keys: RoomKeys = room.ask("keys", timeout=_PATIENCE)
    whole = {**about, "ceremony": kind, "room": keys.digest}
    given, handed = _sign(records, actors, Act.MANAGE_CUSTODY, whole, candidates, keys)
    with records.transaction():
        keep_whole(records, given)
        if drawn is not None:
            custody.add_set(records, drawn)
        if ending is not None:
            custody.ending(records, ending)
        id_ = custody.begin(records, kind, given.digest, keys)
        log(records, _event(f"custody.{kind}.begun", given, dict(about)))
    return _Begun(id_, kind, given, keys, _opening(records, given, handed))


def _end(
    records: Records,
    begun: _Begun,
    outcome: Outcome,
    *,
    proven: ShareSet,
    made: Mapping[str, bytes] | None = None,
    destroyed: str | None = None,
) -> Held:
    with records.transaction():
        custody.end(records, begun.id, outcome)
        custody.proven(records, proven)
        for name, public_key in (made or {}).items():
            custody.add_key(records, name, public_key, begun.id)
        if destroyed is not None:
            custody.destroyed(records, destroyed)
        log(records, _event(f"custody.{begun.kind}", begun.given, {"set": proven.digest}))
    return Held(begun.id, begun.given, begun.keys, outcome)


def _sign(
    records: Records,
    actors: Sequence[Actor],
    act: Act,
    about: Mapping[str, Any],
    candidates: Sequence[ShareSet],
    keys: RoomKeys,
) -> tuple[Given, list[HandedSet]]:
    handed: dict[str, list[tuple[str, bytes]]] = {shares.name: [] for shares in candidates}

    def hand_over(actor: Actor) -> None:
        # Right after each signature, while the officer's token is in the seat.
        opened, failed = 0, None
        for shares in candidates:
            try:
                found = _handed(actor, shares, keys)
            except DriverError as error:
                failed = failed or error
                continue
            if found is not None:
                handed[shares.name].append(found)
                opened += 1
        if failed is not None and not opened:
            raise Refused(
                f"their share does not open: {failed.what}",
                where=actor.name,
                next="let others open it; who has other keys than at the last split gets a share at the next",
            ) from failed

    given = sign_together(records, actors, act, about, subject=SUBJECT, where=SUBJECT, each=hand_over)
    return given, [HandedSet(shares, tuple(handed[shares.name])) for shares in candidates]


def _handed(actor: Actor, shares: ShareSet, keys: RoomKeys) -> tuple[str, bytes] | None:
    for share in shares.shares:
        if share.officer.casefold() != actor.name.casefold() or actor.reseal is None:
            continue
        bound = [
            context(shares.station, shares.name, share.officer, share.place, handed=handed)
            for handed in (False, True)
        ]
        return share.officer, actor.reseal(share.sealed, bound[0], keys.agreement, bound[1])
    return None


def _opening(records: Records, given: Given, handed: Sequence[HandedSet]) -> Opening:
    return Opening(tuple(handed), tuple(statements.chain(records, *REGISTER_ACTS)), given.signed)


def _candidates(records: Records, room: Room) -> list[ShareSet]:
    """Every share set that may open the token: those on record, and those that it carries itself."""
    if not room.ask("state", timeout=_PATIENCE):
        raise NotFound(
            "there is no custody token",
            where=SUBJECT,
            next="two PIN officers make it: `station custody make`",
        )
    known = [shares for _, shares in custody.sets(records, SetState.CURRENT, SetState.DRAWN)]
    carried: tuple[ShareSet, ...] = room.ask("carried", timeout=_PATIENCE)
    whole = known + [one for one in carried if one not in known]
    if not whole:
        raise NotFound(
            "its PIN is not split among officers yet",
            where=SUBJECT,
            next="split it: `station custody split --from-pin`",
        )
    return whole


def _named(candidates: Sequence[ShareSet], name: str) -> ShareSet:
    return next(one for one in candidates if one.name == name)


def _settle(records: Records, opened: ShareSet, given: Given) -> None:
    with records.transaction():
        if custody.proven(records, opened):
            log(records, _event("custody.set-proven", given, {"set": opened.digest}))


def _event(name: str, given: Given, detail: Mapping[str, Any]) -> Event:
    signers = given.signed.signers
    told = {**detail, "statement": given.digest, "officers": list(signers)}
    return Event(name, signers[0], detail=told)


def _told(shares: ShareSet) -> dict[str, Any]:
    return {"set": shares.digest, "among": list(shares.officers), "threshold": shares.threshold}


def _officer(working: Sequence[Operator], name: str) -> Operator:
    for one in working:
        if one.name.casefold() == name.casefold():
            return one
    raise Refused("is no PIN officer at this moment", where=name, next="see `station operator list`")
