"""Tokens of a group order on their way: packed in two parcels, each read in a reader, sent, acknowledged.

One order is played once; every test looks at what came of it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from station.exit_codes import ExitCode
from tests.bench.clients import SELECT_PIV, reader_of, run
from tests.bench.conftest import DeskFactory
from tests.bench.desk import ROW, Desk, Ended
from tests.unit.signing_kit import Signer, signer

pytestmark = pytest.mark.bench

EMAIL = ROW["manager_email"]
WRONG_PIN = "0020008008" + b"99999999".hex()


@dataclass
class Played:
    """What was done with an order of three tokens: two to one address, one to another."""

    desk: Desk
    order: str
    tokens: list[str]
    first: str = ""
    second: str = ""
    ended: dict[str, Ended] = field(default_factory=dict)
    shown: dict[str, dict[str, Any]] = field(default_factory=dict)
    papers: Path = Path()

    def emil(self, name: str, *arguments: str, expect: int = ExitCode.OK) -> Ended:
        """A command of the dispatcher, kept under a name."""
        self.ended[name] = self.desk.run(*arguments, operator="emil", expect=expect)
        return self.ended[name]

    def read(self, name: str, parcel: str, card: str | None, *, expect: int = ExitCode.OK) -> Ended:
        """Read a card for a parcel, None for a blank one."""
        with in_seat(self.desk, card):
            return self.emil(name, "dispatch", "check", parcel, "--seat", "piv-1", "--json", expect=expect)

    def show(self, parcel: str) -> dict[str, Any]:
        """A parcel as scripts are told of it."""
        found: dict[str, Any] = self.desk.listed("dispatch", "show", parcel)
        return found

    def quoted(self, parcel: str) -> dict[str, str]:
        """The numbers that acknowledge its tokens."""
        return {one["number"]: one["quoted"] for one in self.show(parcel)["tokens"]}


@contextmanager
def in_seat(desk: Desk, card: str | None) -> Iterator[None]:
    desk.bench.insert("piv-1", card) if card else desk.bench.insert("piv-1")
    yield
    desk.bench.eject("piv-1")


def signed_mail(by: Signer, folder: Path, body: str) -> Path:
    (folder / "body").write_text(f"Content-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n")
    command = ["openssl", "cms", "-sign", "-in", str(folder / "body"), "-crlfeol"]
    command += [
        "-signer",
        str(by.certificate),
        "-inkey",
        str(by.key),
        "-from",
        EMAIL,
        "-subject",
        "Ontvangst",
    ]
    (folder / "mail.eml").write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    return folder / "mail.eml"


@pytest.fixture(scope="module")
def played(desk_factory: DeskFactory, tmp_path_factory: pytest.TempPathFactory) -> Played:
    desk, folder = desk_factory(piv=2, pkcs11=0), tmp_path_factory.mktemp("mail")
    order = desk.approved({"group": "Zeehavens", "count": "2"}, {"group": "Wegen", "address_2": "Elders 3"})
    desk.run("produce", order, pins=True)
    for seat in ("piv-1", "piv-2"):
        desk.bench.eject(seat)
    one, two, three = (each["number"] for each in desk.tokens(order))
    cards = {number: desk.card(number) for number in (one, two, three)}
    play = Played(desk, order, [one, two, three])
    play.first = play.emil("new", "dispatch", "new", order).out.strip()
    play.emil("add", "dispatch", "add", play.first, one, two)
    play.emil("other address", "dispatch", "add", play.first, three, expect=ExitCode.REFUSED_BY_RULE)
    play.second = play.emil("new second", "dispatch", "new", order).out.strip()
    play.emil("add second", "dispatch", "add", play.second, "--ready")
    play.emil("close unread", "dispatch", "close", play.first, expect=ExitCode.REFUSED_BY_RULE)
    play.read("wrong parcel", play.first, cards[three], expect=ExitCode.CHECK_FAILED)
    play.read("blank", play.first, None, expect=ExitCode.CHECK_FAILED)
    play.read("one", play.first, cards[one])
    with in_seat(desk, cards[two]):
        reader = reader_of(desk.bench, "piv-1")
        commands = ("--send-apdu", SELECT_PIV, "--send-apdu", WRONG_PIN)
        run("opensc-tool", "--reader", reader, *commands, environment=desk.bench.environment)
    play.read("used", play.first, cards[two], expect=ExitCode.CHECK_FAILED)
    play.emil("close with used", "dispatch", "close", play.first, expect=ExitCode.REFUSED_BY_RULE)
    play.emil("take out", "dispatch", "remove", play.first, two)
    until = ("--until", "2099-01-01")
    play.emil("lend", "loan", "lend", "reader", "R-77", "--to", play.first, *until)
    play.papers = folder / "papers.pdf"
    play.emil("close", "dispatch", "close", play.first, "--papers", str(play.papers))
    play.emil("send", "dispatch", "send", play.first, "--courier", "PostNL", "--reference", "3SABC1")
    play.read("three", play.second, cards[three])
    play.emil("close second", "dispatch", "close", play.second)
    play.shown = {"first": play.show(play.first), "second": play.show(play.second)}

    people = desk.listed("registry", "person", "list")
    (number,) = [person["number"] for person in people if person["email"] == EMAIL]
    manager = signer(folder, "manager")
    desk.run("registry", "certificate", "set", number, str(manager.certificate))
    (early,) = play.quoted(play.second).values()
    typed = ("--name", "Wegen", "--sender", EMAIL)
    play.emil("before sending", "acknowledge", early, *typed, expect=ExitCode.PARTIAL)
    play.emil("send second", "dispatch", "send", play.second, "--courier", "PostNL", "--reference", "3SABC2")
    forged = signed_mail(signer(folder, "forger"), folder, f"Zeehavens {play.quoted(play.first)[one]}")
    play.emil("forged", "acknowledge", "--eml", str(forged), expect=ExitCode.PARTIAL)
    mail = signed_mail(manager, folder, f"Certificaat Zeehavens, nummer {play.quoted(play.first)[one]}")
    play.emil("signed", "acknowledge", "--eml", str(mail), "--json")
    stranger = ("--name", "Wegen", "--sender", "iemand@example.org")
    waiting = play.emil("stranger", "acknowledge", early, *stranger, "--json", expect=ExitCode.PARTIAL)
    (row,) = json.loads(waiting.out)
    decide = ("acknowledge", "decide", str(row["id"]), "--accept", "--reason", "called back")
    play.emil("decide alone", *decide, expect=ExitCode.REFUSED_BY_RULE)
    desk.run(*decide, operator="ada")
    return play


def test_a_token_for_another_address_goes_in_another_parcel(played: Played) -> None:
    assert "another manager or address" in played.ended["other address"].err
    assert [one["number"] for one in played.shown["second"]["tokens"]] == played.tokens[2:]
    assert played.shown["second"]["address"][1] == "Elders 3"


@pytest.mark.parametrize(
    ("reading", "check"),
    [("wrong parcel", "packed"), ("blank", "token"), ("used", "pin tries unspent")],
)
def test_what_is_wrong_with_a_token_is_found_in_the_reader(played: Played, reading: str, check: str) -> None:
    rows = json.loads(played.ended[reading].out)
    assert [row["check"] for row in rows if not row["ok"]] == [check]


def test_what_is_right_is_read_without_a_try(played: Played) -> None:
    for reading in ("one", "three"):
        assert all(row["ok"] for row in json.loads(played.ended[reading].out))
    checks = {row["check"] for row in json.loads(played.ended["one"].out)}
    assert {"packed", "certificate authentication", "pin tries unspent", "factory pin"} <= checks


def test_no_parcel_closes_with_a_token_that_is_unread_or_used(played: Played) -> None:
    assert "2 of its 2 tokens were not read" in played.ended["close unread"].err
    assert "1 of its 2 tokens were not read" in played.ended["close with used"].err
    assert [one["number"] for one in played.shown["first"]["tokens"]] == played.tokens[:1]


def test_papers_say_what_is_in_the_parcel_and_hold_no_code(played: Played) -> None:
    text = subprocess.run(["pdftotext", "-layout", str(played.papers), "-"], capture_output=True, check=True)
    said = text.stdout.decode()
    (token,) = played.shown["first"]["tokens"]
    for words in (token["quoted"], token["certificate"], token["serial"], "R-77", "Verzonnenlaan 12"):
        assert words in said
    assert played.papers.stat().st_mode & 0o077 == 0


def test_a_signed_mail_of_the_manager_acknowledges_and_a_forged_one_does_not(played: Played) -> None:
    assert "the signature does not hold" in played.ended["forged"].err
    (row,) = json.loads(played.ended["signed"].out)
    assert (row["number"], row["channel"], row["state"]) == (played.tokens[0], "signed", "accepted")


def test_what_is_in_doubt_waits_for_another_person(played: Played) -> None:
    assert "was not dispatched" in played.ended["before sending"].err
    assert "not the certificate's registered manager" in played.ended["stranger"].err
    assert "who took an acknowledgement in does not decide on it" in played.ended["decide alone"].err


def test_tokens_are_where_the_log_and_the_records_say(played: Played) -> None:
    lives = dict(
        played.desk.rows("SELECT mailer_number, l.state FROM lives l JOIN items ON items.id = item_id")
    )
    one, two, three = played.tokens
    assert lives == {one: "acknowledged", two: "at-desk", three: "acknowledged"}
    played.desk.run("audit", "verify", pins=True)


def test_what_is_lent_and_what_waits_is_listed(played: Played) -> None:
    (loan,) = played.desk.listed("loan", "list")
    assert (loan["serial"], loan["parcel"], loan["state"]) == ("R-77", played.first, "lent")
    states = {one["parcel"]: one["state"] for one in played.desk.listed("dispatch", "list")}
    assert states == {played.first: "sent", played.second: "sent"}
