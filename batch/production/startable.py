"""Whether an order may be produced now."""

from __future__ import annotations

from batch.audit.clock import need_time
from batch.model.errors import Refused
from batch.model.orders import Epoch, Order
from batch.model.states import OrderState
from batch.store import codes, restores
from batch.store.database import Records


def startable(records: Records, order: Order) -> Epoch:
    """The custody epoch of an order that may be produced; raises `Refused` for any other.

    After a restore none may be, until it is known which tokens were made; nor with a clock that is behind.
    """
    restores.refuse_open(records)
    need_time(records)
    if order.state not in (OrderState.APPROVED, OrderState.IN_PRODUCTION):
        raise Refused(
            f"the order is {order.state}",
            where=order.number,
            next="a second person approves it first: `station order approve`"
            if order.state is OrderState.RECEIVED
            else "there is nothing left to produce",
        )
    epoch = codes.epoch(records, order.id)
    assert epoch is not None, "approval opens the custody epoch"
    return epoch
