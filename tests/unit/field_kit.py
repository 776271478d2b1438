"""Tokens that are finished, for tests of what is done with them afterwards."""

from __future__ import annotations

from batch.audit.log import log
from batch.model.codes import SealedCodes
from batch.model.events import Event
from batch.model.orders import Item
from batch.model.states import ItemState
from batch.store import codes, items, journal, letters, lives
from batch.store.database import Records
from drivers.foreign_certificates import spki
from tests.unit.registry_kit import certificate, der

NUMBER = "000001"
SEALED = SealedCodes(*(b"sealed",) * 6)


def produced(records: Records, number: str = NUMBER) -> Item:
    """A token of an approved order with two keys, its letter sealed, at the desk."""
    item = items.item(records, number)
    epoch = codes.epoch(records, item.order_id)
    assert epoch is not None, "its order is approved"
    with records.transaction():
        items.begin_item(records, item, "usb-1", "pkcs11", f"serial-{number}")
        codes.keep(records, item.id, epoch, SEALED)
        for at, name in enumerate(("signing", "confidentiality"), 1):
            journal.add_key(records, item.id, name, f"{at:02d}")
            made = certificate()
            journal.set_generated(records, item.id, name, spki(made), "{}")
            journal.set_certificate(records, item.id, name, der(made))
        items.end_item(records, item.id, ItemState.PRODUCED)
        letters.add(records, number, item.id)
        lives.begin(records, item.id)
        log(records, Event("item.produced", "pia", item=number, token=f"serial-{number}"))
    return items.item_of(records, item.id)
