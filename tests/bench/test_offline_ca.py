"""Tokens made with an offline CA: keys made and CSRs out, tokens put away, certificates in, tokens finished.

The CA is openssl's, and knows nothing but the bundles. One card and one stick.
"""

from __future__ import annotations

import io
import json
import signal
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from simulators.bench.model import Kept
from station.exit_codes import ExitCode
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk, Ended
from tests.bench.pages import read_page
from tests.openssl_ca import Bundle, OpensslCa

pytestmark = pytest.mark.bench

CARD, STICK = "piv-1", "usb-1"
CUT_OFF = (-signal.SIGKILL, ExitCode.INTERRUPTED, ExitCode.PARTIAL)
"""How a production ends that is cut off; one that was faster than the test has done all there was to do."""


@dataclass
class Offline:
    """A desk whose CA is offline, and what was brought back and forth so far."""

    desk: Desk
    ca: OpensslCa
    order: str = ""
    bundle: Bundle | None = None
    certificates: dict[str, bytes] = field(default_factory=dict)

    def station(self, *words: str, expect: int = ExitCode.OK) -> Ended:
        return self.desk.run(*words, pins=True, expect=expect)

    def send(self, name: str, *words: str) -> dict[str, Any]:
        """What `ca requests` tells of the bundle it wrote."""
        told: dict[str, Any] = json.loads(
            self.station("ca", "requests", str(self.at(name)), "--json", *words).out
        )
        return told

    def take(self, name: str, content: bytes, *, expect: int = ExitCode.OK) -> dict[str, Any]:
        """What `ca take` tells of what the CA sent in a file."""
        self.at(name).write_bytes(content)
        told: dict[str, Any] = json.loads(
            self.station("ca", "take", str(self.at(name)), "--json", expect=expect).out
        )
        return told

    def at(self, name: str) -> Path:
        return self.desk.work / name

    def put_back(self) -> None:
        """Put the tokens that wait into their seats."""
        self.insert([kept for kept in self.desk.bench.status().kept if kept.tray == "waiting"])

    def insert(self, tokens: Iterable[Kept]) -> None:
        for token in tokens:
            self.desk.bench.insert(CARD if token.driver == "piv" else STICK, token.name)

    def waiting_tray(self) -> list[str]:
        return sorted(kept.note for kept in self.desk.bench.status().kept if kept.tray == "waiting")

    def produce(self, expect: int) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.station("produce", self.order, "--json", expect=expect).out)
        return told

    def steps(self, number: str) -> dict[str, str]:
        told = self.desk.listed("token", "show", number)
        return {step["step"]: step["state"] for step in told["steps"]}


@pytest.fixture(scope="module")
def offline(desk_factory: DeskFactory, tmp_path_factory: pytest.TempPathFactory) -> Offline:
    desk = desk_factory(piv=1, pkcs11=1, firmware=(5, 7, 0))
    desk.living_by('release = "before-hand-over"\ngap_days = 0\nconfirm_role = false')
    ca = OpensslCa(tmp_path_factory.mktemp("vault") / "ca")

    def change(text: str) -> str:
        head, rest = text.split("[authority]\n")
        after = rest[rest.index("\n[keys.") :]
        table = '[authority]\ndriver = "offline"\n[authority.options]\nname = "Testbureau"\n'
        return f'{head}{table}chain = ["{ca.certificate}"]\n{after}'

    desk.configure(change)
    made = Offline(desk, ca)
    made.order = desk.approved(
        {"group": "Groep 1", "layout": "group-card:p-256"}, {"group": "Groep 2", "layout": "group-usb:p-256"}
    )
    return made


def keys_are_made_and_tokens_put_away_without_waiting_for_the_ca(offline: Offline) -> None:
    card, stick = (token["number"] for token in offline.desk.tokens(offline.order))
    making = offline.desk.start("produce", offline.order, pins=True)
    making.wait_until(
        lambda: offline.desk.begun(offline.order, "set-puk"), "requests were kept, a code begun"
    )
    making.signal(signal.SIGINT)
    assert making.end().code in CUT_OFF
    left = offline.steps(card)
    assert left.get("set-pin") == "done" or "waiting" not in left.values(), "it does not only wait for the CA"
    making = offline.desk.start("produce", offline.order, "--patience", "60", pins=True)
    offline.insert(offline.desk.bench.status().kept)
    making.wait_until(lambda: offline.desk.begun(offline.order, "set-pin", 2), "both PINs were begun")
    making.signal(signal.SIGKILL)
    assert making.end().code in CUT_OFF
    offline.insert(offline.desk.bench.status().kept)
    told = offline.produce(ExitCode.PARTIAL)
    assert (told["waiting"], told["missing"], told["quarantined"]) == ([card, stick], [], [])
    assert offline.waiting_tray() == [f"{number}: waits for the CA" for number in (card, stick)]
    for number in (card, stick):
        steps = offline.steps(number)
        assert {state for step, state in steps.items() if step.startswith("certify:")} == {"waiting"}
        assert steps["set-pin"] == "done", "factory codes do not lie about for days"
        assert not any(step.startswith(("load:", "verify")) for step in steps)
    # Nobody is asked for a token while only the CA can go on; twice is as once.
    before = offline.desk.rows("SELECT item_id, name, attempts FROM steps ORDER BY 1, 2")
    again = offline.station("produce", offline.order, expect=ExitCode.PARTIAL)
    assert "2 tokens wait for the CA" in again.err
    assert "put back" not in again.err
    assert "produce 2 tokens, 2 of which when the CA has answered" in {
        one["what"] for one in offline.desk.listed("due")
    }
    assert offline.desk.rows("SELECT item_id, name, attempts FROM steps ORDER BY 1, 2") == before


