"""Number and revocation code revoke a token at any hour, and nobody finds either by trying (R21, R22)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from batch.audit.afterwards import afterwards
from batch.audit.log import log
from batch.audit.verification import verify
from batch.custody.codes import revocation_code
from batch.custody.sealing import hash_revocation_code
from batch.life.revocation.code_check import NOBODYS, CodeCheck
from batch.life.revocation.revoking import FREE, HOLDER, LONGEST_WAIT, MOST, Revoked, revoke_by_code
from batch.model.errors import Refused
from batch.model.events import Event
from batch.model.states import LetterState, LifeState
from batch.production.lives_back import take_lives_back
from batch.store import codes, items, letters, lives, revocations
from batch.store.copying import copy
from batch.store.database import Records
from batch.store.revocations import Standing
from drivers.authorities.port import Reason
from drivers.secret import Secret
from tests.unit.field_kit import NUMBER, produced
from tests.unit.warrant_kit import Case

AT = datetime(2026, 11, 22, 3, 14, tzinfo=UTC)
CODE, WRONG = revocation_code(3, 4), revocation_code(3, 4)
NOBODY = "000999"


@dataclass
class Night:
    """A desk at night, at which a token's code may be tried."""

    records: Records
    at: datetime = AT
    asked: list[str | None] = field(default_factory=list)

    def revoke(self, number: str = NUMBER, code: Secret = CODE, *, lost: bool = False) -> Revoked:
        check = CodeCheck(code)

        def matches(stored: str | None) -> bool:
            self.asked.append(stored)
            return check.matches(stored)

        return revoke_by_code(self.records, number, matches, Reason.KEY_COMPROMISE, self.at, lost=lost)

    def waiting(self) -> list[tuple[str, str]]:
        return [(one.request, one.reason) for one in revocations.waiting(self.records)]


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    case = Case.make(tmp_path)
    with closing(case.records) as records:
        item = produced(records)
        with records.transaction():
            codes.keep_hash(records, item.id, hash_revocation_code(CODE))
            log(records, Event("prepared", "ann"))
        yield Night(records)


@pytest.mark.parametrize("written", ["{}", " {} ", "lower", "no-dashes"])
def test_the_code_revokes_all_certificates_however_it_is_typed(night: Night, written: str) -> None:
    drawn = CODE.reveal().decode()
    typed = {"lower": drawn.lower(), "no-dashes": drawn.replace("-", " ")}.get(written, written.format(drawn))
    done = night.revoke(code=Secret.text(typed))
    assert (done.requests, done.already, done.lost) == (2, False, False)
    assert night.waiting() == [
        (f"{NUMBER}/confidentiality/1", "keyCompromise"),
        (f"{NUMBER}/signing/1", "keyCompromise"),
    ]
    assert revocations.states(night.records)[done.item.id] is Standing.PENDING
    assert night.revoke().already
    assert len(night.waiting()) == 2


def test_a_lost_token_is_on_record_as_lost_as_well(night: Night) -> None:
    done = night.revoke(lost=True)
    assert done.lost
    assert lives.life(night.records, done.item.id).state is LifeState.LOST


def test_a_letter_that_was_never_printed_is_void(night: Night) -> None:
    night.revoke()
    assert letters.state_of(night.records, NUMBER) is LetterState.VOID


def test_a_wrong_code_and_a_number_nobody_has_are_answered_alike(night: Night) -> None:
    said = []
    for number in (NUMBER, NOBODY, "000002"):  # the last is planned, and has no code yet
        with pytest.raises(Refused) as refused:
            night.revoke(number, WRONG)
        said.append(str(refused.value).replace(number, "NUMBER"))
    assert len(set(said)) == 1
    assert len(night.asked) == 3  # a hash is computed whether there is one or not
    assert night.waiting() == []
    with pytest.raises(Refused):
        night.revoke(NOBODY, CODE)


def test_nobodys_hash_costs_what_a_drawn_ones_does() -> None:
    assert NOBODYS.split("$")[1:4] == hash_revocation_code(CODE).split("$")[1:4]
    assert not CodeCheck(CODE).matches(None)


@pytest.mark.parametrize("number", ["7KQM-X2DA-9TRH", "", "12", "٠٠٠٠٠١", "0000001234567"])
def test_what_is_no_number_is_neither_shown_nor_logged_nor_tried(night: Night, number: str) -> None:
    before = events(night.records)
    with pytest.raises(Refused) as refused:
        night.revoke(number)
    assert number == "" or number not in str(refused.value)
    assert events(night.records) == before
    assert not night.asked


