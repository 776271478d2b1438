"""Orders are taken in whole, and decided on once, by somebody else (R35)."""

from __future__ import annotations

import pytest

from batch.model.errors import NotFound, Refused, Transition
from batch.model.states import ItemState, OrderState
from batch.orders.decisions import approve, receive, reject
from batch.orders.known import RecordedOrders
from batch.store import audit, codes, items, orders
from batch.store.database import Records
from tests.unit.custody_kit import in_stock
from tests.unit.order_kit import KEY, AnyLayouts, approved, draft


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
        approved(records, order.number, "Ada")
    assert orders.order(records, order.number).state is OrderState.ASSESSED
    assert codes.epoch(records, order.id) is None


def test_approval_by_another_opens_the_custody_epoch(records: Records) -> None:
    order = receive(records, draft(), "ada")
    done = approved(records, order.number)
    epoch = codes.epoch(records, order.id)
    assert done.state is OrderState.APPROVED
    assert done.decided_by == "bob"
    assert epoch is not None
    assert epoch.public_key == KEY


def test_a_decision_is_made_once(records: Records) -> None:
    order = receive(records, draft(), "ada")
    reject(records, order.number, "bob", "the form is not signed")
    with pytest.raises(Transition, match="rejected by bob"):
        approve(records, order.number, "cor", in_stock(KEY), AnyLayouts())
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
    approved(records, order.number)
    bodies = [entry.body for entry in audit.entries(records)]
    assert '"event":"order.received"' in bodies[0]
    assert '"operator":"ada"' in bodies[0]
    assert any('"event":"order.assessed"' in body for body in bodies)
    assert '"event":"order.approved"' in bodies[-1]
    assert '"operator":"bob"' in bodies[-1]
