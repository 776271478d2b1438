"""A printer at the end of a cable that takes no more than it is asked for."""

from __future__ import annotations

import fcntl
import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.desk import PATIENCE, Desk

PIPE = 4096
"""Bytes the cable holds, far less than a page."""


@contextmanager
def cable(work: Path) -> Iterator[tuple[Path, int]]:
    """A FIFO in place of a printer's device, and the end the printer reads from."""
    path = work / "lp0"
    os.mkfifo(path)
    printer = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(printer, fcntl.F_SETPIPE_SZ, PIPE)
    try:
        yield path, printer
    finally:
        os.close(printer)


def receive(printer: int) -> bytes:
    """What comes through the cable next."""
    ready, _, _ = select.select([printer], [], [], PATIENCE)
    assert ready, "nothing came to the printer"
    return os.read(printer, PIPE)


def tray(desk: Desk) -> str:
    """The printer of a simulated bench, as `station init` wrote it."""
    text = (desk.home / "station.toml").read_text()
    return text[text.index("[printer]") :].partition("\n\n")[0]


def cable_to(device: Path) -> str:
    """The printer at the end of a cable, as station.toml names it."""
    return f'[printer]\ndriver = "device"\n[printer.options]\ndevice = "{device}"'
