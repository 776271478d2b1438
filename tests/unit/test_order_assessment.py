"""An order is approved only after an assessment that refuses nothing and still holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from batch.audit.verification import verify
from batch.model.assessment import Assessment, Level
from batch.model.errors import Refused, Transition
from batch.model.orders import Order
from batch.model.registry import Person, Subscriber
from batch.model.states import OrderState, PersonState, SubscriberState
from batch.orders.assessment import assess
from batch.orders.decisions import approve, receive, reject
from batch.people import registry
from batch.store import assessments, audit, items, orders
from batch.store.database import Records
from layouts.errors import FieldFault
from tests.unit.custody_kit import in_stock
from tests.unit.order_kit import KEY, AnyLayout, AnyLayouts, admit, approved, draft
from tests.unit.registry_kit import EMAIL, PASSPORT

ORGANISATION = "NTRNL-90001234"


@dataclass
class Layouts(AnyLayouts):
    """One layout as a test wants it."""

    layout: AnyLayout | None = None

    def find(self, reference: str) -> AnyLayout | None:
        return self.layout


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records.create(tmp_path / "station.db")


def received(records: Records, reference: str = "MVV-1", count: int = 3) -> Order:
    return receive(records, draft(reference, count), "ada")


def known(records: Records) -> Order:
    order = received(records)
    admit(records, order)
    return order


def found(assessment: Assessment, check: str) -> tuple[Level, str]:
    (finding,) = [one for one in assessment.findings if one.check.startswith(check)]
    return finding.level, finding.what


def manager(records: Records) -> Person:
    person = registry.manager_of(records, ORGANISATION, EMAIL)
    assert person is not None
    return person


def change(records: Records, **values: object) -> Subscriber:
    before = registry.require_subscriber(records, ORGANISATION)
    return registry.change_subscriber(records, replace(before, **values), operator="ada")  # type: ignore[arg-type]


def approving(records: Records, order: Order, layouts: AnyLayouts | None = None) -> Order:
    return approve(records, order.number, "bob", in_stock(KEY), layouts or AnyLayouts())


def test_an_order_of_known_people_is_assessed_and_then_approved(records: Records) -> None:
    order = known(records)
    assessment = assess(records, order.number, AnyLayouts(), "cor")
    assert not assessment.refusing
    assert orders.order(records, order.number).state is OrderState.ASSESSED
    assert assessments.assessment(records, order.id) == assessment
    assert approving(records, order).state is OrderState.APPROVED


def test_nothing_is_approved_that_nobody_assessed(records: Records) -> None:
    order = known(records)
    with pytest.raises(Refused, match="not assessed yet"):
        approving(records, order)


def test_an_unknown_subscriber_and_a_manager_who_is_only_named_are_named_as_missing(records: Records) -> None:
    order = received(records)
    assessment = assess(records, order.number, AnyLayouts(), "cor")
    assert found(assessment, "subscriber") == (Level.REFUSING, f"{ORGANISATION} is no subscriber here")
    level, what = found(assessment, "manager")
    assert (level, what.endswith("is named only")) == (Level.REFUSING, True)
    (advice,) = [one.next for one in assessment.findings if one.check.startswith("manager")]
    assert "identify first" in advice
    assert orders.order(records, order.number).state is OrderState.INCOMPLETE
    with pytest.raises(Refused, match="is no subscriber here"):
        approving(records, order)
    admit(records, order)
    assert not assess(records, order.number, AnyLayouts(), "cor").refusing
    assert approving(records, order).state is OrderState.APPROVED


def test_a_manager_named_in_an_order_is_in_the_registry_once(records: Records) -> None:
    received(records)
    received(records, "MVV-2")
    person = registry.manager_of(records, ORGANISATION, EMAIL.upper())
    assert person is not None
    assert person.state is PersonState.NAMED
    events = [entry.body for entry in audit.entries(records) if '"person.named"' in entry.body]
    assert len(events) == 1
    assert EMAIL not in "".join(events)


def test_a_subscriber_who_is_not_active_and_a_manager_who_ended_are_refused(records: Records) -> None:
    order = known(records)
    other = next(state for state in SubscriberState if state is not SubscriberState.ACTIVE)
    change(records, state=other)
    assert found(assess(records, order.number, AnyLayouts(), "cor"), "subscriber")[0] is Level.REFUSING
    person = registry.manager_of(records, ORGANISATION, EMAIL)
    assert person is not None
    registry.end(records, person.number, operator="ada")
    assert found(assess(records, order.number, AnyLayouts(), "cor"), "manager")[0] is Level.REFUSING


def test_every_field_the_layout_needs_is_there_and_fits(records: Records) -> None:
    order = known(records)
    lacking = Layouts(AnyLayout("group-card", columns=frozenset({"address_2"})))
    level, what = found(assess(records, order.number, lacking, "cor"), "complete")
    assert (level, "needs address_2" in what) == (Level.REFUSING, True)
    wide = Layouts(AnyLayout("group-card", refused=(FieldFault("'Zee' is too long", field="group"),)))
    level, what = found(assess(records, order.number, wide, "cor"), "complete")
    assert (level, "group does not fit" in what, "Zee" in what) == (Level.REFUSING, True, False)
    assert found(assess(records, order.number, Layouts(None), "cor"), "complete")[0] is Level.REFUSING


def test_a_name_that_was_given_to_another_subscriber_is_refused(records: Records) -> None:
    other = receive(records, draft("X-1", number="90009999"), "ada")
    order = known(records)
    level, what = found(assess(records, order.number, AnyLayouts(), "cor"), "subjects")
    assert (level, other.number in what) == (Level.REFUSING, True)
    reject(records, other.number, "bob", "not theirs")
    assert found(assess(records, order.number, AnyLayouts(), "cor"), "subjects")[0] is Level.OK


def test_more_tokens_than_the_quota_are_not_even_taken_in(records: Records) -> None:
    known(records)
    change(records, quota=5)
    with pytest.raises(Refused, match="quota of NTRNL-90001234 is 5 tokens, 3 are under way or made"):
        received(records, "MVV-2", count=3)
    assert len(orders.orders(records)) == 1
    received(records, "MVV-3", count=2)
    with pytest.raises(Refused, match="5 are under way"):
        received(records, "MVV-4", count=1)
    reject(records, "MVV-3", "bob", "no")
    received(records, "MVV-5", count=1)


def test_a_quota_that_fell_since_is_found(records: Records) -> None:
    order = known(records)
    change(records, quota=2)
    level, what = found(assess(records, order.number, AnyLayouts(), "cor"), "quota")
    assert (level, what) == (Level.REFUSING, "3 tokens with this order's, of a quota of 2")


CHANGES: dict[str, Callable[[Records], object]] = {
    "the quota": lambda records: change(records, quota=50),
    "the subscriber's state": lambda records: change(
        records, state=next(one for one in SubscriberState if one is not SubscriberState.ACTIVE)
    ),
    "the manager's end": lambda records: registry.end(records, manager(records).number, operator="ada"),
    "a field of a token": lambda records: records.db.execute(
        "UPDATE items SET fields = json_set(fields, '$.group', 'Another') WHERE id = 1"
    ),
    "the file": lambda records: records.db.execute("UPDATE orders SET sha256 = 'ff'"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_an_assessment_whose_inputs_changed_approves_nothing(records: Records, what: str) -> None:
    order = known(records)
    assess(records, order.number, AnyLayouts(), "cor")
    CHANGES[what](records)
    with pytest.raises(Refused, match="has changed since"):
        approving(records, order)
    assert orders.order(records, order.number).state is OrderState.ASSESSED


def test_an_order_of_the_same_subscriber_leaves_an_assessment_standing(records: Records) -> None:
    order = known(records)
    change(records, quota=50)
    assess(records, order.number, AnyLayouts(), "cor")
    received(records, "MVV-2")
    assert approving(records, order).state is OrderState.APPROVED


def test_what_is_decided_is_not_assessed_again(records: Records) -> None:
    order = received(records)
    reject(records, order.number, "bob", "no")
    with pytest.raises(Transition, match="rejected by bob"):
        assess(records, order.number, AnyLayouts(), "cor")


def test_the_log_tells_of_an_assessment_and_names_nobody(records: Records) -> None:
    order = known(records)
    assessment = assess(records, order.number, AnyLayouts(), "cor")
    told = [entry.body for entry in audit.entries(records)][-1]
    assert assessment.digest in told
    assert '"signature":"warning"' in told
    assert "Noëlle" not in told


def test_a_manager_is_registered_with_the_first_token_made(records: Records) -> None:
    from batch.model.events import Event
    from batch.production.ending import end_produced

    order = known(records)
    approved(records, order.number)
    item = next(items.items(records, order))
    with records.transaction():
        items.begin_item(records, item, "piv-1", "piv", "123")
        end_produced(records, item, Event("item.produced", "olga", item=item.mailer_number))
    person = registry.manager_of(records, ORGANISATION, EMAIL)
    assert person is not None
    assert person.state is PersonState.REGISTERED
    assert person.identified == PASSPORT


TAMPERED = {
    "an assessment": ("UPDATE assessments SET digest = 'ff'", "an assessment of order"),
    "its assessor": ("UPDATE assessments SET operator = 'eve'", "an assessment of order"),
    "the end": ("UPDATE orders SET state = 'closed'", "is closed on record, but the log does not tell of it"),
    "the signature": (
        "INSERT INTO order_signatures VALUES (1, 'verified', 'P1', 'ff', NULL, '', x'00')",
        "was received with another signature than recorded",
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_somebody_writes_into_the_records_disagrees_with_the_log(records: Records, what: str) -> None:
    order = known(records)
    assess(records, order.number, AnyLayouts(), "cor")
    approving(records, order)
    assert not verify(records).findings
    statement, told = TAMPERED[what]
    records.db.execute(statement)
    assert any(told in one.what for one in verify(records).findings)