def test_wrong_codes_of_a_number_make_wait_longer_and_longer_and_a_right_one_ends_it(night: Night) -> None:
    waits = []
    for _ in range(FREE + 9):
        with pytest.raises(Refused, match="do not belong"):
            night.revoke(code=WRONG)
        tried = len(night.asked)
        with suppress(Refused):
            night.revoke(code=WRONG)
        if len(night.asked) > tried:
            continue
        waits.append(waited(night))
        night.at += timedelta(seconds=waits[-1])
    assert waits[:3] == [30, 60, 120]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT.total_seconds()
    assert not night.revoke().already
    with pytest.raises(Refused, match="do not belong"):
        night.revoke(code=WRONG)  # the first again


def waited(night: Night) -> int:
    """The seconds that a refusal tells; even the right code is not tried before."""
    tried = len(night.asked)
    with pytest.raises(Refused, match="too many wrong codes") as refused:
        night.revoke()
    assert len(night.asked) == tried
    return int(refused.value.what.split()[-2])


def test_a_number_nobody_has_makes_wait_as_well(night: Night) -> None:
    for _ in range(FREE):
        with pytest.raises(Refused, match="do not belong"):
            night.revoke(NOBODY, WRONG)
    with pytest.raises(Refused, match="too many"):
        night.revoke(NOBODY, WRONG)
    assert not night.revoke().already  # of another number


def test_wrong_codes_for_ever_new_numbers_make_all_wait_for_an_hour_at_most(night: Night) -> None:
    for number in range(MOST):
        with pytest.raises(Refused, match="do not belong"):
            revoke_by_code(
                night.records, f"{number + 5000:06d}", lambda _: False, Reason.UNSPECIFIED, night.at
            )
    assert waited(night) == 3600
    night.at += timedelta(hours=1, seconds=1)
    assert not night.revoke().already


def test_what_makes_wait_survives_a_restart_and_a_try_that_was_cut_off_counts(night: Night) -> None:
    def dies(_: str | None) -> bool:
        raise KeyboardInterrupt

    for _ in range(FREE):
        with pytest.raises(KeyboardInterrupt):
            revoke_by_code(night.records, NUMBER, dies, Reason.UNSPECIFIED, night.at)
    with closing(Records(night.records.path)) as again, pytest.raises(Refused, match="too many"):
        Night(again).revoke()


def test_a_clock_that_is_set_back_makes_nobody_wait_for_ever(night: Night) -> None:
    for _ in range(FREE):
        with pytest.raises(Refused):
            night.revoke(code=WRONG)
    night.at -= timedelta(days=365)
    assert waited(night) == 30
    night.at += timedelta(seconds=20)
    assert waited(night) == 10
    night.at += timedelta(seconds=10)
    assert not night.revoke().already


def test_every_try_is_logged_without_the_code(night: Night) -> None:
    with pytest.raises(Refused):
        night.revoke(code=WRONG)
    night.revoke(lost=True)
    told = events(night.records)
    assert [name for name in told if name.startswith(("revocation.", "token."))] == [
        *("revocation.tried", "revocation.refused"),
        *("revocation.tried", "token.lost", "revocation.by-code"),
    ]
    text = night.records.path.read_bytes() + Path(f"{night.records.path}-wal").read_bytes()
    text += night.records.ledger.path.read_bytes()
    for code in (CODE, WRONG):
        assert code.reveal() not in text
        assert code.reveal().replace(b"-", b"") not in text
    assert not [one for one in verify(night.records).findings if "revo" in one.what or "lost" in one.what]


def test_what_a_code_revoked_after_a_backup_is_asked_of_the_ca_again(night: Night, tmp_path: Path) -> None:
    copy(night.records, tmp_path / "copy.db")
    night.revoke(lost=True)
    with closing(Records(tmp_path / "copy.db")) as restored:
        lines = afterwards(restored, night.records.ledger.path)
        with restored.transaction():
            take_lives_back(restored, lines, "ann")
        item = items.item(restored, NUMBER)
        assert {one.asked_by for one in revocations.waiting(restored)} == {HOLDER}
        assert lives.life(restored, item.id).state is LifeState.LOST


def events(records: Records) -> list[str]:
    found = records.rows("SELECT json_extract(body, '$.event') FROM audit ORDER BY sequence")
    return [str(name) for (name,) in found]
