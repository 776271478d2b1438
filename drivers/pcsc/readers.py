"""Which readers there are, and which of them a seat means."""

from __future__ import annotations

import re
from dataclasses import dataclass

from smartcard import scard

from drivers.errors import DeviceFailed, NoToken
from drivers.pcsc.context import PNP, Context, context
from drivers.tokens import Cancel

POLL_MS = 250
"""How long one blocking wait lasts before `cancel` is asked again."""

_INDEX = re.compile(r" [0-9A-F]{2} [0-9A-F]{2}$")


@dataclass(frozen=True)
class ReaderInfo:
    """A reader as found: `serial` None where it has or tells none, `atr` None where no card is in it."""

    name: str
    serial: str | None
    present: bool
    atr: bytes | None


def readers() -> tuple[ReaderInfo, ...]:
    """All readers there are now; raises `DeviceFailed` where no PC/SC service answers."""
    with context() as pcsc:
        names = pcsc.readers()
        if not names:
            return ()
        found = pcsc.wait([(name, scard.SCARD_STATE_UNAWARE) for name in names], 0)
        return tuple(
            ReaderInfo(name, pcsc.serial(name), is_present(state), atr or None) for name, state, atr in found
        )


def bind_reader(cancel: Cancel) -> ReaderInfo | None:
    """The reader in which a card newly appears, be it a reader that appears with it; None when cancelled.

    Cards that are in a reader at the start count only after they were taken out and inserted again.
    """
    with context() as pcsc:
        seen = _states(pcsc, None)
        while not cancel():
            try:
                now = pcsc.wait([*seen.items(), (PNP, len(seen) << 16)], POLL_MS)
            except NoToken:  # a reader was unplugged
                seen = _states(pcsc, seen)
                continue
            for name, state, atr in now:
                if name != PNP and is_present(state) and not is_present(seen[name]):
                    return ReaderInfo(name, pcsc.serial(name), True, atr or None)
            seen = _states(pcsc, {name: state for name, state, _ in now if name != PNP})
        return None


def _states(pcsc: Context, known: dict[str, int] | None) -> dict[str, int]:
    """The state of every reader there is now, as `known`; a reader that is new since then was empty."""
    names = pcsc.readers()
    if known is not None:
        return {name: known.get(name, scard.SCARD_STATE_EMPTY) for name in names}
    if not names:
        return {}
    return {name: state for name, state, _ in pcsc.wait([(n, scard.SCARD_STATE_UNAWARE) for n in names], 0)}


def is_present(state: int) -> bool:
    """Whether a reader's state says that a card is in it."""
    return bool(state & scard.SCARD_STATE_PRESENT)


def find(pcsc: Context, name: str, serial: str | None, where: str | None = None) -> str | None:
    """The full name of the reader a seat means, None where it is not attached.

    Without a serial only the exact name will do. With one, the reader of that serial whose name is the same
    but for the index pcscd appends in the order of plugging in; never the first that looks alike.
    """
    names = pcsc.readers()
    if serial is None:
        return name if name in names else None
    alike = [other for other in names if _INDEX.sub("", other) == _INDEX.sub("", name)]
    serials = {other: pcsc.serial(other) for other in sorted(alike, key=lambda other: other != name)}
    for other, told in serials.items():
        if told == serial:
            return other
    return None


def missing(pcsc: Context, name: str, serial: str | None, where: str | None) -> DeviceFailed:
    """The error for a reader that is not attached; names those that are."""
    wanted = f"{name!r} with serial {serial}" if serial else repr(name)
    there = [f"{other!r} (serial {pcsc.serial(other) or 'none'})" for other in pcsc.readers()]
    return DeviceFailed(
        f"no reader {wanted} is attached; there are: {', '.join(there) or 'none'}",
        where=where,
        next="attach it, or correct the seat in station.toml",
    )
