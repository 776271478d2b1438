"""Whether an order may be produced now."""

from __future__ import annotations

from batch.audit.clock import need_time
from batch.model.errors import Refused
from batch.model.orders import Epoch, Order
from batch.model.states import UNDECIDED, OrderState
from batch.store import codes, restores
from batch.store.database import Records
from drivers.process import Child

_READY = 60.0


STARTABLE = (OrderState.APPROVED, OrderState.IN_PRODUCTION)
"""States of an order that may be produced, as far as its state tells."""


def startable(records: Records, order: Order) -> Epoch:
    """The custody epoch of an order that may be produced; raises `Refused` for any other.

    After a restore none may be, until it is known which tokens were made; nor with a clock that is behind.
    """
    restores.refuse_open(records)
    need_time(records)
    if order.state not in STARTABLE:
        raise Refused(
            f"the order is {order.state}",
            where=order.number,
            next="a second person approves it first: `station order approve`"
            if order.state in UNDECIDED
            else "there is nothing left to produce",
        )
    epoch = codes.epoch(records, order.id)
    assert epoch is not None, "approval opens the custody epoch"
    return epoch


def newest_key(keys: Child) -> str:
    """The diversification key that new tokens get their admin credentials from; `Refused` without one."""
    names: tuple[str, ...] = keys.ask("names", timeout=_READY)
    if not names:
        raise Refused("there is no diversification key", next="make one: `station diversification new`")
    return names[-1]
