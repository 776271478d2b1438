"""A letter is streamed to a device, never to a file, and what has left is known (R10, R12)."""

from __future__ import annotations

import os
import select
import threading
from pathlib import Path

import pytest

from drivers.errors import PrinterFailed, Unsupported
from drivers.printers.device import DevicePrinter

PAGE = b"%PDF-1.4 " + bytes(200_000)


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "lp0"
    os.mkfifo(path)
    return path


def printer(device: Path) -> DevicePrinter:
    return DevicePrinter({"device": str(device)})


def test_the_whole_page_reaches_the_device(fifo: Path) -> None:
    taken: list[bytes] = []
    opened = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(opened, True)

    def take() -> None:
        arrival = select.poll()
        arrival.register(opened, select.POLLIN)
        arrival.poll(10_000)
        with open(opened, "rb") as end:
            taken.append(end.read())

    reader = threading.Thread(target=take)
    reader.start()
    printer(fifo).print_page(PAGE, "000123")
    reader.join(10)
    assert taken == [PAGE]


def test_a_plain_file_is_refused_because_a_letter_would_rest_in_it(tmp_path: Path) -> None:
    file = tmp_path / "letters.pdf"
    file.touch()
    with pytest.raises(PrinterFailed, match="no device") as caught:
        printer(file).print_page(PAGE, "000123")
    assert caught.value.sent == 0
    assert file.read_bytes() == b""


def test_a_device_that_is_not_there_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    reason = printer(tmp_path / "lp9").ready()
    assert reason is not None
    assert "check the cable" in reason


def test_where_nobody_takes_the_page_nothing_was_sent(fifo: Path) -> None:
    with pytest.raises(PrinterFailed) as caught:
        printer(fifo).print_page(PAGE, "000123")
    assert caught.value.sent == 0


def test_a_device_that_stops_midway_leaves_the_letter_unknown(fifo: Path) -> None:
    opened = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(opened, True)

    def take_a_little() -> None:
        arrival = select.poll()
        arrival.register(opened, select.POLLIN)
        arrival.poll(10_000)
        os.read(opened, 10)
        os.close(opened)

    reader = threading.Thread(target=take_a_little)
    reader.start()
    with pytest.raises(PrinterFailed, match="account for it") as caught:
        printer(fifo).print_page(PAGE, "000123")
    reader.join(10)
    assert caught.value.sent


def test_wrong_options_are_told_by_name() -> None:
    with pytest.raises(Unsupported, match="devise"):
        DevicePrinter({"devise": "/dev/usb/lp0"})
