"""What is set aside leaves quarantine by a way that is on record: resumed, reset, destroyed or given up."""

from __future__ import annotations

import itertools
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from drivers.secret import Secret
from simulators.faults.model import Fault
from simulators.piv.attestation import AttestationRoot
from simulators.piv.card import VirtualCard
from simulators.piv.state import decode
from station.exit_codes import ExitCode
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk

pytestmark = pytest.mark.bench

SIDES: tuple[Literal["before", "after"], ...] = ("before", "after")
CARD = {"group": "Balie Noord"}
CARD_FAULT = Fault("piv-1", "answer", 3, "db", times=1000, sw="6581")
"""The first certificate is not written; CHUID and CCC were."""


@pytest.fixture(scope="module")
def shared(desk_factory: DeskFactory) -> Desk:
    return desk_factory(piv=2, pkcs11=1, faults=True).letters_first()


@pytest.fixture
def desk(shared: Desk) -> Iterator[Desk]:
    with shared.cleared():
        shared.feed_by_hand("piv-1")
        yield shared


def events(desk: Desk, number: str) -> list[str]:
    return [
        event
        for (event,) in desk.rows(
            "SELECT body ->> 'event' FROM audit WHERE body ->> 'item' = ? ORDER BY sequence", number
        )
    ]


def revoked(desk: Desk) -> set[str]:
    """Serial numbers on a fresh CRL, as openssl reads it."""
    crl = desk.run("ca", "crl", pins=True).out
    text = subprocess.run(
        ["openssl", "crl", "-noout", "-text"], input=crl, capture_output=True, text=True, check=True
    ).stdout
    return {serial.lower().lstrip("0") for serial in re.findall(r"Serial Number: ([0-9A-F]+)", text)}


def set_aside(desk: Desk, fault: Fault = CARD_FAULT) -> tuple[str, dict[str, Any], str]:
    """An order whose only card met a fault: its number, the token in quarantine and the card."""
    order = desk.approved(CARD)
    card = desk.bench.insert("piv-1")
    desk.bench.arm(fault)
    producing = desk.start("produce", order, "--seat", "piv-1", "--patience", "0", pins=True)
    producing.hear("QUARANTINE")
    desk.bench.eject("piv-1")
    ended = producing.end()
    desk.bench.disarm()
    assert ended.code == ExitCode.PARTIAL
    (aside,) = desk.tokens(order, "quarantined")
    assert f"in quarantine: {aside['number']}" in ended.err
    assert f"next: station quarantine list --order {order}" in ended.err
    return order, aside, card


def tries(desk: Desk, card: str) -> dict[int, int]:
    """Tries left of a card's codes, from its file."""
    state = decode((desk.bench.layout.cards / f"{card}.json").read_bytes())
    return {code: reference.left for code, reference in state.codes.items()}


