"""Custody keys in stock, for tests of what takes one."""

from __future__ import annotations

from collections.abc import Callable

from batch.audit.log import log
from batch.model.custody import CustodyKey
from batch.model.events import Event
from batch.store import custody
from batch.store.database import Records


def in_stock(public_key: bytes) -> Callable[[Records], CustodyKey]:
    """The next key in stock is this one; what officers prove of it is looked at elsewhere."""

    def next_key(records: Records) -> CustodyKey:
        name = f"epoch-{len(custody.keys(records)):012x}"
        with records.transaction():
            custody.add_key(records, name, public_key, None)
            log(records, Event("custody.epochs", "test"))
        found = custody.key(records, name)
        assert found is not None
        return found

    return next_key
