"""What is set aside, what may be done about it, and that nothing leaves uncounted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from batch.audit.agreement import Agreement
from batch.audit.chain import facts_of
from batch.audit.log import log
from batch.model.codes import Binding, SealedCodes
from batch.model.errors import NotFound, Refused
from batch.model.events import Event
from batch.model.orders import Item, Order
from batch.model.quarantine import Cause, Way
from batch.model.states import ItemState, LetterState, OrderState, StepState
from batch.orders.decisions import receive
from batch.orders.known import RecordedOrders
from batch.production import revocation, ways_out
from batch.production.certificates import WrongCertificate
from batch.production.ending import end_produced
from batch.production.quarantine import RULES, cause_of, set_aside, stay_of, take_out, ways
from batch.production.reading import decision
from batch.store import audit, codes, items, journal, letters, orders, quarantine, revocations
from batch.store.database import Records
from batch.store.revocations import Standing
from drivers import errors
from drivers.errors import CaRefused, CaUnavailable, DriverError
from drivers.tokens import Code, TokenIdentity, TokenState, Tries
from tests.unit.order_kit import approved, draft

SEALED = SealedCodes(*(b"sealed",) * 6)


class Keeper:
    """Keeps no keys: what became of the bench's token is tested where there is one."""

    def __init__(self) -> None:
        self.destroyed: list[Binding] = []

    def ask(self, method: str, binding: Binding, timeout: float) -> bool:
        assert method == "destroy"
        self.destroyed.append(binding)
        return True


class Authority:
    """Answers as a CA that knows some certificates by transaction."""

    def __init__(self, issued: dict[str, bytes], failing: DriverError | None = None) -> None:
        self.issued, self.failing = issued, failing
        self.revoked: list[tuple[bytes, str]] = []

    def ask(self, method: str, *arguments: Any, timeout: float) -> Any:
        if self.failing is not None:
            raise self.failing
        if method == "find":
            return self.issued.get(arguments[0])
        if method == "issued_for":
            return ()
        assert method == "revoke"
        self.revoked.append((arguments[0], str(arguments[1])))
        return None


@pytest.fixture
def order(records: Records) -> Order:
    taken = receive(records, draft(count=2), "ada")
    ready = approved(records, taken.number)
    with told(records):
        orders.set_order_state(records, ready, OrderState.IN_PRODUCTION)
    return orders.order(records, taken.number)


@contextmanager
def told(records: Records) -> Iterator[None]:
    """What brings about what a test is about, told in the log as anything is."""
    with records.transaction():
        yield
        log(records, Event("test.arranged", "ada"))


def begun(records: Records, order: Order, step: str = "load:authentication") -> Item:
    """The first item, begun on token 123 and stopped at a step."""
    item = items.item(records, "000001")
    epoch = codes.epoch(records, order.id)
    assert epoch is not None
    with told(records):
        items.begin_item(records, item, "piv-1", "piv", "123")
        codes.keep(records, item.id, epoch, SEALED)
        journal.add_key(records, item.id, "authentication", "9a")
        journal.set_generated(records, item.id, "authentication", b"first", "{}")
        journal.set_generated(records, item.id, "authentication", b"second", "{}")
        journal.set_certificate(records, item.id, "authentication", b"certificate 2")
        journal.intend(records, item.id, step)
        journal.settle(records, item.id, step, StepState.FAILED, "why")
    return items.item(records, "000001")


def aside(
    records: Records, order: Order, cause: Cause = Cause.DEVICE_FAILED, step: str = "load:authentication"
) -> Item:
    item = begun(records, order, step)
    with told(records):
        set_aside(records, item, cause, f"{step}: why", "ada", step=step)
    return items.item(records, "000001")


def spoil(records: Records, way: Way = Way.DESTROY, *, replaced: bool = True) -> Keeper:
    keeper: Any = Keeper()
    ways_out.begin(
        records,
        "000001",
        way,
        operator="ada",
        confirmed="123",
        witness="bob",
        why="cracked",
        replaced=replaced,
    )
    if way is Way.RESET:
        with told(records):
            quarantine.read_blank(records, stay_of(records, items.item(records, "000001")))
    ways_out.finish(records, "000001", "ada", keeper)
    kept: Keeper = keeper
    return kept


