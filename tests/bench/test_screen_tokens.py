"""At the screen, finished cards are verified, handed over, unblocked, renewed and revoked, and orders closed.

Two PIN officers have cards of their own: whose session a token guards is not locked by the other's.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate

from drivers.secret import Secret
from station.tui.dialogs.act import ActDialog
from station.tui.dialogs.telling import Tell
from tests.bench.clients import run
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk
from tests.bench.holders import CardHolder
from tests.bench.pages import Page, read_page
from tests.bench.test_bench_screen import Operator, at
from tests.bench.test_in_the_field import PERSON, own_layouts
from tests.bench.test_screen_letters import choose
from tests.tui.playing import pick

pytestmark = pytest.mark.bench

SEAT, AUTHENTICATION = "piv-1", "01"
NEW, NEWER = Secret.text("730194"), Secret.text("918273")


@dataclass(frozen=True)
class Made:
    """A desk with finished cards: their numbers, where each is, and what its letter says."""

    desk: Desk
    numbers: tuple[str, ...]
    cards: dict[str, str]
    letters: dict[str, Page]

    def shown(self, number: str) -> dict[str, Any]:
        """What `token show` tells."""
        found: dict[str, Any] = self.desk.listed("token", "show", number)
        return found

    def holder(self, number: str) -> CardHolder:
        """Its holder, with the card in the seat."""
        self.desk.bench.eject(SEAT)
        self.desk.bench.insert(SEAT, self.cards[number])
        return CardHolder.at(self.desk.bench, self.desk.work, SEAT)


@pytest.fixture(scope="module")
def made(desk_factory: DeskFactory) -> Made:
    desk = desk_factory(piv=1, pkcs11=0, operators=("carl", "dora"), firmware=(5, 7, 0))
    own_layouts(desk.home / "layouts")
    desk.configure(lambda text: f'{text}\n[layouts]\ndirectories = ["layouts"]\n')
    people = [
        {**PERSON, "given_name": name, "person_number": f"P-{name}"} for name in ("Anna", "Bert", "Cas")
    ]
    order = desk.produced(*people)
    desk.run("letter", "confirm", "--order", order, operator="carl")
    desk.run("letter", "send", "--order", order, "--by", "post", operator="carl")
    numbers = tuple(token["number"] for token in desk.tokens(order))
    pages = [read_page(path) for path in Path(desk.bench.layout.printed).iterdir()]
    letters = {number: page for number in numbers for page in pages if number in page.text.split()}
    return Made(desk, numbers, {number: desk.card(number) for number in numbers}, letters)


async def opened(player: Operator, number: str) -> None:
    """Go to a token by its number."""
    await player.press("f6")
    await player.settled()
    await player.type(number)
    await player.press("enter")
    await player.until(lambda: player.app.screen.details.number == number, number)  # type: ignore[attr-defined]
    await player.settled()


async def typed(player: Operator, text: str) -> None:
    """Type the name of what cannot be undone."""
    await player.sees("Type")
    await player.type(text)
    await player.press("enter", "enter")


async def acted(player: Operator, **codes: Secret) -> None:
    """Answer all that an act asks, new codes twice, until its dialog is closed."""
    pins = {**player.desk.pins, **{name.replace("_", "-"): code for name, code in codes.items()}}
    await player.until(lambda: isinstance(player.app.screen, ActDialog), "the act")
    while True:
        await player.until(lambda: player._asked() or player._ended() or not player._acting(), "a question")
        asked = player._asked()
        if asked is None:
            assert not player._ended(), player.text
            break
        for _ in range(1 + asked.again):
            await player.secret(pins[asked.name].reveal().decode())
        await player.until(lambda asked=asked: player._asked() is not asked, "the next")  # type: ignore[misc]
    await player.settled()


async def test_a_card_is_verified_and_unblocked_by_its_puk_and_by_two_officers_with_cards(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = made.numbers[0]
    holder, letter = made.holder(number), made.letters[number]
    paper = made.desk.work / "signed.pdf"
    paper.write_bytes(b"what Anna signed")
    async with at(made.desk, monkeypatch) as player:
        await player.enter("emil")
        await opened(player, number)
        await player.press("h")
        await player.sees("The holder's name as it was ordered")
        await player.type("Anna Voorbeeld")
        await player.press("enter")
        await player.sees("Did the receiver agree", "the terms", "the device", "their own hands")
        await player.press("right", "enter")
        await player.sees("What was signed")
        await player.type(str(paper))
        await player.press("enter")
        await player.until(lambda: made.shown(number)["life"] == "handed-over", "the hand-over")
        await player.settled()
        await player.press("ctrl+l")
        await player.until(lambda: player.app.operator is None, "the lock")
        await player.enter("carl")
        await player.until(lambda: player.app.guard.watching, "the guard")
        await opened(player, made.numbers[1])
        await player.press("u")
        await player.is_told("it never left the desk")
        await opened(player, number)
        await player.press("v")
        await choose(player, SEAT)
        await player.until(lambda: isinstance(player.app.screen, Tell), "what was found")
        await player.sees("It is as on record.")
        await player.press("enter")
        await player.settled()

        await player.press("u")
        await choose(player, SEAT)
        await choose(player, "The holder has the PUK")
        await acted(player, puk=letter.puk, new_pin=NEW)
        assert holder.signs(AUTHENTICATION, NEW)
        assert player.app.guard.watching

        # A card wants its PUK all the same. The other officer's takes the place of carl's in their seat.
        await player.press("u")
        await choose(player, SEAT)
        await choose(player, "Two PIN officers")
        await choose(player, "dora")
        await acted(player, puk=letter.puk, new_pin=NEWER)
        assert holder.signs(AUTHENTICATION, NEWER)
        await player.until(lambda: player.app.guard.watching, "carl's card is watched again")
        assert player.app.operator == "carl"

        await player.press("ctrl+l")
        await player.until(lambda: len(sessions_ended(made.desk)) == 2, "emil's and carl's sessions ended")
    assert not any("left the operators' seat" in one for one in sessions_ended(made.desk))


def sessions_ended(desk: Desk) -> list[str]:
    """What the log tells of sessions that ended."""
    found = desk.rows("SELECT body FROM audit WHERE body ->> '$.event' = 'session.ended'")
    return [body for (body,) in found]


async def test_a_card_is_revoked_by_its_code_and_another_by_two_officers(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    _kept, lost, misused = made.numbers
    async with at(made.desk, monkeypatch) as player:
        await player.enter("emil")
        await opened(player, lost)
        await player.press("r")
        await choose(player, "By the revocation code")
        await choose(player, "lost or stolen")
        await typed(player, lost)
        await acted(player, revocation_code=made.letters[lost].revocation)
        await player.sees("revoked")

        await opened(player, misused)
        await player.press("r")
        await choose(player, "two revocation officers")
        await choose(player, "may not have it any more")
        await choose(player, "Another ground")
        await player.sees("On what ground")
        await player.type("the ministry asked")
        await player.press("enter")
        await choose(player, "The other officer is here")
        await choose(player, "fien")
        await typed(player, misused)
        await acted(player)
    told = {row["number"]: row["reason"] for row in made.desk.listed("ca", "revocations")}
    assert told == {lost: "keyCompromise", misused: "privilegeWithdrawn"}
    assert all(row["outcome"] for row in made.desk.listed("ca", "revocations"))


async def switched(player: Operator, name: str) -> None:
    """Somebody logs in, in the place of who was there."""
    if player.app.operator is not None:
        await player.press("ctrl+l")
        await player.until(lambda: player.app.operator is None, "the lock")
    await player.enter(name)


async def renewing(player: Operator, number: str, what: str) -> None:
    """Choose what is done with the renewal of a token."""
    await opened(player, number)
    await player.press("n")
    await choose(player, what)


async def at_order(player: Operator, order: str) -> None:
    """Go to an order by its number."""
    await player.press("f3")
    await player.settled()
    await player.type(order)
    await player.press("enter")
    await player.sees(f"beginning with {order}")
    await player.settled()


def leaves(made: Made, number: str) -> dict[str, bytes]:
    """The certificates (DER) of a token on record, by key."""
    query = "SELECT name, certificate FROM keys JOIN items ON items.id = item_id WHERE mailer_number = ?"
    return dict(made.desk.rows(query, number))


async def test_a_card_is_renewed_by_keys_and_its_order_closed_with_a_report_that_verifies(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = made.desk
    desk.bench.eject(SEAT)
    order = desk.produced({**PERSON, "given_name": "Dirk", "person_number": "P-Dirk"})
    (number,) = (token["number"] for token in desk.tokens(order))
    desk.run("letter", "confirm", "--order", order, operator="carl")
    desk.run("letter", "send", "--order", order, "--by", "post", operator="carl")
    pin = read_page(desk.bench.layout.printed / f"{number}.pdf").pin
    made.cards[number] = desk.card(number)
    old = leaves(made, number)
    report = desk.work / "report.json"
    async with at(desk, monkeypatch) as player:
        await switched(player, "dora")
        await at_order(player, order)
        await player.press("c")
        await player.sees("This keeps it open:", "still at the desk")
        await player.press("escape")
        hand_over(desk, number)

        await begun(player, number)
        await renewing(player, number, "Approve it")
        await player.is_told("dora is no approver")
        await switched(player, "bob")
        await renewing(player, number, "Approve it")
        await player.sees("Asked for by dora", "certificates are revoked", "given_name: Dirk")
        await player.press("right", "enter")
        await acted(player)
        await renewing(player, number, "Make the new keys")
        await player.is_told("bob is no personaliser")

        await switched(player, "fien")
        made.holder(number)
        await renewing(player, number, "Make the new keys")
        await choose(player, SEAT)
        for answer in ("two PIN officers are here", "carl", "dora"):
            await choose(player, answer)
        await acted(player, pin=pin)
        await player.sees("✓ authentication · valid until")
        await player.press("enter")
        await player.settled()
        renewed_as_the_card_tells(made, number, old, pin)

        await switched(player, "bob")
        await at_order(player, order)
        await player.press("c")
        await player.sees("1 ordered = 1 produced")
        await typed(player, order)
        await player.sees("Write its signed report?")
        await player.press("right", "enter")
        await pick(player, report)
        await acted(player)
        await player.sees("✓ closed")
    assert desk.listed("order", "show", order)["state"] == "closed"
    held = desk.run("order", "report", "--verify", str(report)).out
    assert f"order {order}, closed" in held
    assert openssl_verifies(desk, report)
    assert number in run("pdftotext", str(report.with_suffix(".pdf")), "-").stdout


def hand_over(desk: Desk, number: str) -> None:
    """Its holder has the card, and signed for it."""
    paper = desk.work / "dirk.pdf"
    paper.write_bytes(b"what Dirk signed")
    consents = [f"--consent={one}" for one in ("terms", "device", "recipient")]
    whole = (number, "--to", "Dirk Voorbeeld", *consents, "--signed", str(paper))
    desk.run("token", "hand-over", *whole, operator="emil")


async def begun(player: Operator, number: str) -> None:
    """An order officer begins the renewal, and says that all its data holds."""
    await renewing(player, number, "As its layout prefers")
    await choose(player, "are revoked once")
    await player.sees("Why earlier?")
    await player.type("to try it")
    await player.press("enter")
    await acted(player)
    await renewing(player, number, "Say what of its data")
    await player.sees("All of it holds", "given_name: Dirk")
    await choose(player, "All of it holds")
    await acted(player)


def renewed_as_the_card_tells(made: Made, number: str, old: dict[str, bytes], pin: Secret) -> None:
    """OpenSC reads the new certificate and signs with its key; openssl takes it, and not the old one."""
    desk, holder, new = made.desk, made.holder(number), leaves(made, number)
    assert not set(old.values()) & set(new.values())
    assert holder.signs(AUTHENTICATION, pin)
    assert (desk.work / "certificate.der").read_bytes() == new["authentication"]
    chain, crl, before = (desk.work / name for name in ("chain.pem", "crl.pem", "old.pem"))
    chain.write_text(desk.run("ca", "chain", pins=True).out)
    crl.write_text(desk.run("ca", "crl", pins=True).out)
    before.write_bytes(load_der_x509_certificate(old["authentication"]).public_bytes(Encoding.PEM))
    judged = ("openssl", "verify", "-x509_strict", "-crl_check", "-CAfile", str(chain), "-CRLfile", str(crl))
    run(*judged, str(holder.certificate(AUTHENTICATION)))
    assert "certificate revoked" in run(*judged, str(before), ok=False).stderr


def openssl_verifies(desk: Desk, report: Path) -> bool:
    """Whether openssl verifies a report's signature by the key of the log, as docs/overview.md has it."""
    text, _, signatures = json.loads(report.read_bytes())["signed"].partition("\n\n")
    body = report.read_bytes().partition(b'{"report":')[2].rpartition(b',"signed":')[0]
    key, signed, signature = (desk.work / name for name in ("log.pem", "signed", "signed.sig"))
    key.write_text(desk.run("audit", "key", "--pem").out)
    signed.write_text(f"{text}\n")
    signature.write_bytes(base64.b64decode(signatures.split()[-1])[4:])
    given = ("-pubin", "-inkey", str(key), "-rawin", "-in", str(signed), "-sigfile", str(signature))
    told = run("openssl", "pkeyutl", "-verify", *given).stdout
    return "Verified Successfully" in told and hashlib.sha256(body).hexdigest() in text
