"""A home with records and no devices, and what is done with it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from batch.audit.log import log
from batch.model.events import Event
from batch.orders.decisions import receive
from batch.orders.draft import DraftRow, OrderDraft
from batch.store import items
from batch.store.database import Records
from layouts.fields import Kind
from station.home import Home, create

CONFIGURATION = """
[station]
name = "Testbureau"
country = "NL"
[keys.custody]
module = "/nowhere/hsm.so"
token = "custody"
[keys.bench]
module = "/nowhere/hsm.so"
token = "bench"
[keys.ca]
module = "/nowhere/hsm.so"
token = "ca"
[layouts]
directories = ["layouts", "/elsewhere/layouts"]
"""


def home_of(path: Path, subscriber: str = "Ministerie") -> Home:
    """A home whose first entry names the subscriber, with an order of three tokens and an own layout."""
    home = create(path)
    home.configuration.write_text(CONFIGURATION)
    own = path / "layouts" / "tokens" / "own.toml"
    own.parent.mkdir(parents=True)
    own.write_text("# a layout of one's own\n")
    Records.create(home.records).close()
    with closing(Records(home.records)) as records:
        with records.transaction():
            log(records, Event("station.made", subscriber))
        receive(records, draft("A-1"), "ada")
    return home


def draft(reference: str, count: int = 3) -> OrderDraft:
    """An order of one group."""
    row = DraftRow(2, "group-card:p-256", Kind.GROUP, count, {"group": reference}, f"group:{reference}")
    return OrderDraft("order.csv", reference, "Ministerie", "90001234", "NL", "00" * 32, (row,))


def numbers(home: Home) -> list[str]:
    """The mailer numbers of all items on record."""
    with closing(Records(home.records)) as records:
        return [item.mailer_number for item in items.items(records)]
