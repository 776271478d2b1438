"""A letter is printed where two officers who did not produce it let it be, as it was approved (R7, R13)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from batch.audit.log import log
from batch.letters import accounting, stock
from batch.letters.inspection import Grounds, LetterInspector
from batch.letters.releasing import Releases, printable, release, release_together, reprint
from batch.letters.session import open_to_print
from batch.model.codes import Binding
from batch.model.errors import BatchError, NotTrusted, Refused
from batch.model.events import Event
from batch.model.field import Done, FieldAct
from batch.model.forms import FormNumber
from batch.model.orders import Item
from batch.model.people import Signed
from batch.model.states import ItemState, LetterState, LifeState
from batch.people.acting import Actor
from batch.people.evidence import Proofs, receipts_of
from batch.people.operators import retire
from batch.people.separation import Act
from batch.people.statements import digest, read
from batch.people.warrants import MOST_REPRINTS
from batch.store import field, items, letters, lives, statements
from batch.store.clock import now
from batch.store.database import Records
from layouts.life import LifeRule, Release
from layouts.mailer import letter_for
from layouts.token import TokenLayout
from tests.unit.warrant_kit import LAYOUT, LIBRARY, Case, spki

TOKEN = LIBRARY.token(LAYOUT)
MAILER = TOKEN.mailer


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Every token of the order is produced, by pia, and its letter is sealed."""
    case = Case.make(tmp_path_factory.mktemp("desk"))
    with closing(case.records) as records:
        case.ordered()
        for item in list(items.items(records, case.order)):
            with records.transaction():
                items.begin_item(records, replace(item, began_at=now()), "usb-1", "pkcs11", None)
                items.end_item(records, item.id, ItemState.PRODUCED)
                letters.add(records, item.mailer_number, item.id)
                lives.begin(records, item.id)
                log(records, Event("item.produced", "pia", item=item.mailer_number))
            acknowledged(records, item)
    return case


def acknowledged(records: Records, item: Item) -> None:
    with records.transaction():
        for reached in (LifeState.DISPATCHED, LifeState.ACKNOWLEDGED):
            lives.set_state(records, item.id, reached)
        log(records, Event("token.acknowledged", "emil", item=item.mailer_number))


@pytest.fixture
def case(made: Case, tmp_path: Path) -> Iterator[Case]:
    case = made.copied(tmp_path)
    with closing(case.records):
        yield case


def released(case: Case, *by: Actor) -> None:
    for actor in by or (case.people.pin, case.people.pin2):
        release(case.records, case.order, actor, LIBRARY.token)


def grounds_of(case: Case, item: Item, found: Signed) -> Grounds:
    receipts = receipts_of(case.records, {item.mailer_number}).get(item.mailer_number, ())
    return Grounds(item, Proofs(case.records, case.order).of(item), found, tuple(receipts))


def printed(
    case: Case, at: int = 0, *, layout: TokenLayout = TOKEN, custody: bytes | None = None, hours: int = 0
) -> None:
    """What the print process does before it opens the codes of a letter."""
    ordered = case.ordered_on_record()
    inspector = LetterInspector(case.warrant(*ordered), case.trust)
    item = case.item(at)
    found = Releases(case.records, case.order, now()).of(item)
    assert found is not None, "the desk finds nothing that lets it be printed"
    grounds = grounds_of(case, item, found)
    letter = letter_for(layout.mailer, item.fields, item.token_serial)
    later = now() + timedelta(hours=hours)
    inspector.check(
        grounds, Binding(item.id, item.mailer_number), layout, letter, custody or case.custody, later
    )


def state(case: Case, number: str, to: LetterState) -> None:
    case.edit("UPDATE letters SET state = ? WHERE mailer_number = ?", str(to), number)


def test_two_officers_let_every_sealed_letter_be_printed(case: Case) -> None:
    first = release(case.records, case.order, case.people.pin, LIBRARY.token)
    assert (first.complete, first.wanted) == (False, 1)
    assert Releases(case.records, case.order, now()).of(case.item()) is None
    assert release(case.records, case.order, case.people.pin2, LIBRARY.token).complete
    for at in range(3):
        printed(case, at)