def events(records: Records, name: str) -> list[dict[str, Any]]:
    read = [json.loads(entry.body) for entry in audit.entries(records)]
    return [event for event in read if event["event"] == name]


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (errors.Blocked("x"), Cause.CODE_BLOCKED),
        (errors.AuthenticationFailed("x"), Cause.CODE_REFUSED),
        (WrongCertificate("x"), Cause.WRONG_CERTIFICATE),
        (errors.ReadBackFailed("x"), Cause.READ_BACK),
        (errors.NotBlank("x"), Cause.NOT_BLANK),
        (errors.RetryBudget("x"), Cause.UNDECIDED),
        (DriverError("x"), Cause.OTHER),
    ],
    ids=lambda value: value.name if isinstance(value, Cause) else type(value).__name__,
)
def test_a_cause_is_the_nearest_kind_of_its_error(error: DriverError, cause: Cause) -> None:
    assert cause_of(error) is cause


def test_every_cause_has_a_rule_for_any_step() -> None:
    assert {cause for cause, step in RULES if step is None} == set(Cause)


@pytest.mark.parametrize(
    ("cause", "step", "resume"),
    [
        (Cause.DEVICE_FAILED, "verify", True),
        (Cause.READ_BACK, "verify", False),
        (Cause.READ_BACK, "load:authentication", True),
        (Cause.WRONG_CERTIFICATE, "certify:authentication", True),
        (Cause.CODE_BLOCKED, "set-pin", False),
        (Cause.CODE_REFUSED, "generate:authentication", False),
        (Cause.CA_REFUSED, "certify:authentication", True),
        (Cause.RESTORED, "initialise", False),
        (Cause.TAKEN_OUT, "set-pin", True),
    ],
)
def test_the_table_says_what_may_be_resumed(
    records: Records, order: Order, cause: Cause, step: str, resume: bool
) -> None:
    item = aside(records, order, cause, step)
    assert (Way.RESUME in ways(records, item, stay_of(records, item))) is resume
    if resume:
        taken = ways_out.resume(records, "000001", "olga")
        assert (taken.state, taken.reason, taken.ended_at) == (ItemState.IN_PRODUCTION, None, None)
        assert taken.token_serial == "123"
        left = quarantine.last_stay(records, item.id)
        assert left is not None
        assert (left.way, left.way_by) == (Way.RESUME, "olga")
        assert events(records, "quarantine.resumed")[0]["operator"] == "olga"
    else:
        with pytest.raises(Refused, match="cannot be resumed"):
            ways_out.resume(records, "000001", "olga")
        assert items.item(records, "000001").state is ItemState.QUARANTINED


def test_what_the_journal_cannot_decide_is_resumed_only_where_a_reading_does(
    records: Records, order: Order
) -> None:
    item = aside(records, order, Cause.UNDECIDED, "set-pin")
    stay = stay_of(records, item)
    identity = TokenIdentity("piv", "card", "123")
    assert decision(stay, TokenState(identity, tries=Tries(pin=2))) is None
    assert decision(stay, TokenState(identity, tries=Tries(puk=3))) is None
    assert decision(stay, TokenState(identity, tries=Tries(pin=1), factory={Code.PIN: True}))
    with pytest.raises(Refused, match="--seat SEAT"):
        ways_out.resume(records, "000001", "olga")
    decided = decision(stay, TokenState(identity, tries=Tries(pin=3)))
    assert decided == "3 left, enough to ask the token"
    ways_out.resume(records, "000001", "olga", decided=decided)
    assert items.item(records, "000001").state is ItemState.IN_PRODUCTION


def test_without_its_codes_nothing_is_resumed(records: Records, order: Order) -> None:
    item = aside(records, order)
    with told(records):
        codes.forget_resume(records, item.id)
    with pytest.raises(Refused, match="its resume key is destroyed"):
        ways_out.resume(records, "000001", "olga")


def test_a_destroyed_token_is_counted_replaced_and_refused_for_ever(records: Records, order: Order) -> None:
    item = aside(records, order)
    keeper = spoil(records)

    assert keeper.destroyed == [Binding(item.id, "000001")]
    spoiled = items.item(records, "000001")
    assert (spoiled.state, spoiled.reason) == (ItemState.SPOILED, "destroyed: cracked")
    sealed = codes.sealed(records, item.id)
    assert sealed is not None
    assert not sealed.for_resume
    assert letters.letter(records, "000001").state is LetterState.VOID
    replacement = items.replacement(records, item.id)
    assert replacement is not None
    assert replacement.mailer_number == "000003"
    assert replacement.fields == {**item.fields, "number": "000003"}
    assert replacement.subject_key == item.subject_key
    owner = items.item_of_token(records, "piv", "123")
    assert owner is not None
    assert owner.id == item.id
    balance = items.balance(records, order)
    assert str(balance) == "2 ordered = 0 produced + 0 spoiled and not replaced + 0 cancelled + 2 open"
    (told,) = events(records, "item.spoiled")
    assert told["detail"]["witness"] == "bob"
    assert told["detail"]["by"] == "ada"
    assert events(records, "item.planned")[0]["detail"] == {"replaces": "000001"}


