"""What was approved is made and printed, and nothing else: who does it verifies it alone (R7, R35)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from batch.audit.log import log
from batch.model.errors import NotTrusted, Refused
from batch.model.events import Event
from batch.model.orders import Item
from batch.model.people import Signed
from batch.model.quarantine import Cause, Way
from batch.orders.decisions import receive
from batch.people.acting import Actor, give, keep_alone, sign
from batch.people.operators import retire
from batch.people.separation import Act
from batch.people.statements import Statement
from batch.people.warrants import giving_up, producing
from batch.production import ways_out
from batch.production.assignment import Assignment, LaneFacts
from batch.production.briefing import brief
from batch.production.mandate import Inspector, Mandate
from batch.production.ordering import order_production, scheduled
from batch.production.quarantine import set_aside
from batch.store import items, statements
from batch.store.clock import now
from drivers.errors import DriverError, ToldError
from drivers.tokens import Act as TokenAct
from drivers.tokens import CodeRules
from layouts.token import TokenLayout
from tests.unit.warrant_kit import DAY, LAYOUT, LIBRARY, SEATS, Case, draft, signed_off, spki

FACTS = LaneFacts((TokenAct.INITIALISE,), CodeRules(range(4, 17), range(4, 17), 8, admin_is_puk=True))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Case:
    case = Case.make(tmp_path_factory.mktemp("desk"))
    case.records.close()
    return case


@pytest.fixture
def case(made: Case, tmp_path: Path) -> Iterator[Case]:
    case = made.copied(tmp_path)
    with closing(case.records):
        yield case


def inspected(
    case: Case,
    item: Item | None = None,
    *,
    ordered: Signed | None = None,
    seat: str = SEATS[0],
    custody: bytes | None = None,
    layout: TokenLayout | None = None,
    at: datetime | None = None,
) -> Assignment:
    """What a lane makes of the records as they are."""
    layout = layout or LIBRARY.token(LAYOUT)
    inspector = Inspector(
        Mandate(case.trust, case.warrant(ordered or case.ordered()), {LAYOUT: layout}), seat
    )
    item = item or case.item()
    begun = replace(item, began_at=now())
    assignment = brief(begun, FACTS, layout)
    inspector.check(begun, case.proof(item), assignment, FACTS, custody or case.custody, at)
    return assignment


def test_what_was_approved_is_made_for_every_item_of_the_order(case: Case) -> None:
    for at in range(3):
        item = case.item(at)
        assignment = inspected(case, item)
        assert assignment.binding.mailer_number == item.mailer_number
        assert any(item.fields["group"] in value for _, value in assignment.keys[0].template.subject)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE items SET fields = replace(fields, 'Zeehavens', 'Anders')", "is not what was approved"),
        ("UPDATE items SET fields = json_set(fields, '$.address_1', 'Elders')", "is not what was approved"),
        ("UPDATE items SET subject_key = 'group:anders' WHERE id = 1", "is not what was approved"),
        ("UPDATE items SET layout = 'group-card:p-256' WHERE id = 1", "was not approved for its order"),
        ("UPDATE items SET salt = x'00' WHERE id = 1", "is not what was approved"),
        ("UPDATE items SET forgotten = 'feed', fields = json_set(fields, '$.group', 'A')", "is not what was"),
        ("UPDATE items SET fields = json_set(fields, '$.number', '000002')", "its number is not"),
        ("UPDATE items SET mailer_number = '000009' WHERE id = 1", "its number is not"),
        ("DELETE FROM items WHERE id = 2", "is not what was approved"),
        ("INSERT INTO items (id, order_id, mailer_number, layout, subject_key, fields, state, salt) SELECT"
         " 4, order_id, '000004', layout, subject_key, fields, state, salt FROM items"
         " WHERE id = 3", "is not what was approved"),
        ("UPDATE signatures SET operator = 'max' WHERE operator = 'bob'", "signature of max does not hold"),
        ("UPDATE signatures SET operator = 'ada' WHERE operator = 'bob'", "signature of ada does not hold"),
        ("UPDATE statements SET text = CAST(replace(text, 'order.approved', 'order.received') AS BLOB)"
         " WHERE act = 'order.approved'", "is about order.received"),
        ("UPDATE statements SET text = CAST(replace(text, '\"items\":3', '\"items\":4') AS BLOB)"
         " WHERE act = 'order.approved'", "does not hold"),
        ("DELETE FROM statements WHERE act = 'order.received'", "is gone"),
        ("DELETE FROM signatures WHERE operator = 'ben'", "takes 2 persons"),
        ("UPDATE statements SET text = CAST(replace(text, 'order-officer', 'personaliser') AS BLOB)"
         " WHERE act = 'operator.enrolled'", "does not hold|follow"),
        ("DELETE FROM statements WHERE id = (SELECT max(id) FROM statements WHERE act = 'operator.enrolled')",
         "not the one that the key token knows"),
        ("UPDATE statements SET completed_at = NULL WHERE act = 'operator.founded'", "does not begin with"),
        ("UPDATE statements SET digest = 'x' || digest WHERE act = 'order.approved'", "takes 1 persons"),
    ],
)  # fmt: skip
def test_a_lane_refuses_what_somebody_edited(case: Case, statement: str, words: str) -> None:
    ordered = case.ordered()
    case.edit(statement)
    with pytest.raises(ToldError, match=words):
        inspected(case, ordered=ordered)


def test_signatures_are_not_swapped(case: Case) -> None:
    ordered = case.ordered()
    values = dict(
        case.records.rows("SELECT operator, value FROM signatures WHERE operator IN ('ada', 'bob')")
    )
    case.edit("UPDATE signatures SET value = ? WHERE operator = 'ada'", values["bob"])
    with pytest.raises(DriverError, match="does not hold"):
        inspected(case, ordered=ordered)


def test_a_register_made_anew_is_not_the_desks(case: Case, tmp_path: Path) -> None:
    other = Case.make(_folder(tmp_path / "other"))
    ordered = other.ordered()
    with closing(other.records), pytest.raises(DriverError, match="not the one that the key token knows"):
        Inspector(Mandate(case.trust, other.warrant(ordered), {}), SEATS[0])


def test_codes_are_sealed_to_the_approved_custody_key_only(case: Case) -> None:
    with pytest.raises(DriverError, match="its custody key is not the one that was approved"):
        inspected(case, custody=spki())


def test_a_layout_is_used_as_it_was_approved(case: Case) -> None:
    edited = replace(LIBRARY.token(LAYOUT), label="anders {number}")
    with pytest.raises(DriverError, match="is not as it was when the order was approved"):
        inspected(case, layout=edited)


def test_a_production_is_for_its_seats_its_time_and_its_order(case: Case) -> None:
    with pytest.raises(DriverError, match="ordered for other seats than usb-3"):
        inspected(case, ordered=case.ordered("usb-1"), seat="usb-3")
    with pytest.raises(DriverError, match="was signed to hold until"):
        inspected(case, ordered=case.ordered(until=now() + DAY), at=now() + DAY)
    other = receive(case.records, draft("W-2", "Bruggen"), case.people.officer)
    approved = signed_off(case.records, other, case.people.approver, spki())
    ordered = order_production(case.records, approved, case.people.personaliser, SEATS)
    with pytest.raises(DriverError, match="something else than what was approved"):
        inspected(case, ordered=ordered)


def test_who_approved_does_not_produce_whatever_the_records_say(case: Case) -> None:
    everything = case.people.both
    other = receive(case.records, draft("W-2", "Bruggen"), case.people.officer)
    approved = signed_off(case.records, other, everything, spki())
    with pytest.raises(Refused, match="who approved an order does not produce it"):
        order_production(case.records, approved, everything, SEATS)
    theirs = replace(case, order=approved)
    ordered = _signed_past_the_rules(theirs, everything)
    with pytest.raises(DriverError, match="who approved an order does not produce it"):
        Inspector(Mandate(case.trust, theirs.warrant(ordered), {}), SEATS[0])


def test_who_took_an_order_in_does_not_approve_it(case: Case) -> None:
    everything = case.people.both
    taken = receive(case.records, draft("W-2", "Bruggen"), everything)
    with pytest.raises(Refused, match="who brought an order in does not approve it"):
        signed_off(case.records, taken, everything, spki())
    case.edit("UPDATE orders SET imported_by = 'ada' WHERE number = ?", taken.number)
    with pytest.raises(Refused, match="who brought an order in does not approve it"):
        signed_off(case.records, taken, everything, spki())


def test_what_was_changed_since_it_was_received_is_not_approved(case: Case) -> None:
    taken = receive(case.records, draft("W-2", "Bruggen"), case.people.officer)
    case.edit("UPDATE items SET fields = json_set(fields, '$.group', 'Anders') WHERE id = 4")
    with pytest.raises(NotTrusted, match="it is not what was received"):
        signed_off(case.records, taken, case.people.approver, spki())


def test_a_mere_name_receives_and_approves_nothing_where_there_are_operators(case: Case) -> None:
    with pytest.raises(Refused, match="takes an operator's signature"):
        receive(case.records, draft("W-2", "Bruggen"), "ada")
    taken = receive(case.records, draft("W-2", "Bruggen"), case.people.officer)
    with pytest.raises(Refused, match="takes an operator's signature"):
        signed_off(case.records, taken, "bob", spki())


def test_an_approver_who_leaves_has_approved(case: Case) -> None:
    for administrator in case.people.administrators:
        retire(case.records, administrator, "bob", "left", anchor=case.anchors)
    assert inspected(case).binding.mailer_number == "000001"


def test_a_replacement_goes_back_to_what_was_approved(case: Case) -> None:
    _replaced(case, "000001", "000004", told=True)
    _replaced(case, "000004", "000005", told=True)
    assert inspected(case, items.item(case.records, "000005")).binding.mailer_number == "000005"


def test_a_replacement_that_nobody_gave_a_token_up_for_is_not_made(case: Case) -> None:
    _replaced(case, "000001", "000004", told=False)
    with pytest.raises(DriverError, match="is not what was approved"):
        inspected(case, items.item(case.records, "000004"))


def test_who_gives_a_token_up_signs_for_what_is_made_in_its_place(case: Case) -> None:
    records, begun = case.records, case.item()
    with records.transaction():
        items.begin_item(records, replace(begun, began_at=now()), "usb-1", "pkcs11", "77")
        set_aside(records, items.item_of(records, begun.id), Cause.DEVICE_FAILED, "why", "pia")
    ways_out.begin(
        records, "000001", Way.DESTROY, operator="pia", confirmed="77", witness="bob", why="cracked"
    )
    with pytest.raises(Refused, match="bob is no personaliser"):
        ways_out.finish(records, "000001", case.people.approver, _Keeper())  # type: ignore[arg-type]
    spoiled = ways_out.finish(
        records,
        "000001",
        case.people.personaliser,
        _Keeper(),  # type: ignore[arg-type]
    )
    assert spoiled.replacement == "000004"
    assert inspected(case, items.item(records, "000004")).binding.mailer_number == "000004"


def test_a_replacement_is_what_it_replaces(case: Case) -> None:
    _replaced(case, "000001", "000004", told=True)
    case.edit("UPDATE items SET fields = json_set(fields, '$.group', 'Anders') WHERE id = 4")
    with pytest.raises(DriverError, match="is not what was approved"):
        inspected(case, items.item(case.records, "000004"))


def test_one_approver_is_no_personaliser_who_gives_up(case: Case) -> None:
    with pytest.raises(Refused, match="bob is no personaliser"):
        give(
            case.records,
            case.people.approver,
            Act.GIVE_UP,
            giving_up(case.order.number, "000001", "000004"),
            subject="000001",
            where="000001",
        )


def test_a_scheduled_production_is_found_while_it_holds_and_for_its_seats(case: Case) -> None:
    with pytest.raises(Refused, match="nobody has signed"):
        scheduled(case.records, case.order, SEATS)
    signed = case.ordered("usb-1", until=now() + DAY)
    assert scheduled(case.records, case.order, ["usb-1"]) == signed
    with pytest.raises(Refused, match="nobody has signed"):
        scheduled(case.records, case.order, SEATS)
    with pytest.raises(Refused, match="is over, or more than 31 days"):
        case.ordered(until=now() + timedelta(days=32))


def test_what_was_signed_is_in_the_log_by_its_digest(case: Case) -> None:
    told = [
        json.loads(str(body)) for (body,) in case.records.rows("SELECT body FROM audit ORDER BY sequence")
    ]
    for act in (Act.RECEIVE, Act.APPROVE):
        (entry,) = (one for one in told if one["event"] == str(act))
        (signed,) = statements.of_subject(case.records, act, case.order.number)
        assert statements.signed(case.records, entry["detail"]["statement"]) == signed


class _Keeper:
    """The bench's keys."""

    def ask(self, method: str, *arguments: object, timeout: float) -> None:
        pass


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _signed_past_the_rules(case: Case, actor: Actor) -> Signed:
    """What a desk that keeps no rules would have somebody sign."""
    approved = case.warrant().approved
    statement = Statement(
        Act.PRODUCE,
        case.trust.founding,
        producing(case.order.number, approved, SEATS),
        now(),
        now() + DAY,
    )
    return sign(actor, statement, subject=case.order.number).signed


def _replaced(case: Case, old: str, new: str, *, told: bool) -> None:
    """An item is given up, and made again under another number."""
    item = items.item(case.records, old)
    if told:
        about = giving_up(case.order.number, old, new)
        given = give(case.records, case.people.personaliser, Act.GIVE_UP, about, subject=old, where=old)
        keep_alone(case.records, given, item=old)
    with case.records.transaction():
        number = items.add_item(
            case.records,
            case.order,
            layout=item.layout,
            subject_key=item.subject_key,
            fields=item.fields,
            replaces=item.id,
        )
        log(case.records, Event("item.planned", "pia", item=number))
    assert number == new
