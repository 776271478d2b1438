"""Epochs of custody, one for each order: the key that it takes when it is approved, and its end (R42)."""

from __future__ import annotations

from dataclasses import dataclass

from batch.model.custody import CustodyKey, KeyState
from batch.model.errors import NotTrusted, Refused
from batch.model.orders import Order
from batch.model.states import OPEN_LETTERS, PRINTED_LETTERS, ItemState
from batch.people.acting import register_of
from batch.people.register import Register
from batch.people.vouching import check_key
from batch.store import codes, custody, items, letters, orders, statements
from batch.store.database import Records

LOW_STOCK = 5
"""Keys in stock below which more should be made."""


@dataclass(frozen=True)
class Ending:
    """An epoch that may end: its order, its key's name, and what nobody opens any more then.

    `admins` counts tokens whose admin credential comes out of custody only.
    """

    order: Order
    key_name: str
    letters: int
    admins: int


def next_key(records: Records) -> CustodyKey:
    """The key that the next approved order takes, proven to be one that officers made.

    Raises `Refused` where none is in stock, `NotTrusted` where the records were changed.
    """
    stock = custody.keys(records, KeyState.STOCK)
    if not stock:
        raise Refused(
            "no custody key is in stock",
            where="custody",
            next="two PIN officers make some: `station custody epochs make 20`",
        )
    check_made(records, register_of(records), stock[0])
    return stock[0]


def check_made(records: Records, register: Register, key: CustodyKey) -> None:
    """Raise `NotTrusted` unless officers had this key made in a ceremony that is on record."""
    held = custody.ceremony(records, key.ceremony) if key.ceremony is not None else None
    signed = statements.signed(records, held.statement) if held is not None else None
    if held is None or signed is None or held.outcome is None:
        raise NotTrusted(
            "no ceremony on record made this key",
            where=key.name,
            next="somebody changed the records: see `station audit verify`, then restore a backup",
        )
    check_key(register, key.name, key.public_key, signed, held.keys, held.outcome)


class KeyTaken(Refused):
    """Another order took the key just now; there is a next one."""


def take(records: Records, order: Order, key: CustodyKey) -> None:
    """The order's epoch begins with this key, inside the transaction of its approval; raises `KeyTaken`."""
    found = custody.key(records, key.name)
    if found is None or found.state is not KeyState.STOCK:
        raise KeyTaken("another order took the key meanwhile", where=order.number, next="run this again")
    codes.add_epoch(records, order.id, key.name, key.public_key)


def need_open(records: Records, order: Order) -> None:
    """Raise `Refused` where officers signed that the order's custody key be destroyed."""
    epoch = codes.epoch(records, order.id)
    key = custody.key(records, epoch.key_name) if epoch is not None else None
    if key is not None and key.state in (KeyState.ENDING, KeyState.DESTROYED):
        raise Refused(
            "its custody key is destroyed, and with it every copy of its codes (R42)",
            where=order.number,
            next="who lost a letter gets another token",
        )


def ending(records: Records, number: str) -> Ending:
    """The epoch of an order that may end: no token is open, every letter is confirmed or void (R42).

    A letter that left, came back or is lost was confirmed, or is never printed again.

    Raises `Refused` for any other.
    """
    order = orders.order(records, number)
    epoch = codes.epoch(records, order.id)
    if epoch is None:
        raise Refused("has no custody key yet", where=order.number, next="see `station custody epochs list`")
    if open_ := items.balance(records, order).open:
        raise Refused(
            f"{open_} of its tokens are not finished",
            where=order.number,
            next="produce them, or take them out of quarantine",
        )
    by_state = letters.counts(records, order.id)
    if waiting := {state: by_state[state] for state in OPEN_LETTERS if by_state[state]}:
        told = ", ".join(f"{count} {state}" for state, count in waiting.items())
        raise Refused(
            f"its letters are not all confirmed or void: {told}",
            where=order.number,
            next="`station letter print`, then `confirm`; `station letter settle` for one in doubt",
        )
    kept = sum(
        sealed is not None and sealed.diversified_from is None
        for item in items.items(records, order, ItemState.PRODUCED)
        for sealed in (codes.sealed(records, item.id),)
    )
    return Ending(order, epoch.key_name, sum(by_state[state] for state in PRINTED_LETTERS), kept)
