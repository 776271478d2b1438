"""A USB token that is pulled at any call of its module is missed, and never taken for one that is broken."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from drivers.errors import NoToken, TokenLost
from drivers.tokens import Algorithm, Code, Credentials, Initialisation, KeySpec
from simulators.bench import Bench
from simulators.faults.scenario import Fault
from tests.contract.codes import draw
from tests.contract.served import Lane

pytestmark = pytest.mark.bench

KEY = KeySpec("01", Algorithm.P256, "Test")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench.up(tmp_path_factory.mktemp("bench"), piv=0, pkcs11=1, faults=True, tether=True)
    yield bench
    bench.down()


@pytest.fixture
def lane(bench: Bench) -> Iterator[Lane]:
    seat = bench.seat_options("usb-1")
    lane = Lane("pkcs11", "usb-1", seat["options"], seat["environment"])
    yield lane
    lane.close()


def begin(lane: Lane, codes: Credentials) -> None:
    """The first acts on a token, from the look at it to its first key."""
    lane.await_token(0.5)
    lane.connect()
    lane.inspect()
    lane.initialise(Initialisation("Test", bytes(16)), codes, codes)
    lane.set_code(Code.PIN, codes, codes.pin)
    lane.generate(KEY, codes)


@pytest.mark.parametrize(
    "function", ["C_GetSlotList", "C_GetTokenInfo", "C_OpenSession", "C_InitToken", "C_Login", "C_InitPIN"]
)
def test_a_token_pulled_at_any_call_of_a_function_is_missed(bench: Bench, lane: Lane, function: str) -> None:
    codes = draw(lane.facts.rules)
    for call in itertools.count(1):
        lane.disconnect()
        bench.disarm()
        bench.eject("usb-1")
        bench.insert("usb-1")
        bench.arm(Fault("usb-1", "pull", call, function))
        try:
            begin(lane, codes)
        except (TokenLost, NoToken):
            assert bench.fired(1, 20)
        else:
            assert not bench.fired(1, 0)
            assert call > 1
            return