def test_officers_who_print_together_let_be_printed_what_nobody_did_yet(case: Case) -> None:
    together = (case.people.pin, case.people.pin2)
    release_together(case.records, case.order, together[:1], LIBRARY.token)
    assert Releases(case.records, case.order, now()).of(case.item()) is None
    release(case.records, case.order, case.people.pin, LIBRARY.token)
    release_together(case.records, case.order, together, LIBRARY.token)
    printed(case)
    release_together(case.records, case.order, together, LIBRARY.token)
    assert case.records.rows("SELECT count(*) FROM statements WHERE act = 'letters.released'") == [(1,)]


def test_one_officer_is_not_two(case: Case) -> None:
    release(case.records, case.order, case.people.pin, LIBRARY.token)
    with pytest.raises(Refused, match="carl signed it already"):
        release(case.records, case.order, case.people.pin, LIBRARY.token)
    case.edit("UPDATE statements SET completed_at = made_at WHERE act = 'letters.released'")
    with pytest.raises(NotTrusted, match="takes 2 persons; 1 signed"):
        printed(case)


def test_who_produced_does_not_let_print(case: Case) -> None:
    case.ordered(by=case.people.both)
    with pytest.raises(Refused, match="who produced a token does not print its letter"):
        release(case.records, case.order, case.people.both, LIBRARY.token)


def test_who_produced_does_not_let_print_whatever_the_order_of_things(case: Case) -> None:
    released(case, case.people.pin, case.people.both)
    case.ordered(by=case.people.both)
    with pytest.raises(Refused, match="who produced a token does not print its letter"):
        printed(case)


def test_a_personaliser_is_no_pin_officer(case: Case) -> None:
    with pytest.raises(Refused, match="pia is no PIN officer"):
        release(case.records, case.order, case.people.personaliser, LIBRARY.token)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE items SET fields = json_set(fields, '$.address_1', 'Elders')", "is not what was approved"),
        ("UPDATE items SET fields = json_set(fields, '$.group', 'Anders')", "is not what was approved"),
        ("UPDATE items SET layout = 'group-card:p-256' WHERE id = 1", "was not approved for its order"),
        ("UPDATE signatures SET operator = 'pia' WHERE operator = 'carl'", "of pia does not hold"),
        ("UPDATE signatures SET operator = 'max' WHERE operator = 'dora'", "of max does not hold"),
        ("UPDATE signatures SET value = (SELECT value FROM signatures WHERE operator = 'dora')"
         " WHERE operator = 'carl'", "of carl does not hold"),
        ("DELETE FROM signatures WHERE operator = 'dora'", "takes 2 persons; 1 signed"),
        ('UPDATE statements SET text = CAST(replace(text, \'"000002",\', \'"000001",\') AS BLOB)'
         " WHERE act = 'letters.released'", "does not hold"),
        ("UPDATE statements SET text = (SELECT text FROM statements WHERE act = 'order.approved')"
         " WHERE act = 'production.ordered'", "is about order.approved"),
        ("DELETE FROM statements WHERE act = 'operator.enrolled' AND subject = 'max'",
         "follow|that the key token knows"),
    ],
)  # fmt: skip
def test_the_print_process_refuses_what_somebody_edited(case: Case, statement: str, words: str) -> None:
    released(case)
    case.edit(statement)
    with pytest.raises(BatchError, match=words):
        printed(case)


def test_letters_that_nobody_named_are_not_printed(case: Case) -> None:
    state(case, "000001", LetterState.PRINTED)
    released(case)
    inspector = LetterInspector(case.warrant(*case.ordered_on_record()), case.trust)
    item, other = case.item(0), case.item(1)
    found = Releases(case.records, case.order, now()).of(other)
    assert found is not None
    assert Releases(case.records, case.order, now()).of(item) is None
    grounds = grounds_of(case, item, found)
    letter = letter_for(MAILER, item.fields, None)
    with pytest.raises(Refused, match="nobody let this letter be printed"):
        inspector.check(grounds, Binding(1, "000001"), TOKEN, letter, case.custody)


