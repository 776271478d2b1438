"""What a lane may make: held by the lane itself against what was signed, not against the records."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from batch.model.errors import BatchError, NotTrusted
from batch.model.orders import Item
from batch.people.register import Trust, replay
from batch.people.statements import digest
from batch.people.warrants import Proof, Warrant, approval_of, check_item, check_production
from batch.production.assignment import Assignment, LaneFacts
from batch.production.briefing import brief
from drivers.errors import DriverError
from layouts.digests import token_digest
from layouts.token import TokenLayout


@dataclass(frozen=True)
class Mandate:
    """What a lane is given when it starts: the order's statements, of which one orders this production, what
    the bench's key token keeps of the register, and the layouts by reference.
    """

    trust: Trust
    warrant: Warrant
    layouts: Mapping[str, TokenLayout]


class Inspector:
    """Verifies a mandate once and then every item; raises `DriverError` telling what does not hold."""

    def __init__(self, mandate: Mandate, seat: str) -> None:
        self._mandate, self._seat = mandate, seat
        (self._ordered,) = mandate.warrant.ordered
        self.ordered = digest(self._ordered.text)
        """The name of the statement that ordered this production."""
        with _told():
            self._register = replay(mandate.warrant.register, mandate.trust)
            self._approval = approval_of(self._register, mandate.warrant)
            self._check_time(datetime.now(UTC))
        self._digests = {ref: token_digest(layout) for ref, layout in mandate.layouts.items()}

    def check(
        self,
        item: Item,
        proof: Proof,
        assignment: Assignment,
        facts: LaneFacts,
        custody: bytes,
        at: datetime | None = None,
    ) -> None:
        """Whether an item was approved, may be made at this time, and this is what was approved of it.

        Nothing in the assignment is then the desk's word but when the item was begun; its codes are sealed to
        the approved key `custody` (SPKI, DER).
        """
        where = f"token {item.mailer_number}"
        with _told():
            self._check_time(at or datetime.now(UTC))
            check_item(self._register, self._approval, item, proof)
            if self._digests.get(item.layout) != self._approval.layouts[item.layout][0]:
                raise NotTrusted(
                    f"layout {item.layout} is not as it was when the order was approved",
                    where=where,
                    next="put it back as it was",
                )
            if hashlib.sha256(custody).hexdigest() != self._approval.custody:
                raise NotTrusted("its custody key is not the one that was approved", where=where)
            if brief(item, facts, self._mandate.layouts[item.layout]) != assignment:
                raise NotTrusted("what was to be made of it is not what was approved", where=where)

    def _check_time(self, at: datetime) -> None:
        check_production(self._register, self._approval, self._ordered, seat=self._seat, at=at)


@contextmanager
def _told() -> Iterator[None]:
    """What a rule forbids, as the kind of error that leaves a lane's process with its words."""
    try:
        yield
    except BatchError as error:
        raise DriverError(error.what, where=error.where, next=error.next) from None
