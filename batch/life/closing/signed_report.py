"""A report as one line of canonical JSON, signed with the log's key; and verifying one without records.

The file is `{"report":…,"signed":…}`. `signed` is a C2SP signed note over a text that names the order and
the SHA-256 of the bytes of `report`; by its second line it never passes as a checkpoint.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from batch.audit.chain import canonical, facts_of
from batch.audit.log import log
from batch.audit.notes import Note, SignedText, VerifierKey, signed
from batch.life.closing.report import OrderReport, Totals
from batch.model.errors import FaultyNote, RecordsDamaged
from batch.model.events import Entry, Event, StoredCheckpoint
from batch.people.separation import Act
from batch.store import audit, orders, registry
from batch.store.clock import now
from batch.store.database import Records
from batch.store.order_facts import Plain

LARGEST = 1 << 30
"""Bytes of a report; an order of 90,000 tokens has 83,000,000."""

_BEGIN, _MIDDLE, _END = b'{"report":', b',"signed":', b"}\n"
_TITLE = "order report"
_AS_WRITTEN = "give the file as `station order report` wrote it"


@dataclass(frozen=True)
class Written:
    """What was written: SHA-256 (hexadecimal) of the report, the note, what is told of it in sum."""

    digest: str
    note: str
    totals: list[Plain]


@dataclass(frozen=True)
class Verified:
    """What a report says of itself, and everything that is wrong with it; nothing where it holds."""

    order: str
    state: str
    made: str
    tokens: int
    digest: str
    key: VerifierKey | None
    findings: tuple[str, ...]


def make(
    records: Records,
    number: str,
    file: BinaryIO,
    pages: BinaryIO | None,
    *,
    station: str,
    checkpoint: StoredCheckpoint,
    sign: Callable[[bytes], bytes],
    operator: str,
) -> Written:
    """Write the report of an order, and its pages as PDF in the subscriber's language; the log tells of it.

    It is signed with the key of `checkpoint`, which covers the entries it names.
    """
    with records.snapshot():
        order = orders.order(records, number)
        report = OrderReport(records, order, checkpoint.note, station=station, by=operator, at=now())
        written = write(report, file, VerifierKey.parse(checkpoint.key), sign)
        if pages is not None:
            # It loads reportlab, which takes a quarter of a second.
            from layouts.order_report import render

            subscriber = registry.subscriber(records, order.organisation)
            render(
                pages,
                report.head,
                written.totals,
                report.tokens(),
                digest=written.digest,
                note=written.note,
                language=subscriber.language if subscriber is not None else "en",
            )
    detail = {"sha256": written.digest, "state": str(order.state), "checkpoint": checkpoint.size}
    with records.transaction():
        log(records, Event(str(Act.ACCOUNT), operator, order=order.number, detail=detail))
    return written


def write(report: OrderReport, file: BinaryIO, key: VerifierKey, sign: Callable[[bytes], bytes]) -> Written:
    """Write a report, signed with `key`; a token at a time, so that a large one needs little memory.

    Raises `RecordsDamaged` where the signature is not that key's.
    """
    digest, totals = hashlib.sha256(), Totals()
    file.write(_BEGIN)
    for part in _parts(report, totals):
        digest.update(part)
        file.write(part)
    text = _text(report.head["order"], report.head["made"]["at"], digest.hexdigest())
    signature = sign(text.encode())
    if not key.has_signed(text.encode(), signature):
        raise RecordsDamaged(
            "the bench's token gave a signature that does not verify",
            next="look at the bench's key token with `station doctor`",
        )
    note = signed(text, key, signature)
    file.write(_MIDDLE + json.dumps(note, ensure_ascii=False).encode() + _END)
    return Written(digest.hexdigest(), note, totals.told())


def verify(content: bytes, keys: Sequence[VerifierKey], where: str) -> Verified:
    """What a report says, held to its signature under one of `keys`; raises `FaultyNote` for no report."""
    at = content.rfind(_MIDDLE)
    fits = content.startswith(_BEGIN) and at >= 0 and content.endswith(_END)
    if not fits or len(content) > LARGEST:
        raise FaultyNote("is no report of an order", where=where, next=_AS_WRITTEN)
    body = content[len(_BEGIN) : at]
    try:
        report, note = json.loads(body), json.loads(content[at + len(_MIDDLE) : -len(_END)])
        order = report["order"]
        number, state, made = str(order["number"]), str(order["state"]), str(report["made"]["at"])
        tokens, checkpoint = len(report["tokens"]), str(report["log"]["checkpoint"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise FaultyNote("is no report of an order", where=where, next=_AS_WRITTEN) from None
    read = SignedText.read(str(note), where, "report")
    digest = hashlib.sha256(body).hexdigest()
    key = next((one for one in keys if read.verified_by(one)), None)
    findings = []
    if key is None:
        findings.append("it is not signed with the key of this log")
    if read.text != _text(order, made, digest):
        findings.append("it is not what was signed: somebody changed it")
    if key is not None and not Note.parse(checkpoint, where).verified_by(key):
        findings.append("the checkpoint in it is not signed with the same key")
    return Verified(number, state, made, tokens, digest, key, tuple(findings))


def held_to_log(records: Records, found: Verified) -> Verified:
    """The same with a finding where the log of these records does not tell that the report was made."""
    if any(_reported(entry) == found.digest for entry in audit.holding(records, found.digest)):
        return found
    return replace(found, findings=(*found.findings, "the log does not tell that it was made"))


def _reported(entry: Entry) -> object:
    """The SHA-256 of the report that an entry tells of, None for any other."""
    facts = facts_of(entry)
    detail = facts.get("detail")
    told = facts.get("event") == str(Act.ACCOUNT) and isinstance(detail, dict)
    return detail.get("sha256") if told and isinstance(detail, dict) else None


def _parts(report: OrderReport, totals: Totals) -> Iterator[bytes]:
    """The canonical JSON of a report in pieces: its names are sorted, `tokens` and `totals` last."""
    head = canonical(report.head)
    assert max(report.head) < "tokens", "names are sorted"
    yield f'{head[:-1]},"tokens":['.encode("utf-8", "replace")
    for number, token in enumerate(report.tokens()):
        comma = "," if number else ""
        yield f"{comma}{canonical(totals.hear(token))}".encode("utf-8", "replace")
    told = json.dumps(totals.told(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    yield f'],"totals":{told}}}'.encode()


def _text(order: Plain, made: str, digest: str) -> str:
    """What is signed."""
    return f"{_TITLE}\n{order['number']} {order['state']}\n{made}\nsha256 {digest}\n"
