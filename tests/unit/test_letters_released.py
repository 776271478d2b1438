"""A letter is printed where two officers who did not produce it let it be, as it was approved (R7, R13)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from batch.audit.log import log
from batch.letters.inspection import Grounds, LetterInspector
from batch.letters.releasing import Releases, release, release_together, reprint
from batch.model.codes import Binding
from batch.model.errors import BatchError, NotTrusted, Refused
from batch.model.events import Event
from batch.model.states import ItemState, LetterState
from batch.people.acting import Actor
from batch.people.evidence import Proofs
from batch.people.operators import retire
from batch.people.statements import digest
from batch.people.warrants import MOST_REPRINTS
from batch.store import items, letters
from batch.store.clock import now
from layouts.forms import MailerLayout
from layouts.mailer import letter_for
from tests.unit.warrant_kit import LAYOUT, LIBRARY, Case, spki

MAILER = LIBRARY.token(LAYOUT).mailer


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
                log(records, Event("item.produced", "pia", item=item.mailer_number))
    return case


@pytest.fixture
def case(made: Case, tmp_path: Path) -> Iterator[Case]:
    case = made.copied(tmp_path)
    with closing(case.records):
        yield case


def released(case: Case, *by: Actor) -> None:
    for actor in by or (case.people.pin, case.people.pin2):
        release(case.records, case.order, actor)


def printed(
    case: Case, at: int = 0, *, layout: MailerLayout = MAILER, custody: bytes | None = None, hours: int = 0
) -> None:
    """What the print process does before it opens the codes of a letter."""
    ordered = case.ordered_on_record()
    inspector = LetterInspector(case.warrant(*ordered), case.trust)
    item = case.item(at)
    found = Releases(case.records, case.order, now()).of(item)
    assert found is not None, "the desk finds nothing that lets it be printed"
    grounds = Grounds(item, Proofs(case.records, case.order).of(item), found)
    letter = letter_for(layout, item.fields, item.token_serial)
    later = now() + timedelta(hours=hours)
    inspector.check(
        grounds, Binding(item.id, item.mailer_number), layout, letter, custody or case.custody, later
    )


def state(case: Case, number: str, to: LetterState) -> None:
    case.edit("UPDATE letters SET state = ? WHERE mailer_number = ?", str(to), number)


def test_two_officers_let_every_sealed_letter_be_printed(case: Case) -> None:
    first = release(case.records, case.order, case.people.pin)
    assert (first.complete, first.wanted) == (False, 1)
    assert Releases(case.records, case.order, now()).of(case.item()) is None
    assert release(case.records, case.order, case.people.pin2).complete
    for at in range(3):
        printed(case, at)


def test_officers_who_print_together_let_be_printed_what_nobody_did_yet(case: Case) -> None:
    together = (case.people.pin, case.people.pin2)
    release_together(case.records, case.order, together[:1])
    assert Releases(case.records, case.order, now()).of(case.item()) is None
    release(case.records, case.order, case.people.pin)
    release_together(case.records, case.order, together)
    printed(case)
    release_together(case.records, case.order, together)
    assert case.records.rows("SELECT count(*) FROM statements WHERE act = 'letters.released'") == [(1,)]


def test_one_officer_is_not_two(case: Case) -> None:
    release(case.records, case.order, case.people.pin)
    with pytest.raises(Refused, match="carl signed it already"):
        release(case.records, case.order, case.people.pin)
    case.edit("UPDATE statements SET completed_at = made_at WHERE act = 'letters.released'")
    with pytest.raises(NotTrusted, match="takes 2 persons; 1 signed"):
        printed(case)


def test_who_produced_does_not_let_print(case: Case) -> None:
    case.ordered(by=case.people.both)
    with pytest.raises(Refused, match="who produced a token does not print its letter"):
        release(case.records, case.order, case.people.both)


def test_who_produced_does_not_let_print_whatever_the_order_of_things(case: Case) -> None:
    released(case, case.people.pin, case.people.both)
    case.ordered(by=case.people.both)
    with pytest.raises(Refused, match="who produced a token does not print its letter"):
        printed(case)


def test_a_personaliser_is_no_pin_officer(case: Case) -> None:
    with pytest.raises(Refused, match="pia is no PIN officer"):
        release(case.records, case.order, case.people.personaliser)


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
        ("UPDATE statements SET text = CAST(replace(text, '000002', '000001') AS BLOB)"
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
    grounds = Grounds(item, Proofs(case.records, case.order).of(item), found)
    letter = letter_for(MAILER, item.fields, None)
    with pytest.raises(Refused, match="nobody let this letter be printed"):
        inspector.check(grounds, Binding(1, "000001"), MAILER, letter, case.custody)


def test_a_letter_of_another_token_is_not_printed_for_this_one(case: Case) -> None:
    released(case)
    inspector = LetterInspector(case.warrant(*case.ordered_on_record()), case.trust)
    item = case.item(0)
    found = Releases(case.records, case.order, now()).of(item)
    assert found is not None
    grounds = Grounds(item, Proofs(case.records, case.order).of(item), found)
    letter = letter_for(MAILER, item.fields, None)
    with pytest.raises(NotTrusted, match="its codes are another token's"):
        inspector.check(grounds, Binding(2, "000002"), MAILER, letter, case.custody)
    changed = replace(letter, address=("Elders",))
    with pytest.raises(NotTrusted, match="what it says is not what was approved"):
        inspector.check(grounds, Binding(1, "000001"), MAILER, changed, case.custody)


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
    edited = replace(MAILER, name="anders")
    with pytest.raises(NotTrusted, match="letter layout anders is not as it was"):
        printed(case, layout=edited)
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
        assert not reprint(case.records, "000001", case.people.pin, "the form was torn").complete
        assert letters.state_of(case.records, "000001") is LetterState.VOID
        done = reprint(case.records, "000001", case.people.pin2)
        assert done.complete
        assert done.statement.about["count"] == count
        assert letters.state_of(case.records, "000001") is LetterState.SEALED
        printed(case)
    state(case, "000001", LetterState.VOID)
    with pytest.raises(Refused, match=r"printed again 2 times already \(R13\)"):
        reprint(case.records, "000001", case.people.pin, "torn again")


def test_a_letter_printed_again_wants_its_own_two_signatures(case: Case) -> None:
    released(case)
    state(case, "000001", LetterState.UNKNOWN)
    reprint(case.records, "000001", case.people.pin, "not found")
    with pytest.raises(Refused, match="carl signed it already"):
        reprint(case.records, "000001", case.people.pin, "not found")
    case.edit("UPDATE statements SET completed_at = made_at WHERE act = 'letter.reprinted'")
    with pytest.raises(NotTrusted, match="takes 2 persons; 1 signed"):
        printed(case)


@pytest.mark.parametrize("wrong", [LetterState.SEALED, LetterState.PRINTED, LetterState.PRINTING])
def test_only_an_unknown_or_void_letter_is_printed_again(case: Case, wrong: LetterState) -> None:
    state(case, "000001", wrong)
    with pytest.raises(Refused, match="only a letter that is unknown or void"):
        reprint(case.records, "000001", case.people.pin, "torn")


def test_the_letter_of_a_spoiled_token_is_not_printed_again(case: Case) -> None:
    state(case, "000001", LetterState.VOID)
    case.edit("UPDATE items SET state = 'spoiled' WHERE id = 1")
    with pytest.raises(Refused, match="its token is spoiled"):
        reprint(case.records, "000001", case.people.pin, "torn")
    state(case, "000002", LetterState.VOID)
    with pytest.raises(Refused, match="no reason is given"):
        reprint(case.records, "000002", case.people.pin)
