"""Codes live in lanes and in the print process only: nobody else can look in, and the desk never has one."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from drivers.secret import Secret
from simulators.piv.card import Delays
from station.exit_codes import ExitCode
from tests.bench.cables import cable, cable_to, receive, tray
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk, Started
from tests.bench.memories import ORDINARY, descendants, memory, unreadable
from tests.bench.pages import read_page
from tests.bench.searching import Hunt

pytestmark = pytest.mark.bench

SLOW = Delays(apdu=0.003)
"""Cards about as slow as the fastest real ones, so that the desk can be held while one is being made."""

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="reads the desk's memory, which takes root")


@pytest.fixture(scope="module")
def desk(desk_factory: DeskFactory) -> Desk:
    desk = desk_factory(piv=1, pkcs11=1, delays=SLOW).letters_first()
    desk.afresh = True
    return desk


def touched(desk: Desk, order: str) -> int:
    """How many letters of an order have left the state they begin in."""
    return len([state for state in desk.letters(order).values() if state != "sealed"])


@contextmanager
def held(command: Started) -> Iterator[None]:
    """The command and nothing else stands still."""
    command.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        command.signal(signal.SIGCONT)


def children(process: int) -> list[int]:
    """The hardened processes of a command, which an operator's own programs share its user with."""
    return [
        one for one in descendants(process) if b"drivers.process" in Path(f"/proc/{one}/cmdline").read_bytes()
    ]


@AS_ROOT
def test_the_desk_never_has_a_code_in_its_memory_and_lanes_have_them(desk: Desk, tmp_path: Path) -> None:
    order = an_order(desk, "Geheugen")
    desk_s: list[bytes] = []
    producing = desk.start("produce", order, pins=True)
    for step in ("load:authentication", "verify"):
        producing.wait_until(partial(desk.begun, order, step), f"{step} was begun")
        with held(producing):
            desk_s.append(memory(producing.process.pid))
            lanes = [memory(desk.lane_process(seat)) for seat in desk.bench.seats]
    assert producing.end().code == ExitCode.OK
    secrets: dict[str, Secret] = {}
    with printing_into_a_cable(desk, order, tmp_path) as (printing, printer):
        for number in desk.letters(order):
            letter = tmp_path / f"{number}.pdf"
            letter.write_bytes(receive(printer))
            with held(printing):
                desk_s.append(memory(printing.process.pid))
            while not letter.read_bytes().rstrip().endswith(b"%%EOF"):
                with letter.open("ab") as file:
                    file.write(receive(printer))
            codes = read_page(letter).codes
            secrets |= {f"code {place} of {number}": code for place, code in enumerate(codes)}
        assert printing.end().code == ExitCode.OK
    hunt = Hunt(secrets)

    assert {found for content in lanes for found in hunt.finds("a lane", content)}
    assert [found for content in desk_s for found in hunt.finds("the desk", content)] == []


def test_nobody_else_of_the_same_user_can_look_into_a_process_that_has_codes(
    desk: Desk, tmp_path: Path
) -> None:
    plain = subprocess.Popen([*ORDINARY, sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        if unreadable(plain.pid):
            pytest.skip("this system lets no process look into another at all")
    finally:
        plain.communicate(b"\n")
    order = an_order(desk, "Inkijk")
    producing = desk.start("produce", order, pins=True, through=ORDINARY)
    producing.wait_until(lambda: desk.begun(order, "load:authentication"), "a token was half made")
    with held(producing):
        nobody_looks_into(producing.process.pid, "lane", "lane", "ca", "bench keys")
    assert producing.end().code == ExitCode.OK
    with printing_into_a_cable(desk, order, tmp_path, through=ORDINARY) as (printing, printer):
        receive(printer)
        nobody_looks_into(printing.process.pid, "print room")


def an_order(desk: Desk, group: str) -> str:
    """An approved order of a card and a USB token."""
    return desk.approved({"group": group}, {"group": group, "layout": "group-usb:p-256"})


@contextmanager
def printing_into_a_cable(
    desk: Desk, order: str, work: Path, *, through: Sequence[str] = ()
) -> Iterator[tuple[Started, int]]:
    """`letter print` to a device that takes no more than is read from it."""
    settings = (desk.home / "station.toml").read_text()
    with cable(work) as (device, printer):
        desk.configure(lambda text: text.replace(tray(desk), cable_to(device)))
        try:
            printing = desk.start("letter", "print", order, operator="carl", pins=True, through=through)
            yield printing, printer
        finally:
            desk.configure(lambda _: settings)


def nobody_looks_into(command: int, *children: str) -> None:
    """A command and its child processes are closed to other processes of their user and dump no core."""
    running = {one: Path(f"/proc/{one}/cmdline").read_bytes() for one in descendants(command)}
    hardened = [one for one, line in running.items() if b"drivers.process" in line]
    assert len(hardened) == len(children)
    assert unreadable(command, *hardened) == {command, *hardened}
    assert {resource.prlimit(one, resource.RLIMIT_CORE) for one in (command, *hardened)} == {(0, 0)}
