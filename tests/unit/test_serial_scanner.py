"""A scanner at a serial port gives whole scans, whatever pieces they come in, and says so when it is gone."""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import closing

import pytest

from drivers.errors import DeviceFailed, Unsupported
from drivers.registry import find
from drivers.scanners.port import Scanner
from drivers.scanners.serial_line import SerialScanner
from station import probes
from station.checks.desk import _scanner as told
from station.checks.model import State
from station.config import ScannerPort
from tests.unit.scanner_kit import FakeScanner


@pytest.fixture
def device() -> Iterator[FakeScanner]:
    with FakeScanner() as made:
        yield made


def heard(scanner: Scanner, count: int) -> list[str]:
    """So many scans, waiting for them."""
    found: list[str] = []
    while len(found) < count:
        assert select.select([scanner.fileno()], [], [], 60)[0]
        found += scanner.scans()
    return found


def test_scans_come_whole_whatever_they_end_with_and_nothing_is_waited_for(device: FakeScanner) -> None:
    with closing(SerialScanner({"port": device.port})) as scanner:
        assert scanner.scans() == []
        device.scan("M000123BM")
        device.scan("A-0007", end="\r")
        device.send(b"\n\nS00", b"07")
        device.scan("XS", "", end="\n")
        assert heard(scanner, 3) == ["M000123BM", "A-0007", "S0007XS"]
        assert scanner.scans() == []


def test_what_a_scanner_says_about_the_kind_of_bar_code_is_left_out(device: FakeScanner) -> None:
    with closing(SerialScanner({"port": device.port})) as scanner:
        device.scan("]C1M000123BM", "]d2S0007XS", "]")
        assert heard(scanner, 3) == ["M000123BM", "S0007XS", "]"]


def test_noise_is_no_number_and_fills_no_memory(device: FakeScanner) -> None:
    with closing(SerialScanner({"port": device.port})) as scanner:
        for _ in range(40):
            device.send(b"\xff" * 100)
            scanner.scans()
        device.scan("000123")
        (noise,) = heard(scanner, 1)
        assert "\ufffd" in noise
        assert len(noise) <= 256
        device.scan("000124")
        assert heard(scanner, 1) == ["000124"]


def test_one_program_has_a_scanner_at_a_time(device: FakeScanner) -> None:
    with closing(SerialScanner({"port": device.port})), pytest.raises(DeviceFailed) as caught:
        SerialScanner({"port": device.port})
    assert (caught.value.code, caught.value.where) == ("EAGAIN", f"scanner {device.port}")
    SerialScanner({"port": device.port}).close()


def test_a_scanner_that_is_unplugged_is_told(device: FakeScanner) -> None:
    with closing(SerialScanner({"port": device.port})) as scanner:
        device.unplug()
        with pytest.raises(DeviceFailed, match=f"scanner {device.port}: it does not answer"):
            heard(scanner, 1)
    with pytest.raises(DeviceFailed, match="it is not there; plug it in"):
        SerialScanner({"port": "/dev/no-scanner"})


@pytest.mark.parametrize("options", [{}, {"port": "/dev/x", "speed": 1}, {"port": "/dev/x", "bits": 9}])
def test_options_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(Unsupported):
        find("station.scanners", "serial")(options)


def test_the_doctor_opens_its_port(device: FakeScanner) -> None:
    def check(port: str) -> tuple[State, str]:
        made = told(probes.scanner_probe(ScannerPort(options={"port": port})))
        return made.state, made.found

    assert check(device.port)[0] is State.OK
    assert check("/dev/no-scanner") == (State.WARN, "scanner /dev/no-scanner: it is not there")
    with closing(SerialScanner({"port": device.port})):
        assert check(device.port) == (State.OK, "in use, by the screen or another command")
