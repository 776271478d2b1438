"""What is on record around the tokens of an order, a page of them at a time: for its report."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from batch.model.orders import Order
from batch.store.database import Records

Plain = dict[str, Any]


@dataclass(frozen=True)
class _Source:
    """Where something is on record: the columns by the names they are told under, tables, item, order."""

    columns: Mapping[str, str]
    tables: str
    item: str
    order: str

    def query(self, count: int) -> str:
        return (
            f"SELECT {self.item}, {', '.join(self.columns.values())} FROM {self.tables} "
            f"WHERE {self.item} IN ({', '.join('?' * count)}) ORDER BY {self.order}"
        )


_AROUND: Mapping[str, _Source] = {
    "letter": _Source(
        {"state": "state", "printer": "printer", "by": "operator", "printed": "printed_at"},
        "letters",
        "item_id",
        "item_id",
    ),
    "postings": _Source(
        {
            "sent": "p.sent_at",
            "by": "p.sent_by",
            "how": "p.how",
            "reference": "p.reference",
            "returned": "p.returned_at",
            "returned_by": "p.returned_by",
        },
        "postings p JOIN letters t ON t.mailer_number = p.letter",
        "t.item_id",
        "p.id",
    ),
    "forms": _Source(
        {
            "number": "f.number",
            "state": "f.state",
            "since": "f.since",
            "by": "f.operator",
            "witness": "f.witness",
            "reason": "f.reason",
        },
        "forms f JOIN letters t ON t.mailer_number = f.letter",
        "t.item_id",
        "f.since, f.number",
    ),
    "parcels": _Source(
        {
            "number": "p.number",
            "state": "p.state",
            "sent": "p.sent_at",
            "by": "p.sent_by",
            "courier": "p.courier",
            "reference": "p.reference",
            "read": "t.read_at",
            "read_by": "t.read_by",
        },
        "parcel_tokens t JOIN parcels p ON p.id = t.parcel_id",
        "t.item_id",
        "p.id",
    ),
    "acknowledgements": _Source(
        {
            "means": "means",
            "state": "state",
            "taken": "taken_at",
            "by": "taken_by",
            "decided": "decided_at",
            "decided_by": "decided_by",
        },
        "acknowledgements",
        "item_id",
        "id",
    ),
    "field": _Source(
        {"act": "act", "at": "at", "by": "operator", "other": "other", "consents": "consents"}
        | {"signed": "signed", "why": "why"},
        "field_acts",
        "item_id",
        "id",
    ),
    "revocations": _Source(
        {"request": "request", "reason": "reason", "asked": "asked_at", "by": "asked_by"}
        | {"outcome": "outcome", "settled": "settled_at"},
        "revocations",
        "item_id",
        "asked_at, request",
    ),
    "renewals": _Source(
        {"number": "printf('R-%06d', id)", "way": "way", "state": "state", "begun": "begun_at"}
        | {"by": "begun_by", "role_by": "role_by", "approved_by": "approved_by"}
        | {"carried_out_by": "carried_out_by", "ended": "ended_at"},
        "renewals",
        "item_id",
        "id",
    ),
    "quarantine": _Source(
        {"since": "since", "by": "put_by", "cause": "cause", "step": "step", "reason": "reason"}
        | {"way": "way", "way_by": "way_by", "witness": "witness", "left": "left_at"},
        "quarantine",
        "item_id",
        "id",
    ),
}
"""By what it is: all that is on record around an item. No name or address of a person is among it."""

NAMES = tuple(_AROUND)


@dataclass
class Around:
    """What is on record around one item, by name, as plain values without those that are not there."""

    found: dict[str, list[Plain]] = field(default_factory=lambda: defaultdict(list))

    def __getitem__(self, name: str) -> list[Plain]:
        return self.found.get(name, [])


def around(records: Records, ids: Sequence[int]) -> dict[int, Around]:
    """All that is on record around some items."""
    found = defaultdict[int, Around](Around)
    for name, source in _AROUND.items():
        for item_id, *values in records.rows(source.query(len(ids)), ids):
            told = zip(source.columns, values, strict=True)
            found[item_id].found[name].append(
                {key: one for key, one in told if one is not None and one != ""}
            )
    return found


def entries(records: Records, order: Order, numbers: frozenset[str]) -> Iterator[Plain]:
    """The entries of the log about an order and its tokens, but those of single steps, oldest first."""
    last = 0
    while page := records.rows(
        'SELECT sequence, body FROM audit WHERE sequence > ? AND instr(body, \'"event":"step.\') = 0 '
        "ORDER BY sequence LIMIT 5000",
        (last,),
    ):
        for _, body in page:
            facts = _facts(body)
            if facts.get("order") == order.number or facts.get("item") in numbers:
                yield facts
        last = page[-1][0]


def _facts(body: str) -> Plain:
    try:
        facts = json.loads(body)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}
