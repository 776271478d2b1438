"""Certificates from the CA: asked for once per key made, looked at before they are used (R34)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from batch.audit.log import log
from batch.model.events import Event
from batch.model.orders import Item, KeyRecord, Order
from batch.model.states import ItemState
from batch.production.calls import Pause
from batch.production.certificates import WrongCertificate, serial_number
from batch.production.events import Delay, What
from batch.production.issuer import Issuer
from batch.production.plan import Step
from batch.production.quarantine import event_of
from batch.production.revocation import transaction_of
from batch.production.seatwork import SeatWork, Work
from batch.store import items, journal, revocations
from batch.store.clock import now
from batch.store.database import Records
from drivers.authorities.port import CertificateRequest, CertificateTemplate, Reason
from drivers.errors import (
    CaPending,
    CaRefused,
    CaUnavailable,
    CaUnclear,
    DriverError,
    ProcessDied,
    Unsupported,
)
from drivers.foreign_certificates import load_certificate, spki
from drivers.process import Child

_MISISSUED = "certificate.misissued"
_SECOND = "it is a second one for a key that has its certificate"

_LOOK = 60.0

_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


class Issuing(SeatWork):
    """Asks the CA for a token's certificates."""

    def certificate(
        self, item: Item, serial: str | None, step: Step, key: KeyRecord, template: CertificateTemplate
    ) -> Work[bytes]:
        """The certificate (DER) of a key, which is what was asked for.

        Raises `CaRefused` or `WrongCertificate` where this token alone is concerned, `CaPending` where the
        answer comes in hours or days, else `CaUnavailable` or `ProcessDied`. A certificate that is wrong is
        put on record as such.
        """
        assert key.csr is not None, "a key is certified after it was made"
        request = CertificateRequest(
            transaction_of(item.mailer_number, key.name, key.generations), key.csr, template
        )
        try:
            issued = yield from self._issued(item, serial, step, request)
            self._check(item, serial, key, issued, template)
        except (CaRefused, WrongCertificate) as error:
            raise self._desk.issuer.failed(error) from error
        self._desk.issuer.succeeded()
        return issued

    def _issued(self, item: Item, serial: str | None, step: Step, request: CertificateRequest) -> Work[bytes]:
        for pause in (*_PAUSES, None):
            try:
                return bytes((yield from self._ask_of(self._desk.authority, "issue", request)))
            except (CaRefused, CaPending, ProcessDied):
                raise
            except CaUnavailable as error:
                unavailable = error
            except DriverError as error:
                # Such as a CA started again whose own token is gone: no fault of the one in the reader.
                unavailable = CaUnavailable(error.what, where=error.where, next=error.next)
            if pause is None or self._desk.stopping:
                break
            told = f"{step.name}: {unavailable}; asked again in {pause:g} s"
            self._tell(What.DELAYED, item, serial, told, Delay(pause, str(unavailable)))
            yield Pause(pause)
        raise unavailable

    def _check(
        self, item: Item, serial: str | None, key: KeyRecord, issued: bytes, template: CertificateTemplate
    ) -> None:
        assert key.public_key is not None
        try:
            self._desk.issuer.check(issued, key.public_key, template, now())
        except WrongCertificate as error:
            if owner := items.owner_of_certificate(self._records, issued):
                error.what += f"; it is that of token {owner.mailer_number}"
            else:
                event = self._event(_MISISSUED, item, serial)
                _set_apart(self._records, self._desk.issuer, item, key, issued, event, error.what)
            raise


def unanswered(records: Records, order: Order, authority: Child) -> set[int]:
    """The items of an order that only the CA can go on with, and that it has not answered yet."""
    waiting = set()
    for item_id, steps in journal.waiting(records, order.id).items():
        number, keys = items.item_of(records, item_id).mailer_number, journal.keys(records, item_id)
        names = (name.partition(":")[2] for name in steps)
        asked = [transaction_of(number, name, keys[name].generations) for name in names]
        try:
            if any(authority.ask("find", one, timeout=_LOOK) is None for one in asked):
                waiting.add(item_id)
        except (Unsupported, CaUnclear):
            continue  # only asking again will tell, with the token in its reader
        except CaUnavailable:
            waiting.add(item_id)
    return waiting


def look_for_others(records: Records, order: Order, authority: Child, issuer: Issuer, operator: str) -> None:
    """Set apart what the CA issued for the keys of an order's ended tokens beside their certificates."""
    try:
        found = list(_others(records, order, authority))
    except Unsupported:
        return
    except DriverError as error:
        with records.transaction():
            detail = {"reason": str(error)}
            log(records, Event("certificates.unchecked", operator, order=order.number, detail=detail))
        return
    with records.transaction():
        for item, key, certificate in found:
            known = {one.certificate for one in revocations.of_item(records, item.id)}
            if certificate not in known:
                event = event_of(records, _MISISSUED, operator, item)
                _set_apart(records, issuer, item, key, certificate, event, _SECOND)


def _others(records: Records, order: Order, authority: Child) -> Iterator[tuple[Item, KeyRecord, bytes]]:
    for item in items.items(records, order, ItemState.PRODUCED, ItemState.QUARANTINED):
        for key in journal.keys(records, item.id).values():
            # What was issued and never came back is found when the item goes on.
            if key.certificate is None or key.public_key is None:
                continue
            for certificate in authority.ask("issued_for", key.public_key, timeout=_LOOK):
                if certificate != key.certificate:
                    yield item, key, certificate


def _set_apart(
    records: Records, issuer: Issuer, item: Item, key: KeyRecord, certificate: bytes, event: Event, why: str
) -> None:
    """Put a certificate nobody asked for on record: to be revoked, or for a person to look whose it is."""
    detail = {"key": key.name, "serial": serial_number(certificate), "reason": why}
    log(records, replace(event, detail=detail))
    try:
        found = load_certificate(certificate)
    except ValueError:
        return
    issuer.misissued += 1
    transaction = transaction_of(item.mailer_number, key.name, key.generations)
    request = f"{transaction}/{found.serial_number:x}"
    revocations.ask(records, request, item.id, certificate, reason=Reason.SUPERSEDED, by=event.operator)
    if spki(found) != key.public_key:
        # A CA that mixes up its answers may have sent what somebody else's token needs.
        revocations.settle(records, request, "not revoked: it is for another key; ask the CA whose it is")