def test_a_card_is_reset_and_made_again_and_its_certificates_are_revoked(desk: Desk) -> None:
    order, aside, card = set_aside(desk)
    number, serial = aside["number"], aside["serial"]
    assert desk.listed("order", "show", order)["state"] == "in-production"

    (listed,) = desk.listed("quarantine", "list", "--order", order)
    assert (listed["number"], listed["serial"], listed["step"]) == (number, serial, "load:authentication")
    assert listed["ways"] == ["resume", "reset", "destroy", "write-off"]

    # What is not its token is not touched, what is not its serial is not taken.
    other = desk.bench.insert("piv-1")
    untouched = tries(desk, other)
    wrong = desk.run(
        *("quarantine", "reset", number, "--seat", "piv-1", "--yes", serial),
        pins=True,
        expect=ExitCode.DEVICE,
    )
    assert f"on record: {serial}" in wrong.err
    desk.bench.eject("piv-1")
    assert tries(desk, other) == untouched
    desk.bench.insert("piv-1", card)
    for typed in (("--yes", "12345678"), ()):
        code = ExitCode.REFUSED_BY_RULE if typed else ExitCode.USAGE
        desk.run("quarantine", "reset", number, "--seat", "piv-1", *typed, pins=True, expect=code)
    shown = desk.listed("quarantine", "show", number, "--seat", "piv-1")
    token = {row["what"]: row["on_token"] for row in shown["token"]}
    assert token["serial"] == serial
    assert token["key authentication"] == "the one on record"
    assert token["certificate authentication"] == "none"
    assert token["can be reset"] == "yes"

    done = desk.run(*("quarantine", "reset", number, "--seat", "piv-1", "--yes", serial), pins=True)
    assert f"token {number} is spoiled: reset" in done.err
    assert f"next: station produce {order}" in done.err
    again = desk.run("quarantine", "reset", number, "--seat", "piv-1", "--yes", serial, pins=True)
    assert f"token {number} is already spoiled" in again.err
    issued = {row["serial"] for row in shown["keys"] if row["serial"]}
    assert issued
    assert issued <= revoked(desk)
    assert desk.letters(order)[number] == "void"
    assert desk.states(order) == {"spoiled": 1, "planned": 1}

    producing = desk.start("produce", order, "--seat", "piv-1", pins=True)
    producing.hear("produced")
    desk.bench.eject("piv-1")
    assert producing.end().code == ExitCode.OK
    (replacement,) = desk.tokens(order, "produced")
    assert replacement["serial"] == serial
    shown = desk.run("order", "show", order)
    assert "1 ordered = 1 produced + 0 spoiled and not replaced + 0 cancelled + 0 open" in shown.err
    assert desk.listed("order", "show", order)["state"] == "produced"
    desk.bench.insert("piv-1", card)
    desk.run("token", "verify", "piv-1", replacement["number"])
    assert desk.run("letter", "print", order, operator="carl", pins=True).code == ExitCode.OK
    assert desk.letters(order) == {number: "void", replacement["number"]: "printed"}
    assert desk.run("audit", "verify").code == ExitCode.OK
    assert events(desk, number)[-6:] == [
        "item.quarantined",
        "quarantine.reset-begun",
        "quarantine.resetting",
        "quarantine.token-blank",
        "item.spoiled",
        "certificate.revoked",
    ]


def test_a_finished_token_is_revoked_by_two_officers_once_the_ca_can_be_asked(desk: Desk) -> None:
    order = desk.approved(CARD)
    desk.bench.insert("piv-1")
    producing = desk.start("produce", order, "--seat", "piv-1", pins=True)
    producing.hear("produced")
    desk.bench.eject("piv-1")
    assert producing.end().code == ExitCode.OK
    ((number, serials),) = [
        (token["number"], {row["serial"] for row in desk.listed("token", "show", token["number"])["keys"]})
        for token in desk.tokens(order)
    ]
    command = ("token", "revoke", number)
    for operator in ("ada", "carl"):
        desk.run(*command, "--reason", "keyCompromise", operator=operator, expect=ExitCode.REFUSED_BY_RULE)
    given = ("--reason", "keyCompromise", "--ground", "its key was published")
    begun = desk.run(*command, *given, operator="emil", pins=True)
    assert "another revocation officer gives the same command" in begun.err
    desk.run(*command, operator="emil", pins=True, expect=ExitCode.REFUSED_BY_RULE)
    assert not serials & revoked(desk)

    # Nobody gives the PIN of the CA's token.
    done = desk.run(*command, operator="fien", expect=ExitCode.PARTIAL)
    assert "the CA was not told" in done.err
    waiting = [row for row in desk.listed("ca", "revocations") if row["number"] == number]
    assert {(row["reason"], row["outcome"]) for row in waiting} == {("keyCompromise", None)}
    assert serials <= revoked(desk)
    assert "already" in desk.run(*command, operator="fien", expect=ExitCode.REFUSED_BY_RULE).err
    told = [event for event in events(desk, number) if "revo" in event]
    assert told[:2] == ["revocation.ordered.asked", "revocation.ordered"]
    assert set(told[2:]) == {"certificate.revoked"}
    assert desk.run("audit", "verify").code == ExitCode.OK


