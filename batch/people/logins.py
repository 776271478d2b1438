"""Logging in: tries that are counted and slowed down, and sessions that end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from batch.audit.log import log
from batch.model.errors import Refused
from batch.model.events import Event
from batch.people.acting import register_of
from batch.people.separation import same
from batch.store import logins
from batch.store.clock import now
from batch.store.database import Records

_LONGEST_WAIT = timedelta(minutes=15)


def wait_of(refused: int) -> timedelta:
    """How long to wait after so many refusals in a row: 2, 4, 8 seconds, and so on to 15 minutes."""
    return min(timedelta(seconds=2 ** min(refused, 20)), _LONGEST_WAIT) if refused else timedelta(0)


def check_wait(records: Records, operator: str) -> None:
    """Raise `Refused` while an operator has to wait after a PIN or passphrase that was refused."""
    refused, last = logins.refusals(records, operator)
    if last is None:
        return
    # A clock that was put back lets nobody wait longer than that.
    left = min(last + wait_of(refused) - now(), _LONGEST_WAIT)
    if left > timedelta(0):
        times = "once" if refused == 1 else f"{refused} times in a row"
        raise Refused(
            f"PIN or passphrase was refused {times}; the next try is in {_told(left)}",
            where=operator,
            next="wait, then run this again",
        )


def count_refusal(records: Records, operator: str, what: str, tries: int | None = None) -> timedelta:
    """Put a refused PIN or passphrase on record; how long to wait now. `tries` are those the token tells."""
    with records.transaction():
        refused = logins.add_refusal(records, operator)
        detail = {"why": what, "in_a_row": refused, "tries_left": tries}
        log(records, Event("login.refused", operator, detail=detail))
    return wait_of(refused)


def count_success(records: Records, operator: str) -> None:
    """Count anew, where there is something to forget."""
    if logins.refusals(records, operator)[0]:
        with records.transaction():
            logins.forgive(records, operator)
            log(records, Event("login.accepted", operator))


@dataclass(frozen=True)
class Limits:
    """How long a session lasts unused, and at all."""

    idle: timedelta
    most: timedelta


@dataclass(frozen=True)
class Kept:
    """What a terminal keeps of a session: its key, and when it was used last."""

    key: bytes
    used: datetime


def begin_session(records: Records, operator: str, kept: bytes, place: str, limits: Limits) -> datetime:
    """Put a session on record, by no more than the digest of key and place; when it ends at the latest.

    `place` names home, user and terminal session, so that the key is worth nothing elsewhere.
    """
    until = now() + limits.most
    with records.transaction():
        logins.add_session(records, _digest(kept, place), operator, until)
        detail = {"until": until.isoformat(timespec="seconds")}
        log(records, Event("session.begun", operator, detail=detail))
    return until


def session_of(
    records: Records, kept: Kept, place: str, limits: Limits, forget: Callable[[], None]
) -> logins.StoredSession | None:
    """The session that a key opens here, None where it opens none; one that is over is put on record as such.

    Raises `Refused` for one that ended just now, having called `forget`, which makes the terminal forget it.
    """
    found = logins.session(records, _digest(kept.key, place))
    if found is None or found.ended_at is not None:
        return None
    at, why = now(), None
    if at >= found.until:
        why = "it lasted as long as a session may"
    elif at - kept.used >= limits.idle:
        why = f"it was not used for {_told(limits.idle)}"
    elif not any(same(one.name, found.operator) for one in register_of(records).active(at)):
        why = f"{found.operator} is no operator any more"
    if why is None:
        return found
    end_session(records, found, why)
    forget()
    raise Refused(f"the session of {found.operator} is over: {why}", next="station login")


def log_out(records: Records, kept: Kept, place: str, why: str = "logged out") -> str | None:
    """End the session that a key opens here; whose it was, None where there is none."""
    found = logins.session(records, _digest(kept.key, place))
    if found is None or found.ended_at is not None:
        return None
    end_session(records, found, why)
    return found.operator


def end_session(records: Records, session: logins.StoredSession, why: str) -> None:
    """End a session."""
    with records.transaction():
        logins.end_session(records, session.id)
        log(records, Event("session.ended", session.operator, detail={"why": why}))


def _digest(key: bytes, place: str) -> bytes:
    return hashlib.sha256(b"issuance-station/session/1\n" + key + place.encode()).digest()


def _told(length: timedelta) -> str:
    seconds = max(1, round(length.total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} minutes"
