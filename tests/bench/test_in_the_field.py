"""What becomes of tokens outside: two persons get their cards, one uses it, one loses it at night.

One order of two personal cards is made, and its letters left; then each test has a card of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from drivers.secret import Secret
from station.exit_codes import ExitCode
from tests.bench.clients import run
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk
from tests.bench.holders import CardHolder, other_than
from tests.bench.pages import Page, read_page
from tests.bench.searching import Hunt
from tests.contract.linting import lint

pytestmark = pytest.mark.bench

PERSON = {
    "kind": "person",
    "layout": "personal-card:p-256",
    "surname": "Voorbeeld",
    "email": "holder@voorbeeldzaken.example.org",
}
SEAT, AUTHENTICATION = "piv-1", "01"
NEW = Secret.text("730194")
LAYOUTS = Path(__file__).parents[2] / "layouts"


@dataclass(frozen=True)
class Field:
    """A desk, the numbers of its two tokens, and their letters."""

    desk: Desk
    used: str
    lost: str
    letters: dict[str, Page]
    cards: dict[str, str]
    crl: Path

    @contextmanager
    def typing(self, **codes: Secret) -> Iterator[None]:
        """Somebody types these codes at the next command."""
        named = {name.replace("_", "-"): code for name, code in codes.items()}
        self.desk.pins.update(named)
        try:
            yield
        finally:
            for name in named:
                del self.desk.pins[name]

    def certificates(self, number: str) -> list[bytes]:
        """All certificates (DER) of a token."""
        found = self.desk.rows(
            "SELECT certificate FROM keys JOIN items ON items.id = item_id WHERE mailer_number = ?", number
        )
        return [der for (der,) in found]

    def holder(self, number: str) -> CardHolder:
        """Its holder, with the card in the seat."""
        self.desk.bench.eject(SEAT)
        self.desk.bench.insert(SEAT, self.cards[number])
        return CardHolder.at(self.desk.bench, self.desk.work, SEAT)

    def shown(self, number: str) -> dict[str, Any]:
        """What `token show` tells."""
        found: dict[str, Any] = self.desk.listed("token", "show", number)
        return found

    def verdicts(self, number: str) -> set[str]:
        """What openssl says of a token's certificates by chain and published list."""
        work = self.desk.work
        chain, crl = work / "chain.pem", work / "crl.pem"
        chain.write_text(self.desk.run("ca", "chain", pins=True).out)
        run("openssl", "crl", "-inform", "DER", "-in", str(self.crl), "-out", str(crl))
        said = set()
        for at, der in enumerate(self.certificates(number)):
            pem = work / f"leaf-{at}.pem"
            pem.write_bytes(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM))
            trusted = ("-CAfile", str(chain), "-CRLfile", str(crl))
            done = run("openssl", "verify", "-x509_strict", "-crl_check", *trusted, str(pem), ok=False)
            said.add("good" if done.returncode == 0 else done.stderr.split("lookup: ")[-1].splitlines()[0])
        return said


def own_layouts(folder: Path) -> None:
    """Personal cards whose letter may be followed at once."""
    (folder / "tokens").mkdir(parents=True)
    shipped = (LAYOUTS / "tokens" / "personal-card.toml").read_text()
    (folder / "tokens" / "personal-card.toml").write_text(
        shipped.replace("[life]\n", "[life]\ngap_days = 0\n")
    )


@pytest.fixture(scope="module")
def field(desk_factory: DeskFactory) -> Field:
    desk = desk_factory(piv=1, pkcs11=0)
    own_layouts(desk.home / "layouts")
    crl = desk.work / "published.crl"

    def change(text: str) -> str:
        told = text.replace("[authority]\n", f'[authority]\ncrl_file = "{crl}"\n', 1)
        assert told != text
        return f'{told}\n[layouts]\ndirectories = ["layouts"]\n'

    desk.configure(change)
    order = desk.approved(
        {**PERSON, "given_name": "Anna", "person_number": "P-1"},
        {**PERSON, "given_name": "Bert", "person_number": "P-2"},
    )
    desk.run("produce", order, pins=True)
    used, lost = (token["number"] for token in desk.tokens(order))
    refused = desk.run(
        "token", "hand-over", used, "--to", "Anna Voorbeeld", operator="emil", expect=ExitCode.REFUSED_BY_RULE
    )
    assert "its letter goes first and is sealed" in refused.err
    desk.run("letter", "print", order, operator="carl", pins=True)
    desk.run("letter", "confirm", "--order", order, operator="carl")
    desk.run("letter", "send", "--order", order, "--by", "post", operator="carl")
    pages = {path: read_page(path) for path in desk.bench.layout.printed.iterdir()}
    letters = {
        number: page for number in (used, lost) for page in pages.values() if number in page.text.split()
    }
    assert len(letters) == 2
    return Field(desk, used, lost, letters, {number: desk.card(number) for number in letters}, crl)


