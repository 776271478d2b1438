"""What the records tell of one token, and of those set aside, for people who ask a year later."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from cryptography.x509 import load_der_x509_certificate

from batch.model.orders import Item, Order
from batch.model.quarantine import Stay, Way
from batch.model.states import ItemState
from batch.production import budget
from batch.production.quarantine import Resume, rule_of, stay_of, ways
from batch.store import items, journal, letters, orders, quarantine, renewals, revocations
from batch.store.database import Records


def timeline(records: Records, item: Item) -> dict[str, list[dict[str, object]]]:
    """The steps of an item in the order they began, its keys with certificates, revocations and tries."""
    steps: list[dict[str, object]] = [
        {"step": name, "state": state, "attempts": attempts, "began": began, "ended": ended, "reason": reason}
        for name, state, attempts, began, ended, reason in journal.history(records, item.id)
    ]
    keys: list[dict[str, object]] = [
        {
            "key": key.name,
            "slot": key.slot,
            "generations": key.generations,
            "evidence": json.loads(key.evidence)["kind"] if key.evidence else None,
            **_told_of(key.certificate),
        }
        for key in journal.keys(records, item.id).values()
    ]
    former: list[dict[str, object]] = [
        {"key": key.name, "slot": key.slot, "until": f"R-{key.renewal_id:06d}", **_told_of(key.certificate)}
        for key in renewals.former_keys(records, item.id)
    ]
    revoked: list[dict[str, object]] = [
        {"request": one.request, "reason": one.reason, "outcome": one.outcome or "waits for the CA"}
        for one in revocations.of_item(records, item.id)
    ]
    return {
        "steps": steps,
        "keys": keys,
        "former keys": former,
        "revocations": revoked,
        "tries": budget.told(records, item),
    }


def _told_of(certificate: bytes | None) -> dict[str, object]:
    """What a certificate (DER) says of itself, None for all of it where there is none."""
    found = load_der_x509_certificate(certificate) if certificate else None
    return {
        "serial": f"{found.serial_number:x}" if found else None,
        "subject": found.subject.rfc4514_string() if found else None,
        "expires": found.not_valid_after_utc.date().isoformat() if found else None,
    }


def overview(records: Records, order: Order | None) -> list[dict[str, Any]]:
    """All that is in quarantine, of an order or of all, with the ways out."""
    rows = []
    for item in items.items(records, order, ItemState.QUARANTINED):
        stay = stay_of(records, item)
        rows.append(
            {
                "number": item.mailer_number,
                "order": orders.order_of(records, item.order_id).number,
                "seat": item.seat,
                "serial": item.token_serial,
                "since": stay.since.isoformat(timespec="seconds"),
                "step": stay.step,
                "ways": [str(way) for way in ways(records, item, stay)],
                "reason": stay.reason,
            }
        )
    return rows


def whole(records: Records, item: Item) -> dict[str, Any]:
    """Everything on record of an item that is or was in quarantine."""
    other = items.replacement(records, item.id)
    replaced = items.item_of(records, item.replaces) if item.replaces else None
    facts: dict[str, Any] = {
        "number": item.mailer_number,
        "order": orders.order_of(records, item.order_id).number,
        "layout": item.layout,
        "state": str(item.state),
        "seat": item.seat,
        "driver": item.token_driver,
        "serial": item.token_serial,
        "reason": item.reason,
        "letter": letters.state_of(records, item.mailer_number),
        "replaces": replaced.mailer_number if replaced else None,
        "replaced_by": other.mailer_number if other else None,
    }
    facts["stays"] = [_told(stay) for stay in quarantine.stays(records, item.id)]
    facts |= timeline(records, item)
    if item.state is ItemState.QUARANTINED:
        facts["ways"] = _ways_told(records, item, stay_of(records, item))
    return facts


def _told(stay: Stay) -> dict[str, Any]:
    def at(moment: datetime | None) -> str | None:
        return moment.isoformat(timespec="seconds") if moment else None

    return {
        "since": at(stay.since),
        "put_by": stay.put_by,
        "cause": str(stay.cause),
        "step": stay.step,
        "reason": stay.reason,
        "way": str(stay.way) if stay.way else None,
        "by": stay.way_by,
        "witness": stay.witness,
        "why": stay.why,
        "begun": at(stay.begun_at),
        "read_blank": at(stay.blank_at),
        "left": at(stay.left_at),
    }


def _ways_told(records: Records, item: Item, stay: Stay) -> list[dict[str, str]]:
    """Every way out with its command and whether it is open."""
    open_ways, rule = ways(records, item, stay), rule_of(records, item, stay)
    seat = " --seat SEAT" if rule.resume is Resume.AFTER_READING else ""
    told = {
        Way.RESUME: (f"resume {item.mailer_number}{seat}", rule.because),
        Way.RESET: (f"reset {item.mailer_number} --seat SEAT", "where the token in the seat allows it"),
        Way.DESTROY: (f"destroy {item.mailer_number} --witness NAME", "before a second person (R14, R36)"),
        Way.WRITE_OFF: (f"write-off {item.mailer_number} --witness NAME", "where the token cannot be found"),
    }
    return [
        {
            "way": str(way),
            "open": "yes" if way in open_ways else "no",
            "how": f"station quarantine {how}",
            "note": note,
        }
        for way, (how, note) in told.items()
    ]