def test_only_a_token_that_was_read_blank_is_free_for_another_item(records: Records, order: Order) -> None:
    item = aside(records, order)
    spoil(records, Way.RESET)
    assert items.item_of_token(records, "piv", "123") is None
    assert items.item(records, "123").id == item.id
    other = items.item(records, "000002")
    with told(records):
        items.begin_item(records, other, "piv-1", "piv", "123")
    assert items.item(records, "123").id == other.id


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (LetterState.SEALED, LetterState.VOID),
        (LetterState.UNKNOWN, LetterState.VOID),
        (LetterState.PRINTED, LetterState.PRINTED),
    ],
)
def test_a_letter_that_a_restore_left_is_void_unless_it_was_printed(
    records: Records, order: Order, before: LetterState, after: LetterState
) -> None:
    item = aside(records, order, Cause.RESTORED)
    way = {LetterState.SEALED: (), LetterState.UNKNOWN: (LetterState.UNKNOWN,)}
    with told(records):
        letters.add(records, "000001", item.id)
        for state in way.get(before, (LetterState.PRINTING, before)):
            letters.set_state(records, "000001", state, printer="p", operator="carl")
    spoil(records)
    assert letters.letter(records, "000001").state is after
    assert items.item(records, "000001").state is ItemState.SPOILED


def test_without_a_replacement_the_order_closes_one_short(records: Records, order: Order) -> None:
    aside(records, order)
    with told(records):
        other = items.item(records, "000002")
        items.begin_item(records, other, "piv-1", "piv", "456")
        items.end_item(records, other.id, ItemState.PRODUCED)
    spoil(records, replaced=False)
    balance = items.balance(records, order)
    assert str(balance) == "2 ordered = 1 produced + 1 spoiled and not replaced + 0 cancelled + 0 open"
    assert orders.order(records, order.number).state is OrderState.PRODUCED
    issued = RecordedOrders(records).issued("group:zeehavens")
    assert issued is not None
    assert issued.valid


def test_an_order_that_was_closed_with_tokens_in_quarantine_opens_again(
    records: Records, order: Order
) -> None:
    aside(records, order)
    with told(records):
        orders.set_order_state(records, order, OrderState.PRODUCED)
    ways_out.resume(records, "000001", "olga")
    assert orders.order(records, order.number).state is OrderState.IN_PRODUCTION
    assert events(records, "order.reopened")


@pytest.mark.parametrize("witness", [None, "", "  ", "ada", "ADA", " ada ", "bo\nb"])
def test_nobody_witnesses_their_own_destruction(records: Records, order: Order, witness: str | None) -> None:
    aside(records, order)
    with pytest.raises(Refused, match="R14"):
        ways_out.begin(
            records, "000001", Way.DESTROY, operator="ada", confirmed="123", witness=witness, why="cracked"
        )
    assert stay_of(records, items.item(records, "000001")).way is None


@pytest.mark.parametrize("typed", ["", "y", "yes", "124", "000001"])
def test_what_is_typed_must_be_the_serial(records: Records, order: Order, typed: str) -> None:
    aside(records, order)
    with pytest.raises(Refused, match="not its serial; nothing was done"):
        ways_out.begin(records, "000001", Way.RESET, operator="ada", confirmed=typed)
    assert stay_of(records, items.item(records, "000001")).way is None


def test_once_begun_a_way_out_is_the_only_one(records: Records, order: Order) -> None:
    item = aside(records, order)
    ways_out.begin(records, "000001", Way.DESTROY, operator="ada", confirmed="123", witness="bob")
    with pytest.raises(Refused, match="was begun by ada"):
        ways_out.begin(records, "000001", Way.RESET, operator="ada", confirmed="123")
    with pytest.raises(Refused, match="was begun by ada"):
        ways_out.resume(records, "000001", "olga")
    assert ways(records, item, stay_of(records, item)) == (Way.DESTROY,)
    again = ways_out.begin(records, "000001", Way.DESTROY, operator="cor", confirmed="123", witness="dirk")
    assert (again.way_by, again.witness, again.why) == ("ada", "bob", "load:authentication: why")


def test_a_token_that_did_not_become_blank_may_still_be_destroyed(records: Records, order: Order) -> None:
    aside(records, order)
    ways_out.begin(records, "000001", Way.RESET, operator="ada", confirmed="123")
    with pytest.raises(Refused):
        ways_out.resume(records, "000001", "olga")
    spoil(records)
    assert items.item(records, "000001").reason == "destroyed: cracked"


