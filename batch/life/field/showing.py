"""What the records tell of a token's way, for people and scripts."""

from __future__ import annotations

from typing import Any

from batch.model.orders import Item
from batch.store import field, lives, revocations
from batch.store.database import Records
from batch.store.order_facts import around

_BESIDE = ("letter", "forms", "postings", "parcels", "acknowledgements", "renewals")


def life_facts(records: Records, item: Item) -> dict[str, Any]:
    """Where a token is since when, how its certificates stand, and what was done with it: its letter and the
    forms of that, its parcels and acknowledgements, what happened in the field, its renewals.
    """
    life, beside = lives.life_or_none(records, item.id), around(records, [item.id])[item.id]
    return {
        "life": str(life.state) if life else None,
        "since": life.since.isoformat(timespec="seconds") if life else None,
        "certificates": str(revocations.states(records, item.id)[item.id]) if life else None,
        "field": [
            {
                "act": str(done.act),
                "at": done.at.isoformat(timespec="seconds"),
                "by": done.operator,
                "with": done.other,
                "to": done.recipient,
                "consents": ", ".join(done.consents) or None,
                "signed": done.signed,
                "why": done.why,
            }
            for done in field.of_item(records, item.id)
        ],
        **{name: beside[name] for name in _BESIDE},
    }
