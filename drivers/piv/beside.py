"""Making a key beside another on a card that moves keys, and letting it take the other's place (YK 5.7)."""

from __future__ import annotations

from collections.abc import Collection

from drivers.errors import ReadBackFailed, Unsupported
from drivers.piv import inspection, objects
from drivers.piv.applet import Applet
from drivers.piv.ids import RETIRED, Obj, place_of
from drivers.tokens import Beside, Renewed

MOVES_KEYS = (5, 7, 0)
"""The first firmware with MOVE KEY."""


def reason_against(version: tuple[int, int, int] | None) -> str | None:
    """Why a card of this firmware cannot keep an old key, None where it can."""
    if version is None:
        return "SP 800-73-4 knows no command that moves a key to a retired slot"
    if version < MOVES_KEYS:
        told = ".".join(map(str, version))
        return f"firmware {told} cannot move a key to a retired slot; YubiKeys can from 5.7 on"
    return None


def places(applet: Applet, taken: Collection[str]) -> Beside:
    """A retired slot for the old key, the first free one as the key history wants it, and one for the new."""
    free = [name for name in RETIRED if name not in taken and _empty(applet, name)]
    if len(free) < 2:
        raise Unsupported("no two retired slots are free", where=applet.where, next="renew on a new token")
    return Beside(made_at=free[-1], kept_at=free[0])


def exchange(applet: Applet, slot: str, beside: Beside, old: Renewed, new: Renewed) -> None:
    """Move the old key away and the new one in, by where each is found; the management key was shown.

    The old key's certificate stands in its new place before it is moved, and the new key's last.
    """
    here, made, kept = (place_of(name) for name in (slot, beside.made_at, beside.kept_at))
    found = applet.key_metadata(kept[0])
    _need(applet, found in (None, old.public_key), f"slot {beside.kept_at} holds another key")
    applet.put(kept[1], objects.certificate(old.certificate))
    if found is None:
        _need(applet, applet.key_metadata(here[0]) == old.public_key, f"the old key is not in slot {slot}")
        applet.move(here[0], kept[0])
    if applet.key_metadata(here[0]) != new.public_key:
        there = applet.key_metadata(made[0]) == new.public_key and applet.key_metadata(here[0]) is None
        _need(applet, there, f"the new key is not in slot {beside.made_at}")
        applet.move(made[0], here[0])
    applet.put(here[1], objects.certificate(new.certificate))
    applet.put(made[1], b"")
    applet.put(Obj.KEY_HISTORY, objects.key_history(_kept(applet)))


def discard(applet: Applet, made_at: str, public_key: bytes | None) -> None:
    """Destroy the key in a retired slot where it is this one, and its certificate."""
    ref, obj = RETIRED[made_at]
    found = applet.key_metadata(ref)
    if found is None or (public_key is not None and found != public_key):
        return
    applet.put(obj, b"")
    applet.move(ref)


def _kept(applet: Applet) -> int:
    """Retired slots in use from the first on, as the key history counts them."""
    count = 0
    for name in RETIRED:
        if _empty(applet, name):
            break
        count += 1
    return count


def _empty(applet: Applet, name: str) -> bool:
    ref, obj = RETIRED[name]
    return applet.key_metadata(ref) is None and inspection.certificate(applet, obj) is None


def _need(applet: Applet, holds: bool, otherwise: str) -> None:
    if not holds:
        raise ReadBackFailed(otherwise, where=applet.where, next="set the token aside")
