"""Finished tokens of an approved order, and a renewal as far as a test wants it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from batch.audit.log import log
from batch.life.renewal import renewing
from batch.model.events import Event
from batch.model.orders import Item
from batch.model.renewals import OldEnds, Renewal, Way
from batch.model.states import ItemState, LifeState, OrderState
from batch.people.acting import Actor
from batch.store import items, journal, letters, lives, orders
from batch.store.database import Records
from layouts.life import LifeRule
from layouts.token import TokenLayout
from tests.unit.certificate_kit import TEMPLATE, certificate, public_key
from tests.unit.warrant_kit import LAYOUT, LIBRARY, Case

ENDS = TEMPLATE.not_after
IN_TIME = datetime(2029, 10, 15, tzinfo=UTC)
"""Within the days in which a certificate is renewed."""
TOO_EARLY = datetime(2029, 1, 15, tzinfo=UTC)


@dataclass
class Desk:
    """A desk with an order of finished tokens; `officer` asks, `approver` confirms and approves."""

    case: Case
    layout: TokenLayout

    @classmethod
    def make(cls, path: Path, *groups: str, **life: object) -> Desk:
        case = Case.make(path, *groups)
        layout = replace(LIBRARY.token(LAYOUT), life=LifeRule(**life))  # type: ignore[arg-type]
        desk = cls(case, layout)
        desk.produce()
        return desk

    @property
    def records(self) -> Records:
        return self.case.records

    @property
    def officer(self) -> Actor:
        return self.case.people.officer

    @property
    def approver(self) -> Actor:
        return self.case.people.approver

    def produce(self) -> None:
        """Make every token of the order, as lanes do, and hand it over."""
        records, order = self.records, self.case.order
        with records.transaction():
            orders.set_order_state(records, orders.order(records, order.number), OrderState.IN_PRODUCTION)
            log(records, Event("production.begun", "pia", order=order.number))
        for item in list(items.items(records, order)):
            finish(records, item)

    def item(self, at: int = 0) -> Item:
        return self.case.item(at)

    def move(self, *states: LifeState, at: int = 0) -> None:
        """Move a token on its way."""
        with self.records.transaction():
            for state in states:
                lives.set_state(self.records, self.item(at).id, state)
                log(self.records, Event(f"token.{state}", "dirk", item=self.item(at).mailer_number))

    def start(
        self,
        at: int = 0,
        way: Way | None = None,
        *,
        on: datetime = IN_TIME,
        old: OldEnds = OldEnds.EXPIRE,
        early: str | None = None,
    ) -> Renewal:
        number = self.item(at).mailer_number
        return renewing.start(
            self.records, number, self.layout, self.officer, way=way, old=old, early=early, at=on
        )

    def held(self, renewal: Renewal, **changes: str) -> Renewal:
        return renewing.hold(
            self.records, renewal.number, self.layout, self.officer, holds=None, changes=changes
        )

    def approved(self, at: int = 0) -> Renewal:
        """A renewal on the token itself that may be carried out."""
        renewal = self.held(self.start(at))
        if self.layout.life.confirm_role:
            renewing.confirm_role(self.records, renewal.number, self.approver)
        return renewing.approve(self.records, renewal.number, self.layout, self.approver)


def finish(records: Records, item: Item) -> None:
    """One token with both keys of its layout, active."""
    serial = f"{item.id * 37:08x}"
    with records.transaction():
        items.begin_item(records, item, "usb-1", "pkcs11", serial)
        for at, (name, slot) in enumerate((("authentication", "01"), ("confidentiality", "02"))):
            journal.add_key(records, item.id, name, slot)
            journal.set_generated(records, item.id, name, public_key(), "{}")
            der = certificate(serial=10 * item.id + at)
            journal.set_certificate(records, item.id, name, der)
        items.end_item(records, item.id, ItemState.PRODUCED)
        letters.add(records, item.mailer_number, item.id)
        lives.begin(records, item.id)
        lives.set_state(records, item.id, LifeState.HANDED_OVER)
        lives.set_state(records, item.id, LifeState.ACTIVE)
        log(records, Event("item.produced", "pia", item=item.mailer_number, token=serial))
