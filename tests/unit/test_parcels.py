"""A parcel goes to one addressee, with tokens that were read in it and whose letters its packer never had."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from batch.audit.afterwards import RESTORED, afterwards
from batch.audit.log import log
from batch.letters.policy import had_token
from batch.life.dispatch import loans, papers
from batch.life.dispatch import parcels as rules
from batch.life.dispatch.due import duties
from batch.life.dispatch.reading import unused
from batch.model.dispatch import Device
from batch.model.errors import NotFound, Refused, Transition
from batch.model.events import Event
from batch.model.people import Role
from batch.model.states import LifeState, LoanState, ParcelState
from batch.people import registry
from batch.people.separation import Act, apart
from batch.production.reconciliation import Evidence, reconcile
from batch.production.seats import Seat
from batch.production.verification import item_in
from batch.store import audit, items, letters, lives, orders, parcels, restores, revocations, tries
from batch.store import loans as stored
from batch.store.clock import now
from batch.store.copying import copy
from batch.store.database import Records
from batch.store.tries import CodeTries
from drivers.feeders.port import Feeder
from drivers.tokens import Code, KeyState, TokenIdentity, TokenState, Tries
from tests.unit.dispatch_kit import LAYOUT_OF, LIBRARY, MONDAY, packed, quoted, read, ready, sent
from tests.unit.finished_kit import SENT, lettered, moved


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records.create(tmp_path / "station.db")


def event(records: Records, name: str) -> str:
    return next(entry.body for entry in audit.entries(records) if f'"event":"{name}"' in entry.body)


def test_a_parcel_that_went_has_dispatched_its_tokens_and_the_log_tells_of_each(records: Records) -> None:
    order = ready(records)
    parcel = sent(records, order, "000001", "000002")
    assert (parcel.state, parcel.courier, parcel.reference) == (ParcelState.SENT, "PostNL", "3SABC")
    states = {item.mailer_number: lives.life(records, item.id).state for item in items.items(records, order)}
    assert states == {
        "000001": LifeState.DISPATCHED,
        "000002": LifeState.DISPATCHED,
        "000003": LifeState.AT_DESK,
    }
    told = event(records, "token.dispatched")
    assert f'"parcel":"{parcel.number}"' in told
    assert quoted(records, "000001") not in "".join(entry.body for entry in audit.entries(records))


def test_tokens_for_different_managers_or_addresses_do_not_go_in_one_parcel(records: Records) -> None:
    order = ready(records, 1)
    other = ready(records, 1, "MVV-2", address_2="Andere straat 1")
    parcel = rules.begin(records, order.number, "dirk")
    rules.add(records, parcel.number, ["000001"], LAYOUT_OF, "dirk", MONDAY)
    with pytest.raises(Refused, match=f"not of order {order.number}"):
        rules.add(records, parcel.number, ["000002"], LAYOUT_OF, "dirk", MONDAY)
    # The records may have been edited, so that one order has two addresses.
    with records.transaction():
        records.write("UPDATE items SET order_id = ? WHERE order_id = ?", (order.id, other.id))
        log(records, Event("test", "ada"))
    with pytest.raises(Refused, match="another manager or address"):
        rules.add(records, parcel.number, ["000002"], LAYOUT_OF, "dirk", MONDAY)
    assert [one.item_id for one in parcels.packed(records, parcel)] == [1]
    assert rules.ready_for(records, parcel.number, LAYOUT_OF, MONDAY) == []
    empty = rules.begin(records, order.number, "dirk")
    assert rules.ready_for(records, empty.number, LAYOUT_OF, MONDAY) == ["000002"]
    rules.cancel(records, parcel.number, "dirk", "box torn")
    assert rules.ready_for(records, empty.number, LAYOUT_OF, MONDAY) == ["000001"]
    made = rules.begin_each(records, order.number, LAYOUT_OF, "dirk", MONDAY)
    assert [tokens for _, tokens in made] == [["000001"], ["000002"]]


@pytest.mark.parametrize("state", [LifeState.LOST, LifeState.DAMAGED, LifeState.DESTROYED])
def test_only_tokens_that_lie_at_the_desk_are_packed(records: Records, state: LifeState) -> None:
    order = ready(records, 1)
    moved(records, "000001", state)
    parcel = rules.begin(records, order.number, "dirk")
    with pytest.raises(Refused, match=f"it is {state}"):
        rules.add(records, parcel.number, ["000001"], LAYOUT_OF, "dirk", MONDAY)


def test_a_token_whose_certificates_are_to_be_revoked_does_not_go_even_from_a_closed_parcel(
    records: Records,
) -> None:
    parcel = packed(records, ready(records, 1))
    rules.close(records, parcel.number, LAYOUT_OF, "dirk", MONDAY)
    with records.transaction():
        (certificate,) = records.row("SELECT certificate FROM keys WHERE item_id = 1") or (None,)
        revocations.ask(records, "000001/authentication/1", 1, certificate, reason="keyCompromise", by="rita")
        log(records, Event("revocation.ordered", "rita", item="000001"))
    with pytest.raises(Refused, match="revoked, or are to be"):
        rules.send(records, parcel.number, LAYOUT_OF, "dirk", courier="P", reference="1")
    assert parcels.parcel(records, parcel.number).state is ParcelState.CLOSED


def test_a_token_lies_in_one_parcel_at_a_time(records: Records) -> None:
    order = ready(records, 1)
    first = packed(records, order)
    second = rules.begin(records, order.number, "dirk")
    with pytest.raises(Refused, match=f"it lies in parcel {first.number}"):
        rules.add(records, second.number, ["000001"], LAYOUT_OF, "dirk", MONDAY)
    rules.cancel(records, first.number, "dirk", "wrong box")
    rules.add(records, second.number, ["000001"], LAYOUT_OF, "dirk", MONDAY)


def test_no_parcel_closes_before_every_token_was_read_in_it(records: Records) -> None:
    order = ready(records, 2)
    parcel = rules.begin(records, order.number, "dirk")
    with pytest.raises(Refused, match="nothing is in it"):
        rules.close(records, parcel.number, LAYOUT_OF, "dirk", MONDAY)
    rules.add(records, parcel.number, ["000001", "000002"], LAYOUT_OF, "dirk", MONDAY)
    read(records, parcel, "000001", "000002")
    rules.remove(records, parcel.number, ["000002"], "dirk")
    rules.add(records, parcel.number, ["000002"], LAYOUT_OF, "dirk", MONDAY)
    with pytest.raises(Refused, match="1 of its 2 tokens were not read in it and found right, 000002"):
        rules.close(records, parcel.number, LAYOUT_OF, "dirk", MONDAY)
    read(records, parcel, "000002")
    rules.close(records, parcel.number, LAYOUT_OF, "dirk", MONDAY)
    # Opened again, what was read counts no more, and the numbers in its papers are void.
    assert all(one.quoted for one in parcels.packed(records, parcel))
    rules.reopen(records, parcel.number, "dirk", "one more reader")
    assert not any(one.quoted for one in parcels.packed(records, parcel))
    with pytest.raises(Refused, match="2 of its 2 tokens were not read"):
        rules.close(records, parcel.number, LAYOUT_OF, "dirk", MONDAY)
    read(records, parcel, "000001", "000002")
    rules.close(records, parcel.number, LAYOUT_OF, "dirk", MONDAY)
    assert all(one.quoted for one in parcels.packed(records, parcel))


def test_what_is_closed_or_gone_takes_nothing_more(records: Records) -> None:
    parcel = sent(records, ready(records, 2), "000001")
    with pytest.raises(Refused, match="it is sent, not packing"):
        rules.add(records, parcel.number, ["000002"], LAYOUT_OF, "dirk", MONDAY)
    with pytest.raises(Transition):
        rules.cancel(records, parcel.number, "dirk", "too late")
    with pytest.raises(NotFound, match="no parcel of that number"):
        rules.remove(records, "P-000009", ["000001"], "dirk")


def test_who_sent_a_token_s_letter_does_not_have_the_token_as_well(records: Records) -> None:
    order = ready(
        records, 1, layout="personal-card:p-256", given_name="Zoë", surname="Vos", person_number="1"
    )
    lettered(records, "000001", *SENT)
    with records.transaction():
        letters.post(records, "000001", by="paula", how="post", reference=None, at=now() - timedelta(days=9))
        log(records, Event("letter.sent", "paula", item="000001"))
    today = now().date()
    parcel = rules.begin(records, order.number, "paula")
    with pytest.raises(Refused, match=r"does not have its letter as well \(R1\)"):
        rules.add(records, parcel.number, ["000001"], LAYOUT_OF, "paula", today)
    rules.add(records, parcel.number, ["000001"], LAYOUT_OF, "dirk", today)
    read(records, parcel, "000001")
    with pytest.raises(Refused, match=r"\(R1\)"):
        rules.close(records, parcel.number, LAYOUT_OF, "Paula ", today)
    rules.close(records, parcel.number, LAYOUT_OF, "dirk", today)
    with pytest.raises(Refused, match=r"\(R1\)"):
        rules.send(records, parcel.number, LAYOUT_OF, "paula", courier="P", reference="1")
    assert parcels.handled_by(records, 1) == ["dirk"]


def test_who_had_a_token_in_hand_is_known_whatever_becomes_of_its_parcel(records: Records) -> None:
    parcel = packed(records, ready(records, 2), by="paula")
    rules.remove(records, parcel.number, ["000001"], "dirk")
    rules.cancel(records, parcel.number, "dirk", "wrong box")
    assert [parcels.handled_by(records, item_id) for item_id in (1, 2)] == [["paula"], ["paula"]]
    policy = had_token(records, items.item(records, "000001"))
    with pytest.raises(Refused, match=r"\(R1\)"):
        apart(Act.SEND_LETTER, "Paula", where="letter 000001", before=policy)


def test_a_personal_token_goes_after_its_letter_and_the_gap(records: Records) -> None:
    order = ready(
        records, 1, layout="personal-card:p-256", given_name="Zoë", surname="Vos", person_number="1"
    )
    parcel = rules.begin(records, order.number, "dirk")
    today = now().date()
    with pytest.raises(Refused, match=r"its letter goes first and is sealed \(R2\)"):
        rules.add(records, parcel.number, ["000001"], LAYOUT_OF, "dirk", today)
    lettered(records, "000001", *SENT)
    with records.transaction():
        letters.post(records, "000001", by="paula", how="post", reference=None)
        log(records, Event("letter.sent", "paula", item="000001"))
    with pytest.raises(Refused, match=r"2 days are to lie between them \(R5\)"):
        rules.add(records, parcel.number, ["000001"], LAYOUT_OF, "dirk", today + timedelta(days=1))
    rules.add(records, parcel.number, ["000001"], LAYOUT_OF, "dirk", today + timedelta(days=2))


def test_nothing_is_sent_to_a_manager_who_is_none_any_more(records: Records) -> None:
    order = ready(records, 1)
    parcel = packed(records, order)
    email = items.item(records, "000001").fields["manager_email"]
    person = registry.manager_of(records, order.organisation, email)
    assert person is not None
    registry.end(records, person.number, operator="ada")
    with pytest.raises(Refused, match="its certificate manager is none any more"):
        rules.close(records, parcel.number, LAYOUT_OF, "dirk", MONDAY)


def test_a_token_that_somebody_used_is_told_by_its_tries_and_by_what_lies_in_its_slots(
    records: Records,
) -> None:
    ready(records, 1)
    item = items.item(records, "000001")
    with records.transaction():
        tries.keep(records, "pkcs11", item.token_serial or "", Code.PIN, CodeTries(full=3, told=3))
        log(records, Event("test", "ada"))
    identity = TokenIdentity("pkcs11", "USB", item.token_serial)

    def wrong(left: int | None, *slots: str) -> list[str]:
        keys = tuple(KeyState(slot, b"key") for slot in slots)
        state = TokenState(identity, keys=keys, tries=Tries(pin=left))
        return [one.check for one in unused(records, item, state) if not one.ok]

    assert wrong(3, "01") == []
    assert wrong(None, "01") == []
    assert wrong(2, "01") == ["pin tries unspent"]
    assert wrong(3, "01", "05") == ["slot 05"]


def test_a_card_without_a_serial_is_known_by_its_certificate(records: Records) -> None:
    ready(records, 2)
    (certificate,) = records.row("SELECT certificate FROM keys WHERE item_id = 2") or (None,)
    seat = Seat("piv-1", "pkcs11", {}, Feeder)  # type: ignore[arg-type] # nothing is fed here
    plain = TokenState(TokenIdentity("pkcs11", "PIV", None), keys=(KeyState("01", None, certificate),))
    assert item_in(records, seat, plain).mailer_number == "000002"
    with pytest.raises(NotFound, match="without serial"):
        item_in(records, seat, TokenState(TokenIdentity("pkcs11", "PIV", None), keys=(KeyState("01"),)))
    # A serial counts more than what anybody can write beside a key.
    other = TokenState(TokenIdentity("pkcs11", "PIV", "9"), keys=(KeyState("01", None, certificate),))
    with pytest.raises(NotFound, match="the token 9"):
        item_in(records, seat, other)


def test_papers_of_personal_tokens_say_that_the_letter_came_before(records: Records) -> None:
    order = ready(
        records, 1, layout="personal-card:p-256", given_name="Zoë", surname="Vos", person_number="1"
    )
    lettered(records, "000001", *SENT)
    with records.transaction():
        letters.post(records, "000001", by="paula", how="post", reference=None, at=now() - timedelta(days=9))
        log(records, Event("letter.sent", "paula", item="000001"))
    parcel = packed(records, order)
    rules.close(records, parcel.number, LAYOUT_OF, "dirk", MONDAY)
    text = " ".join(text_of(papers.make(records, parcel.number, LIBRARY, "dirk", MONDAY)).split())
    assert "is al apart naar de houder gestuurd" in text
    assert "Daarna sturen wij" not in text
    assert "Zoë Vos" in text


def test_what_was_lent_with_a_parcel_that_never_went_is_back(records: Records) -> None:
    order = ready(records, 1)
    parcel = packed(records, order)
    lent = loans.lend(records, Device.READER, "R-7", parcel.number, date(2027, 9, 1), "dirk", MONDAY)
    with pytest.raises(Refused, match=f"lent already, as {lent.number}"):
        loans.lend(records, Device.READER, "R-7", parcel.number, date(2027, 9, 1), "dirk", MONDAY)
    rules.cancel(records, parcel.number, "dirk", "order changed")
    assert stored.loan(records, lent.number).state is LoanState.RETURNED


def text_of(page: bytes) -> str:
    command = ["pdftotext", "-layout", "-", "-"]
    return subprocess.run(command, input=page, capture_output=True, check=True).stdout.decode()


def codes_of(page: bytes, folder: Path) -> list[str]:
    """What a scanner reads on all pages."""
    (folder / "papers.pdf").write_bytes(page)
    subprocess.run(["pdftoppm", "-r", "150", "-png", "papers.pdf", "page"], cwd=folder, check=True)
    found = []
    for path in sorted(folder.glob("page-*.png")):
        done = subprocess.run(["zbarimg", "-q", str(path)], capture_output=True, check=False)
        found += done.stdout.decode().split("\n")
    return [one for one in found if one]


@pytest.mark.parametrize("language", ["nl", "en", "it"])
def test_papers_name_whom_what_and_the_number_to_quote_in_every_language(
    records: Records, tmp_path: Path, language: str
) -> None:
    order = ready(records, 2)
    subscriber = registry.require_subscriber(records, order.organisation)
    registry.change_subscriber(records, replace(subscriber, language=language), operator="ada")
    parcel = packed(records, order)
    loans.lend(records, Device.READER, "R-77-12345", parcel.number, date(2027, 9, 1), "dirk", MONDAY)
    with pytest.raises(Refused, match="it is packing; papers are of a closed one"):
        papers.make(records, parcel.number, LIBRARY, "dirk", MONDAY)
    rules.close(records, parcel.number, LAYOUT_OF, "dirk", MONDAY)
    page = papers.make(records, parcel.number, LIBRARY, "dirk", MONDAY)
    assert papers.make(records, parcel.number, LIBRARY, "dirk", MONDAY) == page
    text = text_of(page)
    inside = parcels.packed(records, parcel)
    for one in inside:
        assert one.quoted is not None
        assert one.quoted in text
        assert str(items.item_of(records, one.item_id).token_serial) in text
    for words in (
        "Zeehavens",
        "Noëlle van der Testen",
        "Verzonnenlaan 12",
        "R-77-12345",
        "L-000001",
        "2027-04-12",
    ):
        assert words in text, words
    codes = codes_of(page, tmp_path)
    assert codes.count(f"CODE-128:{parcel.number}") == 2
    (link,) = [one for one in codes if one.startswith("QR-Code:")]
    assert link.startswith("QR-Code:mailto:ontvangst@certificaten.example?subject=")
    assert all(str(one.quoted) in link for one in inside)


def test_papers_of_many_tokens_lose_none(records: Records) -> None:
    order = ready(records, 70)
    parcel = packed(records, order)
    rules.close(records, parcel.number, LAYOUT_OF, "dirk", MONDAY)
    text = text_of(papers.make(records, parcel.number, LIBRARY, "dirk", MONDAY))
    for one in parcels.packed(records, parcel):
        assert text.count(str(one.quoted)) == 1
        assert text.count(f"{one.item_id:06d} ") >= 1


def test_a_restore_takes_back_what_was_sent_and_gives_no_number_twice(
    records: Records, tmp_path: Path
) -> None:
    order = ready(records, 2)
    copy(records, tmp_path / "copy.db")
    (tmp_path / "new").mkdir()
    parcel = sent(records, order, "000001")
    lent = loans.lend(
        records,
        Device.READER,
        "R-1",
        rules.begin(records, order.number, "dirk").number,
        date(2027, 9, 1),
        "dirk",
        MONDAY,
    )
    backup = Records(tmp_path / "copy.db", beside=tmp_path / "new" / "station.db")
    with backup.transaction():
        restores.add(backup, operator="ada", made_at=now(), entries=1, ledger=True, ca=True)
        log(backup, Event(RESTORED, "ada"))
    with pytest.raises(Refused, match="not found out yet"):
        rules.begin(backup, order.number, "dirk")
    reconcile(backup, Evidence(afterwards(backup, records.ledger.path), True), "ada", lambda layout: "pkcs11")
    assert lives.life(backup, 1).state is LifeState.DISPATCHED
    assert lives.life(backup, 2).state is LifeState.AT_DESK
    assert parcels.parcel(backup, parcel.number) == parcel
    assert quoted(backup, "000001") == quoted(records, "000001")
    assert parcels.handled_by(backup, 1) == ["dirk"]
    assert rules.begin(backup, order.number, "dirk").number == "P-000003"
    again = loans.lend(backup, Device.READER, "R-2", "P-000003", date(2027, 9, 1), "dirk", MONDAY)
    assert (lent.number, again.number) == ("L-000001", "L-000002")
    backup.close()


def test_what_waits_to_go_is_due(records: Records) -> None:
    order = ready(records, 3)

    def due() -> list[tuple[Role, str, str]]:
        return [(one.role, one.what, one.about) for one in duties(records, LAYOUT_OF, MONDAY)]

    assert due() == [(Role.DISPATCHER, "dispatch 3 finished tokens", f"order {order.number}")]
    parcel = packed(records, order, "000001", "000002")
    assert due() == [
        (Role.DISPATCHER, "dispatch 1 finished token", f"order {order.number}"),
        (Role.DISPATCHER, "pack, read and close the parcel", f"parcel {parcel.number}"),
    ]
    rules.close(records, parcel.number, LAYOUT_OF, "dirk", MONDAY)
    assert (Role.DISPATCHER, "send the parcel", f"parcel {parcel.number}") in due()
    assert orders.order(records, order.number).number == order.number
