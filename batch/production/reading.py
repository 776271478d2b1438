"""A quarantined item's token as it is read without any code, beside what is on record of it."""

from __future__ import annotations

from collections.abc import Iterator

from batch.model.orders import Item
from batch.model.quarantine import Stay
from batch.production.budget import reckoned, token_name
from batch.production.plan import Kind
from batch.store import journal
from batch.store.database import Records
from batch.store.tries import tries
from drivers.tokens import Code, TokenState
from drivers.tries import COUNTED, PROBE, spoken

_CODES = {Kind.SET_ADMIN: Code.ADMIN, Kind.SET_PUK: Code.PUK, Kind.SET_PIN: Code.PIN}
_UNTOLD = "not told"


def compared(records: Records, item: Item, state: TokenState) -> Iterator[dict[str, str | None]]:
    """What is on the token beside what is on record: identity, keys, certificates, codes and their tries."""
    identity = state.identity
    yield _row("model", None, identity.model)
    yield _row("serial", item.token_serial, identity.serial)
    yield _row("label", None, identity.label)
    yield _row("blank", None, "yes" if state.blank else f"no: {', '.join(state.marks)}")
    found = {key.slot: key for key in state.keys}
    for key in journal.keys(records, item.id).values():
        there = found.get(key.slot)
        on_token = there.public_key if there else None
        yield _row(f"key {key.name}", _there(key.public_key), _same(key.public_key, on_token))
        certificate = there.certificate if there else None
        yield _row(
            f"certificate {key.name}",
            _there(key.certificate),
            _same(key.certificate, certificate) if certificate else "none",
        )
    for code in COUNTED:
        works = state.factory.get(code)
        told = _UNTOLD if works is None else "in force" if works else "not in force"
        yield _row(f"factory {code}", None, told)
    serial = state.identity.serial or item.token_serial
    counted = tries(records, item.token_driver or "", token_name(item, serial))
    for code in COUNTED:
        left: int | None = getattr(state.tries, code)
        one = counted.get(code)
        kept = spoken(reckoned(one)) if one else None
        yield _row(f"{code} tries", kept, _UNTOLD if left is None else spoken(left))


def decision(stay: Stay, state: TokenState) -> str | None:
    """What a reading decides of a step the journal cannot: that its code can be asked for, or need not be."""
    kind = Kind(stay.step.partition(":")[0]) if stay.step else None
    codes = (_CODES[kind],) if kind in _CODES else COUNTED
    if len(codes) == 1 and state.factory.get(codes[0]):
        return f"the factory {codes[0]} is still in force"
    left = [getattr(state.tries, code) for code in codes]
    told = [number for number in left if number is not None]
    if told and (len(told) == len(left) or len(codes) > 1) and min(told) >= PROBE:
        return f"{spoken(min(told))}, enough to ask the token"
    return None


def _row(what: str, on_record: str | None, on_token: str | None) -> dict[str, str | None]:
    return {"what": what, "on_record": on_record, "on_token": on_token}


def _there(value: bytes | None) -> str:
    return "none" if value is None else "there"


def _same(on_record: bytes | None, on_token: bytes | None) -> str:
    if on_token is None:
        return "none, or not told"
    return "the one on record" if on_token == on_record else "another"
