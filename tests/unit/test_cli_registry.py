"""`station registry` from the command line: typed in, looked up, taken in and written out."""

from __future__ import annotations

import hashlib
import json
import stat
from contextlib import closing
from pathlib import Path

import pytest

from batch.audit.verification import verify
from batch.model.people import Role
from batch.store.database import Records
from station.exit_codes import ExitCode
from station.home import Home
from tests.unit.cli import Cli, Result
from tests.unit.login_kit import log_in, staffed
from tests.unit.registry_kit import EMAIL, ORGANISATION, certificate, pem
from tests.unit.restore_kit import home_of

ADDRESS = ("--visiting", "Verzonnenlaan 12", "--visiting", "9999 XX Nergenshuizen")
WHO = ("--name", "Ministerie van Voorbeeldzaken", "--language", "nl", "--email", "aanvragen@example.org")
PERSON = ("--function", "manager", "--name", "Noëlle van der Testen", "--email", EMAIL)


class Desk:
    """`desk("list")` runs `station registry list` on one home."""

    def __init__(self, home: Home, cli: Cli) -> None:
        self.home, self._cli = home, cli

    def __call__(self, *arguments: str) -> Result:
        return self._cli("registry", *arguments, "--home", str(self.home.path), "--as", "ada")

    def facts(self, name: str) -> dict[str, object]:
        return dict(json.loads(self("show", name, "--json").out))

    def subscribed(self) -> str:
        """The number of a manager of a subscriber that is there."""
        assert self("add", ORGANISATION, *WHO, *ADDRESS).out == f"{ORGANISATION}\n"
        return self("person", "add", ORGANISATION, *PERSON, "--phone", "+31 70 1234567").out.strip()


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    home = home_of(tmp_path / "home")
    staffed(home, ada=(Role.ORDER_OFFICER,))
    log_in(home, "ada")
    return Desk(home, Cli(capsys))


def test_a_subscriber_and_its_manager_are_typed_in_and_brought_to_where_they_may_order(
    desk: Desk, tmp_path: Path
) -> None:
    number = desk.subscribed()
    terms, own = tmp_path / "terms.pdf", tmp_path / "manager.pem"
    terms.write_bytes(b"signed")
    own.write_bytes(pem(certificate()))
    assert desk("certificate", "set", number, str(own)).code == ExitCode.REFUSED_BY_RULE
    done = desk("person", "identify", number, "--document", "passport", "--on", "2026-11-02")
    assert done.err == f"person {number} is identified\n"
    assert desk("certificate", "set", number, str(own)).code == ExitCode.OK
    digest = hashlib.sha256(b"signed").hexdigest()
    assert desk("terms", number, str(terms), "--signed", "2026-11-03").out == f"{digest}\n"
    facts = desk.facts(number)
    assert facts["identified"] == {"by": "ada", "on": "2026-11-02", "document": "passport"}
    assert facts["terms"] == {"on": "2026-11-03", "sha256": digest}
    whole = desk.facts(ORGANISATION)
    assert whole["visiting"] == ["Verzonnenlaan 12", "9999 XX Nergenshuizen"]
    assert whole["people"] == [facts]
    shown = desk("show", number).out
    assert "identified: by ada, on 2026-11-02, document passport\n" in shown
    assert "certificate: sha256 " in shown
    assert "phone: +31 70 1234567\n" in shown