def test_a_card_that_was_set_aside_goes_on_where_it_was_and_the_ca_is_asked_anew(desk: Desk) -> None:
    order, first, card = set_aside(desk, Fault("ca", "wrong", wrong="subject"))
    assert "certify:authentication" in first["reason"]
    of_key = "SELECT public_key FROM keys WHERE name = 'authentication' ORDER BY item_id DESC LIMIT 1"
    found = desk.rows(of_key)
    desk.run("quarantine", "resume", first["number"])
    desk.bench.arm(Fault("piv-1", "answer", 1, "db", times=1000, sw="6581"))
    desk.bench.insert("piv-1", card)
    producing = desk.start("produce", order, "--seat", "piv-1", pins=True)
    producing.hear("QUARANTINE")
    desk.bench.eject("piv-1")
    assert producing.end().code == ExitCode.PARTIAL
    desk.bench.disarm()
    (aside,) = desk.listed("quarantine", "list", "--order", order)
    assert aside["step"] == "load:authentication"
    assert aside["ways"] == ["resume", "reset", "destroy", "write-off"]
    (key,) = desk.listed("quarantine", "show", aside["number"])["keys"][:1]
    assert key["generations"] == 2
    assert desk.rows(of_key) == found

    # Put in without being resumed, it is refused and the way is told.
    desk.bench.insert("piv-1", card)
    other = desk.approved(CARD)
    producing = desk.start("produce", other, "--seat", "piv-1", pins=True)
    producing.hear("REFUSED")
    producing.hear(f"`station quarantine show {aside['number']}` tells the ways out")
    desk.bench.eject("piv-1")
    desk.bench.insert("piv-1")
    producing.hear("produced")
    desk.bench.eject("piv-1")
    assert producing.end().code == ExitCode.OK

    resumed = desk.run("quarantine", "resume", aside["number"])
    assert f"next: station produce {order}" in resumed.err
    desk.bench.insert("piv-1", card)
    producing = desk.start("produce", order, "--seat", "piv-1", pins=True)
    producing.hear("taken up again")
    producing.hear("produced")
    desk.bench.eject("piv-1")
    assert producing.end().code == ExitCode.OK
    (made,) = desk.tokens(order)
    assert (made["number"], made["serial"], made["state"]) == (aside["number"], aside["serial"], "produced")
    assert desk.listed("quarantine", "list", "--order", order) == []


def test_a_lost_card_is_set_aside_destroyed_before_a_witness_and_refused_even_blank(desk: Desk) -> None:
    order = desk.approved(CARD | {"count": "2"})
    card = desk.bench.insert("piv-1")
    desk.bench.arm(Fault("piv-1", "pull", of="24"))
    producing = desk.start("produce", order, "--seat", "piv-1", "--patience", "100", pins=True)
    producing.hear("interrupted")
    (begun,) = desk.tokens(order, "in-production")
    number, serial = begun["number"], begun["serial"]
    busy = desk.run("quarantine", "add", number, "--reason", "it fell", expect=ExitCode.BUSY)
    assert "another production" in busy.err
    producing.signal(signal.SIGINT)
    producing.end()
    desk.run("quarantine", "add", number, "--reason", "it fell behind the desk")
    give_up = ("quarantine", "destroy", number, "--yes", serial, "--no-replacement", "--witness")
    refused = desk.run(*give_up, "Ada", pins=True, expect=ExitCode.REFUSED_BY_RULE)
    assert "who gives up a token does not witness it (R14)" in refused.err

    # The CA's PIN is wrong: what is destroyed stays destroyed, and the CA is told later.
    right, desk.pins["ca"] = desk.pins["ca"], Secret.text("00000000")
    try:
        told = desk.run(*give_up, "bob", pins=True, expect=ExitCode.PARTIAL)
    finally:
        desk.pins["ca"] = right
    assert "the CA was not told" in told.err
    assert "wait to be revoked; next: station ca crl" in told.err
    issued = {row["serial"] for row in desk.listed("quarantine", "show", number)["keys"]}
    assert issued <= revoked(desk)

    # A card that says it is that one, and is blank: the records know better.
    layout = desk.bench.layout
    root = AttestationRoot.load(layout.attestation_root)
    VirtualCard.create(layout.cards / "twin.json", root=root, serial=int(serial))
    desk.bench.insert("piv-1", "twin")
    producing = desk.start("produce", order, "--seat", "piv-1", pins=True)
    producing.hear("REFUSED")
    producing.hear(f"its serial is that of token {number} of order {order}, spoiled, yet it is blank")
    desk.bench.eject("piv-1")
    desk.bench.insert("piv-1", card)
    producing.hear("REFUSED")
    desk.bench.eject("piv-1")
    desk.bench.insert("piv-1")
    producing.hear("produced")
    desk.bench.eject("piv-1")
    assert producing.end().code == ExitCode.OK
    shown = desk.run("order", "show", order)
    assert "2 ordered = 1 produced + 1 spoiled and not replaced + 0 cancelled + 0 open" in shown.err
    assert desk.listed("order", "show", order)["state"] == "produced"


