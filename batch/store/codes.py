"""Codes under seal and the epochs of custody keys."""

from __future__ import annotations

from batch.model.codes import SealedCodes
from batch.model.orders import Epoch
from batch.store.database import Records, stamp


def add_epoch(records: Records, order_id: int, key_name: str, public_key: bytes) -> Epoch:
    """The custody epoch of an order: the name of its key in the custody token and its SPKI (DER)."""
    id_ = records.insert(
        "INSERT INTO epochs (order_id, key_name, public_key, created_at) VALUES (?, ?, ?, ?)",
        (order_id, key_name, public_key, stamp()),
    )
    return Epoch(id_, order_id, key_name, public_key)


def epoch(records: Records, order_id: int) -> Epoch | None:
    """The custody epoch of an order, None before its approval."""
    row = records.row("SELECT id, order_id, key_name, public_key FROM epochs WHERE order_id = ?", (order_id,))
    return Epoch(*row) if row else None


def keep(records: Records, item_id: int, epoch: Epoch, sealed: SealedCodes) -> None:
    """Keep the sealed codes of an item; they are kept once and never replaced."""
    records.write(
        "INSERT INTO codes (item_id, epoch_id, for_custody, for_resume, pin, puk, admin, revocation, "
        "diversified_from, ordered) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            item_id,
            epoch.id,
            sealed.for_custody,
            sealed.for_resume,
            sealed.pin,
            sealed.puk,
            sealed.admin,
            sealed.revocation,
            sealed.diversified_from,
            sealed.ordered,
        ),
    )


def sealed(records: Records, item_id: int) -> SealedCodes | None:
    """The sealed codes of an item, None before they were drawn."""
    row = records.row(
        "SELECT for_custody, coalesce(for_resume, x''), pin, puk, admin, revocation, diversified_from, "
        "ordered FROM codes WHERE item_id = ?",
        (item_id,),
    )
    return SealedCodes(*row) if row else None


def keep_hash(records: Records, item_id: int, revocation_hash: str) -> None:
    """Keep the slow hash of an item's revocation code (R21)."""
    records.write("UPDATE codes SET revocation_hash = ? WHERE item_id = ?", (revocation_hash, item_id))


def revocation_hash(records: Records, item_id: int) -> str | None:
    """The slow hash of an item's revocation code, None where it has none yet."""
    row = records.row("SELECT revocation_hash FROM codes WHERE item_id = ?", (item_id,))
    return row[0] if row else None


def forget_resume(records: Records, item_id: int) -> None:
    """Drop the wrap of a resume key that is destroyed."""
    records.write("UPDATE codes SET for_resume = NULL WHERE item_id = ?", (item_id,))


def diversified(records: Records, order_id: int) -> bool:
    """Whether unfinished tokens of an order have an admin credential that is derived."""
    row = records.row(
        "SELECT 1 FROM codes JOIN items ON items.id = item_id "
        "WHERE order_id = ? AND diversified_from IS NOT NULL AND for_resume IS NOT NULL LIMIT 1",
        (order_id,),
    )
    return row is not None


def diversified_from(records: Records) -> dict[str, int]:
    """How many tokens have an admin credential derived from each diversification key."""
    found = records.rows(
        "SELECT diversified_from, count(*) FROM codes WHERE diversified_from IS NOT NULL GROUP BY 1"
    )
    return dict(found)
