"""After a restore: parcels sent after the backup, and running numbers that were given."""

from __future__ import annotations

from collections.abc import Sequence

from batch.audit.afterwards import detail_of
from batch.model.errors import NotFound
from batch.store import items, loans, numbering, parcels, renewals
from batch.store.database import Records
from batch.store.ledger import Line

_NUMBERED = {
    "parcel": (parcels.LETTER, "parcels"),
    "loan": (loans.LETTER, "loans"),
    "renewal": (renewals.LETTER, "renewals"),
}
"""What details of events call our running numbers; other words in them are anybody's."""


def take_parcels_back(records: Records, ledger: Sequence[Line]) -> None:
    """Put parcels that were sent on record as the ledger keeps them, in the caller's transaction."""
    for line in ledger:
        if line.kept and (parcel := line.kept.get("parcel")) and _are_there(records, parcel["tokens"]):
            parcels.take_back(records, parcel)


def leave_out_numbers(records: Records, ledger: Sequence[Line], more: int) -> None:
    """Never again give a number that the ledger tells of, nor the `more` next ones."""
    for line in ledger:
        for name in _NUMBERED:
            numbering.never_again(records, str(detail_of(line).get(name)))
    for letter, table in _NUMBERED.values():
        numbering.leave_out(records, letter, table, more)


def _are_there(records: Records, tokens: Sequence[Sequence[object]]) -> bool:
    for token in tokens:
        try:
            items.item(records, f"{token[1]:06d}")
        except NotFound:
            return False
    return True
