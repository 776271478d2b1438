"""Orders for tests of what comes after them: known subscribers and managers, assessed and approved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from batch.model.orders import Order
from batch.model.registry import Subscriber
from batch.model.states import PersonState
from batch.orders import decisions
from batch.orders.assessment import assess
from batch.orders.draft import DraftRow, OrderDraft
from batch.people import registry
from batch.store import items, orders
from batch.store.database import Records
from layouts.errors import LayoutError
from layouts.fields import Kind
from tests.unit.custody_kit import in_stock
from tests.unit.registry_kit import EMAIL, PASSPORT

KEY = b"the custody key's public half"
FIELDS: Mapping[str, str] = {
    "group": "Zeehavens",
    "language": "nl",
    "manager": "Noëlle van der Testen",
    "manager_email": EMAIL,
}


@dataclass
class AnyLayout:
    """A layout that needs nothing but the columns it is given, and refuses what a test says."""

    name: str
    kind: Kind = Kind.GROUP
    columns: frozenset[str] = frozenset()
    refused: tuple[LayoutError, ...] = ()

    def faults(self, fields: Mapping[str, str]) -> Sequence[LayoutError]:
        return self.refused


class AnyLayouts:
    """Every layout there may be."""

    def find(self, reference: str) -> AnyLayout | None:
        return AnyLayout(reference)

    def references(self) -> Sequence[str]:
        return ()


def draft(
    reference: str = "MVV-1", count: int = 3, *, group: str = "Zeehavens", number: str = "90001234"
) -> OrderDraft:
    """An order of some tokens for one group."""
    row = DraftRow(
        2, "group-card:p-256", Kind.GROUP, count, {**FIELDS, "group": group}, f"group:{group.casefold()}"
    )
    return OrderDraft("order.csv", reference, "Ministerie", number, "NL", "00" * 32, (row,))


def admit(records: Records, order: Order) -> None:
    """Let the registry know the subscriber of an order and identify its managers."""
    if registry.subscriber(records, order.organisation) is None:
        new = Subscriber(
            organisation=order.organisation,
            name=order.subscriber,
            visiting=("Verzonnenlaan 12",),
            country="NL",
            language="nl",
            email="aanvragen@example.org",
        )
        registry.add_subscriber(records, new, operator="ada")
    for email in {item.fields.get("manager_email", "") for item in items.items(records, order)}:
        person = registry.manager_of(records, order.organisation, email)
        if person is not None and person.state is PersonState.NAMED:
            registry.identify(records, person.number, PASSPORT, operator="ada")


def approved(records: Records, number: str, by: str = "bob") -> Order:
    """An order after its assessment and approval, everybody in it being known."""
    admit(records, orders.order(records, number))
    assess(records, number, AnyLayouts(), "ada")
    return decisions.approve(records, number, by, in_stock(KEY), AnyLayouts())
