"""What goes wrong around a token is no fault of the token: nothing is spoiled, and the operator reads why."""

from __future__ import annotations

import array
import fcntl
import os
import signal
import termios
from collections.abc import Iterator

import pytest

from drivers.secret import Secret
from simulators.piv.card import Delays
from station.exit_codes import ExitCode
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk, Started

pytestmark = pytest.mark.bench

CARD = {"group": "Balie Noord"}
STICK = {"group": "Balie Noord", "layout": "group-usb:p-256"}
SLOW_STICK = {"group": "Balie Noord", "layout": "group-usb:rsa-3072"}
"""Its keys take long enough for a hand to be quicker."""


@pytest.fixture(scope="module")
def shared(desk_factory: DeskFactory) -> Desk:
    return desk_factory(piv=1, pkcs11=2, delays=Delays(apdu=0.005))


@pytest.fixture
def desk(shared: Desk) -> Iterator[Desk]:
    with shared.cleared():
        yield shared


@pytest.mark.parametrize("key", ["ca", "bench"])
def test_a_wrong_pin_is_told_before_a_token_is_spent_on_it(desk: Desk, key: str) -> None:
    order = desk.approved(CARD | {"count": "3"}, STICK | {"count": "3"})
    right = desk.pins[key]
    desk.pins[key] = Secret.text("00000000")
    try:
        ended = desk.run("produce", order, pins=True, expect=ExitCode.DEVICE)
    finally:
        desk.pins[key] = right

    assert f"station: token '{key}': its PIN was refused" in ended.err
    assert "next: run the command again with the right one" in ended.err
    assert desk.states(order) == {"planned": 6}
    desk.run("produce", order, pins=True)
    assert desk.states(order) == {"produced": 6}


def test_a_token_swapped_in_mid_step_is_missed_and_the_other_is_taken_as_what_it_is(desk: Desk) -> None:
    desk.feed_by_hand("usb-1", "usb-2")
    order = desk.approved(SLOW_STICK | {"count": "2"})
    begun_with = desk.bench.insert("usb-1")
    producing = desk.start(
        "produce", order, "--seat", "usb-1", "--seat", "usb-2", "--patience", "100", pins=True
    )
    producing.wait_until(lambda: desk.begun(order, "generate:authentication"), "a key was asked for")
    lane = desk.lane_process("usb-1")
    os.kill(lane, signal.SIGSTOP)
    desk.bench.eject("usb-1")
    swapped_for = desk.bench.insert("usb-1")
    os.kill(lane, signal.SIGCONT)

    producing.hear("interrupted")
    producing.hear("produced")
    desk.bench.insert("usb-2", begun_with)
    producing.hear("taken up again")
    producing.hear("produced")
    ended = producing.end()

    assert ended.code == ExitCode.OK, ended.err
    assert desk.states(order) == {"produced": 2}
    first, second = (token["number"] for token in desk.tokens(order))
    for number, token in ((first, begun_with), (second, swapped_for)):
        desk.bench.eject("usb-1")
        desk.bench.eject("usb-2")
        desk.bench.insert("usb-1", token)
        desk.run("token", "verify", "usb-1", number)


def test_a_lane_waits_for_the_token_it_misses_and_names_it_whatever_else_is_in_its_reader(desk: Desk) -> None:
    desk.feed_by_hand("piv-1")
    order = desk.approved(CARD)
    card = desk.bench.insert("piv-1")
    producing = desk.start("produce", order, "--seat", "piv-1", "--patience", "100", pins=True)
    producing.wait_until(lambda: desk.begun(order, "load:authentication"), "the card was half made")
    desk.bench.eject("piv-1")
    desk.bench.insert("piv-1")  # a blank, of which there is no need

    (token,) = desk.tokens(order)
    producing.hear(f"put back {token['number']} (token {token['serial']}, last in piv-1)")
    desk.bench.eject("piv-1")
    desk.bench.insert("piv-1", card)
    producing.hear("produced")

    assert producing.end().code == ExitCode.OK
    assert desk.states(order) == {"produced": 1}


