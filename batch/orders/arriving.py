"""An order file that arrives: read and judged, before anything of it is taken in."""

from __future__ import annotations

from dataclasses import dataclass

from batch.model.assessment import OrderSignature
from batch.model.errors import FaultyValue, Refused
from batch.orders.assessment import need_quota
from batch.orders.columns import ORDER
from batch.orders.draft import Layouts, OrderDraft
from batch.orders.intake import read
from batch.orders.known import RecordedOrders
from batch.orders.signatures import judged, opened
from batch.store import restores
from batch.store.database import Records
from batch.tables.excerpt import Excerpt, excerpt
from batch.tables.faults import Fault, TableFaults


@dataclass(frozen=True)
class Arrived:
    """A faultless order and what its signature is worth, None where it is unsigned."""

    draft: OrderDraft
    signature: OrderSignature | None


def arrive(
    records: Records, data: bytes, signature: bytes | None, *, source: str, layouts: Layouts
) -> Arrived:
    """Read an order file with its `signature`, if that is a file of its own; `source` is its name.

    Raises `TableFaults` with every fault of the file, `FaultyValue` where its signature is wrong.
    """
    came = opened(data, signature, source)
    draft = read(came.content, source=source, layouts=layouts, known=RecordedOrders(records))
    return Arrived(draft, judged(records, draft, came))


@dataclass(frozen=True)
class Checked:
    """What would come of taking a file in: the order, or all `faults`, or the rule that keeps it out.

    `excerpt`: rows of a file with faults, as they stand in it.
    """

    arrived: Arrived | None
    faults: tuple[Fault, ...] = ()
    refused: FaultyValue | Refused | None = None
    excerpt: Excerpt | None = None


def check(
    records: Records, data: bytes, signature: bytes | None, *, source: str, layouts: Layouts
) -> Checked:
    """The same as `arrive`, with what the file is refused for as a value; nothing is taken."""
    try:
        arrived = arrive(records, data, signature, source=source, layouts=layouts)
    except TableFaults as error:
        lines = {fault.line for fault in error.faults}
        rows = excerpt(opened(data, signature, source).content, ORDER, lines)
        return Checked(None, error.faults, excerpt=rows)
    except FaultyValue as error:
        return Checked(None, refused=error)
    try:
        restores.refuse_open(records)
        need_quota(records, arrived.draft.organisation, arrived.draft.count, where=source)
    except Refused as error:
        return Checked(arrived, refused=error)
    return Checked(arrived)
