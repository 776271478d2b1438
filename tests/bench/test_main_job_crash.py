"""Killed, interrupted, pulled out: the same command goes on, and nothing is lost or done twice."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from simulators.piv import state
from simulators.piv.card import Delays
from station.exit_codes import ExitCode
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk
from tests.bench.holders import CardHolder, Holder, StickHolder
from tests.bench.pages import read_page

pytestmark = pytest.mark.bench

SLOW = Delays(apdu=0.003)
"""Cards about as slow as the fastest real ones, so that their steps can be told apart from outside."""


@pytest.fixture(scope="module")
def desk(desk_factory: DeskFactory) -> Desk:
    return desk_factory(delays=SLOW).letters_first()


@pytest.fixture
def order(desk: Desk) -> str:
    """An approved order of two cards and two USB tokens; every seat is empty."""
    return an_order(desk, cards=2, sticks=2)


def an_order(desk: Desk, *, cards: int, sticks: int) -> str:
    for seat in desk.bench.seats:
        desk.bench.eject(seat)
    ((orders,),) = desk.rows("SELECT count(*) FROM orders")
    group = {"group": f"Groep {orders + 1}"}
    rows = [
        {**group, "layout": layout, "count": str(count)}
        for layout, count in (("group-card:p-256", cards), ("group-usb:p-256", sticks))
        if count
    ]
    return desk.approved(*rows)


def kill_when(desk: Desk, order: str, step: str, count: int) -> None:
    """Produce, and kill -9 the station when so many tokens have begun a step."""
    producing = desk.start("produce", order, pins=True)
    producing.wait_until(lambda: desk.begun(order, step, count), f"{step} was begun {count} times")
    producing.signal(signal.SIGKILL)
    assert producing.end().code == -signal.SIGKILL


@pytest.mark.parametrize(
    ("step", "count"),
    [
        ("initialise", 2),
        ("certify:confidentiality", 1),
        ("release", 1),
    ],
)
def test_after_kill_9_the_same_command_finishes_every_token_once(
    desk: Desk, order: str, step: str, count: int, tmp_path: Path
) -> None:
    kill_when(desk, order, step, count)
    assert item_states(desk, order) & {"planned", "in-production"}

    ended = desk.start("produce", order, pins=True).end()

    assert ended.code in (ExitCode.OK, ExitCode.PARTIAL), ended.err
    all_is_in_order(desk, order, tmp_path)


def test_a_station_killed_again_and_again_still_finishes_every_token_once(desk: Desk, tmp_path: Path) -> None:
    order = an_order(desk, cards=3, sticks=4)
    for step, count in (
        ("seal", 1),
        ("generate:authentication", 3),
        ("set-admin", 1),
        ("set-puk", 1),
        ("set-pin", 3),
        ("verify", 3),
        ("release", 3),
    ):
        kill_when(desk, order, step, count)

    ended = desk.start("produce", order, pins=True).end()

    assert ended.code in (ExitCode.OK, ExitCode.PARTIAL), ended.err
    all_is_in_order(desk, order, tmp_path)


def test_ctrl_c_ends_the_steps_that_run_and_the_same_command_goes_on(
    desk: Desk, order: str, tmp_path: Path
) -> None:
    producing = desk.start("produce", order, pins=True)
    producing.wait_until(lambda: desk.begun(order, "load:authentication", 2), "certificates were loaded")
    producing.signal(signal.SIGINT)
    stopped = producing.end()

    assert stopped.code == ExitCode.INTERRUPTED
    assert "every lane ends the step it is in" in stopped.err
    assert f"station produce {order} goes on from here" in stopped.err
    assert set(step_states(desk, order)) == {"done"}
    desk.run("produce", order, pins=True)
    assert {attempts for _, attempts in steps(desk, order)} == {1}
    assert item_states(desk, order) == {"produced"}
    all_is_in_order(desk, order, tmp_path)


def test_lanes_give_way_to_who_sits_at_a_screen(desk: Desk, order: str) -> None:
    producing = desk.start("produce", order, pins=True)
    producing.wait_until(
        lambda: bool(desk.rows("SELECT 1 FROM items WHERE state = 'in-production' AND seat = 'usb-1'")),
        "usb-1 began a token",
    )
    for process in (producing.process.pid, desk.lane_process("usb-1")):
        assert os.getpriority(os.PRIO_PROCESS, process) >= 10
    assert producing.end().code == ExitCode.OK


def test_a_lane_whose_process_dies_is_started_again_and_finishes_its_token(
    desk: Desk, order: str, tmp_path: Path
) -> None:
    producing = desk.start("produce", order, "--seat", "piv-1", "--seat", "usb-1", pins=True)
    producing.wait_until(
        lambda: bool(desk.rows("SELECT 1 FROM items WHERE state = 'in-production' AND seat = 'usb-1'")),
        "usb-1 began a token",
    )
    os.kill(desk.lane_process("usb-1"), signal.SIGKILL)
    ended = producing.end()

    assert ended.code == ExitCode.OK, ended.err
    assert item_states(desk, order) == {"produced"}
    all_is_in_order(desk, order, tmp_path)


def test_a_card_that_was_pulled_out_is_finished_when_it_comes_back(
    desk: Desk, order: str, tmp_path: Path
) -> None:
    seats = ("--seat", "piv-1", "--seat", "piv-2")
    producing = desk.start("produce", order, "--patience", "1", *seats, pins=True)
    halfway = "certify:authentication"
    producing.wait_until(lambda: desk.begun(order, halfway), "a card was half made")
    ((seat,), *_) = desk.rows(
        "SELECT seat FROM items JOIN steps ON id = item_id WHERE name = ? AND items.state = ?",
        halfway,
        "in-production",
    )
    pulled = desk.bench.eject(seat)
    ended = producing.end()
    assert pulled
    assert ended.code == ExitCode.PARTIAL, ended.err
    assert "put begun ones back in a reader" in ended.err
    assert len(desk.tokens(order, "in-production")) == 1

    other = next(name for name in ("piv-1", "piv-2") if name != seat)
    for name in ("piv-1", "piv-2"):
        desk.bench.eject(name)
    desk.bench.insert(other, pulled)
    desk.run("produce", order, pins=True)

    assert item_states(desk, order) == {"produced"}
    all_is_in_order(desk, order, tmp_path)


def test_letters_of_an_order_are_printed_while_its_last_card_is_waited_for(desk: Desk) -> None:
    with desk.cleared():
        desk.feed_by_hand("piv-1")
        order = an_order(desk, cards=1, sticks=1)
        producing = desk.start("produce", order, "--seat", "piv-1", "--seat", "usb-1", pins=True)
        producing.hear("produced")  # the USB token; the card's lane waits for somebody to put one in

        assert desk.states(order) == {"planned": 1, "produced": 1}
        assert "1 letter printed" in desk.run("letter", "print", order, operator="carl", pins=True).err

        desk.bench.insert("piv-1")
        producing.wait_until(lambda: item_states(desk, order) == {"produced"}, "the card was made")
        (card,) = (token for token in desk.tokens(order) if token["layout"].startswith("group-card"))
        desk.bench.take("piv-1", "good", f"envelope {card['number']}")
        ended = producing.end()
        assert ended.code == ExitCode.OK, ended.err


def all_is_in_order(desk: Desk, order: str, work: Path) -> None:
    """Every token is produced or quarantined with a reason, none twice, and every produced one works."""
    tokens = desk.tokens(order)
    produced = {token["number"]: token for token in tokens if token["state"] == "produced"}
    aside = [token for token in tokens if token["state"] == "quarantined"]
    assert len(tokens) == len(produced) + len(aside)
    assert all(token["reason"] for token in aside)
    assert set(step_states(desk, order, "produced")) == {"done"}
    serials = [token["serial"] for token in tokens if token["serial"]]
    assert len(serials) == len(set(serials))
    assert {"intent", "unknown"}.isdisjoint(step_states(desk, order))

    desk.run("letter", "print", order, operator="carl", pins=True)
    assert desk.letters(order) == dict.fromkeys(produced, "printed")
    every_token_written_to_is_in_an_envelope(desk)
    for number, token in produced.items():
        with_holder(desk, number, token, work)
    no_key_has_two_certificates(desk)
    desk.run("audit", "verify")


def every_token_written_to_is_in_an_envelope(desk: Desk) -> None:
    """No card and no USB token that was begun lies about unmarked."""
    cards = {path.stem: state.decode(path.read_bytes()) for path in desk.bench.layout.cards.glob("*.json")}
    written = {name for name, card in cards.items() if card.objects.keys() - {state.ATTESTATION_OBJECT}}
    written |= {path.name for path in desk.bench.layout.tokens.iterdir() if any(path.iterdir())}
    enveloped = [*desk.envelopes().values(), *desk.envelopes("quarantine").values()]
    assert written == set(enveloped)
    assert len(enveloped) == len(set(enveloped))


def with_holder(desk: Desk, number: str, token: dict[str, object], work: Path) -> None:
    """The token in the envelope of this number is the one on record, and opens with its letter."""
    page = read_page(desk.bench.layout.printed / f"{number}.pdf")
    card = str(token["layout"]).startswith("group-card")
    seat = "piv-1" if card else "usb-1"
    name, note = desk.card(number), f"envelope {number}"
    desk.bench.eject(seat)
    desk.bench.insert(seat, name)
    try:
        holder: Holder = (CardHolder if card else StickHolder).at(desk.bench, work, seat)
        assert holder.signs("01", page.pin), number
    finally:
        desk.bench.take(seat, "good", note)


def no_key_has_two_certificates(desk: Desk) -> None:
    issued = [
        x509.load_der_x509_certificate(path.read_bytes()) for path in desk.home.glob("ca/issued/*/*.der")
    ]
    keys = {one.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for one in issued}
    assert len(keys) == len(issued)
    assert len({one.serial_number for one in issued}) == len(issued)
    ((generations,),) = desk.rows("SELECT sum(generations) FROM keys")
    assert len(issued) <= generations
    on_record = {certificate for (certificate,) in desk.rows("SELECT certificate FROM keys") if certificate}
    assert on_record <= {one.public_bytes(Encoding.DER) for one in issued}


def item_states(desk: Desk, order: str) -> set[str]:
    found = desk.rows("SELECT i.state FROM items i JOIN orders o ON o.id = order_id WHERE number = ?", order)
    return {str(state) for (state,) in found}


def steps(desk: Desk, order: str, items: str = "%") -> list[tuple[str, int]]:
    """State and attempts of every step of an order's tokens in some state."""
    return [
        (str(state), int(attempts))
        for state, attempts in desk.rows(
            "SELECT steps.state, attempts FROM steps JOIN items ON items.id = item_id "
            "JOIN orders ON orders.id = order_id WHERE number = ? AND items.state LIKE ?",
            order,
            items,
        )
    ]


def step_states(desk: Desk, order: str, items: str = "%") -> list[str]:
    return [state for state, _ in steps(desk, order, items)]
