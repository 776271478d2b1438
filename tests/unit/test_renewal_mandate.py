"""What a lane verifies before it renews a key: not the records, but what was signed (R35)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from batch.audit.log import log
from batch.life.renewal import renewing
from batch.life.renewal.mandate import RenewalInspector, RenewalMandate, Wanted, approving
from batch.model.errors import NotTrusted, Refused
from batch.model.events import Event
from batch.model.people import Signed
from batch.model.renewals import Renewal, RenewalKey
from batch.people.acting import Actor, sign
from batch.people.register import REGISTER_ACTS
from batch.people.separation import Act
from batch.people.statements import Statement, read
from batch.store import journal, renewals, statements
from batch.store.clock import now
from layouts.life import LifeRule
from tests.unit.certificate_kit import certificate
from tests.unit.renewal_kit import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk.make(tmp_path, confirm_role=True)
    with closing(made.records):
        yield made


def mandate(desk: Desk, renewal: Renewal) -> RenewalMandate:
    """What the desk gives a lane, from the records."""
    records = desk.records
    approved = statements.signed(records, renewal.statement or "")
    assert approved is not None
    return RenewalMandate(
        desk.case.trust,
        tuple(statements.chain(records, *REGISTER_ACTS)),
        statements.of_subject(records, Act.RENEW, renewal.number)[-1],
        approved,
        renewing.role_signed(records, renewal),
        desk.layout,
    )


def wanted(desk: Desk, renewal: Renewal) -> Wanted:
    return renewing.wanted(desk.records, renewal, desk.layout)


def signed(desk: Desk, who: Actor, act: Act, about: dict[str, object], **more: datetime) -> Signed:
    """A statement that somebody signs with a program of their own."""
    station = read(desk.case.warrant().received).station
    return sign(who, Statement(act, station, about, more.pop("at", now()), **more), subject="").signed


def test_what_was_approved_is_made_with_the_layouts_keys_and_the_words_that_hold(desk: Desk) -> None:
    renewal = desk.approved()
    inspector = RenewalInspector(mandate(desk, renewal))
    begin = datetime(2029, 10, 15, tzinfo=UTC)
    tasks = inspector.tasks(wanted(desk, renewal), desk.item().token_serial, begin)
    assert list(tasks) == ["authentication", "confidentiality"]
    assert all(task.template.not_before == begin for task in tasks.values())
    old = journal.keys(desk.records, desk.item().id)["authentication"].certificate
    assert old is not None
    inspector.check_old("authentication", old)
    with pytest.raises(NotTrusted, match="not the certificate that was to be renewed"):
        inspector.check_old("authentication", certificate(serial=99))


def test_words_layout_token_and_certificates_are_those_that_were_signed_for(desk: Desk) -> None:
    renewal = desk.approved()
    inspector, right = RenewalInspector(mandate(desk, renewal)), wanted(desk, renewal)
    item, serial = right.item, right.item.token_serial
    others = [
        replace(right, item=replace(item, fields={**item.fields, "group": "Anders"})),
        replace(right, item=replace(item, mailer_number="000002")),
        replace(right, item=replace(item, token_serial="feed")),
        replace(right, item=replace(item, salt=b"other")),
        replace(right, certificates={**right.certificates, "authentication": "00" * 32}),
        replace(right, old="revoke"),
        replace(right, way="new-token"),
        replace(right, number="R-000009"),
        replace(right, order="2026-9999"),
    ]
    for other in others:
        with pytest.raises(NotTrusted, match="is not what was approved"):
            inspector.tasks(other, serial, now())
    with pytest.raises(NotTrusted, match="was approved for another token"):
        inspector.tasks(right, "feed", now())
    changed = replace(desk.layout, label="Other {number}")
    with pytest.raises(NotTrusted, match="is not what was approved"):
        RenewalInspector(replace(mandate(desk, renewal), layout=changed)).tasks(right, serial, now())


def test_two_persons_who_may_have_signed_and_the_approval_is_of_this(desk: Desk) -> None:
    renewal = desk.approved()
    right = mandate(desk, renewal)
    number = renewal.number
    officer, approver, both = desk.officer, desk.approver, desk.case.people.both
    about = read(right.asked).about
    his = signed(desk, both, Act.RENEW, dict(about))
    alone = replace(
        right, asked=his, approved=signed(desk, both, Act.APPROVE_RENEWAL, approving(number, his, right.role))
    )
    of_another = signed(desk, approver, Act.APPROVE_RENEWAL, approving(number, his, right.role))
    no_approver = signed(desk, officer, Act.APPROVE_RENEWAL, approving(number, right.asked, right.role))
    for wrong, why in (
        (alone, "who asks for a renewal does not approve it"),
        (replace(right, approved=of_another), "approves another renewal"),
        (replace(right, approved=no_approver), "is no approver"),
        (replace(right, approved=right.asked), "is about renewal.kept"),
        (replace(right, role=None), "nobody has confirmed the role"),
    ):
        with pytest.raises((NotTrusted, Refused), match=why):
            RenewalInspector(wrong)


def test_the_role_is_confirmed_by_another_for_this_very_token(desk: Desk) -> None:
    renewal = desk.approved()
    right, number = mandate(desk, renewal), renewal.number
    other = signed(desk, desk.approver, Act.CONFIRM_ROLE, {"renewal": number, "item": "000002"})
    his_own = signed(desk, desk.officer, Act.CONFIRM_ROLE, {"renewal": number, "item": "000001"})
    for role, why in ((other, "confirms another role"), (his_own, "is no approver")):
        approved = signed(desk, desk.approver, Act.APPROVE_RENEWAL, approving(number, right.asked, role))
        with pytest.raises((NotTrusted, Refused), match=why):
            RenewalInspector(replace(right, role=role, approved=approved))


def test_an_approval_holds_for_its_time(desk: Desk) -> None:
    right = mandate(desk, desk.approved())
    RenewalInspector(right, now() + renewing.APPROVED_FOR - timedelta(hours=1))
    with pytest.raises(Refused, match="was signed to hold until"):
        RenewalInspector(right, now() + renewing.APPROVED_FOR + timedelta(hours=1))


def test_a_register_that_the_key_token_does_not_know_vouches_for_nobody(desk: Desk) -> None:
    right = mandate(desk, desk.approved())
    with pytest.raises(NotTrusted, match="register of operators"):
        RenewalInspector(replace(right, register=right.register[:-1]))


def test_what_a_renewal_found_stays_what_it_is_about_once_a_new_key_has_its_place(desk: Desk) -> None:
    """A renewal cut off between two keys goes on under the same approval."""
    renewal = desk.approved()
    before = wanted(desk, renewal)
    der = certificate(serial=77)
    key = RenewalKey(renewal.id, "authentication", "01", "0102", "01", now(), 2, b"spki", "{}", b"csr", der)
    with desk.records.transaction():
        renewals.take_place(desk.records, renewal, key, "0102", "01")
        log(desk.records, Event("renewal.key-replaced", "pia"))
    assert journal.keys(desk.records, desk.item().id)["authentication"].certificate == der
    assert wanted(desk, renewal).about() == before.about()


def test_without_the_rule_no_role_is_asked_for(tmp_path: Path) -> None:
    plain = Desk.make(tmp_path)
    with closing(plain.records):
        assert plain.layout.life == LifeRule()
        assert mandate(plain, plain.approved()).role is None
        RenewalInspector(mandate(plain, renewals.renewal(plain.records, "R-000001")))
