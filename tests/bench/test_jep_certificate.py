"""A JEP group certificate in seven steps, by five operators: registered, ordered, assessed, made, dispatched,
acknowledged, opened with its letter; then one token revoked by its code, and the order closed (R2, R3, R22).
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from drivers.secret import Secret
from station.exit_codes import ExitCode
from station.simulated_desk import REGISTRY
from tests.bench.clients import run
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk
from tests.bench.holders import CardHolder, Holder, StickHolder
from tests.bench.pages import Page, read_page
from tests.unit.signing_kit import Signer, signer

pytestmark = pytest.mark.bench

PEOPLE = {
    "ada": "order-officer",
    "bert": "approver",
    "dirk": "personaliser dispatcher",
    "carl": "pin-officer",
    "dora": "pin-officer",
}
NAME, NOELLE = "Coördinatiepunt Zeehavens", "n.vandertesten@voorbeeldzaken.example.org"
CARD, STICK = "group-card:p-256", "group-usb:p-256"
SHIPPED = Path(__file__).parents[2] / "layouts" / "tokens"


@pytest.fixture(scope="module")
def desk(desk_factory: DeskFactory) -> Desk:
    """A desk whose letters may leave on the day on which their tokens did: a test has no two days."""
    desk = desk_factory(piv=1, pkcs11=1, people=PEOPLE)
    own = desk.home / "layouts" / "tokens"
    own.mkdir(parents=True, exist_ok=True)
    for name in ("group-card", "group-usb"):
        text = (SHIPPED / f"{name}.toml").read_text()
        (own / f"{name}.toml").write_text(f"{text}\n[life]\ngap_days = 0\n")
    desk.configure(
        lambda text: (
            text.replace("[printer]\n", "[printer]\nnumbered_forms = true\n", 1)
            + '\n[layouts]\ndirectories = ["layouts"]\n'
        )
    )
    return desk


@pytest.fixture(scope="module")
def manager(desk: Desk) -> Signer:
    """Noëlle's own certificate, with which she signs orders and mails."""
    return signer(desk.work, "noelle", "-addext", f"subjectAltName=email:{NOELLE}")


def refused(desk: Desk, *arguments: str, by: str) -> str:
    return desk.run(*arguments, operator=by, pins=True, expect=ExitCode.REFUSED_BY_RULE).err


def registered(desk: Desk, manager: Signer) -> None:
    desk.run("registry", "import", str(REGISTRY))
    (person,) = desk.listed("registry", "search", NOELLE)
    desk.run("registry", "certificate", "set", person["number"], str(manager.certificate))


def ordered(desk: Desk, manager: Signer) -> str:
    rows = [{"group": NAME, "layout": layout} for layout in (CARD, STICK)]
    file = desk.file(*rows, reference="JEP-1")
    signed = file.with_suffix(".p7m")
    signed.write_bytes(manager.sign(file))
    return desk.run("order", "import", str(signed)).out.strip()


def mail(desk: Desk, manager: Signer, quoted: str) -> Path:
    """What a mail program saves of a mail that Noëlle signed (S/MIME)."""
    words, file = desk.work / "words.txt", desk.work / "received.eml"
    words.write_text(f"De pas voor {NAME}, nummer {quoted}, is aangekomen.\r\n", encoding="utf-8")
    headers = ("-from", NOELLE, "-to", "desk@issuer.example", "-subject", "Ontvangst")
    pair = ("-signer", str(manager.certificate), "-inkey", str(manager.key))
    text = desk.work / "mime.txt"
    text.write_bytes(
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        + words.read_bytes()
    )
    run("openssl", "cms", "-sign", "-in", str(text), *pair, *headers, "-out", str(file))
    return file


def dispatched(desk: Desk, order: str, tokens: Mapping[str, str]) -> dict[str, str]:
    """Both tokens read once more and sent in one parcel, with a reader on loan: what acknowledges each."""
    parcel = desk.run("dispatch", "new", order, "--each", operator="dirk").out.strip()
    desk.run("loan", "lend", "reader", "RD-7001", "--to", parcel, "--until", "2030-01-01", operator="dirk")
    assert "read" in refused(desk, "dispatch", "close", parcel, by="dirk")
    for number, seat in tokens.items():
        desk.bench.eject(seat)
        desk.bench.insert(seat, desk.card(number))
        assert parcel in desk.run("dispatch", "check", "--seat", seat, operator="dirk").err
    papers = desk.work / "papers.pdf"
    desk.run("dispatch", "close", parcel, "--papers", str(papers), operator="dirk")
    sending = ("--courier", "Koerier Nergens", "--reference", "KN-1")
    desk.run("dispatch", "send", parcel, *sending, operator="dirk")
    shown = {one["number"]: one["quoted"] for one in desk.listed("dispatch", "show", parcel)["tokens"]}
    text = run("pdftotext", "-layout", str(papers), "-").stdout
    assert NAME in text
    assert "RD-7001" in text
    assert all(quoted in text for quoted in shown.values())
    return shown


def letters(desk: Desk, order: str) -> dict[str, Page]:
    """Printed, each on a form of its own, sent; read by who opens them."""
    desk.run("letter", "forms", "receive", "F0001", "F0010", operator="carl")
    desk.run("letter", "print", order, operator="carl", pins=True)
    desk.run("letter", "confirm", "--order", order, "--first", "F0001", operator="carl")
    desk.run("letter", "send", "--order", order, "--by", "post", operator="dora")
    return {path.stem: read_page(path) for path in desk.bench.layout.printed.glob("*.pdf")}