def test_what_is_left_is_told_by_token_and_by_kind_of_seat(desk: Desk) -> None:
    desk.feed_by_hand("piv-1")
    order = desk.approved(CARD, STICK | {"count": "2"})
    desk.bench.insert("piv-1")
    producing = desk.start("produce", order, "--seat", "piv-1", "--patience", "0", pins=True)
    producing.wait_until(lambda: desk.begun(order, "load:authentication"), "the card was half made")
    desk.bench.eject("piv-1")
    ended = producing.end()

    assert ended.code == ExitCode.PARTIAL
    assert "2 planned tokens want a pkcs11 seat; none was used" in ended.err
    (card,) = desk.tokens(order, "in-production")
    assert f"begun: {card['number']} (token {card['serial']}, last in piv-1)" in ended.err


def test_a_layout_that_does_not_fit_a_lane_s_tokens_stops_the_lane_and_spoils_none(desk: Desk) -> None:
    desk.configure(lambda text: text.replace('puk = "so-pin"', 'puk = "so-pin", so_pin = 12'))
    order = desk.approved(STICK | {"count": "2"}, CARD)

    ended = desk.run("produce", order, pins=True, expect=ExitCode.PARTIAL)

    assert "lane usb-1 stopped" in ended.err
    assert "lane usb-2 stopped" in ended.err
    assert "a PUK of 8 digits; the token takes 12 to 12" in ended.err
    assert desk.states(order) == {"planned": 2, "produced": 1}


def test_a_feeder_that_fails_stops_its_lane_and_loses_no_token(desk_factory: DeskFactory) -> None:
    desk = desk_factory(piv=0, pkcs11=1)
    order = desk.approved(SLOW_STICK | {"count": "2"})
    producing = desk.start("produce", order, pins=True)
    producing.wait_until(lambda: desk.begun(order, "generate:authentication"), "a key was asked for")
    desk.bench.down()
    ended = producing.end()

    assert ended.code == ExitCode.PARTIAL, ended.err
    assert "lane usb-1 stopped: usb-1: the bench cannot feed it" in ended.err
    assert desk.states(order) in ({"produced": 1, "planned": 1}, {"in-production": 1, "planned": 1})


def test_a_production_goes_on_when_nobody_listens_any_more(desk: Desk) -> None:
    order = desk.approved(STICK | {"count": "3"})
    producing = desk.start("produce", order, pins=True)
    assert producing.process.stderr is not None
    producing.hear("produced")
    producing.process.stderr.close()

    assert producing.process.wait(timeout=60) == ExitCode.OK
    assert desk.states(order) == {"produced": 3}


def test_a_production_can_begin_without_any_standard_stream(desk: Desk) -> None:
    order = desk.approved(STICK | {"count": "2"})
    closed = desk.start(
        "produce", order, pins=True, through=("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh")
    ).end()

    assert closed.code == ExitCode.OK
    assert desk.states(order) == {"produced": 2}
    assert desk.run("audit", "verify").code == ExitCode.OK


def test_a_terminal_that_takes_nothing_more_locks_nobody_out_of_the_records(desk: Desk) -> None:
    """As after Ctrl-S, or when somebody reads page by page."""
    order = desk.approved(STICK | {"count": "80"})
    producing = desk.start("produce", order, pins=True)
    assert producing.process.stderr is not None
    room = fcntl.fcntl(producing.process.stderr, fcntl.F_SETPIPE_SZ, 4096)
    producing.wait_until(lambda: room - waiting(producing) < 100, "its words filled the pipe")

    desk.approved(CARD)
    assert desk.states(order)["planned"] > 0

    producing.signal(signal.SIGINT)
    assert producing.end().code == ExitCode.INTERRUPTED


def waiting(started: Started) -> int:
    """Bytes said that nobody has read."""
    assert started.process.stderr is not None
    count = array.array("i", [0])
    fcntl.ioctl(started.process.stderr, termios.FIONREAD, count)
    return count[0]
