"""After a restore: keys that took a place after the backup, requests to the CA, vouchers that were spent."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from batch.audit.afterwards import detail_of
from batch.audit.log import log
from batch.model.errors import NotFound
from batch.model.states import ItemState
from batch.production.quarantine import event_of
from batch.store import items, renewals, vouchers
from batch.store.database import Records
from batch.store.ledger import Line


def take_renewals_back(records: Records, ledger: Sequence[Line], operator: str) -> None:
    """Do on record what the ledger tells of renewals, in the caller's transaction.

    A renewal that was under way is begun anew; under its number nothing is asked of the CA again.
    """
    for line in ledger:
        detail = detail_of(line)
        if line.event == "renewal.paid" and (digest := detail.get("voucher")):
            vouchers.spent_elsewhere(records, str(digest), str(line.facts["operator"]))
        elif line.event == "renewal.cancelled" and (digest := detail.get("voucher given back")):
            vouchers.give_back(records, str(digest))
        elif line.event in ("renewal.key-reserved", "renewal.key-replaced"):
            with suppress(NotFound):
                _of_key(records, line, operator)


def _of_key(records: Records, line: Line, operator: str) -> None:
    item, detail = items.item(records, str(line.facts.get("item"))), detail_of(line)
    if item.state is not ItemState.PRODUCED:
        return
    renewals.pass_over(records, item.id, str(detail["key"]), int(str(detail["generation"])))
    if line.kept and (kept := line.kept.get("renewed")):
        renewals.take_key_back(records, kept)
        told = {"event": line.event, "at": str(line.facts["at"]), "certificates": detail["certificates"]}
        log(records, event_of(records, "renewal.key-taken-back", operator, item, told))