def test_a_personal_card_is_handed_over_used_and_unblocked_with_the_puk_of_its_letter(field: Field) -> None:
    desk, number, page = field.desk, field.used, field.letters[field.used]
    paper = desk.work / "signed.pdf"
    paper.write_bytes(b"what Anna signed")
    due = {(row["role"], row["command"]) for row in desk.listed("due")}
    assert ("dispatcher", f"station token hand-over {number} --to HOLDER") in due

    hand = ("token", "hand-over", number, "--to", "Anna Voorbeeld")
    refused = desk.run(*hand, operator="emil", expect=ExitCode.REFUSED_BY_RULE)
    assert "consent is missing: terms, device, recipient" in refused.err
    consents = [word for one in ("terms", "device", "recipient") for word in ("--consent", one)]
    whole = (*hand, *consents, "--signed", str(paper))
    for operator in ("ada", "carl"):
        desk.run(*whole, operator=operator, expect=ExitCode.REFUSED_BY_RULE)
    desk.run(*whole, operator="emil")
    assert field.shown(number)["life"] == "handed-over"

    holder = field.holder(number)
    assert holder.signs(AUTHENTICATION, page.pin)
    desk.run("token", "activate", number, "--seat", SEAT, operator="emil")
    assert field.shown(number)["life"] == "active"

    for _ in range(4):
        assert holder.sign(AUTHENTICATION, other_than(page.pin)).returncode != 0
    assert holder.sign(AUTHENTICATION, page.pin).returncode != 0  # blocked

    unblock = ("token", "unblock", number, "--seat", SEAT)
    desk.run(*unblock, operator="ada", expect=ExitCode.REFUSED_BY_RULE)
    with field.typing(puk=other_than(page.puk), new_pin=Secret.text("123456")):
        said = desk.run(*unblock, operator="carl", expect=ExitCode.DEVICE)
        assert "a PIN that people try first" in said.err
    wrong = Secret.text("70281649")
    with field.typing(puk=wrong, new_pin=NEW):
        said = desk.run(*unblock, operator="carl", expect=ExitCode.DEVICE)
        assert "the PUK was refused, tries left: 2" in said.err
    assert not holder.signs(AUTHENTICATION, NEW)
    with field.typing(puk=page.puk, new_pin=NEW):
        told = desk.run(*unblock, "--json", operator="carl")
    assert '"unblocked_by": "puk"' in told.out
    assert holder.signs(AUTHENTICATION, NEW)

    with field.typing(puk=wrong, new_pin=page.pin):
        for _ in range(2):
            desk.run(*unblock, operator="carl", expect=ExitCode.DEVICE)
        said = desk.run(*unblock, operator="carl", expect=ExitCode.DEVICE)
        assert "was not tried" in said.err
    done = holder.unblock(page.puk, page.pin)  # the last try of the PUK is its holder's
    assert done.returncode == 0, done.stderr
    assert holder.signs(AUTHENTICATION, page.pin)
    acts = [one["act"] for one in field.shown(number)["field"]]
    assert acts == ["handed-over", "activated", "unblocked"]
    assert field.shown(number)["certificates"] == "valid"


@pytest.fixture(scope="module", autouse=True)
def nothing_told(field: Field) -> Iterator[None]:
    """No code that anybody typed is anywhere in the home, nor was it said."""
    yield
    typed = {
        f"{name} {number}": code
        for number, page in field.letters.items()
        for name, code in (("PUK", page.puk), ("PIN", page.pin), ("revocation code", page.revocation))
    }
    hunt = Hunt({**typed, "new PIN": NEW})
    assert hunt.through(field.desk.home) == []
    assert list(hunt.finds("what was said", b"\n".join(field.desk.said))) == []


