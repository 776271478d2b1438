"""PC/SC seats: readers are found by name, never by being the first, and a bench that ends is told as such."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drivers.errors import DeviceFailed, DriverError, NoToken, TokenLost, Unsupported
from drivers.pcsc.readers import ReaderInfo
from drivers.process import Child
from simulators.bench import Bench
from tests.contract.served import WITHIN, Lane

pytestmark = pytest.mark.bench


@pytest.fixture
def two(bench_factory: Callable[..., Bench]) -> Bench:
    """A bench with two readers."""
    return bench_factory(piv=2, pkcs11=0)


@pytest.fixture
def pcsc(two: Bench) -> Iterator[Child]:
    child = Child("readers", "tests.contract.served:Readers", environment=two.environment)
    yield child
    child.close()


def reader(bench: Bench, seat: str) -> str:
    name: str = bench.seat_options(seat)["options"]["reader"]
    return name


def test_all_readers_are_listed_with_what_is_in_them(two: Bench, pcsc: Child) -> None:
    two.insert("piv-2")
    found: dict[str, ReaderInfo] = {info.name: info for info in pcsc.ask("readers", timeout=WITHIN)}
    assert not found[reader(two, "piv-1")].present
    assert found[reader(two, "piv-1")].atr is None
    assert found[reader(two, "piv-2")].present
    assert found[reader(two, "piv-2")].atr
    assert {info.serial for info in found.values()} == {None}  # vpcd tells none


def test_a_seat_is_bound_to_the_reader_a_card_is_newly_put_in(two: Bench, pcsc: Child) -> None:
    two.insert("piv-1")
    coming = threading.Timer(0.3, two.insert, ["piv-2"])
    coming.start()
    bound = pcsc.ask("bind", 30, timeout=WITHIN)
    coming.join()
    assert bound.name == reader(two, "piv-2")
    assert bound.present


def test_binding_can_be_cancelled(two: Bench, pcsc: Child) -> None:
    two.insert("piv-1")
    assert pcsc.ask("bind", 0.1, timeout=WITHIN) is None


def test_a_reader_that_is_not_there_names_those_that_are(two: Bench) -> None:
    two.insert("piv-1")
    lane = Lane("piv", "left", {"reader": "Elsewhere 00 00"}, two.environment)
    try:
        for attempt in (lane.connect, lambda: lane.await_token(5)):
            with pytest.raises(DeviceFailed, match="'Elsewhere 00 00'") as refused:
                attempt()
            assert reader(two, "piv-1") in str(refused.value)
            assert reader(two, "piv-2") in str(refused.value)
    finally:
        lane.close()


def test_a_reader_of_another_serial_is_not_taken(two: Bench) -> None:
    two.insert("piv-1")
    lane = Lane("piv", "left", {"reader": reader(two, "piv-1"), "serial": "4711"}, two.environment)
    try:
        with pytest.raises(DeviceFailed, match="with serial 4711"):
            lane.connect()
    finally:
        lane.close()


def test_a_token_that_is_its_own_reader_may_be_absent(two: Bench) -> None:
    lane = Lane("piv", "left", {"reader": "Yubico YubiKey CCID 00 00", "usb_token": True}, two.environment)
    try:
        with pytest.raises(NoToken, match="plugged in"):
            lane.connect()
        assert not lane.await_token(0.1)
        assert lane.await_removal(5)
    finally:
        lane.close()


@pytest.mark.parametrize(
    "options", [{}, {"reader": "x", "pin": "1"}, {"reader": 1}, {"reader": "x", "admin": "?"}]
)
def test_options_nobody_knows_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(Unsupported, match="left: its options"):
        Lane("piv", "left", options, {})


def test_an_attestation_root_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "nothing.pem"
    with pytest.raises(DriverError, match=r"nothing\.pem"):
        Lane("piv", "left", {"reader": "x", "attestation_roots": [str(missing)]}, {})


def test_a_driver_outlives_the_pcsc_service(bench_factory: Callable[..., Bench], tmp_path: Path) -> None:
    bench = bench_factory(tmp_path / "bench", piv=1, pkcs11=0)
    card = bench.insert("piv-1")
    lane = Lane("piv", "left", bench.seat_options("piv-1")["options"], bench.environment)
    try:
        lane.connect()
        before = lane.identify()
        bench.down()
        with pytest.raises(TokenLost):
            lane.inspect()
        lane.disconnect()
        with pytest.raises(DeviceFailed, match="pcscd"):
            lane.connect()
        with pytest.raises(DeviceFailed, match="pcscd"):
            lane.await_token(5)
        bench_factory(tmp_path / "bench", piv=1, pkcs11=0).insert("piv-1", card)
        assert lane.await_token(20)
        lane.connect()
        assert lane.identify() == before
    finally:
        lane.close()