def requests_leave_once_in_a_bundle_that_openssl_verifies(offline: Offline) -> None:
    told = offline.send("one.zip")
    bundle = offline.bundle = offline.ca.open(offline.at("one.zip").read_bytes(), told["signer_sha256"])
    asked = offline.desk.rows("SELECT csr FROM keys")
    assert len(bundle.csrs) == len(asked) == len(told["requests"])
    assert bundle.manifest["station"] == "Testbureau"
    none = offline.station("ca", "requests", str(offline.at("none.zip")))
    assert "nothing is to be sent" in none.err
    assert not offline.at("none.zip").exists()
    lost = offline.send("again.zip", "--all")
    again = offline.ca.open(offline.at("again.zip").read_bytes(), lost["signer_sha256"])
    assert again.csrs == bundle.csrs
    assert {tuple(one["earlier_bundles"]) for one in again.entries.values()} == {(1,)}
    checks = {one["name"]: one["found"] for one in offline.desk.listed("doctor")}
    assert f"{len(asked)} requests wait" in checks["ca"]


def what_is_missing_unknown_doubled_or_wrong_is_named_and_the_rest_taken_in(offline: Offline) -> None:
    assert offline.bundle is not None
    bundle, ca = offline.bundle, offline.ca
    card, stick = (token["number"] for token in offline.desk.tokens(offline.order))
    mine = sorted(name for name in bundle.csrs if name.startswith(card))
    others = sorted(name for name in bundle.csrs if name.startswith(stick))
    good = {name: ca.sign(bundle, name) for name in (*mine, *others[1:])}
    doubled = ca.sign(bundle, mine[0])
    wrong = ca.sign(bundle, others[0], key_usage=["digitalSignature", "keyAgreement", "nonRepudiation"])
    stranger = OpensslCa(ca.at.parent / "stranger", "Another CA")
    foreign = stranger.sign(bundle, others[0])
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        for number, pem in enumerate((*good.values(), doubled)):
            zipped.writestr(f"{number}.crt", ca.der(pem) if number % 2 else pem)
        zipped.writestr("chain.p7b", ca.pkcs7([wrong, foreign]))
        zipped.writestr("notes.txt", "the rest comes tomorrow")
    told = offline.take("back.zip", archive.getvalue(), expect=ExitCode.PARTIAL)
    assert told["counts"] == {
        "taken": len(good),
        "second": 1,
        "wrong": 1,
        "known": 1,
        "foreign": 1,
        "unreadable": 1,
    }
    outcomes = {one["outcome"]: one for one in told["found"]}
    assert outcomes["second"]["transaction"] == mine[0]
    assert outcomes["wrong"]["transaction"] == others[0]
    assert "its key usage differs" in outcomes["wrong"]["why"]
    assert outcomes["unreadable"]["where"] == "back.zip/notes.txt"
    assert told["missing"] == [others[0]]
    again = offline.take("back.zip", archive.getvalue(), expect=ExitCode.PARTIAL)
    assert "taken" not in again["counts"], "none is counted twice"
    revoking = offline.send("two.zip")
    assert (revoking["requests"], revoking["revocations"]) == ([], 2)
    for one in ca.open(offline.at("two.zip").read_bytes(), revoking["signer_sha256"]).manifest["revocations"]:
        ca.revoke(one["serial"])


def a_token_whose_certificates_came_is_finished_and_the_other_put_away_again(offline: Offline) -> None:
    card, stick = (token["number"] for token in offline.desk.tokens(offline.order))
    making = offline.desk.start("produce", offline.order, "--patience", "60", pins=True)
    offline.put_back()
    making.wait_until(lambda: offline.desk.begun(offline.order, "verify"), "read-back was begun")
    making.signal(signal.SIGKILL)
    assert making.end().code in CUT_OFF
    offline.put_back()
    told = offline.produce(ExitCode.PARTIAL)
    assert (told["items"]["produced"], told["waiting"], told["missing"]) == (1, [stick], [])
    assert offline.waiting_tray() == [f"{stick}: waits for the CA"]
    assert f"envelope {card}" in offline.desk.envelopes()