def crl_check(desk: Desk, certificate: Path) -> subprocess.CompletedProcess[str]:
    """What openssl says of a certificate, with the CA's chain and its list of what is revoked."""
    chain, crl = desk.work / "chain.pem", desk.work / "crl.pem"
    files = ("-CAfile", str(chain), "-CRLfile", str(crl), str(certificate))
    return run("openssl", "verify", "-crl_check", *files, ok=False)


def report_holds(desk: Desk, order: str, pages: Mapping[str, Page]) -> None:
    """The closed order's report tells that all of it is settled, and is verified by key alone."""
    report, paper = desk.work / "report.json", desk.work / "report.pdf"
    files = ("--json", str(report), "--pdf", str(paper))
    desk.run("order", "report", order, *files, operator="bert", pins=True)
    key = desk.run("audit", "key", operator=None).out.strip()
    holds = ("order", "report", "--verify", str(report), "--key", key)
    assert "2 tokens" in desk.run(*holds, operator=None).out
    content = report.read_bytes()
    told = json.loads(content)["report"]
    assert (told["order"]["state"], told["open"]) == ("closed", [])
    evidence = [one["evidence"] for token in told["tokens"] for one in token["certificates"]]
    assert {one["kind"] for one in evidence} == {"attestation", "attributes"}
    assert all(one["holds"] for one in evidence)
    assert {token["life"] for token in told["tokens"]} == {"active", "lost"}
    assert [token["forms"][0]["number"] for token in told["tokens"]] == ["F0001", "F0002"]
    text = run("pdftotext", "-layout", str(paper), "-").stdout
    assert order in text
    codes = [code.reveal().decode() for page in pages.values() for code in page.codes]
    for whose in (content.decode(), text):
        assert NOELLE not in whose
        found = sum(bool(re.search(rf"(?<![0-9A-Za-z]){code}(?![0-9A-Za-z])", whose)) for code in codes)
        assert found == 0
    report.write_bytes(content.replace(b'"life":"lost"', b'"life":"active"'))
    assert "somebody changed it" in desk.run(*holds, operator=None, expect=ExitCode.CHECK_FAILED).err


def test_the_seven_steps_of_a_group_certificate_and_its_end(desk: Desk, manager: Signer) -> None:
    # 1 to 3: the manager is registered, orders over a signature, and hears what came of it.
    registered(desk, manager)
    order = ordered(desk, manager)
    findings = desk.listed("order", "assess", order)
    assert {one["level"] for one in findings} == {"ok"}
    assert "is no approver" in refused(desk, "order", "approve", order, by="ada")
    desk.run("order", "approve", order, operator="bert", pins=True)
    assert NAME not in desk.run("order", "notice", order).err

    # 4: made on a card and on a stick.
    desk.run("produce", order, operator="dirk", pins=True)
    card, stick = (one["number"] for one in desk.tokens(order))
    tokens = {card: "piv-1", stick: "usb-1"}
    assert "nobody has acknowledged it" in desk.run("letter", "print", order, operator="carl", pins=True).err

    # 5 and 6: dispatched; who acknowledges quotes name and number.
    quoted = dispatched(desk, order, tokens)
    assert "nobody has acknowledged it" in desk.run("letter", "print", order, operator="carl", pins=True).err
    assert set(desk.letters(order).values()) == {"sealed"}
    desk.run("acknowledge", "--eml", str(mail(desk, manager, quoted[card])))
    stranger = ("--name", NAME, "--sender", "iemand.anders@example.org")
    desk.run("acknowledge", quoted[stick], *stranger, operator="dirk", expect=ExitCode.PARTIAL)
    (waiting,) = (one for one in desk.listed("acknowledge", "list") if one["state"] == "waiting")
    desk.run(
        *("acknowledge", "decide", str(waiting["id"]), "--accept", "--reason", "called her back"),
        operator="ada",
    )

    # 7: the letters follow; the holders change their PINs and use their keys.
    pages = letters(desk, order)
    new = Secret.text("918273")
    holders: Mapping[str, Holder] = {
        card: CardHolder.at(desk.bench, desk.work, "piv-1"),
        stick: StickHolder.at(desk.bench, desk.work, "usb-1"),
    }
    for number, holder in holders.items():
        change = ("--login", "--pin", "env:PIN", "--change-pin", "--new-pin", "env:NEW")
        changed = holder.pkcs11(*change, PIN=pages[number].pin, NEW=new)
        assert changed.returncode == 0, changed.stderr
        assert holder.signs("01", new)
        desk.run("token", "activate", number)
    assert {one["number"]: one["life"] for one in desk.tokens(order)} == {card: "active", stick: "active"}

    # The stick is lost: its code revokes it, at once, and the card goes on.
    desk.pins["revocation-code"] = pages[stick].revocation
    desk.run("revoke", stick, "--reason", "keyCompromise", "--lost", operator=None, pins=True)
    for what in ("crl", "chain"):
        (desk.work / f"{what}.pem").write_text(desk.run("ca", what, operator=None, pins=True).out)
    assert crl_check(desk, holders[card].certificate("01")).returncode == 0
    lost = crl_check(desk, holders[stick].certificate("01"))
    assert "certificate revoked" in lost.stderr + lost.stdout

    # Every token, letter and form is accounted for.
    due = [one["command"] for one in desk.listed("due", "--role", "order-officer")]
    assert f"station order close {order}" in due
    desk.run("order", "close", order)
    report_holds(desk, order, pages)
    desk.run("audit", "verify", operator=None)
