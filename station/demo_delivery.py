"""The demo's tokens on their way: packed, read once more, sent, and acknowledged by their managers."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Protocol

from batch.life.parcels import addressee, certificate_name
from batch.model.orders import Item
from batch.store import items, orders, parcels
from batch.store.database import Records
from simulators.bench import Bench

Answer = Callable[[str], str | None]
"""Takes a line that a command says, and tells what is typed then: "" for nothing, None for the end."""


class Station(Protocol):
    """Runs a command line of the demo, and returns what it printed."""

    def __call__(self, line: str, *, pin: bool = False, answer: Answer | None = None) -> str: ...


def deliver(station: Station, bench: Bench, home: Path, number: str) -> None:
    """Send every token of an order to its manager, a parcel each, and take in what they write."""
    for manager, tokens in _by_manager(home, number).items():
        parcel = station(f"dispatch new {number} --as dirk", pin=True).strip()
        names = " ".join(token.mailer_number for token in tokens)
        station(f"dispatch add {parcel} {names} --as dirk", pin=True)
        for seat in sorted({_seat(token) for token in tokens}):
            hand = _Hand(bench, seat, [token for token in tokens if _seat(token) == seat])
            station(f"dispatch check {parcel} --seat {seat} --every --as dirk", pin=True, answer=hand)
        papers = home.parent / f"{parcel}.pdf"
        station(f"dispatch close {parcel} --papers {shlex.quote(str(papers))} --as dirk", pin=True)
        station(f"dispatch send {parcel} --courier Post --reference 3S-{parcel} --as dirk", pin=True)
        mail = home.parent / f"{parcel}.eml"
        mail.write_bytes(_mail(home, parcel, manager))
        station(f"acknowledge --eml {shlex.quote(str(mail))} --as olga", pin=True)


class _Hand:
    """Puts one token after the other into a seat, as the command asks for it."""

    def __init__(self, bench: Bench, seat: str, tokens: list[Item]) -> None:
        self._bench, self._seat = bench, seat
        kept = {one.note: one.name for one in bench.status().kept}
        self._waiting = [(one, kept[f"envelope {one.mailer_number}"]) for one in tokens]
        self._inside = ""
        self._next()

    def __call__(self, heard: str) -> str | None:
        if heard.startswith("token "):
            self._bench.take(self._seat, "good", self._inside)
        if not heard.startswith("take it out"):
            return ""
        return "\n" if self._next() else None

    def _next(self) -> bool:
        if not self._waiting:
            return False
        token, name = self._waiting.pop(0)
        self._inside = f"envelope {token.mailer_number}"
        self._bench.eject(self._seat)
        self._bench.insert(self._seat, name)
        return True


def _seat(token: Item) -> str:
    """The first seat of the kind that made it."""
    kind, _, _ = (token.seat or "").partition("-")
    return f"{kind}-1"


def _by_manager(home: Path, number: str) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = defaultdict(list)
    with closing(Records(home / "station.db")) as records:
        for item in items.items(records, orders.order(records, number)):
            found[addressee(item).email].append(item)
    return dict(found)


def _mail(home: Path, parcel: str, sender: str) -> bytes:
    """What the manager writes: the certificates by name, with the numbers that came with the tokens."""
    with closing(Records(home / "station.db")) as records:
        inside = parcels.packed(records, parcels.parcel(records, parcel))
        lines = [f"{one.quoted} {certificate_name(items.item_of(records, one.item_id))}" for one in inside]
    head = (f"From: {sender}", "Subject: received", "Content-Type: text/plain; charset=utf-8", "")
    return "".join(f"{line}\r\n" for line in (*head, *lines)).encode()