def the_rest_comes_with_a_revocation_list_and_the_order_is_produced(offline: Offline) -> None:
    assert offline.bundle is not None
    _, stick = (token["number"] for token in offline.desk.tokens(offline.order))
    name = min(one for one in offline.bundle.csrs if one.startswith(stick))
    rest = offline.ca.sign(offline.bundle, name)
    told = offline.take("rest.pem", rest + offline.ca.crl())
    assert told["counts"] == {"taken": 1, "revocation-list": 1}
    assert (told["missing"], told["ready"]) == ([], [offline.order])
    assert [one["outcome"].partition(" ")[0] for one in offline.desk.listed("ca", "revocations")] == [
        "revoked"
    ] * 2
    offline.put_back()
    done = offline.produce(ExitCode.OK)
    assert (done["items"]["produced"], done["waiting"], done["misissued"]) == (2, [], 0)
    assert offline.waiting_tray() == []
    for seat, token in zip((CARD, STICK), offline.desk.tokens(offline.order), strict=True):
        offline.desk.bench.open_envelope(seat, token["number"])
        offline.desk.run("token", "verify", seat, token["number"])


def a_renewal_waits_for_the_ca_as_well(offline: Offline) -> None:
    desk, number = offline.desk, offline.desk.tokens(offline.order)[0]["number"]
    desk.run("letter", "print", offline.order, operator="carl", pins=True)
    pages = [read_page(path) for path in desk.bench.layout.printed.iterdir()]
    (page,) = (one for one in pages if number in one.text.split())
    desk.pins["pin"] = page.codes[0]
    desk.run("renew", "start", number, "--early", "to try it", "--holds", "all", operator="dora")
    ((renewal,),) = [[one["renewal"] for one in desk.listed("renew", "list")]]
    desk.run("renew", "approve", renewal, operator="emil")
    desk.bench.eject(CARD)
    desk.bench.open_envelope(CARD, number)

    words = ("renew", "carry-out", renewal, "--seat", CARD, "--officer", "carl", "--officer", "dora")
    for _ in range(2):
        ended = desk.run(*words, operator="fien", pins=True, expect=ExitCode.DEVICE)
        assert "its request waits for the offline CA" in ended.err
    told = offline.send("renewal.zip")
    keys = desk.rows("SELECT name FROM keys JOIN items ON id = item_id WHERE mailer_number = ?", number)
    assert len(told["requests"]) == len(keys), "the CA gets all of them at once"
    bundle = offline.ca.open(offline.at("renewal.zip").read_bytes(), told["signer_sha256"])
    answer = b"".join(offline.ca.sign(bundle, name) for name in bundle.csrs)
    taken = offline.take("renewal.pem", answer)
    assert taken["counts"] == {"taken": len(bundle.csrs)}
    assert (taken["ready"], taken["renewing"]) == ([], [number])
    desk.run(*words, operator="fien", pins=True)
    assert desk.listed("renew", "show", renewal)["state"] == "done"


def what_comes_for_a_token_that_was_given_up_is_revoked(offline: Offline) -> None:
    desk, ca = offline.desk, offline.ca
    offline.order = desk.approved({"group": "Groep 3", "layout": "group-usb:p-256"})
    ((number,),) = [offline.produce(ExitCode.PARTIAL)["waiting"]]
    told = offline.send("three.zip")
    bundle = ca.open(offline.at("three.zip").read_bytes(), told["signer_sha256"])
    desk.run("quarantine", "add", number, "--reason", "it was dropped", pins=True)
    (token,) = desk.tokens(offline.order)
    sure = ("--witness", "dora", "--yes", token["serial"])
    desk.run("quarantine", "write-off", number, "--reason", "lost", *sure, pins=True)
    assert desk.listed_with_pins("ca", "waiting") == []
    again = offline.send("four.zip")
    assert (again["requests"], sorted(again["withdrawn"])) == ([], sorted(bundle.csrs))
    late = b"".join(ca.sign(bundle, name) for name in bundle.csrs)
    taken = offline.take("late.pem", late, expect=ExitCode.PARTIAL)
    assert (taken["counts"], taken["ready"]) == ({"given-up": len(bundle.csrs)}, [])
    last = offline.send("five.zip")
    assert (last["requests"], last["withdrawn"], last["revocations"]) == ([], [], len(bundle.csrs))


def test_tokens_wait_for_an_offline_ca_from_their_keys_to_their_renewal(offline: Offline) -> None:
    """One way with what happens on it, each part where the one before left it."""
    keys_are_made_and_tokens_put_away_without_waiting_for_the_ca(offline)
    requests_leave_once_in_a_bundle_that_openssl_verifies(offline)
    what_is_missing_unknown_doubled_or_wrong_is_named_and_the_rest_taken_in(offline)
    a_token_whose_certificates_came_is_finished_and_the_other_put_away_again(offline)
    the_rest_comes_with_a_revocation_list_and_the_order_is_produced(offline)
    a_renewal_waits_for_the_ca_as_well(offline)
    what_comes_for_a_token_that_was_given_up_is_revoked(offline)
