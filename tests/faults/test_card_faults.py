"""Every fault a virtual card can have, on a real pcscd, as the unchanged driver meets it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from drivers.errors import AuthenticationFailed, DeviceFailed, DriverError, NoToken, TokenLost
from drivers.piv.ids import FACTORY
from drivers.tokens import Algorithm, Code, Initialisation, KeySpec
from simulators.bench import Bench, BenchError
from simulators.faults.scenario import Fault
from simulators.piv import state
from simulators.piv.state import PIN, CardState
from tests.contract.codes import draw
from tests.contract.served import Lane

pytestmark = pytest.mark.bench

KEY = KeySpec("9a", Algorithm.P256, "Test")
CERTIFICATES = 0x5FC105


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench.up(tmp_path_factory.mktemp("bench"), piv=2, pkcs11=1, tether=True)
    yield bench
    bench.down()


@pytest.fixture(scope="module")
def lane(bench: Bench) -> Iterator[Lane]:
    seat = bench.seat_options("piv-1")
    lane = Lane("piv", "piv-1", seat["options"], seat["environment"])
    yield lane
    lane.close()


@dataclass
class Held:
    """A blank card in piv-1, connected, and what it keeps."""

    bench: Bench
    lane: Lane
    name: str

    @property
    def state(self) -> CardState:
        path: Path = self.bench.layout.cards / f"{self.name}.json"
        return state.decode(path.read_bytes())

    def arm(self, do: str, **what: object) -> None:
        self.bench.arm(Fault("piv-1", do, **what))  # type: ignore[arg-type]


@pytest.fixture
def card(bench: Bench, lane: Lane) -> Iterator[Held]:
    bench.disarm()
    for seat in bench.seats:
        bench.eject(seat)
    name = bench.insert("piv-1")
    assert lane.await_token(20)
    lane.connect()
    yield Held(bench, lane, name)
    lane.disconnect()


@pytest.mark.parametrize(
    ("when", "left"), [("before", "the old key"), ("during", "no key"), ("after", "the new key")]
)
@pytest.mark.parametrize("do", ["pull", "power-loss"])
def test_a_card_that_is_gone_around_the_making_of_a_key(card: Held, do: str, when: str, left: str) -> None:
    card.lane.generate(KEY, FACTORY)
    old = card.state.keys[0x9A]
    card.arm(do, of="47", when=when)

    with pytest.raises(TokenLost):
        card.lane.generate(KEY, FACTORY)

    assert [fault.do for fault in card.bench.fired()] == [do]
    kept = card.state.keys.get(0x9A)
    assert {"the old key": kept == old, "no key": kept is None, "the new key": kept not in (None, old)}[left]
    assert card.bench.status().seats[0].inserted is None
    with pytest.raises(NoToken):
        card.lane.reconnect()
    card.bench.insert("piv-1", card.name)
    assert card.lane.await_token(20)
    card.lane.reconnect()
    assert (card.lane.public_key("9a") is None) == (left == "no key")


@pytest.mark.parametrize(("when", "changed", "tries"), [("before", 0, 3), ("during", 0, 2), ("after", 1, 3)])
def test_a_card_that_is_gone_around_the_change_of_a_pin(
    card: Held, when: str, changed: bool, tries: int
) -> None:
    before = card.state.codes[PIN]
    card.arm("pull", of="24", when=when)

    with pytest.raises(TokenLost):
        card.lane.set_code(Code.PIN, FACTORY, draw(card.lane.facts.rules).pin)

    card.bench.fired()
    assert (card.state.codes[PIN].value != before.value) == changed
    assert card.state.codes[PIN].left == tries


@pytest.mark.parametrize(("when", "left"), [("before", b"\x01"), ("during", None), ("after", b"\x02")])
def test_a_card_that_is_gone_around_the_last_link_of_a_chain(
    card: Held, when: str, left: bytes | None
) -> None:
    card.lane.write_certificate("9a", "Test", b"\x01" * 600, FACTORY)
    card.arm("pull", of="DB", on=3, when=when)

    with pytest.raises(TokenLost):
        card.lane.write_certificate("9a", "Test", b"\x02" * 600, FACTORY)

    card.bench.fired()
    kept = card.state.objects.get(CERTIFICATES)
    assert (kept and kept[4:5]) == left


@pytest.mark.parametrize(("when", "made"), [("before", False), ("after", True)])
def test_a_card_that_answers_with_a_status_word_of_its_own(card: Held, when: str, made: bool) -> None:
    card.arm("answer", of="47", when=when, sw="6581")

    with pytest.raises(DeviceFailed, match=r"memory failure \(6581\)") as told:
        card.lane.generate(KEY, FACTORY)

    assert told.value.code == "6581"
    assert (0x9A in card.state.keys) == made


def test_a_card_that_answers_garbage(card: Held) -> None:
    card.arm("garbage", of="47")
    with pytest.raises(DeviceFailed, match="malformed"):
        card.lane.generate(KEY, FACTORY)
    card.bench.disarm()
    card.arm("garbage", of="47", sw="6982")
    with pytest.raises(AuthenticationFailed):
        card.lane.generate(KEY, FACTORY)


@pytest.mark.parametrize(("when", "made"), [("before", False), ("after", True)])
def test_a_card_that_hangs_does_so_until_it_is_taken_out(card: Held, when: str, made: bool) -> None:
    card.arm("hang", of="47", when=when)
    met: list[DriverError] = []

    def generate() -> None:
        try:
            card.lane.generate(KEY, FACTORY)
        except DriverError as error:
            met.append(error)

    working = threading.Thread(target=generate)
    working.start()
    assert len(card.bench.fired()) == 1
    assert working.is_alive()
    card.bench.eject("piv-1")
    working.join()

    assert [type(error) for error in met] == [TokenLost]
    assert (0x9A in card.state.keys) == made


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_card_that_is_slow_does_its_work(card: Held, when: str) -> None:
    card.arm("slow", when=when, times=2, seconds=0.01)

    card.lane.generate(KEY, FACTORY)

    assert 0x9A in card.state.keys
    assert len(card.bench.fired()) == 1


def test_a_card_that_resets_itself_stays_and_has_forgotten_who_was_there(card: Held) -> None:
    card.lane.generate(KEY, FACTORY)
    made = card.state.keys
    card.arm("reset", of="47")

    with pytest.raises(TokenLost):
        card.lane.generate(KEY, FACTORY)

    assert card.state.keys == made
    card.lane.reconnect()
    card.lane.generate(KEY, FACTORY)
    assert card.state.keys != made


@pytest.mark.parametrize("another", [True, False])
def test_another_card_or_a_blank_is_in_the_reader_at_once(card: Held, another: bool) -> None:
    other = card.bench.insert("piv-2") if another else None
    card.bench.eject("piv-2")
    mine = card.lane.identify().serial
    card.arm("swap", of="47", card=other)

    with pytest.raises(TokenLost):
        card.lane.generate(KEY, FACTORY)

    card.bench.fired()
    there = card.bench.status().seats[0].inserted
    assert there not in (None, card.name)
    assert (there == other) == another
    card.lane.disconnect()
    assert card.lane.await_removal(20)
    assert card.lane.await_token(20)
    card.lane.connect()
    assert card.lane.identify().serial not in (None, mine)
    assert card.lane.inspect().blank


def test_a_personalisation_counts_its_exchanges(card: Held) -> None:
    before = card.bench.exchanges("piv-1")
    card.lane.initialise(Initialisation("Test", bytes(16)), FACTORY, draw(card.lane.facts.rules))

    assert card.bench.exchanges("piv-1") > before > 0
    assert card.bench.exchanges("piv-2") == 0
    card.bench.disarm()
    assert card.bench.exchanges("piv-1") == 0


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("piv-3", "pull"), "no seat 'piv-3'"),
        (Fault("piv-1", "swap", card="nobody-1"), "no card 'nobody-1' on this bench"),
        (Fault("piv-1", "crash"), "fault 1: do = 'crash' is nothing piv-1 can do"),
    ],
)
def test_what_cannot_happen_here_is_not_armed(bench: Bench, fault: Fault, said: str) -> None:
    bench.disarm()
    with pytest.raises(BenchError, match=said):
        bench.arm(fault)
    assert bench.fired(0, 0) == ()


def test_a_bench_begins_with_its_scenario_or_not_at_all(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.toml"
    scenario.write_text('[[fault]]\nat = "printer"\ndo = "jam"\n')
    bench = Bench.up(tmp_path / "good", piv=0, pkcs11=1, tether=True, scenario=scenario)
    try:
        assert bench.exchange("printer", "page") == Fault("printer", "jam")
        assert bench.exchange("printer", "page") is None
    finally:
        bench.down()

    scenario.write_text('[[fault]]\nat = "piv-1"\ndo = "pull"\n')
    with pytest.raises(BenchError, match="no seat 'piv-1'"):
        Bench.up(tmp_path / "bad", piv=0, pkcs11=1, tether=True, scenario=scenario)
    assert not Bench(tmp_path / "bad").down()