def kill_at_every_commit(desk: Desk, *command: str) -> int:
    """Run a command until it ends well, killed before or after its next commit each time; how often."""
    without, told = dict(desk.environment), 0
    log = desk.home / "station.db-wal"
    desk.environment |= desk.bench.preloaded
    # A fresh write-ahead log is synced for its header, too; the first to be met is its second commit.
    at = 3 if not log.exists() or log.stat().st_size <= 32 else 1
    try:
        for killed, when in enumerate(itertools.cycle(SIDES)):
            assert killed < 20, "it never ends"
            desk.bench.arm(Fault("disk", "kill", at, when=when))
            ended = desk.start(*command, pins=True).end()
            desk.bench.disarm()
            if ended.code == ExitCode.OK:
                return killed
            assert ended.code == -signal.SIGKILL, ended.err
            # What every run does anew must not be all that is ever done.
            now = len(set(events(desk, command[2])))
            at, told = (at + 1, told) if now == told else (1, now)
    finally:
        desk.environment = without
    raise AssertionError


@pytest.mark.parametrize(("way", "most"), [("reset", 6), ("destroy", 4)])
def test_a_way_out_that_is_killed_at_any_commit_is_finished_by_the_same_command(
    desk: Desk, way: str, most: int
) -> None:
    """Also where the token was reset, the resume key destroyed or the CA told, and that is not on record."""
    order, aside, card = set_aside(desk)
    number, serial = aside["number"], aside["serial"]
    seat = ("--seat", "piv-1") if way == "reset" else ("--witness", "bob")
    desk.bench.insert("piv-1", card)
    killed = kill_at_every_commit(desk, "quarantine", way, number, *seat, "--yes", serial)

    assert killed >= most
    assert desk.states(order) == {"spoiled": 1, "planned": 1}
    assert desk.letters(order) == {number: "void"}
    happened = Counter(events(desk, number))
    assert happened["item.spoiled"] == happened[f"quarantine.{way}-begun"] == 1
    shown = desk.listed("quarantine", "show", number)
    assert {row["serial"] for row in shown["keys"] if row["serial"]} <= revoked(desk)
    assert desk.run("audit", "verify").code == ExitCode.OK
    desk.bench.eject("piv-1")
    desk.bench.insert("piv-1", card if way == "reset" else None)
    producing = desk.start("produce", order, "--seat", "piv-1", pins=True)
    producing.hear("produced")
    desk.bench.eject("piv-1")
    assert producing.end().code == ExitCode.OK


def test_a_usb_token_is_reset_where_its_maker_s_so_pin_is_known_and_given_up_where_not(desk: Desk) -> None:
    stick = CARD | {"layout": "group-usb:p-256"}
    fault = Fault("usb-1", "fail", of="C_CreateObject", times=1000, ckr="CKR_DEVICE_ERROR")
    desk.feed_by_hand("usb-1")

    def set_stick_aside(order: str) -> tuple[str, str]:
        """The number and serial of its first token, quarantined in the seat."""
        desk.bench.insert("usb-1")
        desk.bench.arm(fault)
        producing = desk.start("produce", order, "--seat", "usb-1", "--patience", "0", pins=True)
        producing.hear("QUARANTINE")
        assert producing.end().code == ExitCode.PARTIAL
        desk.bench.disarm()
        (aside,) = desk.tokens(order, "quarantined")
        return aside["number"], aside["serial"]

    first = desk.approved(stick)
    number, serial = set_stick_aside(first)
    reset = ("quarantine", "reset", number, "--seat", "usb-1", "--yes", serial)
    refused = desk.run(*reset, pins=True, expect=ExitCode.DEVICE)
    assert "PKCS#11 cannot make it so again" in refused.err
    given_up = desk.run(
        *("quarantine", "write-off", number, "--yes", serial, "--witness", "bob", "--no-replacement"),
        pins=True,
    )
    assert "spoiled: lost" in given_up.err
    desk.bench.eject("usb-1")

    known, maker = 'tries = "unlimited"', 'factory = { so_pin = "01234567", label = "factory" }'
    desk.configure(lambda text: text.replace(known, f"{known}, {maker}"))
    second = desk.approved(stick)
    number, serial = set_stick_aside(second)
    desk.run("quarantine", "reset", number, "--seat", "usb-1", "--yes", serial, pins=True)
    producing = desk.start("produce", second, "--seat", "usb-1", pins=True)
    producing.hear("produced")
    desk.bench.eject("usb-1")
    assert producing.end().code == ExitCode.OK
    (made,) = desk.tokens(second, "produced")
    assert made["serial"] == serial
