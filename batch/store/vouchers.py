"""Prepaid vouchers in the records: only digests of their codes, and how often each was spent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from batch.store.database import Records, stamp

_VOUCHER = "digest, batch, uses, spent, until"


@dataclass(frozen=True)
class Voucher:
    """A voucher by the SHA-256 of its code: the batch it came with, and how many uses were paid and spent."""

    digest: str
    batch: str
    uses: int
    spent: int
    until: date | None

    @property
    def left(self) -> int:
        """Uses left."""
        return self.uses - self.spent


def add(records: Records, digest: str, *, batch: str, uses: int, until: date | None, by: str) -> bool:
    """Take a voucher in; False for one that is there already."""
    return bool(
        records.write(
            "INSERT OR IGNORE INTO vouchers (digest, batch, uses, until, imported_by, imported_at) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (digest, batch, uses, until.isoformat() if until else None, by, stamp()),
        )
    )


def voucher(records: Records, digest: str) -> Voucher | None:
    """The voucher of a digest, None where there is none."""
    row = records.row(f"SELECT {_VOUCHER} FROM vouchers WHERE digest = ?", (digest,))
    return _voucher(row) if row else None


def vouchers(records: Records) -> list[Voucher]:
    """All vouchers by batch."""
    return [_voucher(row) for row in records.rows(f"SELECT {_VOUCHER} FROM vouchers ORDER BY batch, digest")]


def spend(records: Records, digest: str) -> bool:
    """Spend one use of a voucher; False where none is left."""
    return bool(
        records.write("UPDATE vouchers SET spent = spent + 1 WHERE digest = ? AND spent < uses", (digest,))
    )


def give_back(records: Records, digest: str) -> None:
    """A renewal that was cancelled gives back the use it spent."""
    records.write("UPDATE vouchers SET spent = spent - 1 WHERE digest = ? AND spent > 0", (digest,))


def spent_elsewhere(records: Records, digest: str, by: str) -> None:
    """A use was spent that these records do not tell of; one that is not known is taken for one use."""
    add(records, digest, batch="taken back", uses=1, until=None, by=by)
    spend(records, digest)


def _voucher(row: tuple[str, str, int, int, str | None]) -> Voucher:
    digest, batch, uses, spent, until = row
    return Voucher(digest, batch, uses, spent, date.fromisoformat(until) if until else None)