def test_a_letter_of_another_token_is_not_printed_for_this_one(case: Case) -> None:
    released(case)
    inspector = LetterInspector(case.warrant(*case.ordered_on_record()), case.trust)
    item = case.item(0)
    found = Releases(case.records, case.order, now()).of(item)
    assert found is not None
    grounds = grounds_of(case, item, found)
    letter = letter_for(MAILER, item.fields, None)
    with pytest.raises(NotTrusted, match="its codes are another token's"):
        inspector.check(grounds, Binding(2, "000002"), TOKEN, letter, case.custody)
    changed = replace(letter, address=("Elders",))
    with pytest.raises(NotTrusted, match="what it says is not what was approved"):
        inspector.check(grounds, Binding(1, "000001"), TOKEN, changed, case.custody)


def test_nobody_hides_who_produced_by_taking_a_statement_away(case: Case) -> None:
    released(case, case.people.pin, case.people.both)
    theirs = digest(case.ordered(by=case.people.both).text)
    case.edit("DELETE FROM signatures WHERE digest = ?", theirs)
    case.edit("DELETE FROM statements WHERE digest = ?", theirs)
    printed(case)
    inspector = LetterInspector(case.warrant(*case.ordered_on_record()), case.trust)
    with pytest.raises(NotTrusted, match="the records do not tell who produced its token"):
        inspector.check_production(theirs, Binding(1, "000001"))
    inspector.check_production(digest(case.ordered_on_record()[0].text), Binding(1, "000001"))


def test_a_release_holds_for_a_day(case: Case) -> None:
    released(case)
    later = Releases(case.records, case.order, now() + timedelta(hours=25))
    assert later.of(case.item()) is None
    with pytest.raises(Refused, match=r"letters.released was signed to hold until"):
        printed(case, hours=25)


def test_letter_layout_and_custody_key_are_those_approved(case: Case) -> None:
    released(case)
    edited = replace(TOKEN, mailer=replace(MAILER, name="anders"))
    with pytest.raises(NotTrusted, match="letter layout anders is not as it was"):
        printed(case, layout=edited)
    lax = replace(TOKEN, life=LifeRule(release=Release.BEFORE_HAND_OVER))
    with pytest.raises(NotTrusted, match="layout group-usb:p-256 is not as it was"):
        printed(case, layout=lax)
    with pytest.raises(NotTrusted, match="custody key is not the one"):
        printed(case, custody=spki())


def test_an_officer_who_leaves_has_released(case: Case) -> None:
    released(case)
    for administrator in case.people.administrators:
        retire(case.records, administrator, "carl", "left", anchor=case.anchors)
    printed(case)


def test_two_officers_have_a_void_letter_printed_again_counted_and_capped(case: Case) -> None:
    for count in range(1, MOST_REPRINTS + 1):
        state(case, "000001", LetterState.VOID)
        assert not reprint(
            case.records, "000001", case.people.pin, LIBRARY.token, "the form was torn"
        ).complete
        assert letters.state_of(case.records, "000001") is LetterState.VOID
        done = reprint(case.records, "000001", case.people.pin2, LIBRARY.token)
        assert done.complete
        assert done.statement.about["count"] == count
        assert letters.state_of(case.records, "000001") is LetterState.SEALED
        printed(case)
    state(case, "000001", LetterState.VOID)
    with pytest.raises(Refused, match=r"printed again 2 times already \(R13\)"):
        reprint(case.records, "000001", case.people.pin, LIBRARY.token, "torn again")


