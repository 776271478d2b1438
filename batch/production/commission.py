"""From the records to what the lanes of a production are given to verify (`mandate`)."""

from __future__ import annotations

from collections.abc import Mapping

from batch.model.errors import NotTrusted, Refused
from batch.model.orders import Item, Order
from batch.model.people import Signed
from batch.people.evidence import Proofs, warrant_of
from batch.people.register import Trust
from batch.people.statements import digest
from batch.people.warrants import Proof
from batch.production.mandate import Mandate
from batch.store.database import Records
from drivers.errors import DriverError
from layouts.token import TokenLayout


class Commission:
    """The statements of one production, and the proofs of its order's items."""

    def __init__(
        self, records: Records, order: Order, layouts: Mapping[str, TokenLayout], ordered: Signed
    ) -> None:
        self._records, self._order, self._layouts, self._ordered = records, order, layouts, ordered
        self._proofs = Proofs(records, order)
        self.mandate: Mandate | None = None

    def trust(self, note: bytes | None) -> None:
        """Make the mandate, by what the bench's key token keeps of the register; `Refused`, `NotTrusted`."""
        if note is None:
            raise Refused(
                "the bench's key token knows no register of operators",
                where=self._order.number,
                next="found it: `station operator found`",
            )
        warrant = warrant_of(self._records, self._order, self._ordered)
        self.mandate = Mandate(Trust.of_note(note), warrant, self._layouts)

    def proof(self, item: Item) -> Proof:
        """What proves to a lane that an item was approved; raises `DriverError` where nothing does."""
        try:
            return self._proofs.of(item)
        except NotTrusted as error:
            raise DriverError(error.what, where=error.where, next=error.next) from error

    def detail(self) -> dict[str, object]:
        """What the log tells of it."""
        return {"statement": digest(self._ordered.text)}
