"""`station layouts check`: certificates of every profile held against the standard it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from drivers.authorities import linting
from layouts import digests
from layouts.library import SHIPPED, Library
from station.config import example
from station.exit_codes import ExitCode
from tests.unit.cli import Cli

PROFILE = (SHIPPED / "profiles" / "group-authentication.toml").read_text()
LEGAL_PERSON = "NCP-LEGAL-PERSON-CERTIFICATE"
URLS = """\
crl_urls = ["http://pki.example.org/a.crl"]
issuer_urls = ["http://pki.example.org/a.crt"]
ocsp_urls = ["http://pki.example.org/ocsp"]
"""


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("STATION_HOME", str(tmp_path / "home"))
    return Cli(capsys)


def site(home: Path, profile: str = PROFILE, *, urls: str = URLS) -> None:
    """A home with a profile of its own, and a CA whose certificates name those URLs."""
    (home / "layouts" / "profiles").mkdir(parents=True)
    home.chmod(0o700)
    (home / "layouts" / "profiles" / "own.toml").write_text(profile)
    text = example().replace("[authority.options]\n", f"[authority.options]\n{urls}")
    (home / "station.toml").write_text(text)


def codes(told: list[dict[str, Any]]) -> set[str]:
    return {finding["code"] for held in told for finding in held["findings"]}


def test_nothing_is_found_in_the_shipped_profiles_but_what_is_meant_to_be(cli: Cli) -> None:
    done = cli("layouts", "check", "--json")
    assert done.code == ExitCode.OK, done.out
    told = json.loads(done.out)
    assert {one["profile"] for one in told} == {
        row.name for row in Library().describe() if row.kind == "profile"
    }
    assert codes(told) == set()
    # The type is always named: where it is left to be detected, pkilint passes what is bad.
    assert {one["standard"] for one in told} == {LEGAL_PERSON, "NCP-NATURAL-PERSON-CERTIFICATE"}
    assert all(one["algorithms"] for one in told)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('  { attribute = "O", value = "{subscriber}" },\n', "", "organization_name"),
        ('ec = ["digitalSignature"]', 'ec = ["keyAgreement", "nonRepudiation"]', "key_usage"),
        ('  { attribute = "C", value = "{country}" },\n', "", "country"),
    ],
)
def test_a_profile_of_the_site_against_its_standard_is_told_by_the_requirement(
    old: str, new: str, code: str, cli: Cli, tmp_path: Path
) -> None:
    assert old in PROFILE
    site(tmp_path / "home", PROFILE.replace(old, new))
    done = cli("layouts", "check", "own")
    assert done.code == ExitCode.CHECK_FAILED
    assert f"own (p-256), {LEGAL_PERSON}: against its standard" in done.out
    assert code in done.out
    assert "1 profile as the CA of this home issues them: 1 against the standard" in done.err


def test_what_is_accepted_in_the_profile_breaches_nothing_and_is_told(cli: Cli, tmp_path: Path) -> None:
    site(tmp_path / "home", PROFILE.replace('  { attribute = "O", value = "{subscriber}" },\n', ""))
    found = codes(json.loads(cli("layouts", "check", "own", "--json").out))
    text = PROFILE.replace('  { attribute = "O", value = "{subscriber}" },\n', "")
    accepting = f"{text}accepted = {json.dumps(sorted(found))}\n"
    (tmp_path / "home" / "layouts" / "profiles" / "own.toml").write_text(accepting)
    done = cli("layouts", "check", "own")
    assert done.code == ExitCode.OK
    assert all(f"accepted  {code}" in done.out for code in found)


def test_a_ca_of_the_home_whose_certificates_tell_no_issuer_is_told(cli: Cli, tmp_path: Path) -> None:
    site(tmp_path / "home", urls="")
    done = cli("layouts", "check", "own")
    assert done.code == ExitCode.CHECK_FAILED
    assert "authority_info_access_extension_absent" in done.out


def test_a_profile_that_names_no_standard_is_held_to_rfc_5280(cli: Cli, tmp_path: Path) -> None:
    site(tmp_path / "home", PROFILE.partition("[standard]")[0], urls="")
    done = cli("layouts", "check", "own")
    assert done.code == ExitCode.OK
    assert "own (p-256), PKIX: ok" in done.out


def test_an_unknown_type_and_an_unknown_name_are_told_with_what_there_is(cli: Cli, tmp_path: Path) -> None:
    site(tmp_path / "home", PROFILE.replace(LEGAL_PERSON, "NCP"))
    done = cli("layouts", "check", "own")
    assert "the linter knows no type 'NCP'" in done.err
    assert LEGAL_PERSON in done.err
    assert cli("layouts", "check", "nonsense").code == ExitCode.NOT_FOUND


def test_where_the_linter_is_not_installed_that_is_told(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linting, "find_spec", lambda name: None)
    done = cli("layouts", "check")
    assert done.code == ExitCode.CONFIGURATION
    assert done.out == ""
    assert "the linter pkilint is not installed\n  next: install it: pip install" in done.err


def test_an_order_stays_approved_where_a_profile_names_another_standard(tmp_path: Path) -> None:
    """What a certificate is held against makes no other certificate."""

    def digest(standard: str) -> str:
        folder = tmp_path / standard / "profiles"
        folder.mkdir(parents=True)
        (folder / "group-authentication.toml").write_text(PROFILE.replace(LEGAL_PERSON, standard))
        return digests.token_digest(Library(tmp_path / standard).token("group-card"))

    assert digest("PKIX") == digest(LEGAL_PERSON) == digests.token_digest(Library().token("group-card"))