def test_a_letter_printed_again_wants_its_own_two_signatures(case: Case) -> None:
    released(case)
    state(case, "000001", LetterState.VOID)
    reprint(case.records, "000001", case.people.pin, LIBRARY.token, "not found")
    with pytest.raises(Refused, match="carl signed it already"):
        reprint(case.records, "000001", case.people.pin, LIBRARY.token, "not found")
    case.edit("UPDATE statements SET completed_at = made_at WHERE act = 'letter.reprinted'")
    with pytest.raises(NotTrusted, match="takes 2 persons; 1 signed"):
        printed(case)


@pytest.mark.parametrize("wrong", [one for one in LetterState if one is not LetterState.VOID])
def test_only_a_void_letter_is_printed_again(case: Case, wrong: LetterState) -> None:
    state(case, "000001", wrong)
    with pytest.raises(Refused, match="only a void letter is printed again"):
        reprint(case.records, "000001", case.people.pin, LIBRARY.token, "torn")


def test_the_letter_of_a_spoiled_token_is_not_printed_again(case: Case) -> None:
    state(case, "000001", LetterState.VOID)
    case.edit("UPDATE items SET state = 'spoiled' WHERE id = 1")
    with pytest.raises(Refused, match="its token is spoiled"):
        reprint(case.records, "000001", case.people.pin, LIBRARY.token, "torn")
    state(case, "000002", LetterState.VOID)
    with pytest.raises(Refused, match="no reason is given"):
        reprint(case.records, "000002", case.people.pin, LIBRARY.token)


def unacknowledged(case: Case, number: str = "000001") -> None:
    """As if nobody had acknowledged a token yet, in the records and in the log."""
    case.edit("UPDATE lives SET state = 'dispatched', acknowledged_at = NULL WHERE item_id = ?", int(number))
    told = f'%"event":"token.acknowledged","item":"{number}"%'
    case.edit("DELETE FROM audit WHERE body LIKE ?", told)


def test_only_letters_of_acknowledged_tokens_are_released_and_their_receipts_are_named(case: Case) -> None:
    unacknowledged(case)
    released(case)
    (signed,) = statements.of_subject(case.records, Act.RELEASE, case.order.number)
    about = read(signed).about
    assert about["letters"] == ["000002", "000003"]
    receipts = receipts_of(case.records, {"000001", "000002", "000003"})
    assert about["received"] == {number: told[-1].digest for number, told in receipts.items()}
    may, held = printable(case.records, case.order, LIBRARY.token, now().date())
    assert (may, list(held)) == (["000002", "000003"], ["000001"])
    printed(case, 1)
    assert Releases(case.records, case.order, now()).of(case.item()) is None


def test_nobody_releases_by_an_acknowledgement_from_before_its_token_was_sent_again(case: Case) -> None:
    with case.records.transaction():
        log(case.records, Event("token.dispatched", "emil", item="000001"))
    with pytest.raises(NotTrusted, match="the log does not tell of it"):
        released(case)


def test_nobody_releases_by_an_acknowledgement_that_only_the_table_tells_of(case: Case) -> None:
    unacknowledged(case)
    case.edit("UPDATE lives SET state = 'acknowledged', acknowledged_at = since WHERE item_id = 1")
    with pytest.raises(NotTrusted, match="the log does not tell of it"):
        released(case)


def test_the_print_process_holds_a_release_against_the_approved_policy_and_the_receipt(case: Case) -> None:
    lax = replace(TOKEN, life=LifeRule(release=Release.BEFORE_HAND_OVER))
    for officer in (case.people.pin, case.people.pin2):
        release(case.records, case.order, officer, lambda _: lax)
    with pytest.raises(Refused, match=r"its release names none \(R2, R3\)"):
        printed(case)
    released(case)
    printed(case)
    inspector, item = LetterInspector(case.warrant(*case.ordered_on_record()), case.trust), case.item()
    found = Releases(case.records, case.order, now()).of(item)
    assert found is not None
    (own,) = receipts_of(case.records, {"000001"})["000001"]
    (other,) = receipts_of(case.records, {"000002"})["000002"]
    rewritten = replace(own, entry=replace(own.entry, body=own.entry.body.replace("emil", "fien")))
    letter = letter_for(MAILER, item.fields, None)
    for receipts in ((), (other,), (rewritten,)):
        grounds = replace(grounds_of(case, item, found), receipts=receipts)
        with pytest.raises(Refused, match="its release names none"):
            inspector.check(grounds, Binding(1, "000001"), TOKEN, letter, case.custody)


