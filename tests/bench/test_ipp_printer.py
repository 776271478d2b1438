"""Pages on a real IPP printer (CUPS' `ippeveprinter`), and each thing that can go wrong there (R12)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from drivers.errors import PrinterFailed
from drivers.printers.ipp import IppPrinter
from drivers.registry import find
from simulators.bench import Bench, BenchError
from simulators.faults.model import Fault
from tests.bench.desk import PATIENCE
from tests.conftest import need

pytestmark = pytest.mark.bench

PAGE = b"%PDF-1.7 " + bytes(range(256)) * 200 + b"\n%%EOF\n"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    need("ippeveprinter", "dbus-daemon", "avahi-daemon")
    place = tmp_path_factory.mktemp("bench")
    bench = Bench.up(place, piv=0, pkcs11=1, tether=True, faults=True, printer="ipp")
    try:
        yield bench
    finally:
        bench.down()


@pytest.fixture
def bench(shared: Bench) -> Iterator[Bench]:
    shared.disarm()
    for page in shared.layout.printed.iterdir():
        page.unlink()
    yield shared
    shared.disarm()


def printer(bench: Bench, **options: Any) -> IppPrinter:
    driver, given = bench.printer
    made = find("station.printers", driver)({**given, **options})
    assert isinstance(made, IppPrinter)
    return made


def tray(bench: Bench) -> dict[str, bytes]:
    return {page.name: page.read_bytes() for page in bench.layout.printed.iterdir()}


def failed(bench: Bench, *faults: Fault, **options: Any) -> PrinterFailed:
    """How the page 000001 fails."""
    bench.arm(*faults)
    with pytest.raises(PrinterFailed) as caught:
        printer(bench, **options).print_page(PAGE, "000001")
    assert caught.value.where == "000001"
    return caught.value


def test_page_after_page_comes_out_as_it_was_sent(bench: Bench) -> None:
    there = printer(bench)
    assert there.ready() is None
    for number in ("000001", "000002"):
        there.print_page(PAGE, number)
    assert tray(bench) == {"000001.pdf": PAGE, "000002.pdf": PAGE}


@pytest.mark.parametrize(
    ("do", "words"), [("busy", "busy with another's page; wait for that"), ("offline", "check that it is on")]
)
def test_what_keeps_it_from_taking_a_page_is_told_beforehand(bench: Bench, do: str, words: str) -> None:
    bench.arm(Fault("printer", do))
    there = printer(bench)
    assert words in (there.ready() or "")
    assert there.ready() is None
    refused = failed(bench, Fault("printer", do))
    assert words in refused.what
    assert refused.sent == 0
    assert tray(bench) == {}


class Clock:
    """The driver's clock, which a test sets forward."""

    def __init__(self) -> None:
        self.sleep, self._ahead = time.sleep, 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self._ahead

    def set_forward(self, seconds: float) -> None:
        self._ahead += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("drivers.printers.ipp.time", made)
    return made


def held_up(bench: Bench, do: str) -> tuple[Future[None], str]:
    """The page 000001 under way to a printer that waits for a hand, and what that printer tells others."""
    bench.arm(Fault("printer", do))
    pool = ThreadPoolExecutor(1)
    page = pool.submit(printer(bench).print_page, PAGE, "000001")
    pool.shutdown(wait=False)
    other, told = printer(bench), None
    while not page.done() and (told is None or "busy" in told):
        told = other.ready()
    return page, told or ""


@pytest.mark.parametrize(
    ("do", "words", "left"),
    [
        ("paper-out", "it is out of paper; load paper", {}),
        ("cover-open", "a cover is open; close it", {}),
        ("jam", "the paper has jammed; take it out", {"000001.torn": PAGE[: len(PAGE) // 2]}),
    ],
)
def test_what_needs_a_hand_is_told_and_the_page_dropped_when_none_comes(
    bench: Bench, clock: Clock, do: str, words: str, left: dict[str, bytes]
) -> None:
    page, told = held_up(bench, do)
    assert words in told
    clock.set_forward(60.0)
    with pytest.raises(PrinterFailed) as caught:
        page.result(PATIENCE)
    assert words in caught.value.what
    assert "it dropped the page as it was told" in caught.value.what
    assert caught.value.sent == len(PAGE)
    assert tray(bench) == left
    printer(bench).print_page(PAGE, "000002")  # it works again, and nothing came after all
    assert tray(bench) == {**left, "000002.pdf": PAGE}


def test_it_goes_on_by_itself_once_somebody_has_closed_the_cover(bench: Bench) -> None:
    page, told = held_up(bench, "cover-open")
    assert "a cover is open; close it" in told
    bench.disarm()
    page.result(PATIENCE)
    assert tray(bench) == {"000001.pdf": PAGE}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("printer", "cancel"), "the job was cancelled on somebody's word"),
        (Fault("printer", "abort"), "the printer gave the job up (the engine failed)"),
        (Fault("printer", "cut", when="during"), "bytes of the page had been passed on"),
        (Fault("printer", "cut", when="after"), f"{len(PAGE)} of {len(PAGE)} bytes"),
    ],
    ids=lambda value: value.do if isinstance(value, Fault) else "",
)
def test_a_page_nobody_can_be_sure_of_is_unknown(bench: Bench, fault: Fault, words: str) -> None:
    told = failed(bench, fault)
    assert words in told.what
    assert told.sent != 0
    assert told.next == "look whether the sheet came out, then account for the form"
    # Of a lost answer only: the sheet did come out, which is why somebody has to look.
    assert set(tray(bench)) <= ({"000001.pdf"} if fault.when == "after" else set())


def test_a_printer_of_another_certificate_gets_no_page(bench: Bench, tmp_path: Path) -> None:
    stranger = Bench.up(tmp_path / "bench", piv=0, pkcs11=1, tether=True, printer="ipp")
    try:
        _, options = stranger.printer
        told = failed(bench, certificate=options["certificate"])
    finally:
        stranger.down()
    assert "another certificate than the one that is pinned" in told.what
    assert told.sent == 0
    assert tray(bench) == {}


def test_nothing_of_it_is_heard_outside_its_bench(bench: Bench) -> None:
    options = bench.printer[1]
    outside = IppPrinter({"uri": "ipps://localhost:8631", "certificate": options["certificate"]})
    assert "check that it is on" in (outside.ready() or "")


def test_no_ipp_printer_among_the_readers_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="namespaces"):
        Bench.up(tmp_path / "bench", piv=1, pkcs11=0, system_pcscd=True, printer="ipp")
