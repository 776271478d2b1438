"""Signatures, assessments and notices of orders in the records."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from batch.model.assessment import (
    Assessment,
    Finding,
    Level,
    NoticeRecord,
    OrderSignature,
    SignatureResult,
)
from batch.model.orders import Order
from batch.store.database import Records, moment, stamp


def add_signature(records: Records, order_id: int, signature: OrderSignature) -> None:
    """Keep what became of the signature of an order's file."""
    records.insert(
        "INSERT INTO order_signatures VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            order_id,
            signature.result,
            signature.person,
            signature.certificate,
            stamp(signature.signed_at) if signature.signed_at else None,
            signature.reason,
            signature.cms,
        ),
    )


def signature(records: Records, order_id: int) -> OrderSignature | None:
    """What became of the signature of an order's file, None where it was not signed."""
    row = records.row(
        "SELECT result, person, certificate, signed_at, reason, cms FROM order_signatures WHERE order_id = ?",
        (order_id,),
    )
    if row is None:
        return None
    result, person, certificate, signed_at, reason, cms = row
    return OrderSignature(SignatureResult(result), person, certificate, moment(signed_at), reason, cms)


def forget_signature(records: Records, order_id: int) -> None:
    """Overwrite the message, whose certificates name who signed; what became of it stays."""
    records.write("UPDATE order_signatures SET cms = x'' WHERE order_id = ?", (order_id,))


def whole_signature(records: Records, order_id: int) -> dict[str, object] | None:
    """A signature as plain values from which `signature_of` makes it again, None where there is none."""
    found = signature(records, order_id)
    return {**found.facts(), "cms": found.cms.hex()} if found else None


def signature_of(kept: Mapping[str, Any]) -> OrderSignature:
    """The signature of `whole_signature`."""
    return OrderSignature(
        SignatureResult(kept["result"]),
        kept["person"],
        kept["certificate"],
        moment(kept["signed_at"]),
        kept["reason"],
        bytes.fromhex(kept["cms"]),
    )


def add_assessment(
    records: Records, order: Order, *, digest: str, findings: Sequence[Finding], operator: str
) -> None:
    """Keep an assessment beside those before it."""
    told = json.dumps([[*_plain(finding)] for finding in findings], ensure_ascii=False)
    records.insert(
        "INSERT INTO assessments (order_id, at, operator, digest, findings) VALUES (?, ?, ?, ?, ?)",
        (order.id, stamp(), operator, digest, told),
    )


def _plain(finding: Finding) -> tuple[str, ...]:
    return finding.check, str(finding.level), finding.what, finding.next, finding.inputs


def assessment(records: Records, order_id: int) -> Assessment | None:
    """The last assessment of an order, None where there is none."""
    row = records.row(
        "SELECT findings, digest, operator, at FROM assessments WHERE order_id = ? ORDER BY id DESC LIMIT 1",
        (order_id,),
    )
    if row is None:
        return None
    told, digest, operator, at = row
    findings = tuple(
        Finding(check, Level(level), what, next_, inputs)
        for check, level, what, next_, inputs in json.loads(told)
    )
    when = moment(at)
    assert when is not None
    return Assessment(findings, digest, operator, when)


def assessed(records: Records) -> Iterator[tuple[str, str, str]]:
    """Every assessment there is: the order's number, its digest and by whom."""
    yield from records.rows(
        "SELECT o.number, a.digest, a.operator FROM assessments a JOIN orders o ON o.id = a.order_id"
    )


def add_notice(
    records: Records, order: Order, *, kind: str, language: str, sha256: str, operator: str
) -> None:
    """Keep that a notice was written."""
    records.insert(
        "INSERT INTO notices (order_id, kind, language, sha256, operator, at) VALUES (?, ?, ?, ?, ?, ?)",
        (order.id, kind, language, sha256, operator, stamp()),
    )


def notices(records: Records, order: Order) -> list[NoticeRecord]:
    """The notices of an order, oldest first."""
    rows = records.rows(
        "SELECT kind, language, sha256, operator, at FROM notices WHERE order_id = ? ORDER BY id", (order.id,)
    )
    found = []
    for kind, language, sha256, operator, at in rows:
        when = moment(at)
        assert when is not None
        found.append(NoticeRecord(kind, language, sha256, operator, when))
    return found
