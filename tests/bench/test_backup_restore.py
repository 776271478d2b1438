"""A backup of a desk at work, and its restore: what was made, printed and numbered after it is noticed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from station.exit_codes import ExitCode
from tests.bench.conftest import DeskFactory
from tests.bench.desk import TOGETHER, Desk

pytestmark = pytest.mark.bench

CARD = {"kind": "group", "layout": "group-card:p-256"}


@pytest.fixture(scope="module")
def desk(desk_factory: DeskFactory) -> Desk:
    return desk_factory(piv=2, pkcs11=0).letters_first()


def issued(desk: Desk) -> int:
    return len(list(desk.home.glob("ca/issued/*/*.der")))


def test_what_was_made_printed_and_taken_in_after_a_backup_is_noticed_and_never_again(
    desk: Desk, tmp_path: Path
) -> None:
    before = desk.produced({**CARD, "count": "1", "group": "Vooraf"})
    sealed = desk.approved({**CARD, "count": "2", "group": "Verzegeld"})
    desk.run("produce", sealed, pins=True)
    order = desk.approved({**CARD, "count": "2", "group": "Daarna"})
    backup = tmp_path / "a.backup"
    desk.run("backup", str(backup))
    desk.run("produce", order, pins=True)
    desk.run("letter", "print", order, operator="carl", pins=True)
    desk.run("letter", "print", sealed, operator="carl", pins=True)
    later = desk.run("order", "import", str(desk.file({**CARD, "count": "2", "group": "Later"}))).out.strip()
    made, pages, certificates = desk.tokens(order), desk.printed(), issued(desk)
    numbers = [token["number"] for token in desk.tokens(later)]

    refused = desk.run("restore", str(backup), expect=ExitCode.REFUSED_BY_RULE)
    assert "--replace" in refused.err
    desk.run("restore", str(backup), "--replace")
    assert list(desk.home.glob("replaced/*/station.db"))
    assert desk.tokens(order, "planned")
    for operator, *command in (("ada", "produce", order), ("carl", "letter", "print", sealed)):
        told = desk.run(*command, operator=operator, pins=True, expect=ExitCode.REFUSED_BY_RULE)
        assert "station reconcile" in told.err
    file = desk.file({**CARD, "count": "1", "group": "Nieuw"})
    desk.run("order", "import", str(file), expect=ExitCode.REFUSED_BY_RULE)

    found = json.loads(desk.run("reconcile", "--json", pins=True).out)
    assert found["complete"]
    assert sorted(found["tokens"]) == [token["number"] for token in made]
    for token in desk.tokens(order, "quarantined"):
        assert token["serial"] in {one["serial"] for one in made}
        assert "its letter is printed" in token["reason"]
    assert desk.letters(before) == {"000001": "printed"}
    assert set(desk.letters(order).values()) == set(desk.letters(sealed).values()) == {"printed"}
    assert found["orders"] == [later]
    assert [(one["number"], one["state"]) for one in desk.tokens(later)] == [
        (number, "planned") for number in numbers
    ]

    desk.run("produce", order, pins=True, expect=ExitCode.PARTIAL)
    desk.run("letter", "print", order, operator="carl", pins=True)
    desk.run("letter", "print", sealed, operator="carl", pins=True)
    assert (desk.printed(), issued(desk)) == (pages, certificates)
    # Keys from before the restore may have been used after the backup.
    desk.run("custody", "epochs", "make", "5", *TOGETHER, operator="carl")
    desk.assess(later)
    desk.run("order", "approve", later, operator="bob", pins=True)
    desk.run("produce", later, pins=True)
    assert [token["number"] for token in desk.tokens(later, "produced")] == numbers
    new = desk.run("order", "import", str(file)).out.strip()
    assert new not in {before, sealed, order, later}
    assert {token["number"] for token in desk.tokens(new)} == {f"{int(numbers[-1]) + 1:06d}"}
    desk.run("audit", "verify")
    desk.run("reconcile", pins=True, expect=ExitCode.REFUSED_BY_RULE)


def test_without_its_ledger_the_ca_tells_which_tokens_were_made(desk: Desk, tmp_path: Path) -> None:
    order = desk.approved({**CARD, "count": "3", "group": "Zonder"})
    waiting = desk.approved({**CARD, "count": "1", "group": "Wachtend"})
    desk.run("produce", waiting, pins=True)
    backup = tmp_path / "b.backup"
    desk.run("backup", str(backup))
    later = desk.approved({**CARD, "count": "1", "group": "Verloren"})
    desk.run("produce", later, pins=True)
    (lost,) = desk.tokens(later)
    desk.run("produce", order, pins=True)
    made = [token["number"] for token in desk.tokens(order)]
    (desk.home / "ledger.jsonl").unlink()
    desk.run("restore", str(backup), "--replace")
    found = json.loads(desk.run("reconcile", "--json", pins=True).out)
    assert not found["complete"]
    assert sorted(found["tokens"]) == made
    assert found["strangers"] == [lost["number"]]
    certificates = desk.rows(
        "SELECT certificate FROM keys JOIN items ON items.id = item_id WHERE mailer_number = ?", made[0]
    )
    assert all(certificate for (certificate,) in certificates)  # so that they can be revoked
    assert certificates
    assert set(desk.letters(waiting).values()) == {"unknown"}
    new = desk.run("order", "import", str(desk.file({**CARD, "count": "1", "group": "Nieuwer"}))).out.strip()
    assert new > later
    assert int(desk.tokens(new)[0]["number"]) > int(lost["number"]) + 100_000


def test_a_lost_home_comes_back_from_records_keys_and_a_copy_of_the_ledger(
    desk: Desk, tmp_path: Path
) -> None:
    copy = tmp_path / "stick.jsonl"
    desk.configure(lambda text: f'{text}\n[records]\nledgers = ["{copy}"]\n')
    # What an earlier restore left in stock is not taken.
    desk.run("custody", "epochs", "make", "5", *TOGETHER, operator="carl")
    order = desk.approved({**CARD, "count": "2", "group": "Verhuisd"})
    records, keys = tmp_path / "r.backup", tmp_path / "k.backup"
    desk.run("backup", str(records))
    desk.run("backup", "--keys", str(keys))
    desk.run("produce", order, pins=True)
    made = [token["number"] for token in desk.tokens(order)]
    shutil.move(desk.home, tmp_path / "lost")

    told = desk.run("restore", str(records), pins=True)
    assert "station restore --keys" in told.err
    desk.run("restore", "--keys", str(keys))
    # A bench's token without keys: at most what vouches for the register of operators is in it.
    assert len(list(desk.home.glob("keys/bench/tokens/*/*-*.object"))) <= 1
    found = json.loads(desk.run("reconcile", "--json", pins=True).out)
    assert found["complete"]
    assert sorted(found["tokens"]) == made
    desk.run("custody", "epochs", "make", "5", *TOGETHER, operator="carl")
    number = desk.produced({**CARD, "count": "1", "group": "Weer"})
    assert set(desk.letters(number).values()) == {"printed"}
    desk.run("doctor")