def test_what_is_not_in_quarantine_has_no_way_out(records: Records, order: Order) -> None:
    begun(records, order)
    with pytest.raises(Refused, match="not in quarantine but in-production"):
        ways_out.begin(records, "000001", Way.RESET, operator="ada", confirmed="123")
    with pytest.raises(Refused, match="not in quarantine but planned"):
        ways_out.left_already(records, items.item(records, "000002"), Way.RESET)
    with pytest.raises(NotFound):
        ways_out.resume(records, "000009", "olga")


def test_only_a_begun_token_is_taken_out_of_production(records: Records, order: Order) -> None:
    begun(records, order, "set-pin")
    with pytest.raises(Refused, match="its state is planned"):
        take_out(records, "000002", "lost", "ada")
    item = take_out(records, "000001", "it fell behind the desk", "ada")
    stay = stay_of(records, item)
    assert (stay.cause, stay.step, stay.reason) == (Cause.TAKEN_OUT, "set-pin", "it fell behind the desk")
    with pytest.raises(Refused, match="its state is quarantined"):
        take_out(records, "000001", "again", "ada")


def test_all_that_was_ever_asked_of_the_ca_is_revoked_when_it_answers(records: Records, order: Order) -> None:
    item = aside(records, order)
    spoil(records, Way.WRITE_OFF)
    assert [one.request for one in revocations.waiting(records)] == [
        "000001/authentication/1",
        "000001/authentication/2",
    ]
    away: Any = Authority({}, CaUnavailable("it is away"))
    told = revocation.carry_out(records, away, "ada")
    assert (told.revoked, told.waiting, told.reason) == (0, 2, "it is away")

    lost = {"000001/authentication/1": b"an answer that was lost"}
    there: Any = Authority(lost)
    assert revocation.carry_out(records, there, "ada").revoked == 2
    assert there.revoked == [
        (b"an answer that was lost", "keyCompromise"),
        (b"certificate 2", "keyCompromise"),
    ]
    assert not revocations.waiting(records)
    assert len(events(records, "certificate.revoked")) == 2
    assert revocation.carry_out(records, there, "ada").revoked == 0
    assert len(revocations.of_item(records, item.id)) == 2


def test_what_a_ca_refuses_to_revoke_is_told_once_and_waits_until_it_does(
    records: Records, order: Order
) -> None:
    item = aside(records, order)
    spoil(records)
    refusing: Any = Authority({}, CaRefused("not from this CA"))
    for _ in range(2):
        told = revocation.carry_out(records, refusing, "ada")
        assert (told.revoked, told.waiting) == (0, 2)
        assert told.refused[0] == "000001/authentication/1: not from this CA"
    assert len(events(records, "certificate.not-revoked")) == 2
    assert revocations.states(records, item.id)[item.id] is not Standing.REVOKED

    willing: Any = Authority({})
    assert revocation.carry_out(records, willing, "ada").waiting == 0
    assert not revocations.waiting(records)


@pytest.mark.parametrize("way", [None, Way.RESUME, Way.DESTROY])
def test_a_stay_taken_off_the_records_is_told_by_the_log(
    records: Records, order: Order, way: Way | None
) -> None:
    aside(records, order)
    if way is Way.DESTROY:
        spoil(records, way)
    elif way is Way.RESUME:
        with told(records):
            items.take_up(records, items.item(records, "000001").id)
    about = "token 000001 was in quarantine, but not each of its stays is on record"
    assert about not in disagreements(records)
    with told(records):
        records.write("DELETE FROM quarantine")
    assert about in disagreements(records)


def disagreements(records: Records) -> list[str]:
    agreement = Agreement()
    for entry in audit.entries(records):
        agreement.hear(facts_of(entry))
    return [one.what for one in agreement.findings(records)]


def test_certificates_are_held_to_those_told_until_a_restore_learns_of_others(
    records: Records, order: Order
) -> None:
    item = begun(records, order)
    with records.transaction():
        end_produced(records, item, Event("item.produced", "ada", item="000001", token="123"))
    about = "token 000001 was produced with other certificates than the recorded ones"
    assert about not in disagreements(records)
    with told(records):
        journal.set_lost(records, item.id, "authentication", 3, b"certificate 3")
    assert about in disagreements(records)
    with records.transaction():
        set_aside(records, item, Cause.RESTORED, "restored", "ada")
    assert about not in disagreements(records)