def test_an_acknowledgement_that_a_restore_took_back_counts_as_one(case: Case) -> None:
    unacknowledged(case)
    case.edit("UPDATE lives SET state = 'acknowledged', acknowledged_at = since WHERE item_id = 1")
    with case.records.transaction():
        told = {"event": "token.acknowledged", "by": "emil"}
        log(case.records, Event("token.taken-back", "ada", item="000001", detail=told))
    released(case)
    printed(case)


def test_who_completes_a_release_signs_what_was_begun_though_more_may_be_printed_since(case: Case) -> None:
    case.edit("UPDATE lives SET state = 'dispatched' WHERE item_id = 3")
    release(case.records, case.order, case.people.pin, LIBRARY.token)
    case.edit("UPDATE lives SET state = 'acknowledged' WHERE item_id = 3")
    done = release(case.records, case.order, case.people.pin2, LIBRARY.token)
    assert done.complete
    assert done.statement.about["letters"] == ["000001", "000002"]


def test_who_had_a_token_in_hand_lets_no_letter_of_it_be_printed(case: Case) -> None:
    with case.records.transaction():
        field.add(case.records, Done(2, FieldAct.HANDED_OVER, now(), "carl"))
        log(case.records, Event("token.handed-over", "carl", item="000002"))
    with pytest.raises(Refused, match=r"does not have its letter as well \(R1\)"):
        release(case.records, case.order, case.people.pin, LIBRARY.token)


class Shut:
    """A print room that nobody may get into."""

    def ask(self, method: str, *arguments: Any, timeout: float | None = None) -> Any:
        raise AssertionError(method)


def test_who_had_a_token_in_hand_prints_no_letter_that_others_released(case: Case) -> None:
    released(case)
    with case.records.transaction():
        field.add(case.records, Done(2, FieldAct.HANDED_OVER, now(), "max"))
        log(case.records, Event("token.handed-over", "max", item="000002"))
    officers = (case.people.pin, case.people.both)
    with pytest.raises(Refused, match=r"does not have its letter as well \(R1\)"):
        open_to_print(case.records, case.order, Shut(), officers, LIBRARY.token)


def test_a_reprint_names_the_form_it_was_on_and_a_lost_one_is_never_printed_again(case: Case) -> None:
    ends = FormNumber.read("A-001"), FormNumber.read("A-010")
    stock.receive(case.records, "device", *ends, "carl")
    state(case, "000001", LetterState.PRINTED)
    accounting.spoil(case.records, "000001", "carl", "torn", form=ends[0], numbered=True)
    given = reprint(case.records, "000001", case.people.pin, LIBRARY.token, "torn")
    assert given.statement.about["form"] == "A-001"
    assert list(given.statement.about["received"]) == ["000001"]
    state(case, "000002", LetterState.PRINTED)
    accounting.lose(case.records, "000002", "carl", "not in the tray")
    with pytest.raises(Refused, match=r"only a void letter is printed again \(R13\)") as told:
        reprint(case.records, "000002", case.people.pin, LIBRARY.token, "not in the tray")
    assert "have its certificates revoked" in (told.value.next or "")


def test_a_letter_is_not_printed_again_for_a_token_out_of_use(case: Case) -> None:
    state(case, "000001", LetterState.VOID)
    case.edit("UPDATE lives SET state = 'lost' WHERE item_id = 1")
    with pytest.raises(Refused, match="its token is lost"):
        reprint(case.records, "000001", case.people.pin, LIBRARY.token, "torn")
