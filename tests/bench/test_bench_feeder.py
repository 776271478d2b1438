"""The feeder and the printer of a simulated bench, as the station's lanes use them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from drivers.errors import DeviceFailed, PrinterFailed
from drivers.feeders.port import Feeder, Tray
from drivers.printers.port import Printer
from drivers.registry import find
from simulators.bench import Bench, BenchError
from simulators.feeder import BenchFeeder
from simulators.printer import SimulatedPrinter
from tests.bench.clients import inserted
from tests.conftest import BenchFactory


@pytest.mark.bench
def test_a_fed_seat_gets_one_blank_and_a_taken_one_lies_in_its_tray(bench: Bench) -> None:
    feeder: Feeder = BenchFeeder(bench.feeder_options)

    for seat in ("piv-1", "usb-2"):
        feeder.feed(seat)
        feeder.feed(seat)
    feeder.take("piv-1", Tray.GOOD, "order 1, item 1")
    feeder.take("usb-2", Tray.QUARANTINE, "no answer to C_InitToken")
    feeder.take("piv-2", Tray.GOOD, "nothing was in it")

    assert set(inserted(bench).values()) == {None}
    assert {kept.name: (kept.tray, kept.note) for kept in bench.status().kept} == {
        "card-1": ("good", "order 1, item 1"),
        "token-1": ("quarantine", "no answer to C_InitToken"),
    }


@pytest.mark.bench
def test_a_finished_token_is_read_again_out_of_its_envelope_and_lies_in_it_after(bench: Bench) -> None:
    feeder = BenchFeeder(bench.feeder_options)
    for seat, number in (("piv-1", "000001"), ("piv-1", "000002"), ("usb-1", "000003")):
        bench.insert(seat)
        feeder.take(seat, Tray.GOOD, f"envelope {number}")
    before = bench.status().kept

    assert bench.open_envelope("piv-2", "000001") == "card-1"
    assert bench.open_envelope("piv-2", "000001") == "card-1"
    assert bench.open_envelope("piv-2", "000002") == "card-2"
    assert inserted(bench)["piv-2"] == "card-2"
    with pytest.raises(BenchError, match="card-2 is in it"):
        bench.insert("piv-2", "card-2")
    with pytest.raises(BenchError, match="card-2 is in piv-2"):
        bench.open_envelope("piv-1", "000002")
    with pytest.raises(BenchError, match="no envelope 000003 of a piv token lies here"):
        bench.open_envelope("piv-1", "000003")
    assert bench.eject("piv-2") == "card-2"
    assert sorted(bench.status().kept, key=repr) == sorted(before, key=repr)


@pytest.mark.bench
def test_hands_that_take_their_time_put_one_blank_into_a_seat(bench_factory: BenchFactory) -> None:
    bench = bench_factory(piv=0, pkcs11=1, hands=0.05)
    bench.fill(1)
    assert bench.feed("usb-1") is None
    assert bench.feed("usb-1") is None

    deadline = time.monotonic() + 10
    while inserted(bench)["usb-1"] is None and time.monotonic() < deadline:
        pass
    assert inserted(bench)["usb-1"] == "token-1"


@pytest.mark.bench
def test_feeding_does_not_wait_for_the_reader(bench: Bench) -> None:
    feeder = BenchFeeder(bench.feeder_options)
    bench.insert("piv-1")

    begun = time.monotonic()
    for _ in range(20):
        feeder.take("piv-1", Tray.GOOD, "")
        feeder.feed("piv-1")
    elapsed = time.monotonic() - begun

    # pcscd looks every 0.4 s: twenty changes that waited for it would take eight seconds or more.
    assert elapsed < 4
    assert inserted(bench)["piv-1"] == "card-21"


@pytest.mark.bench
def test_a_bench_that_is_down_stops_its_lanes_with_the_reason(bench: Bench) -> None:
    feeder = BenchFeeder(bench.feeder_options)
    bench.down()

    with pytest.raises(DeviceFailed, match="piv-1: the bench cannot feed it: no bench is running here"):
        feeder.feed("piv-1")
    with pytest.raises(DeviceFailed, match="station bench up"):
        feeder.take("piv-1", Tray.GOOD, "")


@pytest.mark.bench
def test_the_seat_entry_is_all_a_lane_needs(bench: Bench) -> None:
    piv, usb = bench.seat_options("piv-2"), bench.seat_options("usb-1")

    assert piv == {
        "name": "piv-2",
        "driver": "piv",
        "feeder": "bench",
        "options": {
            "reader": "Bench piv-1 piv-2 00 01",
            "attestation_roots": [str(bench.layout.attestation_root)],
        },
        "environment": {"PCSCLITE_CSOCK_NAME": str(bench.layout.directory / "pcscd.comm")},
    }
    assert usb["driver"] == "pkcs11"
    assert Path(usb["options"]["module"]) == bench.layout.directory / "pkcs11-module.so"
    assert Path(usb["options"]["module"]).resolve().name == "libsofthsm2.so"
    assert Path(usb["environment"]["SOFTHSM2_CONF"]).exists()
    assert find("station.feeders", "bench") is BenchFeeder


def test_the_printer_keeps_every_page_and_overwrites_none(tmp_path: Path) -> None:
    printer: Printer = SimulatedPrinter({"directory": str(tmp_path / "printed")})

    assert printer.ready() is None
    printer.print_page(b"%PDF first", "M-1")
    printer.print_page(b"%PDF second", "M-1")
    printer.print_page(b"%PDF third", "M-1")
    printer.close()

    pages = {path.name: path.read_bytes() for path in (tmp_path / "printed").iterdir()}
    assert pages == {"M-1.pdf": b"%PDF first", "M-1-2.pdf": b"%PDF second", "M-1-3.pdf": b"%PDF third"}
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "printed").iterdir()} == {0o600}
    assert find("station.printers", "simulated") is SimulatedPrinter


def test_a_printer_without_a_place_for_its_pages_says_so_before_a_byte_is_sent(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    printer = SimulatedPrinter({"directory": str(tmp_path / "file" / "printed")})

    reason = printer.ready()

    assert reason
    assert "Not a directory" in reason
    with pytest.raises(PrinterFailed) as failed:
        printer.print_page(b"%PDF", "M-1")
    assert failed.value.sent == 0


def test_a_control_number_cannot_lead_out_of_the_printer_s_directory(tmp_path: Path) -> None:
    printer = SimulatedPrinter({"directory": str(tmp_path / "printed")})

    for reference in ("../M-1", "a/b", ""):
        with pytest.raises(PrinterFailed):
            printer.print_page(b"%PDF", reference)

    assert [path.name for path in tmp_path.rglob("*")] == ["printed"]


def test_a_feeder_without_blanks_feeds_none(bench: Bench) -> None:
    bench.fill(1)
    assert bench.feed("usb-1") is not None
    assert bench.feed("usb-2") is None
    bench.fill(None)
    assert bench.feed("usb-2") is not None
