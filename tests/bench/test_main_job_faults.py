"""A faulty token costs one token, a faulty lane costs one lane; all others go on."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from simulators.piv.attestation import AttestationRoot
from simulators.piv.card import VirtualCard
from station.exit_codes import ExitCode
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk

pytestmark = pytest.mark.bench

ROCA = (4, 3, 1)
"""A firmware whose RSA keys are weak (R29)."""


@pytest.fixture
def desk(desk_factory: DeskFactory) -> Desk:
    return desk_factory(piv=2, pkcs11=1)


def test_used_cards_are_refused_and_the_third_in_a_row_stops_the_lane(desk: Desk, tmp_path: Path) -> None:
    other = Desk.make(desk.bench, tmp_path)
    theirs = other.approved({"group": "Balie Elders", "count": "3"})
    other.run("produce", theirs, "--seat", "piv-2", pins=True)
    used = {token["number"]: other.card(token["number"]) for token in other.tokens(theirs)}
    order = desk.approved({"group": "Balie Zuid"}, {"group": "Balie Zuid", "layout": "group-usb:p-256"})
    desk.feed_by_hand("piv-1")

    producing = desk.start("produce", order, "--seat", "piv-1", pins=True)
    for card in used.values():
        desk.bench.insert("piv-1", card)
        producing.hear("REFUSED")
        desk.bench.eject("piv-1")
    ended = producing.end()

    assert ended.code == ExitCode.PARTIAL
    assert "lane piv-1 stopped: 3 like failures in a row: refused, not blank: a CHUID" in ended.err
    assert desk.states(order) == {"planned": 2}
    desk.run("produce", order, "--seat", "piv-2", "--seat", "usb-1", pins=True)
    assert desk.states(order) == {"produced": 2}
    # What was refused is as it was.
    for number, card in used.items():
        desk.bench.insert("piv-1", card)
        other.run("token", "verify", "piv-1", number)
        desk.bench.eject("piv-1")


def test_a_finished_token_in_a_lane_gets_its_envelope_and_nothing_else(desk: Desk) -> None:
    first = desk.approved({"group": "Balie Noord"})
    desk.run("produce", first, "--seat", "piv-1", pins=True)
    (finished,) = desk.tokens(first)
    card = desk.card(finished["number"])
    desk.bench.insert("piv-1", card)
    second = desk.approved({"group": "Balie Zuid"})

    desk.run("produce", second, "--seat", "piv-1", pins=True)

    assert desk.states(second) == {"produced": 1}
    assert desk.card(finished["number"]) == card
    desk.bench.eject("piv-1")
    desk.bench.insert("piv-1", card)
    desk.run("token", "verify", "piv-1", finished["number"])


def test_a_token_begun_for_one_order_is_put_aside_by_the_next_and_finished_later(desk: Desk) -> None:
    first = desk.approved({"group": "Balie Noord"})
    producing = desk.start("produce", first, "--seat", "piv-1", pins=True)
    producing.wait_until(lambda: bool(desk.rows("SELECT 1 FROM steps")), "the token was begun")
    producing.signal(signal.SIGKILL)
    producing.end()
    assert desk.states(first) == {"in-production": 1}
    second = desk.approved({"group": "Balie Zuid"})

    desk.run("produce", second, "--seat", "piv-1", pins=True)

    assert desk.states(second) == {"produced": 1}
    (begun,) = desk.envelopes("quarantine").values()
    desk.bench.eject("piv-1")
    desk.bench.insert("piv-1", begun)
    desk.run("produce", first, "--seat", "piv-1", pins=True)
    assert desk.states(first) == {"produced": 1}


def test_a_lane_with_the_wrong_attestation_root_stops_and_the_others_finish(
    desk: Desk, tmp_path: Path
) -> None:
    AttestationRoot.create(tmp_path / "other.pem")
    right = str(desk.bench.layout.attestation_root)

    def mistake(text: str) -> str:
        before, found, after = text.partition('name = "piv-2"')
        return before + found + after.replace(right, str(tmp_path / "other.pem"), 1)

    desk.configure(mistake)
    order = desk.approved(
        {"group": "Balie Oost", "count": "6"},
        {"group": "Balie Oost", "layout": "group-usb:p-256", "count": "2"},
    )

    ended = desk.run("produce", order, pins=True, expect=ExitCode.PARTIAL)

    assert (
        "lane piv-2 stopped: 3 like failures in a row: EvidenceMissing, generate:authentication" in ended.err
    )
    assert desk.states(order) == {"quarantined": 3, "produced": 5}
    aside = desk.tokens(order, "quarantined")
    assert {token["seat"] for token in aside} == {"piv-2"}
    for token in aside:
        assert "generate:authentication" in token["reason"]
        assert "no attestation root of the seat has issued" in token["reason"]
    assert {note.partition(":")[0] for note in desk.envelopes("quarantine")} == {
        one["number"] for one in aside
    }
    assert len(desk.letters(order)) == 5


def test_a_card_that_makes_weak_keys_is_put_aside_and_the_lane_goes_on(desk: Desk) -> None:
    layout = desk.bench.layout
    root = AttestationRoot.load(layout.attestation_root)
    VirtualCard.create(layout.cards / "old.json", root=root, serial=None, firmware=ROCA)
    desk.bench.insert("piv-1", "old")
    order = desk.approved({"group": "Balie West", "layout": "group-card:rsa-2048", "count": "2"})

    desk.run("produce", order, "--seat", "piv-1", pins=True, expect=ExitCode.PARTIAL)

    assert desk.states(order) == {"quarantined": 1, "produced": 1}
    (aside,) = desk.tokens(order, "quarantined")
    assert "ROCA" in aside["reason"]
    assert list(desk.envelopes("quarantine").values()) == ["old"]


def test_a_lane_without_its_reader_stops_and_the_others_finish(desk: Desk) -> None:
    desk.configure(lambda text: text.replace("Bench piv-1 piv-2 00 01", "Another Reader 00 00"))
    order = desk.approved({"group": "Balie Midden", "count": "3"})

    ended = desk.run("produce", order, pins=True)

    assert "lane piv-2 stopped" in ended.err
    assert desk.states(order) == {"produced": 3}
    assert {token["seat"] for token in desk.tokens(order)} == {"piv-1"}
