"""What is set aside leaves quarantine by a way that is on record: resumed, reset, destroyed or given up."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from simulators.faults.model import Fault
from simulators.piv.state import decode
from station.exit_codes import ExitCode
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk

pytestmark = pytest.mark.bench

CARD = {"group": "Balie Noord"}


@pytest.fixture(scope="module")
def shared(desk_factory: DeskFactory) -> Desk:
    return desk_factory(piv=2, pkcs11=1, faults=True)


@pytest.fixture
def desk(shared: Desk) -> Iterator[Desk]:
    """A desk with empty seats, fed by hand, and nothing armed."""
    shared.bench.disarm()
    for seat in shared.bench.seats:
        shared.bench.eject(seat)
    made = (shared.home / "station.toml").read_text()
    shared.feed_by_hand("piv-1")
    yield shared
    shared.stop()
    shared.configure(lambda _: made)


def states(desk: Desk, order: str) -> Counter[str]:
    return Counter(token["state"] for token in desk.tokens(order))


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


def spoiled_certificate(desk: Desk, count: int = 1) -> tuple[str, dict[str, Any], str]:
    """An order whose first card got a certificate for another usage: its number, the token and the card."""
    order = desk.approved(CARD | {"count": str(count)})
    card = desk.bench.insert("piv-1")
    desk.bench.arm(Fault("ca", "wrong", wrong="usage"))
    producing = desk.start("produce", order, "--seat", "piv-1", "--patience", "0", pins=True)
    producing.hear("QUARANTINE")
    desk.bench.eject("piv-1")
    (aside,) = desk.tokens(order, "quarantined")
    return order, {**aside, "ended": producing}, card


def tries(desk: Desk, card: str) -> dict[int, int]:
    """Tries left of a card's codes, from its file."""
    state = decode((desk.bench.layout.cards / f"{card}.json").read_bytes())
    return {code: reference.left for code, reference in state.codes.items()}


def test_a_card_is_reset_and_made_again_and_its_certificates_are_revoked(desk: Desk) -> None:
    order, aside, card = spoiled_certificate(desk)
    ended = aside["ended"].end()
    number, serial = aside["number"], aside["serial"]
    assert ended.code == ExitCode.PARTIAL
    assert f"in quarantine: {number}" in ended.err
    assert f"next: station quarantine list --order {order}" in ended.err
    assert desk.listed("order", "show", order)["state"] == "in-production"

    (listed,) = desk.listed("quarantine", "list", "--order", order)
    assert (listed["number"], listed["serial"], listed["step"]) == (number, serial, "certify:authentication")
    assert listed["ways"] == ["reset", "destroy", "write-off"]
    refused = desk.run("quarantine", "resume", number, expect=ExitCode.REFUSED_BY_RULE)
    assert "the CA's certificate is not what was asked for" in refused.err

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
    issued = {row["serial"] for row in desk.listed("ca", "revocations") if row["number"] == number} - {None}
    assert issued
    assert issued <= revoked(desk)
    assert desk.letters(order)[number] == "void"
    assert states(desk, order) == {"spoiled": 1, "planned": 1}

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
        "certificate.revoked",
        "quarantine.reset-begun",
        "quarantine.token-blank",
        "item.spoiled",
        "certificate.revoked",
    ]
