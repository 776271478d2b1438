"""An acknowledgement is believed where number, name, sender and dispatch agree (R3); all else waits.

No signature that is wrong lets a letter go.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from batch.audit.contents import commitment
from batch.audit.log import log
from batch.life.dispatch import acknowledging, papers, quoting
from batch.life.dispatch import parcels as rules
from batch.life.dispatch.mail import read
from batch.model.dispatch import Acknowledgement, Channel, Doubt
from batch.model.errors import FaultyValue, NotFound, Refused, Transition
from batch.model.events import Event
from batch.model.people import Role
from batch.model.states import AcknowledgementState, LifeState, PersonState
from batch.people import registry
from batch.people.forgetting import Retention, forget
from batch.store import acknowledgements, audit, items, lives, parcels
from batch.store import registry as stored
from batch.store.database import Records
from batch.store.forgetting import forget_item
from tests.unit.dispatch_kit import LAYOUT_OF, LIBRARY, MANAGER, MONDAY, packed, quoted, ready, sent
from tests.unit.signing_kit import Signer, signer

ACCEPTED, WAITING = AcknowledgementState.ACCEPTED, AcknowledgementState.WAITING
NAME = "Zeehavens"
TAKER = "mia"
"""Who takes acknowledgements in; dirk packs and sends the tokens."""


@pytest.fixture
def records(tmp_path: Path) -> Records:
    records = Records.create(tmp_path / "station.db")
    sent(records, ready(records, 3), "000001", "000002")
    return records


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Signer]:
    folder = tmp_path_factory.mktemp("keys")
    made = {name: signer(folder, name) for name in ("manager", "other")}
    return {**made, "encipher": signer(folder, "encipher", kind="rsa", usage="keyEncipherment")}


def typed(records: Records, given: str, name: str = NAME, sender: str = MANAGER) -> Acknowledgement:
    return acknowledging.take_typed(records, given, name, sender, TAKER, MONDAY)


def took(records: Records, data: bytes) -> list[Acknowledgement]:
    return acknowledging.take_mail(records, read(data, "mail.eml"), TAKER, MONDAY)


def mail(body: str, sender: str = MANAGER, subject: str = "Ontvangst", **headers: str) -> bytes:
    made = EmailMessage(SMTP)
    made["From"], made["To"], made["Subject"] = f"Noëlle <{sender}>", "ontvangst@example.org", subject
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(body)
    return made.as_bytes()


def signed(body: bytes, by: Signer, folder: Path, *options: str, sender: str = MANAGER) -> bytes:
    """The mail as a mail program signs it: openssl makes the S/MIME entity and its headers."""
    (folder / "body.txt").write_bytes(b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + body)
    done = subprocess.run(
        [
            *("openssl", "cms", "-sign", "-in", str(folder / "body.txt"), "-crlfeol"),
            *("-signer", str(by.certificate), "-inkey", str(by.key)),
            *("-from", sender, "-to", "ontvangst@example.org", "-subject", "Ontvangst", *options),
        ],
        capture_output=True,
        check=True,
    )
    return done.stdout


def state_of(records: Records, token: str) -> LifeState:
    return lives.life(records, items.item(records, token).id).state


def told(records: Records) -> list[str]:
    return [entry.body for entry in audit.entries(records)]


def register(records: Records, key: Signer) -> None:
    person = registry.manager_of(records, "NTRNL-90001234", MANAGER)
    assert person is not None
    registry.set_certificate(records, person.number, key.der(), operator="ada")


def test_what_name_number_sender_and_dispatch_agree_on_is_acknowledged(records: Records) -> None:
    number = quoted(records, "000001")
    found = typed(records, number.replace("-", " "), "  zeehavens ", MANAGER.upper())
    assert (found.state, found.wrong, found.channel) == (ACCEPTED, (), Channel.TYPED)
    assert state_of(records, "000001") is LifeState.ACKNOWLEDGED
    assert state_of(records, "000002") is LifeState.DISPATCHED
    assert lives.life(records, 1).acknowledged_at is not None
    assert '"event":"token.acknowledged"' in told(records)[-1]
    assert MANAGER not in "".join(told(records))


def test_whatever_does_not_agree_waits_and_says_why(records: Records) -> None:
    number = quoted(records, "000001")
    other = quoted(records, "000002")
    slip = number[:-1] + str((int(number[-1]) + 1) % 10)
    made_up = next(one for one in iter(lambda: quoting.draw("000001"), "") if one != number)
    for given, name, sender, wrong in (
        (number, "Luchthavens", MANAGER, Doubt.NAME),
        (number, NAME, "iemand@example.org", Doubt.SENDER),
        (slip, NAME, MANAGER, Doubt.MISTYPED),
        (made_up, NAME, MANAGER, Doubt.NUMBER),
        ("000001", NAME, MANAGER, Doubt.NUMBER),
        ("000001" + other[6:], NAME, MANAGER, Doubt.MISTYPED),
        ("999999-0000-3", NAME, MANAGER, None),
    ):
        found = typed(records, given, name, sender)
        assert found.state is WAITING
        assert wrong in found.wrong or wrong is None, (given, found.wrong)
        assert state_of(records, "000001") is LifeState.DISPATCHED


def test_a_token_that_was_not_dispatched_is_not_acknowledged(records: Records) -> None:
    found = typed(records, "000003")
    assert Doubt.NOT_DISPATCHED in found.wrong
    assert Doubt.NUMBER in found.wrong
    assert state_of(records, "000003") is LifeState.AT_DESK


def test_who_had_the_token_in_hand_is_believed_only_with_a_proof(
    records: Records, keys: Mapping[str, Signer], tmp_path: Path
) -> None:
    one, two = quoted(records, "000001"), quoted(records, "000002")
    found = acknowledging.take_typed(records, one, NAME, MANAGER, "Dirk", MONDAY)
    assert (found.state, found.wrong) == (WAITING, (Doubt.HANDLED,))
    forged = acknowledging.take_mail(records, read(mail(f"{NAME} {two}"), "a.eml"), "dirk", MONDAY)
    assert [each.wrong for each in forged] == [(Doubt.HANDLED,)]
    register(records, keys["manager"])
    proof = read(signed(f"{NAME} {one}\r\n".encode(), keys["manager"], tmp_path), "b.eml")
    (proven,) = acknowledging.take_mail(records, proof, "dirk", MONDAY)
    assert (proven.state, proven.channel) == (ACCEPTED, Channel.SIGNED)
    assert typed(records, two).state is ACCEPTED


def test_nobody_guesses_a_number(records: Records, keys: Mapping[str, Signer], tmp_path: Path) -> None:
    number = quoted(records, "000001")
    guesses = [one for one in (quoting.draw("000001") for _ in range(40)) if one != number][:30]
    many = took(records, mail("\n".join([NAME, *guesses, number])))
    assert all(each.state is WAITING and Doubt.GUESSED in each.wrong for each in many)
    # Nor one after the other, in any number of mails.
    other = quoted(records, "000002")
    for guess in [one for one in (quoting.draw("000002") for _ in range(5)) if one != other][:3]:
        typed(records, guess)
    assert typed(records, other).wrong == (Doubt.GUESSED,)
    register(records, keys["manager"])
    proof = signed(f"{NAME} {other}\r\n".encode(), keys["manager"], tmp_path)
    assert [each.channel for each in took(records, proof)] == [Channel.SIGNED]
    assert state_of(records, "000001") is LifeState.DISPATCHED


@pytest.mark.parametrize("change", ["ended", "over", "identified"])
def test_only_a_manager_who_is_registered_and_in_function_is_believed(records: Records, change: str) -> None:
    person = registry.manager_of(records, "NTRNL-90001234", MANAGER)
    assert person is not None
    if change == "ended":
        registry.end(records, person.number, operator="ada")
    elif change == "over":
        over = replace(person, valid_until=MONDAY - timedelta(days=1))
        registry.change_person(records, over, operator="ada")
    else:
        with records.transaction():
            stored.put_person(records, replace(person, state=PersonState.IDENTIFIED))
            log(records, Event("test", "ada"))
    assert typed(records, quoted(records, "000001")).wrong == (Doubt.SENDER,)


def test_another_manager_of_the_subscriber_is_not_believed(records: Records) -> None:
    person = registry.manager_of(records, "NTRNL-90001234", MANAGER)
    assert person is not None
    other = replace(person, number="P00000001", email="ander@example.org", name="Ander")
    with records.transaction():
        stored.put_person(records, other)
        log(records, Event("test", "ada"))
    assert typed(records, quoted(records, "000001"), sender=other.email).wrong == (Doubt.SENDER,)


def test_said_twice_it_is_the_same_and_what_holds_by_now_is_taken(records: Records) -> None:
    number = quoted(records, "000001")
    once = typed(records, number)
    assert typed(records, number) == once
    # Another message about a token that is there already adds nothing.
    assert took(records, mail(f"{NAME}: {number}")) == [once]
    waits = typed(records, quoted(records, "000002"), sender="nieuw@example.org")
    assert typed(records, quoted(records, "000002"), sender="nieuw@example.org") == waits
    assert len(acknowledgements.acknowledgements(records)) == 2


def test_an_acknowledgement_that_came_too_early_holds_once_it_is_true(records: Records) -> None:
    parcel = packed(records, ready(records, 1, "MVV-2", group="Wegen"), by="dirk")
    rules.close(records, parcel.number, LAYOUT_OF, "dirk", MONDAY)
    number = parcels.packed(records, parcel)[0].quoted
    assert number is not None
    early = typed(records, number, "Wegen")
    assert early.state is WAITING
    rules.send(records, parcel.number, LAYOUT_OF, "dirk", courier="P", reference="1")
    late = typed(records, number, "Wegen")
    assert (late.id, late.state) == (early.id, ACCEPTED)
    assert state_of(records, "000004") is LifeState.ACKNOWLEDGED


def test_a_plain_mail_acknowledges_every_token_it_names(records: Records) -> None:
    one, two = quoted(records, "000001"), quoted(records, "000002")
    body = f"Beste mensen,\n\nontvangen: certificaat {NAME}, nummer {one};\nen ook {two.replace('-', '')}.\n"
    found = took(records, mail(body))
    assert [(each.state, each.channel) for each in found] == [(ACCEPTED, Channel.MAIL)] * 2
    assert {state_of(records, token) for token in ("000001", "000002")} == {LifeState.ACKNOWLEDGED}
    assert took(records, mail(body)) == found


@pytest.mark.parametrize(
    ("body", "headers", "wrong"),
    [
        ("Ontvangen: {name}", {}, Doubt.NO_NUMBER),
        ("Ontvangen: {number}", {}, Doubt.NAME),
        ("Ontvangen: {name}landen {number}", {}, Doubt.NAME),
        ("Ik ben er niet. {name} {number}", {"Auto_Submitted": "auto-replied"}, Doubt.AUTOMATIC),
        ("{name} {number}", {"Precedence": "bulk"}, Doubt.AUTOMATIC),
    ],
)
def test_a_mail_that_lacks_something_or_that_a_machine_sent_waits(
    records: Records, body: str, headers: Mapping[str, str], wrong: Doubt
) -> None:
    text = body.format(name=NAME, number=quoted(records, "000001"))
    (found,) = took(records, mail(text, **headers))
    assert found.state is WAITING
    assert wrong in found.wrong
    assert state_of(records, "000001") is LifeState.DISPATCHED


def test_a_mail_of_two_senders_is_nobody_s(records: Records) -> None:
    data = mail(f"{NAME} {quoted(records, '000001')}")
    second = data.replace(b"To: ", b"From: iemand@example.org\r\nTo: ", 1)
    together = data.replace(b"\r\nTo: ", b", iemand@example.org\r\nTo: ", 1)
    for each in (second, together):
        (found,) = took(records, each)
        assert Doubt.SENDER in found.wrong


def test_words_are_read_from_every_usual_form_of_mail_and_not_from_what_is_attached(records: Records) -> None:
    number = quoted(records, "000001")
    made = EmailMessage(SMTP)
    made["From"], made["Subject"] = MANAGER, "=?utf-8?q?Ontvangen?="
    made.set_content("zie de opmaak", cte="base64")
    html = f"<html><style>{NAME}</style><p>Certificaat <b>{NAME}</b></p><p>{number}</p></html>"
    made.add_alternative(html, subtype="html", cte="quoted-printable")
    made.add_attachment(f"{NAME} {quoted(records, '000002')}", filename="bijlage.txt")
    # The plain part says nothing of it, and the formatted one beside it says the same as it should.
    (found,) = took(records, made.as_bytes())
    assert Doubt.NO_NUMBER in found.wrong
    alone = EmailMessage(SMTP)
    alone["From"] = MANAGER
    alone.set_content(html, subtype="html", cte="base64")
    (found,) = took(records, alone.as_bytes())
    assert found.state is ACCEPTED
    assert state_of(records, "000002") is LifeState.DISPATCHED


FORMS: Mapping[str, Sequence[str]] = {"beside the text": (), "around the text": ("-nodetach",)}
LINES: Mapping[str, bytes] = {"as sent": b"\r\n", "as Unix keeps it": b"\n"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("lines", LINES)
def test_a_mail_signed_with_the_manager_s_registered_certificate_is_proven(
    records: Records, keys: Mapping[str, Signer], tmp_path: Path, form: str, lines: str
) -> None:
    register(records, keys["manager"])
    body = f"Certificaat {NAME}\r\nnummer {quoted(records, '000001')}\r\n".encode()
    data = signed(body, keys["manager"], tmp_path, *FORMS[form])
    (found,) = took(records, data.replace(b"\r\n", LINES[lines]))
    assert (found.state, found.channel, found.wrong) == (ACCEPTED, Channel.SIGNED, ())


@pytest.mark.parametrize(
    ("form", "how"),
    [
        ("beside the text", "a key that is not for signatures"),
        ("beside the text", "another's key"),
        ("around the text", "another's key"),
        ("beside the text", "changed text"),
    ],
)
def test_a_wrong_signature_never_releases_not_even_by_decision(
    records: Records, keys: Mapping[str, Signer], tmp_path: Path, form: str, how: str
) -> None:
    unfit = how == "a key that is not for signatures"
    register(records, keys["encipher" if unfit else "manager"])
    one, two = quoted(records, "000001"), quoted(records, "000002")
    by = keys["encipher" if unfit else "other" if how == "another's key" else "manager"]
    data = signed(f"{NAME} {one}\r\n".encode(), by, tmp_path, *FORMS[form])
    if how == "changed text":
        data = data.replace(one.encode(), two.encode())
    (found,) = took(records, data)
    assert Doubt.SIGNATURE in found.wrong
    with pytest.raises(Refused, match="the signature does not hold"):
        acknowledging.decide(records, found.id, "olga", "he called", accept=True)
    assert {state_of(records, token) for token in ("000001", "000002")} == {LifeState.DISPATCHED}
    assert acknowledging.decide(records, found.id, "olga", "forged", accept=False).state == "rejected"


@pytest.mark.parametrize("form", FORMS)
def test_a_signature_proves_nothing_that_stands_outside_of_it(
    records: Records, keys: Mapping[str, Signer], tmp_path: Path, form: str
) -> None:
    register(records, keys["manager"])
    thanks = signed(b"Dank voor uw bericht.\r\n", keys["manager"], tmp_path, *FORMS[form])
    subject = f"Subject: {NAME} {quoted(records, '000001')}".encode()
    forged = thanks.replace(b"Subject: Ontvangst", subject, 1)
    assert forged != thanks
    (found,) = took(records, forged)
    assert (found.state, found.wrong) == (WAITING, (Doubt.NO_NUMBER,))
    assert state_of(records, "000001") is LifeState.DISPATCHED


def test_an_address_of_other_letters_that_fold_alike_is_another_s(records: Records) -> None:
    sender = MANAGER.replace("s", "\u017f")
    assert (sender != MANAGER, sender.casefold()) == (True, MANAGER)
    found = typed(records, quoted(records, "000001"), sender=sender)
    assert (found.state, found.wrong) == (WAITING, (Doubt.SENDER,))


def test_who_reads_the_numbers_in_the_papers_is_believed_only_with_a_proof(records: Records) -> None:
    parcel = parcels.sent_of_item(records, items.item(records, "000001").id)
    assert parcel is not None
    papers.make(records, parcel.number, LIBRARY, TAKER, MONDAY)
    found = typed(records, quoted(records, "000001"))
    assert (found.state, found.wrong) == (WAITING, (Doubt.HANDLED,))


def test_a_signature_that_cannot_be_read_is_a_wrong_one(
    records: Records, keys: Mapping[str, Signer], tmp_path: Path
) -> None:
    register(records, keys["manager"])
    data = signed(f"{NAME} {quoted(records, '000001')}\r\n".encode(), keys["manager"], tmp_path)
    head, _, tail = data.partition(b"base64")
    found = took(records, head + b"base64\r\n\r\nAAAA\r\n\r\n--" + tail.rpartition(b"\n------")[2])
    assert all(Doubt.SIGNATURE in one.wrong for one in found)


def test_where_no_certificate_is_registered_a_signed_mail_is_worth_as_much_as_a_plain_one(
    records: Records, keys: Mapping[str, Signer], tmp_path: Path
) -> None:
    data = signed(f"{NAME} {quoted(records, '000001')}\r\n".encode(), keys["other"], tmp_path)
    (found,) = took(records, data)
    assert (found.state, found.channel) == (ACCEPTED, Channel.MAIL)


def test_another_person_decides_what_waits(records: Records) -> None:
    found = typed(records, quoted(records, "000001"), sender="secretariaat@example.org")
    with pytest.raises(Refused, match=r"who took an acknowledgement in does not decide on it \(R3\)"):
        acknowledging.decide(records, found.id, "Mia", "I know her", accept=True)
    decided = acknowledging.decide(
        records, found.id, "olga", "called back on the registered number", accept=True
    )
    assert (decided.state, decided.decided_by) == (ACCEPTED, "olga")
    assert state_of(records, "000001") is LifeState.ACKNOWLEDGED
    with pytest.raises(Transition):
        acknowledging.decide(records, found.id, "olga", "no", accept=False)
    with pytest.raises(NotFound):
        acknowledging.decide(records, 99, "olga", "no", accept=False)


def test_who_had_a_token_in_hand_does_not_decide_that_it_came(records: Records) -> None:
    (nameless,) = took(records, mail("alles is er"))
    with pytest.raises(Refused, match=r"who had a token in hand does not say that it came \(R3\)"):
        acknowledging.decide(records, nameless.id, "Dirk", "called", accept=True, token="000001")
    assert state_of(records, "000001") is LifeState.DISPATCHED


def test_what_names_no_token_is_accepted_for_one_or_rejected_and_its_sender_forgotten(
    records: Records,
) -> None:
    (nameless,) = took(records, mail("alles is er"))
    with pytest.raises(Refused, match="it names no token"):
        acknowledging.decide(records, nameless.id, "olga", "?", accept=True)
    accepted = acknowledging.decide(records, nameless.id, "olga", "called", accept=True, token="000002")
    assert (accepted.item_id, state_of(records, "000002")) == (2, LifeState.ACKNOWLEDGED)
    (other,) = took(records, mail("koop nu", sender="spam@example.org"))
    assert other.sender == "spam@example.org"
    assert acknowledging.decide(records, other.id, "olga", "spam", accept=False).sender == ""


def test_a_token_that_is_not_on_its_way_is_not_acknowledged_by_decision(records: Records) -> None:
    found = typed(records, "000003")
    with pytest.raises(Transition):
        acknowledging.decide(records, found.id, "olga", "called", accept=True)
    assert acknowledgements.acknowledgement(records, found.id).state is WAITING


def test_what_waits_is_due(records: Records) -> None:
    found = typed(records, "nonsense")
    (due,) = acknowledging.duties(records, MONDAY)
    assert due.role is Role.ORDER_OFFICER
    assert due.command == f"station acknowledge decide {found.id}"
    assert due.by == found.taken_at.date() + timedelta(days=2)


def test_who_acknowledged_is_forgotten_with_the_person(records: Records) -> None:
    typed(records, quoted(records, "000001"))
    typed(records, "nonsense")
    person = registry.manager_of(records, "NTRNL-90001234", MANAGER)
    assert person is not None
    registry.end(records, person.number, operator="ada")
    item = items.item(records, "000001")
    with records.transaction():
        forget_item(records, item, commitment(item))
        log(records, Event("order.forgotten", "ada"))
    first, second = acknowledgements.acknowledgements(records)
    assert (first.sender, first.name) == ("", "")
    assert second.sender == MANAGER
    with records.transaction():
        acknowledgements.forget_sender(records, MANAGER.upper())
        log(records, Event("person.forgotten", "ada", detail={"person": person.number}))
    assert acknowledgements.acknowledgement(records, second.id).sender == ""
    with pytest.raises((Refused, NotFound)):
        forget(records, person.number, Retention(), operator="ada")


@pytest.mark.parametrize(
    ("given", "name", "sender"), [("", NAME, MANAGER), ("1\n2", NAME, MANAGER), ("1", "", "x")]
)
def test_what_is_no_value_is_refused(records: Records, given: str, name: str, sender: str) -> None:
    with pytest.raises(FaultyValue):
        typed(records, given, name, sender)