def test_a_lost_card_is_revoked_by_its_code_at_night_though_the_ca_is_away(field: Field) -> None:
    desk, number, code = field.desk, field.lost, field.letters[field.lost].revocation
    revoke = ("revoke", number, "--lost", "--json")
    desk.run("ca", "crl", pins=True, operator=None)
    assert field.verdicts(number) == {"good"}

    slip = Secret(code.reveal()[:-1] + (b"A" if code.reveal()[-1:] != b"A" else b"C"))
    with field.typing(revocation_code=slip):
        said = desk.run(*revoke, operator=None, pins=True, expect=ExitCode.REFUSED_BY_RULE)
        assert "its check character does not fit" in said.err
    answers = []
    with field.typing(revocation_code=field.letters[field.used].revocation):
        for wrong in (number, "099999"):
            said = desk.run("revoke", wrong, operator=None, pins=True, expect=ExitCode.REFUSED_BY_RULE)
            answers.append(said.err.replace(wrong, "NUMBER"))
    assert answers[0] == answers[1]
    assert "do not belong together" in answers[0]

    (desk.home / "ca").rename(desk.home / "ca.away")
    with field.typing(revocation_code=Secret(code.reveal().lower().replace(b"-", b" "))):
        said = desk.run(*revoke, operator=None, pins=True, expect=ExitCode.PARTIAL)
    assert "the CA was not told" in said.err
    assert '"certificates": "revocation-pending"' in said.out
    shown = field.shown(number)
    assert (shown["life"], shown["certificates"]) == ("lost", "revocation-pending")
    assert {row["outcome"] for row in desk.listed("ca", "revocations") if row["number"] == number} == {None}
    assert ("revocation-officer", "station ca crl") in {
        (row["role"], row["command"]) for row in desk.listed("due")
    }
    (desk.home / "ca.away").rename(desk.home / "ca")

    # cron, which is nobody
    desk.run("ca", "crl", "--no-wait", operator=None, pins=True)
    assert field.shown(number)["certificates"] == "revoked"
    assert field.verdicts(number) == {"certificate revoked"}
    assert field.verdicts(field.used) == {"good"}
    assert lint("crl", field.crl.read_bytes(), desk.work) == ""
    for der in field.certificates(number):
        assert lint("certificate", der, desk.work) == ""
    asked = desk.work / "ask.der"
    leaf, chain = desk.work / "leaf-0.pem", desk.work / "chain.pem"
    leaf.write_bytes(x509.load_der_x509_certificate(field.certificates(number)[0]).public_bytes(Encoding.PEM))
    issuer = ("-sha256", "-issuer", str(chain))
    run("openssl", "ocsp", *issuer, "-cert", str(leaf), "-no_nonce", "-reqout", str(asked))
    answer = desk.work / "answer.der"
    desk.run("ca", "ocsp", str(asked), "-o", str(answer), operator=None, pins=True)
    told = run(
        "openssl",
        "ocsp",
        *issuer,
        "-cert",
        str(leaf),
        "-no_nonce",
        "-respin",
        str(answer),
        "-CAfile",
        str(chain),
    )
    assert re.search(r": revoked\n", told.stdout)
    assert "keyCompromise" in told.stdout

    with field.typing(revocation_code=code):
        again = desk.run(*revoke, operator=None, pins=True)
    assert '"already": true' in again.out
    refused = desk.run("token", "activate", number, operator="emil", expect=ExitCode.REFUSED_BY_RULE)
    assert "are revoked" in refused.err

    # It is found again, and destroyed before a witness.
    desk.run("token", "returned", number, "--reason", "found under a bench", operator="emil")
    serial = field.shown(number)["serial"]
    destroy = ("token", "destroy", number, "--reason", "it was lost", "--yes", serial, "--witness")
    desk.run(*destroy, "emil", operator="emil", expect=ExitCode.REFUSED_BY_RULE)
    desk.run(*destroy, "fien", operator="emil")
    assert field.shown(number)["life"] == "destroyed"
    assert desk.run("audit", "verify").code == ExitCode.OK
