"""Reading a card without any code: is it blank, and what is on it (rules, step 2)."""

from __future__ import annotations

from drivers.errors import Unsupported
from drivers.piv import objects
from drivers.piv.access import Access
from drivers.piv.applet import Applet
from drivers.piv.ids import FACTORY, RETIRED, SLOTS, Obj, place_of
from drivers.tokens import Code, KeyState, TokenIdentity, TokenState, Tries
from drivers.tries import PROBE
from drivers.wire import tlv

_NAMES = {Code.PIN: "PIN", Code.PUK: "PUK", Code.ADMIN: "management key"}


def certificate(applet: Applet, obj: int) -> bytes | None:
    """The certificate (DER) in an object, None where it is empty, all of it where it holds something else."""
    content = applet.get(obj)
    if content is None:
        return None
    try:
        return objects.certificate_of(content)
    except tlv.TlvError:
        return content


def inspect(applet: Applet, access: Access, identity: TokenIdentity, chuid: bytes | None) -> TokenState:
    """The state of a card.

    Without metadata the factory PIN is tried: once, only with three tries left, and only where nothing else
    on the card shows already that it is not blank, and the desk does not forbid it.
    """
    marks = [] if chuid is None else ["a CHUID"]
    slots = [*SLOTS, *list(RETIRED)[: _retired(applet)]]
    keys = tuple(_key(applet, access, name, marks) for name in slots)
    tries, factory = _told(access) if access.has_metadata else _tried(applet, access, marks)
    marks += [
        f"a {_NAMES[code]} that is not the factory's" for code, works in factory.items() if works is False
    ]
    return TokenState(identity, tuple(marks), keys, tries, factory)


def _retired(applet: Applet) -> int:
    """How many retired keys the card's key history tells of."""
    content = applet.get(Obj.KEY_HISTORY)
    try:
        return min(objects.retired_keys(content), len(RETIRED)) if content else 0
    except tlv.TlvError:
        return 0


def _key(applet: Applet, access: Access, name: str, marks: list[str]) -> KeyState:
    ref, obj = place_of(name)
    public = None
    if access.has_metadata:
        try:
            public = applet.key_metadata(ref)
        except Unsupported as unknown:
            marks.append(f"in slot {name}: {unknown.what}")
    if public is not None:
        marks.append(f"a key in slot {name}")
    found = certificate(applet, obj)
    if found is not None:
        marks.append(f"a certificate in slot {name}")
    return KeyState(name, public, found)


def _told(access: Access) -> tuple[Tries, dict[Code, bool | None]]:
    told = {code: access.metadata(code) for code in _NAMES}
    left = {code: known.left if known else None for code, known in told.items()}
    factory = {code: known.default if known else None for code, known in told.items()}
    return Tries(left[Code.PIN], left[Code.PUK], access.told(Code.ADMIN)), factory


def _tried(applet: Applet, access: Access, marks: list[str]) -> tuple[Tries, dict[Code, bool | None]]:
    left = applet.pin_tries()
    works: bool | None = None
    if left is None or left < PROBE:
        marks.append(f"too few PIN tries to look for the factory's ({'not told' if left is None else left})")
    elif not marks and access.ledger.left(Code.PIN, left) >= PROBE:
        works = access.accepts(Code.PIN, FACTORY.pin)
        left = left if works else left - 1
    return Tries(pin=left, admin=access.told(Code.ADMIN)), {Code.PIN: works, Code.PUK: None, Code.ADMIN: None}
