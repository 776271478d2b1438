"""Renewals: one that pauses for payment, one that keeps what an old key can read, one that takes a new token.

Two sticks and two cards are made first, with firmware that moves keys; what is renewed is used by other
people's programs.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest

from drivers.secret import Secret
from simulators.faults.model import Fault
from simulators.piv import state
from station.exit_codes import ExitCode
from tests.bench.clients import run
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk
from tests.bench.holders import CardHolder, StickHolder, other_than
from tests.bench.pages import Page, read_page

pytestmark = pytest.mark.bench

LAYOUTS = Path(__file__).parents[2] / "layouts" / "tokens"
LIFE = '\n[life]\nrelease = "before-hand-over"\ngap_days = 0\nconfirm_role = {role}\n\n[[slots]]'
EARLY = ("--early", "to try it")
OFFICERS = ("--officer", "carl", "--officer", "dora")
RETIRED = {"authentication": "05", "confidentiality": "06"}
"""CKA_IDs OpenSC gives to the slots 82 and 83."""


@dataclass(frozen=True)
class Renewals:
    """A desk with finished tokens by number: where each is kept, and what its letter says."""

    desk: Desk
    sticks: tuple[str, str]
    cards: tuple[str, str]
    kept: dict[str, str]
    letters: dict[str, Page]

    def put_in(self, number: str) -> str:
        """Put a token into its seat; which."""
        seat = "usb-1" if number in self.sticks else "piv-1"
        self.desk.bench.eject(seat)
        self.desk.bench.insert(seat, self.kept[number])
        return seat

    @contextmanager
    def typing(self, pin: Secret) -> Iterator[None]:
        """The holder types this PIN at the next command."""
        self.desk.pins["pin"] = pin
        try:
            yield
        finally:
            del self.desk.pins["pin"]

    def pin(self, number: str) -> Secret:
        return self.letters[number].codes[0]

    def renew(self, *words: str, by: str = "dora", expect: int = ExitCode.OK) -> Any:
        """A command as an officer gives it: what `show` tells then, or what was said against it."""
        told = self.desk.run("renew", *words, "--json", operator=by, expect=expect)
        return self.desk.listed("renew", "show", words[1]) if expect == ExitCode.OK else told.err

    def carry_out(self, number: str, seat: str, *more: str, expect: int = ExitCode.OK) -> str:
        ended = self.desk.run(
            "renew", "carry-out", number, "--seat", seat, *more, operator="fien", pins=True, expect=expect
        )
        return ended.out + ended.err

    def approved(self, number: str) -> str:
        """The number of a renewal that everybody has agreed to."""
        self.desk.run("renew", "start", number, *EARLY, "--holds", "all", operator="dora")
        (renewal,) = [one for one in self.desk.listed("renew", "list") if one["number"] == number]
        if number in self.sticks:
            self.desk.run("renew", "role", renewal["renewal"], operator="bob")
        self.desk.run("renew", "approve", renewal["renewal"], operator="emil")
        return str(renewal["renewal"])

    def killed_at(self, renewal: str, seat: str, step: str, *more: str) -> None:
        """Carry it out, and kill -9 the station once a step has begun."""
        words = ("renew", "carry-out", renewal, "--seat", seat, *more)
        making = self.desk.start(*words, operator="fien", pins=True)
        begun = "SELECT 1 FROM renewal_steps WHERE printf('R-%06d', renewal_id) = ? AND name = ?"
        making.wait_until(lambda: bool(self.desk.rows(begun, renewal, step)), f"{step} was begun")
        making.signal(signal.SIGKILL)
        assert making.end().code == -signal.SIGKILL

    def certificates(self, number: str, table: str = "keys") -> dict[str, bytes]:
        """The certificates (DER) of a token on record, by key."""
        query = f"SELECT t.name, t.certificate FROM {table} t JOIN items i ON i.id = t.item_id "
        return dict(self.desk.rows(query + "WHERE i.mailer_number = ?", number))


@pytest.fixture(scope="module")
def renewals(desk_factory: DeskFactory) -> Renewals:
    desk = desk_factory(piv=1, pkcs11=1, firmware=(5, 7, 0))
    own = desk.home / "layouts" / "tokens"
    own.mkdir(parents=True)
    for name, role in (("group-card", "false"), ("group-usb", "true")):
        text = (LAYOUTS / f"{name}.toml").read_text()
        (own / f"{name}.toml").write_text(text.replace("\n[[slots]]", LIFE.format(role=role), 1))
    desk.configure(lambda text: text + '\n[layouts]\ndirectories = ["layouts"]\n')
    order = desk.produced(
        {"group": "Groep 1", "layout": "group-usb:p-256", "count": "2"},
        {"group": "Groep 2", "layout": "group-card:rsa-2048", "count": "2"},
    )
    tokens = [token["number"] for token in desk.tokens(order)]
    pages = [read_page(path) for path in desk.bench.layout.printed.iterdir()]
    letters = {number: page for number in tokens for page in pages if number in page.text.split()}
    kept = {number: desk.card(number) for number in tokens}
    return Renewals(desk, (tokens[0], tokens[1]), (tokens[2], tokens[3]), kept, letters)


def test_a_renewal_pauses_for_payment_and_ends_with_the_new_expiry_read_from_the_token(
    renewals: Renewals, tmp_path: Path
) -> None:
    desk, number = renewals.desk, renewals.sticks[0]
    file = tmp_path / "vouchers.csv"
    file.write_text("code,uses\nAAAA-BBBB-CCCC-DDDD,1\n")
    desk.run("renew", "vouchers", "import", str(file), operator="dora")

    listed = desk.listed("token", "list", "--expiring", "1200d")
    assert {one["number"] for one in listed} == set(renewals.kept)
    ready = tmp_path / "ready"
    desk.run("renew", "reminders", "--on", "2029-10-15", "--output", str(ready), operator="dora")
    (message,) = (message_from_bytes(one.read_bytes(), policy=SMTP) for one in ready.iterdir())
    assert message["To"].addresses[0].addr_spec == "n.vandertesten@voorbeeldzaken.example.org"
    assert all(one in message.get_content() for one in renewals.kept)

    refused = desk.run("renew", "start", number, operator="dora", expect=ExitCode.REFUSED_BY_RULE)
    assert "and renewed from" in refused.err
    started = desk.run("renew", "start", number, *EARLY, "--old", "revoke", operator="dora")
    assert "to confirm: group = Groep 1" in started.out
    renewal = "R-000001"
    told = renewals.renew("confirm", renewal, "--holds", "all", "--set", "address_2=Nieuwlaan 1")
    assert told["changed"] == {"address_2": "Nieuwlaan 1"}
    assert told["to confirm"] == {}

    early = renewals.renew("approve", renewal, by="emil", expect=ExitCode.REFUSED_BY_RULE)
    assert "nobody has confirmed that the role still holds" in early
    renewals.renew("role", renewal, by="bob")
    renewals.renew("pause", renewal, "--for", "payment", "--until", "2030-01-31")
    due = [one for one in desk.listed("due", "--on", "2030-02-01") if one["about"] == renewal]
    assert [(one["role"], one["overdue"]) for one in due] == [("order-officer", True)]
    waiting = renewals.renew("approve", renewal, by="emil", expect=ExitCode.REFUSED_BY_RULE)
    assert "paused" in waiting
    unpaid = renewals.renew("resume", renewal, expect=ExitCode.REFUSED_BY_RULE)
    assert "it waits for payment" in unpaid
    renewals.renew("resume", renewal, "--voucher", "aaaa bbbb cccc dddd")
    renewals.renew("approve", renewal, by="emil")

    before, seat = renewals.certificates(number), renewals.put_in(number)
    with renewals.typing(renewals.pin(number)):
        for step in ("generate:confidentiality", "take-place:authentication"):
            renewals.killed_at(renewal, seat, step)
            holder = StickHolder.at(desk.bench, desk.work, seat)
            assert holder.signs("01", renewals.pin(number)), "the old key works on, whatever is cut off"
        said = renewals.carry_out(renewal, seat)
    assert f"renewal {renewal} is done" in said
    after, former = renewals.certificates(number), renewals.certificates(number, "former_keys")
    assert former == before
    expires = {line.rpartition(" ")[2] for line in said.splitlines() if "valid until" in line}
    assert expires == {one["expires"] for one in desk.listed("token", "show", number)["keys"]}
    assert all(date.fromisoformat(one) > date.today() for one in expires)

    seat = renewals.put_in(number)
    holder = StickHolder.at(desk.bench, desk.work, seat)
    for slot in ("0102", "0202", "01", "02"):
        assert holder.signs(slot, renewals.pin(number))
    assert desk.run("token", "verify", seat, number).code == ExitCode.OK
    chain, crl = tmp_path / "chain.pem", tmp_path / "crl.pem"
    chain.write_text(desk.run("ca", "chain", pins=True).out)
    crl.write_text(desk.run("ca", "crl", pins=True).out)
    judged = ("openssl", "verify", "-x509_strict", "-crl_check", "-CAfile", str(chain), "-CRLfile", str(crl))
    for slot, good in (("0102", True), ("0202", True), ("01", False), ("02", False)):
        verdict = run(*judged, str(holder.certificate(slot)), ok=False)
        assert (verdict.returncode == 0) is good
        assert good or "certificate revoked" in verdict.stderr
    assert before.keys() == after.keys()
    assert desk.run("audit", "verify", pins=True).code == ExitCode.OK


def test_new_keys_are_taken_off_again_while_none_has_a_place_and_the_token_is_as_it_was(
    renewals: Renewals,
) -> None:
    desk, number = renewals.desk, renewals.sticks[1]
    renewal, pin, seat = renewals.approved(number), renewals.pin(number), renewals.put_in(number)
    undo = ("renew", "undo", renewal, "--seat", seat, "--reason", "the holder left")
    with renewals.typing(pin):
        early = desk.run(*undo, operator="fien", pins=True, expect=ExitCode.REFUSED_BY_RULE)
        assert "nothing was made on the token" in early.err
        desk.bench.arm(Fault("ca", "lost-answer"))
        away = renewals.carry_out(renewal, seat, expect=ExitCode.DEVICE)
        assert "the CA did not answer in time" in away
        desk.bench.disarm()
        renewals.killed_at(renewal, seat, "prove:confidentiality")
        desk.run(*undo, operator="fien", pins=True)
    assert desk.listed("renew", "show", renewal)["state"] == "cancelled"
    holder = StickHolder.at(desk.bench, desk.work, seat)
    assert holder.signs("01", pin)
    assert "0102" not in holder.pkcs11("--list-objects", "--login", "--pin", "env:PIN", PIN=pin).stdout
    assert desk.run("token", "verify", renewals.put_in(number), number).code == ExitCode.OK
    asked = [one for one in desk.listed("ca", "revocations") if one["request"].startswith(number)]
    assert asked
    assert all(one["request"].endswith("/2") and one["outcome"].startswith("revoked") for one in asked)


def test_a_card_keeps_its_old_confidentiality_key_and_what_was_encrypted_to_it_is_read(
    renewals: Renewals,
) -> None:
    desk, number = renewals.desk, renewals.cards[0]
    renewal, pin = renewals.approved(number), renewals.pin(number)
    seat = renewals.put_in(number)
    with renewals.typing(pin):
        alone = renewals.carry_out(renewal, seat, expect=ExitCode.REFUSED_BY_RULE)
        assert "takes two PIN officers" in alone
    with renewals.typing(other_than(pin)):
        wrong = renewals.carry_out(renewal, seat, *OFFICERS, expect=ExitCode.DEVICE)
        assert "tries left: 2" in wrong
    with renewals.typing(pin):
        # The second old key is away by then, and nothing in its place.
        desk.bench.arm(Fault("piv-1", "power-loss", 3, of="F6", when="after"))
        renewals.carry_out(renewal, seat, *OFFICERS, expect=ExitCode.DEVICE)
        desk.bench.disarm()
        said = renewals.carry_out(renewal, renewals.put_in(number), *OFFICERS)
    assert "confidentiality: valid until" in said
    told = desk.listed("token", "verify", renewals.put_in(number), number)
    assert all(one["ok"] for one in told)
    assert {f"former certificate {name}" for name in RETIRED} <= {one["check"] for one in told}
    seat = renewals.put_in(number)
    holder = CardHolder.at(desk.bench, desk.work, seat)
    assert holder.signs("01", pin, rsa=True)
    assert holder.decrypts("03", pin)
    assert holder.decrypts(RETIRED["confidentiality"], pin), "what was encrypted before is readable"
    old, new = renewals.certificates(number, "former_keys"), renewals.certificates(number)
    der = desk.work / "certificate.der"
    for name, retired in RETIRED.items():
        for key, found in ((retired, old[name]), ({"authentication": "01"}.get(name, "03"), new[name])):
            holder.certificate(key)
            assert der.read_bytes() == found


def test_a_card_that_cannot_keep_its_keys_is_renewed_by_a_new_token(renewals: Renewals) -> None:
    desk, number = renewals.desk, renewals.cards[1]
    path = desk.bench.layout.cards / f"{renewals.kept[number]}.json"
    desk.bench.eject("piv-1")
    state.write(path, state.encode(replace(state.decode(path.read_bytes()), firmware=(5, 4, 3))))
    renewal = renewals.approved(number)
    seat = renewals.put_in(number)
    with renewals.typing(renewals.pin(number)):
        refused = renewals.carry_out(renewal, seat, *OFFICERS, expect=ExitCode.DEVICE)
    assert "firmware 5.4.3 cannot move a key" in refused
    assert f"station renew order {renewal}" in refused

    order = desk.run("renew", "order", renewal, operator="dora").out.strip()
    desk.assess(order)
    desk.run("order", "approve", order, operator="bob", pins=True)
    desk.run("produce", order, pins=True)
    (new,) = desk.tokens(order)
    early = desk.run("renew", "finish", renewal, operator="dora", expect=ExitCode.REFUSED_BY_RULE)
    assert "the old one stays until the new is active" in early.err
    assert desk.listed("renew", "show", renewal)["new"] == new["number"]
    (words,) = desk.rows(
        "SELECT json_remove(fields, '$.number', '$.order', '$.count') FROM items WHERE mailer_number = ?",
        number,
    )
    assert words in desk.rows(
        "SELECT json_remove(fields, '$.number', '$.order', '$.count') FROM items WHERE mailer_number = ?",
        new["number"],
    )
