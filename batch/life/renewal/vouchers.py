"""Prepaid vouchers: taken in by their codes' digests, each use spent once."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import date

from batch.audit.log import log
from batch.model.errors import Refused
from batch.model.events import Event
from batch.people.acting import Actor
from batch.store import vouchers
from batch.store.database import Records
from batch.tables.cells import Cells
from batch.tables.columns import Column, ColumnSet
from batch.tables.faults import FaultList
from batch.tables.header import Header
from batch.tables.reading import read_table
from batch.tables.values import BadValue

SHORTEST = 12
"""Characters of a code: shorter ones can be guessed."""

_MOST_USES = 1_000
_SALT = b"issuance-station/voucher/1"
"""The same for all, as a voucher is found by its digest; what makes guessing dear is the work."""


LARGEST_FILE = 10_000_000
"""Bytes."""


def _code(value: str) -> str:
    if sum(one.isalnum() for one in value) < SHORTEST:
        raise BadValue("is too short to be kept from being guessed", f"write {SHORTEST} characters or more")
    return value


def _uses(value: str) -> str:
    if not value.isascii() or not value.isdigit() or not 0 < int(value) <= _MOST_USES:
        raise BadValue("is no number of uses", f"write a whole number from 1 to {_MOST_USES}")
    return value


def _until(value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise BadValue("is no day", "write it as 2027-12-31") from None


COLUMNS = ColumnSet(
    "a file of vouchers",
    (
        Column("code", _code, "the code of a voucher", ("voucher", "vouchercode", "codice")),
        Column("uses", _uses, "how many renewals it pays, 1 where empty", ("aantal", "count", "usi")),
        Column("until", _until, "the last day it is good", ("geldig_tot", "valid_until", "fino_al")),
    ),
    ("code",),
)


@dataclass(frozen=True)
class NewVoucher:
    """A voucher as a file has it."""

    digest: str
    uses: int
    until: date | None


def digest_of(code: str) -> str:
    """The digest (scrypt, hexadecimal) of a voucher; spaces, dashes and case do not count."""
    plain = "".join(one for one in unicodedata.normalize("NFKC", code).casefold() if one.isalnum())
    return hashlib.scrypt(plain.encode(), salt=_SALT, n=2**12, r=8, p=1, dklen=32).hex()


def spend(records: Records, code: str, on: date, *, where: str) -> str:
    """Spend one use of a voucher, in the caller's transaction: its digest. Raises `Refused`."""
    digest = digest_of(code)
    found = vouchers.voucher(records, digest)
    if found is None:
        raise Refused("no such voucher is known", where=where, next="look at how its code is written")
    if found.until is not None and found.until < on:
        raise Refused(f"the voucher was good until {found.until}", where=where, next="pay otherwise")
    if not vouchers.spend(records, digest):
        times = "once" if found.uses == 1 else f"{found.uses} times"
        raise Refused(f"the voucher was spent, {times}", where=where, next="pay otherwise")
    return digest


def take(records: Records, data: bytes, *, source: str, batch: str, who: Actor) -> tuple[int, int]:
    """Take vouchers in from a CSV file or an .xlsx: how many are new, and how many were there.

    Raises `TableFaults` with every fault, and then takes none; no fault shows a code.
    """
    found = _read(data, source)
    with records.transaction():
        new = sum(
            vouchers.add(records, one.digest, batch=batch, uses=one.uses, until=one.until, by=who.name)
            for one in found
        )
        detail: dict[str, object] = {
            "batch": batch,
            "sha256": hashlib.sha256(data).hexdigest(),
            "new": new,
            "known": len(found) - new,
        }
        log(records, Event("vouchers.imported", who.name, detail=detail))
    return new, len(found) - new


def _read(data: bytes, source: str) -> list[NewVoucher]:
    faults = FaultList(source)
    if len(data) > LARGEST_FILE:
        faults.add(0, "", "", f"has {len(data):,} bytes", f"{LARGEST_FILE:,} at most; split it")
        faults.stop()
    lines = read_table(data, faults, lambda name: COLUMNS.find(name) is not None)
    first = next(lines, None)
    if first is None:
        faults.add(0, "", "", "holds no rows", "write a row of column names and at least one row below it")
        faults.stop()
    header = Header(first, COLUMNS, faults)
    cells = Cells(header, COLUMNS, faults)
    found: dict[str, NewVoucher] = {}
    for line in lines:
        read = cells.read(line)
        if read is None:
            continue
        fields, bad = read
        cells.require(line, fields, "code", "the code", "each row is a voucher")
        if bad or not fields["code"]:
            continue
        digest = digest_of(fields["code"])
        if digest in found:
            cells.note(line, "code", "", "stands here twice", "leave one out")
        until = date.fromisoformat(fields["until"]) if fields["until"] else None
        found[digest] = NewVoucher(digest, int(fields["uses"] or 1), until)
    faults.stop_if_any()
    return list(found.values())
