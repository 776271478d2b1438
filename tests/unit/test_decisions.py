"""Orders are taken in whole, and decided on once, by somebody else (R35)."""

from __future__ import annotations

import pytest

from batch.model.errors import NotFound, Refused, Transition
from batch.model.states import ItemState, OrderState
from batch.orders.decisions import approve, receive, reject
from batch.orders.draft import DraftRow, OrderDraft
from batch.orders.known import RecordedOrders
from batch.store import audit, codes, items, orders
from batch.store.database import Records
from layouts.fields import Kind
from tests.unit.custody_kit import in_stock

KEY = b"the custody key's public half"


def draft(reference: str = "MVV-1", count: int = 3) -> OrderDraft:
    fields = {"group": "Zeehavens", "language": "nl"}
    row = DraftRow(2, "group-card:p-256", Kind.GROUP, count, fields, "group:zeehavens")
    return OrderDraft("order.csv", reference, "Ministerie", "90001234", "NL", "00" * 32, (row,))


def test_an_order_is_received_with_an_item_and_a_mailer_number_for_every_token(records: Records) -> None:
    order = receive(records, draft(), "ada")
    planned = list(items.items(records, order))
    assert order.state is OrderState.RECEIVED
    assert order.organisation == "NTRNL-90001234"
    assert [item.mailer_number for item in planned] == ["000001", "000002", "000003"]
    assert [item.fields["number"] for item in planned] == ["000001", "000002", "000003"]
    assert {item.state for item in planned} == {ItemState.PLANNED}


def test_who_brought_an_order_in_does_not_approve_it(records: Records) -> None:
    order = receive(records, draft(), "ada")
    with pytest.raises(Refused, match="R35"):
        approve(records, order.number, "Ada", in_stock(KEY))
    assert orders.order(records, order.number).state is OrderState.RECEIVED
    assert codes.epoch(records, order.id) is None


def test_approval_by_another_opens_the_custody_epoch(records: Records) -> None:
    order = receive(records, draft(), "ada")
    approved = approve(records, order.number, "bob", in_stock(KEY))
    epoch = codes.epoch(records, order.id)
    assert approved.state is OrderState.APPROVED
    assert approved.decided_by == "bob"
    assert epoch is not None
    assert epoch.public_key == KEY


def test_a_decision_is_made_once(records: Records) -> None:
    order = receive(records, draft(), "ada")
    reject(records, order.number, "bob", "the form is not signed")
    with pytest.raises(Transition, match="rejected by bob"):
        approve(records, order.number, "cor", in_stock(KEY))
    with pytest.raises(Transition, match="rejected by bob"):
        reject(records, order.number, "cor", "again")


def test_a_rejected_order_leaves_its_names_and_its_reference_free(records: Records) -> None:
    order = receive(records, draft(), "ada")
    known = RecordedOrders(records)
    assert known.ordered("NTRNL-90001234", "MVV-1") == order.number
    reject(records, order.number, "bob", "the form is not signed")
    assert known.ordered("NTRNL-90001234", "MVV-1") is None
    issued = known.issued("group:zeehavens")
    assert issued is None or not issued.valid


def test_what_was_ordered_before_is_known(records: Records) -> None:
    order = receive(records, draft(), "ada")
    issued = RecordedOrders(records).issued("group:zeehavens")
    assert issued is not None
    assert (issued.order, issued.organisation, issued.valid) == (order.number, "NTRNL-90001234", True)


def test_an_order_is_found_by_number_or_by_its_one_reference(records: Records) -> None:
    first, second = (receive(records, draft(reference), "ada") for reference in ("MVV-1", "MVV-2"))
    assert orders.order(records, second.number).reference == "MVV-2"
    assert orders.order(records, "MVV-1").number == first.number
    with pytest.raises(NotFound, match="station order list"):
        orders.order(records, "MVV-3")


def test_every_decision_is_in_the_log_with_who_made_it(records: Records) -> None:
    order = receive(records, draft(), "ada")
    approve(records, order.number, "bob", in_stock(KEY))
    bodies = [entry.body for entry in audit.entries(records)]
    assert '"event":"order.received"' in bodies[0]
    assert '"operator":"ada"' in bodies[0]
    assert '"event":"order.approved"' in bodies[-1]
    assert '"operator":"bob"' in bodies[-1]
