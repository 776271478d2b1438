"""Which tokens are renewed, who must say what before, and what a renewal may wait for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import cast

import pytest

from batch.audit.log import log
from batch.life.renewal import renewing, vouchers
from batch.life.renewal.cancelling import cancel
from batch.life.renewal.expiring import listed
from batch.life.renewal.on_new_token import finish as end
from batch.life.renewal.on_new_token import order as order_new
from batch.life.renewal.on_new_token import waiting_for
from batch.life.renewal.on_same_token import carried_out_before, carry_out, need_here, revoke_too
from batch.life.renewal.seat import Bench
from batch.model.errors import FaultyValue, Refused, Transition
from batch.model.events import Event
from batch.model.renewals import OldEnds, Pause, RenewalKey, Way
from batch.model.states import LifeState, OrderState, RenewalState
from batch.orders import decisions
from batch.orders.assessment import assess
from batch.orders.draft import OrderDraft
from batch.people import registry
from batch.people.acting import Actor
from batch.people.forgetting import Retention, forget
from batch.people.separation import Act, check
from batch.production.revocation import ask_for
from batch.store import items, journal, orders, renewals, restores, revocations, statements
from batch.store import vouchers as stored
from batch.store.revocations import Standing
from drivers.authorities.port import Reason
from layouts.errors import LayoutError
from layouts.library import Library
from layouts.token import TokenLayout
from tests.unit.certificate_kit import certificate, public_key
from tests.unit.custody_kit import in_stock
from tests.unit.order_kit import AnyLayouts
from tests.unit.renewal_kit import ENDS, IN_TIME, TOO_EARLY, Desk, finish
from tests.unit.warrant_kit import LIBRARY, draft, spki

TODAY = date(2029, 10, 15)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk.make(tmp_path, confirm_role=True)
    with closing(made.records):
        yield made


def refused(what: str) -> pytest.RaisesExc[Refused]:
    return pytest.raises(Refused, match=what)


def test_a_token_is_renewed_from_the_day_its_layout_says_or_for_a_reason_before(desk: Desk) -> None:
    with refused("valid until 2029-11-20, and renewed from 2029-09-21 on"):
        desk.start(on=TOO_EARLY)
    assert renewals.renewals(desk.records) == []
    assert desk.start(on=TOO_EARLY, early="the holder travels").number == "R-000001"


def test_once_its_certificates_ended_only_a_new_token_is_made(desk: Desk) -> None:
    late = ENDS + timedelta(days=1)
    with refused("its certificates ended"):
        renewing.start(desk.records, desk.item().mailer_number, desk.layout, desk.officer, at=late)
    renewal = renewing.start(
        desk.records, desk.item().mailer_number, desk.layout, desk.officer, way=Way.NEW, at=late
    )
    assert renewal.way is Way.NEW


@pytest.mark.parametrize("state", [LifeState.LOST, LifeState.DESTROYED])
def test_what_is_lost_or_destroyed_is_not_renewed(desk: Desk, state: LifeState) -> None:
    desk.move(state)
    for way in Way:
        with refused(f"it is {state}"):
            desk.start(way=way)


def test_what_is_damaged_is_renewed_by_a_new_token_only(desk: Desk) -> None:
    desk.move(LifeState.DAMAGED)
    with refused("it is damaged"):
        desk.start(way=Way.SAME)
    assert desk.start(way=Way.NEW).way is Way.NEW


def test_what_is_to_be_revoked_is_not_renewed(desk: Desk) -> None:
    key = journal.keys(desk.records, desk.item().id)["authentication"]
    with desk.records.transaction():
        revocations.ask(
            desk.records, "x", desk.item().id, key.certificate, reason=Reason.KEY_COMPROMISE, by="rev"
        )
        log(desk.records, Event("revocation.ordered", "rev"))
    with refused("its certificates were to be revoked"):
        desk.start()


def test_a_subject_that_another_subscriber_was_given_is_not_renewed(desk: Desk) -> None:
    """R30: what stands in the records is looked at anew, whatever an approval let through."""
    other = decisions.receive(desk.records, _other_draft(), desk.officer)
    assert orders.order(desk.records, other.number).organisation != desk.case.order.organisation
    with refused(r"its subject was given to another in order .* \(R30\)"):
        desk.start()


def _other_draft() -> OrderDraft:
    one = draft("W-2", "Zeehavens")
    return replace(one, subscriber_number="90005678")


def test_one_renewal_of_a_token_is_under_way_and_its_number_is_never_given_again(desk: Desk) -> None:
    first = desk.start()
    with refused("its renewal R-000001 is begun"):
        desk.start()
    cancel(desk.records, first.number, desk.officer, "a slip")
    assert desk.start().number == "R-000002"
    with desk.records.transaction():
        restores.raise_floor(desk.records, "number R", 41)
        log(desk.records, Event("records.reconciled", "ada"))
    assert desk.start(1).number == "R-000042"


def test_every_field_its_layout_uses_is_confirmed_or_replaced_and_then_signed_for(desk: Desk) -> None:
    renewal = desk.start()
    asked = renewing.asks(desk.records, renewal, desk.layout)
    assert asked.fields["group"] == "Zeehavens"
    assert set(asked.fields) <= desk.layout.columns | desk.layout.optional_columns

    some = list(asked.fields)[:2]
    renewal = renewing.hold(desk.records, renewal.number, desk.layout, desk.officer, holds=some, changes={})
    assert set(renewing.asks(desk.records, renewal, desk.layout).fields) == set(asked.fields) - set(some)
    assert statements.of_subject(desk.records, "renewal.kept", renewal.number) == []
    with refused("nobody said whether these still hold"):
        renewing.approve(desk.records, renewal.number, desk.layout, desk.approver)
    renewal = desk.held(renewal, address_2="Nieuwlaan 1")
    assert renewal.changes == {"address_2": "Nieuwlaan 1"}
    assert "address_2" not in renewal.held
    (signed,) = statements.of_subject(desk.records, "renewal.kept", renewal.number)
    assert signed.signers == ("ada",)
    assert "Nieuwlaan" not in signed.text.decode(), "a digest stands for the words"
    told = [row[0] for row in desk.records.rows("SELECT body FROM audit WHERE body LIKE '%renewal.%'")]
    assert told
    assert not any("Nieuwlaan" in one or "Verzonnenlaan" in one for one in told)


@pytest.mark.parametrize(
    ("changes", "holds", "what"),
    [
        ({"group": "Anders"}, (), "group tells who the subject is"),
        ({"colour": "blue"}, (), "its layout does not use colour"),
        ({}, ("colour",), "its layout does not use colour"),
    ],
)
def test_who_the_subject_is_and_what_nobody_uses_is_not_changed(
    desk: Desk, changes: dict[str, str], holds: tuple[str, ...], what: str
) -> None:
    renewal = desk.start()
    with refused(what):
        renewing.hold(desk.records, renewal.number, desk.layout, desk.officer, holds=holds, changes=changes)
    assert renewals.renewal(desk.records, renewal.number) == renewal


def test_a_value_that_no_certificate_has_room_for_changes_nothing(desk: Desk) -> None:
    renewal = desk.start()
    field = next(
        name for name in ("organisation_unit", "subscriber_name", "language") if name in desk.layout.columns
    )
    with pytest.raises(LayoutError):
        desk.held(renewal, **{field: ""})
    assert renewals.renewal(desk.records, renewal.number) == renewal


def test_role_and_approval_are_other_persons_than_who_asks(desk: Desk) -> None:
    """R35."""
    both = desk.case.people.both
    renewal = renewing.start(desk.records, desk.item().mailer_number, desk.layout, both, at=IN_TIME)
    renewal = renewing.hold(desk.records, renewal.number, desk.layout, both, holds=None, changes={})
    with refused("nobody has confirmed that the role still holds"):
        renewing.approve(desk.records, renewal.number, desk.layout, desk.approver)
    with refused("who asks for a renewal does not confirm the role"):
        renewing.confirm_role(desk.records, renewal.number, both)
    renewing.confirm_role(desk.records, renewal.number, desk.approver)
    with refused("who asks for a renewal does not approve it"):
        renewing.approve(desk.records, renewal.number, desk.layout, both)
    renewal = renewing.approve(desk.records, renewal.number, desk.layout, desk.approver)
    assert renewal.state is RenewalState.APPROVED


def test_what_waits_for_payment_goes_on_where_it_was_once_it_is_paid(desk: Desk) -> None:
    renewal = desk.held(desk.start())
    renewing.confirm_role(desk.records, renewal.number, desk.approver)
    number = renewal.number
    renewing.pause(desk.records, number, desk.officer, Pause.PAYMENT, TODAY)
    with refused("it is paused"):
        renewing.approve(desk.records, number, desk.layout, desk.approver)
    with refused("it waits for payment"):
        renewing.resume(desk.records, number, desk.officer)
    renewing.pay(desk.records, number, desk.officer, voucher=None, paid="invoice 12", on=TODAY)
    assert renewing.resume(desk.records, number, desk.officer).state is RenewalState.BEGUN
    renewing.approve(desk.records, number, desk.layout, desk.approver)
    renewing.pause(desk.records, number, desk.officer, Pause.APPROVAL, None)
    assert renewing.resume(desk.records, number, desk.officer).state is RenewalState.APPROVED
    with refused("it was paid already"):
        renewing.pay(desk.records, number, desk.officer, voucher=None, paid="again", on=TODAY)


VOUCHERS = b"code;uses;until\nAAAA-BBBB-CCCC;1;2029-12-31\nDDDD EEEE FFFF;2;\n"


def test_a_voucher_is_spent_once_however_it_is_written_and_given_back_by_a_cancelled_renewal(
    desk: Desk,
) -> None:
    assert vouchers.take(desk.records, VOUCHERS, source="v.csv", batch="1", who=desk.officer) == (2, 0)
    assert vouchers.take(desk.records, VOUCHERS, source="v.csv", batch="2", who=desk.officer) == (0, 2)
    first, second = desk.start(0), desk.start(1)

    def pay(number: str, code: str, on: date = TODAY) -> None:
        renewing.pay(desk.records, number, desk.officer, voucher=code, paid=None, on=on)

    with refused("no such voucher"):
        pay(first.number, "AAAA-BBBB-CCCX")
    with refused("good until 2029-12-31"):
        pay(first.number, "AAAA-BBBB-CCCC", date(2030, 1, 1))
    pay(first.number, "aaaa bbbb cccc")
    with refused("the voucher was spent, once"):
        pay(second.number, "AAAABBBBCCCC")
    cancel(desk.records, first.number, desk.officer, "a slip")
    with refused("the renewal is cancelled"):
        renewing.pay(desk.records, first.number, desk.officer, voucher=None, paid="late", on=TODAY)
    pay(second.number, "AAAABBBBCCCC")
    assert [one.left for one in stored.vouchers(desk.records)].count(0) == 1


def test_of_vouchers_only_digests_are_kept_and_no_fault_shows_a_code(desk: Desk) -> None:
    bad = b"code;uses\nAAAA-BBBB-CCCC;many\nshort;1\n"
    with pytest.raises(Exception, match="2 faults") as told:
        vouchers.take(desk.records, bad, source="v.csv", batch="1", who=desk.officer)
    assert "BBBB" not in str(told.value)
    assert stored.vouchers(desk.records) == []
    vouchers.take(desk.records, VOUCHERS, source="v.csv", batch="1", who=desk.officer)
    held = b"".join(one.read_bytes() for one in desk.case.path.parent.iterdir() if one.is_file())
    for written in (b"AAAA-BBBB-CCCC", b"AAAABBBBCCCC", b"aaaabbbbcccc"):
        assert written not in held


def test_a_new_token_goes_the_way_of_every_order_with_everything_carried_over(desk: Desk) -> None:
    renewal = desk.held(desk.start(way=Way.NEW, old=OldEnds.REVOKE), address_2="Nieuwlaan 1")
    with refused("nobody has confirmed that the role"):
        order_new(desk.records, [renewal.number], _library(desk), AnyLayouts(), desk.officer)
    renewing.confirm_role(desk.records, renewal.number, desk.approver)
    with refused("a new token goes through an order of its own"):
        renewing.approve(desk.records, renewal.number, desk.layout, desk.approver)

    made = order_new(desk.records, [renewal.number], _library(desk), AnyLayouts(), desk.officer)
    (new,) = items.items(desk.records, made)
    old = desk.item()
    assert new.renews == old.id
    assert new.subject_key == old.subject_key
    unchanged = {"number", "order", "count", "address_2"}
    assert {k: v for k, v in new.fields.items() if k not in unchanged} == {
        k: v for k, v in old.fields.items() if k not in unchanged
    }
    assert new.fields["address_2"] == "Nieuwlaan 1"
    assert made.state is OrderState.RECEIVED, "no shortcut around its approval"
    with refused("is ordered for it"):
        cancel(desk.records, renewal.number, desk.officer, "too late")
    assess(desk.records, made.number, AnyLayouts(), "ada")
    decisions.approve(desk.records, made.number, desk.approver, in_stock(spki()), AnyLayouts(), LIBRARY.token)
    with refused("the old one stays until the new is active"):
        end(desk.records, renewal.number, "ada")
    assert not revocations.of_item(desk.records, old.id)
    finish(desk.records, items.item_of(desk.records, new.id))
    waits = waiting_for(desk.records, items.item_of(desk.records, new.id))
    assert waits is not None
    assert waits.number == renewal.number
    assert waiting_for(desk.records, old) is None
    done, ends = end(desk.records, renewal.number, "ada")
    assert done.state is RenewalState.DONE
    assert ends == ENDS
    asked = revocations.of_item(desk.records, old.id)
    assert {one.reason for one in asked} == {"superseded"}
    assert len(asked) == 2
    with refused("took its place"):
        desk.start(way=Way.NEW)


class OneLayout(Library):
    """A library whose every token layout is this one."""

    def __init__(self, layout: TokenLayout) -> None:
        super().__init__()
        self._one = layout

    def token(self, ref: str) -> TokenLayout:
        return self._one


def _library(desk: Desk) -> Library:
    return OneLayout(desk.layout)


def test_an_order_that_was_cut_off_is_not_taken_in_twice(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    renewal = desk.held(desk.start(way=Way.NEW))
    renewing.confirm_role(desk.records, renewal.number, desk.approver)
    given = ([renewal.number], _library(desk), AnyLayouts(), desk.officer)
    before = len(orders.orders(desk.records))
    with monkeypatch.context() as cut:
        cut.setattr(renewals, "put", _die)
        with pytest.raises(KeyboardInterrupt):
            order_new(desk.records, *given)
    assert len(orders.orders(desk.records)) == before + 1
    order_new(desk.records, *given)
    assert len(orders.orders(desk.records)) == before + 1
    assert renewals.renewal(desk.records, renewal.number).state is RenewalState.ORDERED


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_rejected_order_lets_its_renewal_be_cancelled(desk: Desk) -> None:
    renewal = desk.held(desk.start(way=Way.NEW))
    renewing.confirm_role(desk.records, renewal.number, desk.approver)
    made = order_new(desk.records, [renewal.number], _library(desk), AnyLayouts(), desk.officer)
    decisions.reject(desk.records, made.number, "bob", "not now")
    cancel(desk.records, renewal.number, desk.officer, "rejected")
    with pytest.raises(Transition):
        renewing.pause(desk.records, renewal.number, desk.officer, Pause.APPROVAL, None)


def test_what_is_being_made_on_a_token_that_is_lost_is_cancelled_and_revoked(desk: Desk) -> None:
    """No key is made on a token that was lost or revoked after its renewal was approved."""
    renewal = desk.approved()
    with desk.records.transaction():
        renewals.set_state(desk.records, renewal, RenewalState.MAKING)
        key = RenewalKey(renewal.id, "authentication", "01", "0102", "01", IN_TIME, 2)
        renewals.add_key(desk.records, key)
        renewals.set_generated(desk.records, renewal, key.name, b"spki", "{}", b"csr")
        log(desk.records, Event("renewal.making", "pia"))
    with refused("keys are being made on the token"):
        cancel(desk.records, renewal.number, desk.officer, "a slip")
    desk.move(LifeState.LOST)
    bench = cast(Bench, None)
    with refused("it is lost; no key is made on it any more"):
        carry_out(desk.records, renewal.number, bench)
    cancel(desk.records, renewal.number, desk.officer, "it is lost")
    (asked,) = revocations.of_item(desk.records, desk.item().id)
    assert asked.request == "000001/authentication/2"


def test_what_is_revoked_while_new_keys_are_made_takes_the_new_certificates_along(desk: Desk) -> None:
    """A holder revokes by code, at any hour, while the token lies in the reader."""
    renewal, item, new = desk.approved(), desk.item(), certificate(serial=4711)
    key = RenewalKey(renewal.id, "authentication", "01", "0102", "01", IN_TIME, 2)
    with desk.records.transaction():
        renewals.add_key(desk.records, key)
        renewals.set_generated(desk.records, renewal, key.name, public_key(), "{}", b"csr")
        renewals.set_certificate(desk.records, renewal, key.name, new)
        revoke_too(desk.records, renewal, key.name, new, "pia")
        assert not revocations.of_item(desk.records, item.id), "nobody asked for it"
        ask_for(desk.records, item, Reason.KEY_COMPROMISE, "revocation code")
        revoke_too(desk.records, renewal, key.name, new, "pia")
        made = renewals.keys(desk.records, renewal)[key.name]
        renewals.take_place(desk.records, renewal, made, "01", "0102")
        log(desk.records, Event("renewal.key-replaced", "pia"))
    assert new in [one.certificate for one in revocations.waiting(desk.records, item.id)]
    assert revocations.states(desk.records)[item.id] is Standing.PENDING
    with refused("its certificates were to be revoked; no key is made on it any more"):
        need_here(desk.records, renewal, item)


def test_an_approval_whose_time_is_over_is_given_anew(desk: Desk) -> None:
    renewal = desk.approved()
    first = renewal.statement
    again = renewing.approve(desk.records, renewal.number, desk.layout, desk.approver)
    assert again.state is RenewalState.APPROVED
    assert again.statement != first
    with refused("who asks for a renewal does not approve it"):
        renewing.approve(desk.records, renewal.number, desk.layout, _with_both_roles(desk))


def _with_both_roles(desk: Desk) -> Actor:
    both = desk.case.people.both
    with desk.records.transaction():
        renewals.put(desk.records, renewals.renewal(desk.records, "R-000001"), {"held_by": both.name})
        log(desk.records, Event("renewal.data-confirmed", both.name))
    return both


def test_nothing_is_renewed_for_a_subscriber_that_is_closed(desk: Desk) -> None:
    registry.close_subscriber(desk.records, desk.case.order.organisation, operator="ada")
    with refused("is closed"):
        desk.start()


def test_who_carries_it_out_did_not_approve_it(desk: Desk) -> None:
    renewal = desk.approved()
    before = carried_out_before(desk.records, renewal.number)
    check(Act.PRODUCE, desk.case.people.personaliser.operator, where="here", before=before)
    both = desk.case.people.both
    with refused("who approved an order does not produce it"):
        check(Act.PRODUCE, both.operator, where="here", before={Act.APPROVE: [both.name]})
    assert before == {Act.APPROVE: ["bob"]}


def test_what_a_renewal_changed_is_carried_over_by_the_next_and_its_manager_is_known(desk: Desk) -> None:
    new = {"manager": "Piet Voorbeeld", "manager_email": "p@voorbeeld.example.org"}
    renewal = desk.held(desk.start(), **new)
    assert registry.manager_of(desk.records, desk.case.order.organisation, new["manager_email"]) is not None
    renewing.confirm_role(desk.records, renewal.number, desk.approver)
    renewing.approve(desk.records, renewal.number, desk.layout, desk.approver)
    with desk.records.transaction():
        for state in (RenewalState.MAKING, RenewalState.DONE):
            renewals.set_state(desk.records, renewal, state)
        log(desk.records, Event("renewal.done", "pia"))
    again = desk.start()
    assert renewing.asks(desk.records, again, desk.layout).fields["manager"] == new["manager"]
    (one,) = (one for one in listed(desk.records, timedelta(days=60), IN_TIME) if one.item.id == 1)
    assert one.item.fields["manager_email"] == new["manager_email"]


def test_the_new_manager_of_a_renewal_is_not_forgotten_before_the_renewal_is_over(desk: Desk) -> None:
    new = {"manager": "Piet Voorbeeld", "manager_email": "p@voorbeeld.example.org"}
    renewal = desk.held(desk.start(), **new)
    manager = registry.manager_of(desk.records, desk.case.order.organisation, new["manager_email"].upper())
    assert manager is not None
    registry.end(desk.records, manager.number, operator="ada")
    with refused("still in use"):
        forget(desk.records, manager.number, Retention(), operator="ada")
    cancel(desk.records, renewal.number, desk.officer, "asked for by mistake")
    assert forget(desk.records, manager.number, Retention(), operator="ada").name == manager.number


@pytest.mark.parametrize(
    ("field", "value"), [("language", "de"), ("manager_email", "nobody"), ("manager", "A\u202eB")]
)
def test_what_no_order_may_have_in_a_field_no_renewal_may_have(desk: Desk, field: str, value: str) -> None:
    renewal = desk.start()
    with pytest.raises(FaultyValue):
        desk.held(renewal, **{field: value})
    assert renewals.renewal(desk.records, renewal.number) == renewal
