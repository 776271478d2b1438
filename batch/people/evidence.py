"""From the records to what lane and print process verify: an order's statements, and proofs of its items."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property

from batch.audit.chain import GENESIS, facts_of
from batch.audit.contents import commitment
from batch.audit.merkle import Tree, leaf_hash
from batch.model.errors import NotTrusted, Refused
from batch.model.orders import Item, Order
from batch.model.people import Signed
from batch.people.acting import register_of
from batch.people.register import REGISTER_ACTS
from batch.people.separation import Act
from batch.people.statements import read
from batch.people.warrants import Approval, Proof, Receipt, Warrant, approval_of
from batch.store import audit, items, statements
from batch.store.database import Records


def tree_of(records: Records, order: Order) -> Tree:
    """The tree over the items that an order came with."""
    asked = (item for item in items.items(records, order) if item.replaces is None)
    return Tree(b"".join(leaf_hash(commitment(item).encode()) for item in asked))


def received_of(records: Records, order: Order) -> Signed:
    """What the officer who took an order in signed, verified; raises `Refused` where nobody did."""
    found = statements.of_subject(records, Act.RECEIVE, order.number)
    if not found:
        raise Refused(
            "nobody signed for what was received",
            where=order.number,
            next="reject it, and let an order officer import it again",
        )
    register_of(records).verify(found[-1], Act.RECEIVE, at=read(found[-1]).at)
    return found[-1]


def warrant_of(records: Records, order: Order, *ordered: Signed) -> Warrant:
    """The statements of an approved order with these productions; raises `Refused` where one is missing."""
    approved = statements.of_subject(records, Act.APPROVE, order.number)
    if not approved:
        raise Refused(
            "nobody signed its approval",
            where=order.number,
            next="it was approved before this desk had operators; see docs/operators.md",
        )
    received = statements.of_subject(records, Act.RECEIVE, order.number)
    if not received:
        raise NotTrusted(
            "what was signed when it was received is gone",
            where=order.number,
            next="see `station audit verify`, then restore a backup",
        )
    chain = tuple(statements.chain(records, *REGISTER_ACTS))
    return Warrant(chain, received[-1], approved[-1], ordered)


def approval_on_record(records: Records, order: Order) -> Approval:
    """The approval of an order, verified against the register as the records have it."""
    return approval_of(register_of(records), warrant_of(records, order))


def receipts_of(records: Records, numbers: Collection[str]) -> dict[str, list[Receipt]]:
    """The receipts of these tokens that the log has since they were sent last, by number, oldest first."""
    found: dict[str, list[Receipt]] = {}
    for before, entry in audit.deliveries(records):
        receipt = Receipt(before or GENESIS, entry)
        if (number := receipt.item) is None:
            found.pop(str(facts_of(entry).get("item")), None)
        elif number in numbers:
            found.setdefault(number, []).append(receipt)
    return found


class Proofs:
    """Proves of an order's items that they are those approved."""

    def __init__(self, records: Records, order: Order) -> None:
        self._records, self._order = records, order

    def of(self, item: Item) -> Proof:
        """The proof for an item; raises `NotTrusted` where it goes back to none the order came with."""
        given_up: list[Signed] = []
        while item.replaces is not None and item.replaces < item.id:
            replaced = items.item_of(self._records, item.replaces)
            found = statements.of_subject(self._records, Act.GIVE_UP, replaced.mailer_number)
            given_up += [one for one in found if read(one).about.get("replacement") == item.mailer_number][
                -1:
            ]
            item = replaced
        index = self._indices.get(item.id)
        if index is None:
            raise NotTrusted("is none of those its order came with", where=f"token {item.mailer_number}")
        path = self._tree.inclusion(index, self._tree.size)
        return Proof(index, tuple(path), item.salt, tuple(given_up))

    @cached_property
    def _tree(self) -> Tree:
        return tree_of(self._records, self._order)

    @cached_property
    def _indices(self) -> dict[int, int]:
        asked = (item.id for item in items.items(self._records, self._order) if item.replaces is None)
        return {id_: index for index, id_ in enumerate(asked)}
