"""What every token driver promises when tokens come, go, or belong to another program."""

from __future__ import annotations

import threading

import pytest

from drivers.errors import DeviceFailed, NoToken, TokenLost, WrongToken
from drivers.tokens import Algorithm, Initialisation, KeySpec
from tests.contract.conftest import Desk, Seat
from tests.contract.served import Lane

pytestmark = pytest.mark.bench

PLAN = Initialisation(label="Contract", guid=bytes(range(100, 116)))


def test_an_empty_seat_has_no_token(seat: Seat, lane: Lane) -> None:
    if seat.kind is None:
        seat.eject()
    with pytest.raises(NoToken):
        lane.connect()
    assert lane.await_removal(20)


def test_waiting_for_a_token_can_be_cancelled(seat: Seat, lane: Lane) -> None:
    if seat.kind is None:
        seat.eject()
    assert not lane.await_token(0.1)


def test_waiting_for_removal_can_be_cancelled(desk: Desk) -> None:
    desk.lane.disconnect()
    assert not desk.lane.await_removal(0.1)
    desk.lane.connect()


def test_a_token_is_noticed_when_it_comes_and_when_it_goes(seat: Seat, lane: Lane) -> None:
    if seat.kind is None:
        seat.eject()
    for _ in range(2):
        coming = threading.Timer(0.2, seat.insert, [None])
        coming.start()
        assert lane.await_token(30)
        coming.join()
        lane.connect()
        lane.disconnect()
        going = threading.Timer(0.2, seat.eject)
        going.start()
        assert lane.await_removal(30)
        going.join()


def test_a_token_pulled_out_of_its_session_is_lost(desk: Desk) -> None:
    desk.lane.initialise(PLAN, desk.codes, desk.new)
    identity = desk.lane.identify()
    token = desk.seat.eject()
    assert token is not None
    with pytest.raises(TokenLost):
        desk.lane.inspect()
    with pytest.raises(TokenLost):
        desk.lane.initialise(PLAN, desk.codes, desk.new)
    desk.lane.disconnect()
    with pytest.raises(NoToken):
        desk.lane.connect()
    desk.seat.insert(token)
    assert desk.lane.await_token(20)
    desk.lane.connect()
    assert desk.lane.identify() == identity


def test_another_token_is_not_taken_for_the_lost_one(desk: Desk) -> None:
    desk.lane.initialise(PLAN, desk.codes, desk.new)
    first = desk.lane.identify()
    desk.seat.eject()
    desk.seat.insert(None)
    with pytest.raises((TokenLost, WrongToken)):
        desk.lane.generate(KeySpec(desk.seat.slots[0], Algorithm.P256, "Key"), desk.codes)
    desk.lane.disconnect()
    desk.lane.connect()
    assert desk.lane.identify() != first
    assert desk.lane.inspect().blank


def test_a_token_another_program_holds_is_not_touched(desk: Desk) -> None:
    if desk.seat.kind is not None and not desk.seat.kind.exclusive:
        pytest.skip("PKCS#11 has no exclusive sessions")
    if desk.seat.driver != "piv":
        pytest.skip("only PC/SC takes tokens exclusively")
    other = desk.seat.lane()
    try:
        with pytest.raises(DeviceFailed, match="another program holds the token") as refused:
            other.connect()
        assert desk.seat.name in str(refused.value)
        assert str(desk.seat.options["reader"]) in str(refused.value)
        # the one that holds it has lost nothing, and the other gets it as soon as it is free
        assert desk.lane.inspect().blank
        freed = threading.Timer(0.5, desk.lane.disconnect)
        freed.start()
        other.connect()
        freed.join()
        assert other.inspect().blank
    finally:
        other.close()
