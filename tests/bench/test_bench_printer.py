"""The simulated printer's faults reach the desk as those of a real one would (R12)."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.errors import PrinterFailed, Unsupported
from simulators.bench import Bench
from simulators.faults.model import Fault
from simulators.printer import SimulatedPrinter
from tests.conftest import BenchFactory

PAGE = b"%PDF-1.7 " + bytes(range(256)) * 8 + b"%%EOF"


@pytest.fixture
def bench(bench_factory: BenchFactory) -> Bench:
    return bench_factory(piv=0, pkcs11=1)


@pytest.fixture
def printer(bench: Bench, tmp_path: Path) -> SimulatedPrinter:
    return SimulatedPrinter({"directory": str(tmp_path), "bench": str(bench.layout.directory)})


def tray(tmp_path: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in tmp_path.iterdir()}


@pytest.mark.bench
def test_a_printer_tells_before_and_at_the_page_that_it_takes_nothing(
    bench: Bench, printer: SimulatedPrinter, tmp_path: Path
) -> None:
    beforehand = {"paper-out": "out of paper", "cover-open": "cover", "offline": "offline", "busy": "busy"}
    for action, words in beforehand.items():
        bench.arm(Fault("printer", action, times=2))
        assert words in str(printer.ready())
        with pytest.raises(PrinterFailed, match=words) as failed:
            printer.print_page(PAGE, "000001")
        assert failed.value.sent == 0
        assert printer.ready() is None
    assert tray(tmp_path) == {}
    printer.print_page(PAGE, "000001")
    assert tray(tmp_path) == {"000001.pdf": PAGE}


@pytest.mark.bench
def test_a_jam_leaves_a_torn_sheet_in_the_tray(
    bench: Bench, printer: SimulatedPrinter, tmp_path: Path
) -> None:
    bench.arm(Fault("printer", "jam", 2))
    assert printer.ready() is None
    printer.print_page(PAGE, "000001")
    with pytest.raises(PrinterFailed, match="jammed") as failed:
        printer.print_page(PAGE, "000002")
    assert failed.value.sent == len(PAGE) // 2
    assert tray(tmp_path) == {"000001.pdf": PAGE, "000002.torn": PAGE[: len(PAGE) // 2]}
    bench.down()
    printer.print_page(PAGE, "000002")
    assert tray(tmp_path)["000002.pdf"] == PAGE


@pytest.mark.bench
def test_a_page_that_was_taken_and_does_not_come_out_is_not_taken_for_untouched(
    bench: Bench, printer: SimulatedPrinter, tmp_path: Path
) -> None:
    cut = Fault("printer", "cut", when="during")
    for fault, words in (
        (Fault("printer", "cancel"), "cancelled"),
        (Fault("printer", "abort"), "gave"),
        (cut, "lost"),
    ):
        bench.arm(fault)
        with pytest.raises(PrinterFailed, match=words) as failed:
            printer.print_page(PAGE, "000001")
        assert failed.value.sent == len(PAGE)
    assert tray(tmp_path) == {}


def test_a_wrong_option_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="trai"):
        SimulatedPrinter({"directory": str(tmp_path), "trai": 2})