def test_what_is_given_is_changed_and_all_else_stays(desk: Desk) -> None:
    number = desk.subscribed()
    assert desk("change", ORGANISATION, "--quota", "12", "--visiting", "Elders 1").code == ExitCode.OK
    assert desk("person", "change", number, "--until", "2030-12-31").code == ExitCode.OK
    whole = desk.facts(ORGANISATION)
    assert (whole["quota"], whole["visiting"]) == (12, ["Elders 1"])
    assert whole["name"] == "Ministerie van Voorbeeldzaken"
    assert desk("change", ORGANISATION, "--quota", "").code == ExitCode.OK
    assert desk.facts(ORGANISATION)["quota"] is None
    facts = desk.facts(number)
    assert (facts["valid_until"], facts["email"]) == ("2030-12-31", EMAIL)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("add", "90001234", *WHO, *ADDRESS), ExitCode.FAULTS_IN_INPUT, "organisation: is no organization"),
        (("add", ORGANISATION, *WHO), ExitCode.FAULTS_IN_INPUT, "visiting_1: is empty"),
        (("add", ORGANISATION, *WHO, *ADDRESS * 3), ExitCode.USAGE, "at most 4 lines"),
        (("person", "add", ORGANISATION, *PERSON), ExitCode.NOT_FOUND, "no subscriber of that number"),
        (("person", "end", "P00000000"), ExitCode.NOT_FOUND, "no person of that number"),
        (("show", "NTRNL-00000000"), ExitCode.NOT_FOUND, "no subscriber of that number"),
    ],
)
def test_what_cannot_be_is_told_and_changes_nothing(
    desk: Desk, arguments: tuple[str, ...], code: ExitCode, told: str
) -> None:
    done = desk(*arguments)
    assert (done.code, done.out) == (code, "")
    assert told in done.err
    assert json.loads(desk("list", "--json").out) == []


def test_lists_and_search_are_data_for_scripts(desk: Desk) -> None:
    number = desk.subscribed()
    assert [row["organisation"] for row in json.loads(desk("list", "--json").out)] == [ORGANISATION]
    found = json.loads(desk("search", "NOËLLE", "example", "--json").out)
    assert [row["number"] for row in found] == [number]
    for narrowed, numbers in (((), [number]), (("--state", "named"), [number]), (("--state", "ended"), [])):
        listed = json.loads(desk("person", "list", *narrowed, "--subscriber", ORGANISATION, "--json").out)
        assert [row["number"] for row in listed] == numbers
    assert desk("person", "list", "--state", "ready").code == ExitCode.FAULTS_IN_INPUT
    assert desk("search", "nobody").err == "Nothing found.\n"


def test_an_export_is_private_written_once_and_taken_in_again(desk: Desk, tmp_path: Path) -> None:
    desk.subscribed()
    file = tmp_path / "registry.csv"
    assert desk("export", str(file)).code == ExitCode.OK
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert desk("export", str(file)).code == ExitCode.REFUSED_BY_RULE
    assert json.loads(desk("import", str(file), "--json").out)["unchanged"] == 2
    file.write_text(file.read_text("utf-8-sig").replace("NTRNL-90001234", "NTRNL-1"))
    done = desk("import", str(file))
    assert done.code == ExitCode.FAULTS_IN_INPUT
    assert "line 2, organisation: 'NTRNL-1' is no number of the trade register" in done.err


def test_an_end_is_for_good_and_a_closed_subscriber_has_no_people_at_work(desk: Desk) -> None:
    number = desk.subscribed()
    assert desk("close", ORGANISATION).code == ExitCode.OK
    assert desk.facts(number)["state"] == "ended"
    assert desk("person", "end", number).code == ExitCode.REFUSED_BY_RULE
    with closing(Records(desk.home.records)) as records:
        assert verify(records).findings == []


def test_a_file_is_checked_before_it_is_taken_in(desk: Desk, tmp_path: Path) -> None:
    desk.subscribed()
    exported = tmp_path / "registry.csv"
    assert desk("export", str(exported)).code == ExitCode.OK
    text = exported.read_text(encoding="utf-8-sig")
    changed = tmp_path / "changed.csv"
    changed.write_text(text.replace("Noëlle", "Noémie"), encoding="utf-8")
    found = desk("check", str(changed), "--json")
    assert found.code == ExitCode.OK
    counts = ("new_subscribers", "changed_subscribers", "new_persons", "changed_persons", "unchanged")
    told = json.loads(found.out)
    assert [told[name] for name in counts] == [0, 0, 0, 1, 1]
    assert "Noëlle" in desk("search", "noelle", "--json").out
    changed.write_text(text.replace(EMAIL, "nowhere"), encoding="utf-8")
    refused = desk("check", str(changed), "--json")
    assert refused.code == ExitCode.FAULTS_IN_INPUT
    told = json.loads(refused.out)
    assert [(one["row"], one["column"]) for one in told["faults"]] == [(2, "email")]
    place = told["table"]["columns"].index("email")
    assert told["table"]["rows"][1]["cells"][place] == "nowhere"
