"""A label printer at a serial port and over TCP: its label comes, and whatever keeps it is told."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.errors import PrinterFailed, Unsupported
from drivers.printers.zpl import ZplPrinter
from layouts.label import compose
from layouts.library import Library
from layouts.zpl import draw, to_zpl
from simulators.label_printer import LabelPrinter
from tests.unit.test_labels import TOKEN, scanned

LABEL = compose(Library().label("token"), TOKEN)
PAGE = to_zpl(LABEL, 8)


@pytest.fixture
def printer(tmp_path: Path) -> Iterator[LabelPrinter]:
    made = LabelPrinter(tmp_path)
    yield made
    made.close()
    assert made.faults == []


def driver(port: str, **more: object) -> ZplPrinter:
    return ZplPrinter({"port": port, "answer_seconds": 2, "print_seconds": 2, **more})


@pytest.mark.parametrize("at", ["port", "device"])
def test_a_label_comes_out_as_it_was_drawn(printer: LabelPrinter, at: str, tmp_path: Path) -> None:
    one = driver(getattr(printer, at))
    assert one.ready() is None
    one.print_page(PAGE, "000123")
    one.print_page(PAGE, "000123")
    assert scanned(tmp_path / "1.png") == ["CODE-128:M000123BM"]
    kept = tmp_path / "drawn.png"
    draw(LABEL, 8).save(kept)
    assert (tmp_path / "2.png").read_bytes() == kept.read_bytes()


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("paper_out", "out of labels; load a roll"),
        ("head_open", "its head is open; close it"),
        ("ribbon_out", "out of ribbon; load one"),
        ("paused", "it is paused; press its pause key"),
    ],
)
def test_what_keeps_it_from_printing_is_told_and_nothing_is_sent(
    printer: LabelPrinter, what: str, told: str, tmp_path: Path
) -> None:
    setattr(printer, what, True)
    one = driver(printer.port)
    assert told in (one.ready() or "")
    with pytest.raises(PrinterFailed, match=told) as error:
        one.print_page(PAGE, "000123")
    assert (error.value.sent, error.value.where) == (0, "000123")
    printer.go_on()
    assert not [*tmp_path.glob("*.png")]
    one.print_page(PAGE, "000123")
    assert (tmp_path / "1.png").exists()


def test_a_roll_that_ends_leaves_it_open_whether_the_label_came(
    printer: LabelPrinter, tmp_path: Path
) -> None:
    printer.left = 1
    one = driver(printer.port)
    one.print_page(PAGE, "000123")
    with pytest.raises(PrinterFailed, match="out of labels") as error:
        one.print_page(PAGE, "000124")
    assert error.value.sent == len(PAGE)
    assert "look whether the label came out" in (error.value.next or "")
    # As real ones do, it prints what it holds once it has a roll.
    printer.go_on()
    assert (tmp_path / "2.png").exists()


def test_one_that_does_not_answer_gets_nothing(printer: LabelPrinter) -> None:
    printer.mute = True
    one = driver(printer.port, answer_seconds=0.2)
    assert "it does not answer" in (one.ready() or "")
    with pytest.raises(PrinterFailed, match="it does not answer"):
        one.print_page(PAGE, "000123")


@pytest.mark.parametrize(
    "noise", [b"\x02a,b\x03\r\n\x02c\x03\r\n\x02d\x03\r\n", b"HTTP/1.1 400 Bad Request\r\n" * 500]
)
def test_what_is_no_label_printer_is_told(printer: LabelPrinter, noise: bytes) -> None:
    printer.noise = noise
    with pytest.raises(PrinterFailed) as error:
        driver(printer.port, answer_seconds=0.2).print_page(PAGE, "000123")
    assert error.value.what in ("no host status", "it does not answer as a ZPL printer does")


def test_where_nothing_listens_the_address_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"socket://127.0.0.1:{server.getsockname()[1]}"
    for port in (address, str(tmp_path / "ttyUSB7")):
        one = driver(port)
        assert port in (one.ready() or "")
        with pytest.raises(PrinterFailed) as error:
            one.print_page(PAGE, "000123")
        assert (error.value.sent, error.value.where) == (0, port)


def test_wrong_options_are_told() -> None:
    with pytest.raises(Unsupported, match="baud"):
        ZplPrinter({"port": "/dev/ttyS0", "baud": 1})
