"""What the records tell of one token, for people who ask a year later."""

from __future__ import annotations

import json

from cryptography.x509 import load_der_x509_certificate

from batch.model.orders import Item
from batch.store import journal
from batch.store.database import Records


def timeline(records: Records, item: Item) -> dict[str, list[dict[str, object]]]:
    """The steps of an item in the order they began, and its keys with evidence and certificates."""
    steps: list[dict[str, object]] = [
        {"step": name, "state": state, "attempts": attempts, "began": began, "ended": ended, "reason": reason}
        for name, state, attempts, began, ended, reason in journal.history(records, item.id)
    ]
    keys: list[dict[str, object]] = []
    for key in journal.keys(records, item.id).values():
        certificate = load_der_x509_certificate(key.certificate) if key.certificate else None
        keys.append(
            {
                "key": key.name,
                "slot": key.slot,
                "generations": key.generations,
                "evidence": json.loads(key.evidence)["kind"] if key.evidence else None,
                "serial": f"{certificate.serial_number:x}" if certificate else None,
                "subject": certificate.subject.rfc4514_string() if certificate else None,
                "expires": certificate.not_valid_after_utc.date().isoformat() if certificate else None,
            }
        )
    return {"steps": steps, "keys": keys}
