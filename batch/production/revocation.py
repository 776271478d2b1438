"""Revoking what was issued for spoiled tokens: asked for on record, carried out when the CA answers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from batch.audit.log import log
from batch.model.orders import Item
from batch.production.quarantine import event_of
from batch.store import items, journal, renewals, revocations
from batch.store.clock import now
from batch.store.database import Records
from batch.store.revocations import AskedRevocation
from drivers.authorities.port import Reason
from drivers.errors import CaPending, CaRefused, DriverError, Unsupported
from drivers.foreign_certificates import load_certificate, spki
from drivers.process import Child

_ANSWER = 60.0
"""Seconds within which the CA must answer."""


@dataclass(frozen=True)
class Revoked:
    """What came of it: certificates revoked, requests that wait for the CA, and why they do.

    `refused` tells of each certificate that the CA will not revoke; they are among those that wait.
    """

    revoked: int
    waiting: int
    reason: str | None
    refused: tuple[str, ...]


def transaction_of(number: str, key: str, generation: int) -> str:
    """The name of a request to the CA: one per key made, so that a lost answer is found (R34)."""
    return f"{number}/{key}/{generation}"


def ask_for(records: Records, item: Item, reason: Reason, operator: str) -> int:
    """Have all revoked that was ever asked of the CA for an item; how many requests that are."""
    count = 0
    for key in journal.keys(records, item.id).values():
        # Those of a renewal under way, or cancelled, as well.
        for generation in range(1, renewals.next_generation(records, item.id, key.name)):
            certificate = key.certificate if generation == key.generations else None
            request = transaction_of(item.mailer_number, key.name, generation)
            revocations.ask(records, request, item.id, certificate, reason=reason, by=operator)
            count += 1
    return count


def carry_out(records: Records, authority: Child, operator: str, pauses: Sequence[float] = ()) -> Revoked:
    """Revoke what waits; a CA that is away is asked again after each of these pauses (seconds), which may be
    none, and then leaves the rest waiting.
    """
    revoked, refused, left, pending = 0, [], list(pauses), list[CaPending]()
    waiting = revocations.waiting(records)
    for done, asked in enumerate(waiting):
        try:
            count, outcome = _patiently(records, authority, asked, left)
        except CaRefused as error:
            _refused(records, asked, error, operator)
            refused.append(f"{asked.request}: {error.what}")
            continue
        except CaPending as error:
            pending.append(error)
            continue
        except DriverError as error:
            held = len(refused) + len(pending)
            return Revoked(revoked, len(waiting) - done + held, str(error), tuple(refused))
        with records.transaction():
            revocations.settle(records, asked.request, outcome)
            item = items.item_of(records, asked.item_id)
            detail = {"request": asked.request, "outcome": outcome, "reason": asked.reason}
            log(records, event_of(records, "certificate.revoked", operator, item, detail))
        revoked += count
    reason = str(pending[0]) if pending else None
    return Revoked(revoked, len(refused) + len(pending), reason, tuple(refused))


def _refused(records: Records, asked: AskedRevocation, error: CaRefused, operator: str) -> None:
    """It waits on: what a CA will not revoke holds, and the CA is asked again (R23)."""
    outcome = f"refused: {error.what}"
    if outcome == asked.outcome:
        return
    with records.transaction():
        revocations.refuse(records, asked.request, outcome)
        item = items.item_of(records, asked.item_id)
        detail = {"request": asked.request, "outcome": outcome, "reason": asked.reason}
        log(records, event_of(records, "certificate.not-revoked", operator, item, detail))


def _patiently(
    records: Records, authority: Child, asked: AskedRevocation, pauses: list[float]
) -> tuple[int, str]:
    while True:
        try:
            return _revoke(records, authority, asked)
        except (CaRefused, CaPending):
            raise
        except DriverError:
            if not pauses:
                raise
            time.sleep(pauses.pop(0))
            if not authority.alive:
                authority.restart()


def _revoke(records: Records, authority: Child, asked: AskedRevocation) -> tuple[int, str]:
    """How many certificates were revoked, and that in words with their serial numbers."""
    found = _certificates(records, authority, asked)
    for certificate in found:
        authority.ask(
            "revoke",
            certificate,
            Reason(asked.reason),
            now().replace(microsecond=0),
            timeout=_ANSWER,
        )
    serials = ", ".join(map(_serial, found))
    return len(found), f"revoked {serials}" if found else "nothing was issued"


def _serial(certificate: bytes) -> str:
    try:
        return f"{load_certificate(certificate).serial_number:x}"
    except ValueError:
        return "unreadable"


def _certificates(records: Records, authority: Child, asked: AskedRevocation) -> list[bytes]:
    """What is on record, and what only the CA knows of: an answer that was lost, or one it gave twice."""
    issued = authority.ask("find", asked.request, timeout=_ANSWER)
    found = [asked.certificate, issued]
    if public_key := _public_key(records, asked):
        with suppress(Unsupported):
            found += authority.ask("issued_for", public_key, timeout=_ANSWER)
    return [one for one in dict.fromkeys(found) if one and _is_its_own(records, asked, one, public_key)]


def _is_its_own(
    records: Records, asked: AskedRevocation, certificate: bytes, public_key: bytes | None
) -> bool:
    """Whether no other token needs it: a CA that mixed up its answers may name another's."""
    owner = items.owner_of_certificate(records, certificate)
    if owner is not None and owner.id != asked.item_id:
        return False
    try:
        return public_key is None or spki(load_certificate(certificate)) == public_key
    except ValueError:
        return True


def _public_key(records: Records, asked: AskedRevocation) -> bytes | None:
    number = items.item_of(records, asked.item_id).mailer_number
    for key in journal.keys(records, asked.item_id).values():
        if transaction_of(number, key.name, key.generations) == asked.request:
            return key.public_key
    return None
