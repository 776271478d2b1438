"""What crosses the line between the bench's daemon and its clients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from simulators.faults.model import Fault

OPERATORS = {"piv": "operators", "pkcs11": "operators-usb"}
"""The operators' seats by the kind of token they take; no lane works on them."""

PIV, PKCS11 = "piv", "pkcs11"
"""The kinds of seat, by the name of the station driver that works on them."""

PDF: Literal["pdf"] = "pdf"
IPP: Literal["ipp"] = "ipp"

PrinterKind = Literal["pdf", "ipp"]
"""The printer of a bench: one in the process that prints, or a real IPP printer of its own."""

Profile = Literal["yubikey", "plain"]
"""What a new PIV card is: with or without the YubiKey extensions."""

READERS_MAX = 16
"""Reader slots one pcscd has (PCSCLITE_MAX_READERS_CONTEXTS)."""


@dataclass(frozen=True)
class Setup:
    """What a bench is to be: seats of each kind, and what a new card is like.

    `profile`, `firmware` and `delays` (as JSON has them) are the card's, see `VirtualCard.create`; None is
    its default. `system_pcscd` puts the cards into the readers vpcd has in the system's pcscd. With `faults`
    the USB seats are made so that faults can be armed at them. With `operators` there are seats for theirs.
    `hands` are the seconds the feeder takes to put in a blank. `printer` is the kind of its printer.
    """

    piv: int
    pkcs11: int
    profile: Profile = "yubikey"
    firmware: tuple[int, int, int] | None = None
    delays: Mapping[str, Any] = field(default_factory=dict)
    system_pcscd: bool = False
    faults: bool = False
    operators: bool = False
    hands: float = 0.0
    printer: PrinterKind = PDF


@dataclass(frozen=True)
class SeatStatus:
    """One seat: its PC/SC reader name (PIV only) and the card or token in it, None where it is empty."""

    name: str
    driver: str
    reader: str | None = None
    inserted: str | None = None


@dataclass(frozen=True)
class Kept:
    """A card or token that is in no seat, with the tray it was put in and the note on its envelope."""

    name: str
    driver: str
    tray: str | None = None
    note: str = ""


@dataclass(frozen=True)
class BenchStatus:
    """A running bench: the process id of its daemon, its seats, and all cards and tokens outside them."""

    directory: str
    pid: int
    seats: tuple[SeatStatus, ...]
    kept: tuple[Kept, ...] = ()
    system_pcscd: bool = False


@dataclass(frozen=True)
class Request:
    """One line to the daemon. `wait` asks for the answer only when pcscd has seen the change.

    `note` is what is written on an envelope: into it with `tray`, or out of it where one is inserted.
    `name`, `count`, `seconds`, `faults` and `only` belong to faults (`Bench.arm`, `exchange`, `fired`),
    `count` to the feeder too (`fill`).
    """

    do: str
    seat: str = ""
    card: str | None = None
    wait: bool = True
    tray: str | None = None
    note: str = ""
    name: str = ""
    count: int | None = None
    seconds: float = 0.0
    faults: tuple[Fault, ...] = ()
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """One line from the daemon; `error` is what a `BenchError` is made of."""

    card: str | None = None
    status: BenchStatus | None = None
    error: tuple[str, str | None, str | None] | None = None
    faults: tuple[Fault, ...] = ()
    count: int = 0


@dataclass(frozen=True)
class Description:
    """`bench.json`: the daemon and the process that holds its namespaces (the same where there are none)."""

    pid: int
    holder: int
    setup: Setup
    seats: tuple[SeatStatus, ...]
