"""A notice is a text from a layout, in the subscriber's language, true of the order, and on record."""

from __future__ import annotations

import email
import email.policy
from pathlib import Path

import pytest

from batch.audit.log import log
from batch.model.errors import Refused
from batch.model.events import Event
from batch.orders.decisions import receive, reject
from batch.orders.notices import write
from batch.people import registry
from batch.store import assessments, audit, forgetting, items
from batch.store.database import Records
from layouts.errors import FieldFault, FileFault, UnknownLayout
from layouts.library import SHIPPED, Library
from layouts.notice import NOTICE_FIELDS, NOTICES
from tests.unit.order_kit import admit, approved, draft

LIBRARY = Library()
REASON = "het formulier is niet ondertekend"


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records.create(tmp_path / "station.db")


@pytest.mark.parametrize("name", NOTICES)
def test_every_notice_is_there_in_every_language(name: str) -> None:
    assert LIBRARY.notice(name).languages == ("en", "it", "nl")


def test_a_notice_of_each_kind_tells_what_became_of_the_order(records: Records) -> None:
    order = receive(records, draft(), "ada")
    received = write(records, order.number, LIBRARY, "ada")
    assert "To: Noëlle van der Testen <n.vandertesten@example.org>" in received.text
    assert "Subject: Uw bestelling MVV-1 is ontvangen" in received.text
    assert f"nummer {order.number}" in " ".join(received.text.split())
    with pytest.raises(Refused, match="is received, not approved"):
        write(records, order.number, LIBRARY, "ada", "approved")
    approved(records, order.number)
    assert "goedgekeurd" in write(records, order.number, LIBRARY, "ada").text
    other = receive(records, draft("MVV-2"), "ada")
    reject(records, other.number, "bob", REASON)
    rejected = write(records, other.number, LIBRARY, "ada")
    assert (rejected.kind, REASON in rejected.text) == ("rejected", True)
    assert [one.kind for one in assessments.notices(records, order)] == ["received", "approved"]
    assert '"order.notice"' in list(audit.entries(records))[-1].body


def test_a_notice_is_in_the_subscriber_s_language(records: Records) -> None:
    from dataclasses import replace

    order = receive(records, draft(), "ada")
    admit(records, order)
    subscriber = registry.require_subscriber(records, order.organisation)
    registry.change_subscriber(records, replace(subscriber, language="it"), operator="ada")
    assert "Il suo ordine MVV-1" in write(records, order.number, LIBRARY, "ada").text


def test_a_notice_is_a_message_that_a_mail_program_reads(records: Records) -> None:
    order = receive(records, draft(), "ada")
    written = write(records, order.number, LIBRARY, "ada")
    message = email.message_from_bytes(written.message(), policy=email.policy.default)
    assert message["To"] == "Noëlle van der Testen <n.vandertesten@example.org>"
    assert message["Subject"] == written.notice.subject
    assert message.get_content().replace("\r\n", "\n") == written.notice.body


def test_a_notice_that_would_go_to_nobody_is_refused(records: Records) -> None:
    order = receive(records, draft(), "ada")
    with records.transaction():
        for item in items.items(records, order):
            forgetting.forget_item(records, item, "")
        log(records, Event("order.forgotten", "ada", order=order.number))
    before = len(list(audit.entries(records)))
    with pytest.raises(Refused, match="names no manager") as refused:
        write(records, order.number, LIBRARY, "ada")
    assert refused.value.where == order.number
    assert order.subscriber in str(refused.value.next)
    assert (assessments.notices(records, order), len(list(audit.entries(records)))) == ([], before)


def test_a_notice_without_one_of_its_fields_is_refused_by_its_name() -> None:
    fields = dict.fromkeys(NOTICE_FIELDS - {"managers"}, "something")
    with pytest.raises(FieldFault, match="managers is empty"):
        LIBRARY.notice("received").compose("en", fields)


def site(tmp_path: Path, old: str, new: str, name: str = "rejected") -> Library:
    text = (SHIPPED / "notices" / "rejected.toml").read_text()
    assert old in text
    (tmp_path / "notices").mkdir()
    (tmp_path / "notices" / f"{name}.toml").write_text(text.replace(old, new))
    return Library(tmp_path)


def test_a_site_s_own_notice_comes_before_the_shipped_one(tmp_path: Path) -> None:
    library = site(tmp_path, "Geachte", "Beste")
    assert "Beste" in library.notice("rejected").file.texts["nl"].body


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("{managers}", "{manger}", "names 'manger'"),
        ("{reason}", "", "does not give the {reason}"),
        ("{managers}", "{managers", "'{' in field name|expected '}'"),
        ('subject = "Uw', 'subjekt = "Uw', "unknown key 'subjekt'|missing"),
    ],
)
def test_a_faulty_notice_is_refused_by_file_and_key(tmp_path: Path, old: str, new: str, wrong: str) -> None:
    with pytest.raises(FileFault, match=wrong):
        site(tmp_path, old, new)


def test_a_notice_that_is_none_and_a_language_without_text_are_refused(
    records: Records, tmp_path: Path
) -> None:
    with pytest.raises(FileFault, match="there is no notice 'closed'"):
        site(tmp_path, "Geachte", "Beste", "closed")
    with pytest.raises(UnknownLayout, match="no text in language 'de'"):
        LIBRARY.notice("received").compose("de", {})
