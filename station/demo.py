"""The main job played at a simulated desk, by the same commands an operator would type."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from batch.model.orders import Item
from station import demo_hands as hands
from station.simulated_desk import (
    REGISTRY,
    SAMPLE,
    TOGETHER,
    Printer,
    Say,
    SimulatedDesk,
    alone,
    ended,
    found,
    people,
)


@dataclass(frozen=True)
class Played:
    """What a demo left behind: its places and tokens, the seconds it took, what starts its bench again."""

    directory: Path
    home: Path
    bench: Path
    printed: Path
    papers: Path
    pins: Path
    order: str
    tokens: tuple[Item, ...]
    seconds: float
    again: str


def play(
    directory: Path, say: Say, *, pace: str = "fast", anew: bool = False, printer: Printer = "pdf"
) -> Played:
    """Play the whole job in `directory`, which is emptied first if it was a demo's.

    Raises as `station.simulated_desk.found` and `alone`.
    """
    begun = time.monotonic()
    desk = SimulatedDesk(directory, say, printer)
    with alone(directory):
        found(desk, pace, anew=anew)
        try:
            number = _played(desk)
            tokens = hands.tokens(desk.home, number)
        finally:
            desk.bench.down()
    again = f"station bench up --piv 2 --pkcs11 2 --operators {','.join(one.name for one in people())}"
    again += "" if printer == "pdf" else f" --printer {printer}"
    took = time.monotonic() - begun
    return Played(
        directory, desk.home, desk.state, desk.printed, desk.papers, desk.pins, number, tokens, took, again
    )


def _played(desk: SimulatedDesk) -> str:
    """The whole job, to the report of an order, whose number this is."""
    desk.station("doctor")
    number = _ordered(desk)
    desk.station(f"produce {number} --as olga", pin=True)
    _dispatched(desk, number)
    _acknowledged(desk, number)
    _lettered(desk, number)
    _used_and_lost(desk, number)
    _closed(desk, number)
    return number


def _read_tokens(desk: SimulatedDesk, seat: str, tokens: Sequence[str], operator: str) -> None:
    """Have tokens read in a seat one after the other."""
    line = f"dispatch check --seat {seat} --every --as {operator}"
    desk.say(f"$ station {line} --pin-fd 3 3<{desk.pins}   ({len(tokens)} tokens, one after the other)")
    desk.bench.open_envelope(seat, tokens[0])
    with desk.started(line, pin=True, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        hands.feed(process, desk.bench, seat, tokens[1:])
        ended(process, line)


def _ordered(desk: SimulatedDesk) -> str:
    """The order is brought in by one and approved by another; its number."""
    desk.station(f"registry import {shlex.quote(str(REGISTRY))} --as olga", pin=True)
    desk.station(f"order import {shlex.quote(str(SAMPLE))} --as olga", pin=True)
    number = hands.first_order(desk.home)
    desk.station(f"order assess {number} --as olga", pin=True)
    desk.station(f"order approve {number} --as bert", pin=True)
    return number


def _dispatched(desk: SimulatedDesk, number: str) -> None:
    """Every token is read once more and goes to its manager; a reader on loan goes with the first parcel."""
    desk.papers.mkdir(mode=0o700)
    desk.station(f"dispatch new {number} --each --as dirk", pin=True)
    for layout, seat in (("group-card", "piv-1"), ("group-usb", "usb-1")):
        made = [one.mailer_number for one in hands.tokens(desk.home, number) if one.layout.startswith(layout)]
        _read_tokens(desk, seat, made, "dirk")
    for sent, parcel in enumerate(hands.parcels(desk, number)):
        if not sent:
            back = date.today() + timedelta(days=90)
            desk.station(f"loan lend reader RD-7001 --to {parcel} --until {back} --as dirk", pin=True)
        papers = shlex.quote(str(desk.papers / f"{parcel}.pdf"))
        desk.station(f"dispatch close {parcel} --papers {papers} --as dirk", pin=True)
        courier = f"--courier 'Demo Courier' --reference DC-{sent + 1:04d}"
        desk.station(f"dispatch send {parcel} {courier} --as dirk", pin=True)


def _acknowledged(desk: SimulatedDesk, number: str) -> None:
    """Every manager writes a mail with the names and numbers of the accompanying letter (R3)."""
    for mail in hands.write_mails(desk, number):
        desk.station(f"acknowledge --eml {shlex.quote(str(mail))} --as olga", pin=True)


def _lettered(desk: SimulatedDesk, number: str) -> None:
    """Two officers have the letters printed on numbered forms, which leave by another way than the tokens."""
    desk.station(f"letter print {number} {TOGETHER}", pin=True)
    desk.station(f"letter confirm --order {number} --first F0001 --as pim", pin=True)
    desk.station(f"letter send --order {number} --by post --as pim", pin=True)


def _used_and_lost(desk: SimulatedDesk, number: str) -> None:
    """One token is in use; another is lost, and whoever has its letter revokes it, at any hour (R22)."""
    used, lost, *_ = (one.mailer_number for one in hands.tokens(desk.home, number))
    desk.station(f"token activate {used} --as olga", pin=True)
    code = hands.revocation_code(desk.printed / f"{lost}.pdf")
    desk.station(f"revoke {lost} --reason keyCompromise --lost", pin=True, code=code)


def _closed(desk: SimulatedDesk, number: str) -> None:
    """Tokens, letters and forms reconcile: the order is closed, and its report tells an auditor all of it."""
    desk.station(f"order close {number} --as olga", pin=True)
    json_, pdf = (shlex.quote(str(desk.papers / f"order-{number}.{kind}")) for kind in ("json", "pdf"))
    desk.station(f"order report {number} --json {json_} --pdf {pdf} --as olga", pin=True)
    desk.station(f"order report --verify {json_}")
    desk.station("due")
    desk.station("audit verify")
