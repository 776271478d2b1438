"""An impact printer at a pseudo-terminal, with continuous multi-part forms: what it strikes is kept by place.

It reads ESC/P (Epson, Reference Manual 1997) and IBM Proprinter as far as a letter needs them, and knows the
forms only as paper: a length told wrongly drifts over them as on a real one.
"""

from __future__ import annotations

import os
import threading
import tty
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

XON, XOFF = b"\x11", b"\x13"
Emulation = Literal["escp-9", "escp-24", "proprinter"]
_TABLES = {(0, 0): "ascii", (1, 0): "cp437", (3, 0): "cp850"}
_AT_FIRST = (Fraction(0), Fraction(1, 10), Fraction(1, 6), Fraction(1, 6))
"""Column, pitch, line spacing, and the spacing that Proprinter's `ESC 2` begins."""


@dataclass(frozen=True)
class Strike:
    """One character: inches from the top of the first form and from its left edge."""

    y: Fraction
    x: Fraction
    character: str = field(repr=False)


class Mechanism:
    """What bytes do to the paper; the head rests `rest` inches below the top of the first form."""

    def __init__(self, emulation: Emulation, rest: Fraction = Fraction(0)) -> None:
        self.strikes: list[Strike] = []
        self.faults: list[str] = []
        """Commands that it does not know: a real one would print them, or worse."""
        self.y = rest
        self._emulation: Emulation = emulation
        self._rest = rest
        self._pending = b""
        self._x, self._pitch, self._spacing, self._told = _AT_FIRST
        self._tables: list[str] = []
        self._table, self._upper = 0, False
        self._reset()
        self._top, self._length = rest, Fraction(11)

    def take(self, byte: int) -> None:
        """Obey one byte."""
        if self._pending:
            self._pending += bytes([byte])
            if len(self._pending) == self._wanted():
                command, self._pending = self._pending, b""
                self._obey(command)
            return
        match byte:
            case 0x1B:
                self._pending = b"\x1b"
            case 0x0D:
                self._x = Fraction(0)
            case 0x0A:
                self.y += self._spacing
                if self._emulation != "proprinter":
                    self._x = Fraction(0)
            case 0x0C:
                self.y = self._top + (int((self.y - self._top) / self._length) + 1) * self._length
                self._x = Fraction(0)
            case 0x12:
                self._pitch = Fraction(1, 10)
            case 0x18:
                pass
            case _ if byte < 0x20 or byte == 0x7F or (0x80 <= byte < 0xA0 and not self._upper):
                self.faults.append(f"control {byte:02X}")
            case _:
                character = bytes([byte]).decode(self._tables[self._table], "replace")
                if character != " ":
                    self.strikes.append(Strike(self.y, self._x, character))
                self._x += self._pitch

    def _reset(self) -> None:
        self._x, self._pitch, self._spacing, self._told = _AT_FIRST
        self._tables = ["ascii", "cp437"] if self._emulation != "proprinter" else ["cp850"]
        self._table, self._upper = 0, False

    def _wanted(self) -> int:
        """How long the command is that has begun."""
        if len(self._pending) == 1:
            return 2
        if self._pending[1:2] == b"(":
            return 5 + int.from_bytes(self._pending[3:5], "little") if len(self._pending) >= 5 else 99
        return 3 if self._pending[1:2] in b"CRtA5" else 2

    def _obey(self, command: bytes) -> None:
        name, argument = chr(command[1]), command[2:]
        epson = self._emulation != "proprinter"
        match name:
            case "@" if epson:
                self._reset()
                self._top = self.y
            case "P" | "M" if epson:
                self._pitch = Fraction(1, 10 if name == "P" else 12)
            case ":" if not epson:
                self._pitch = Fraction(1, 12)
            case "0" | "2":
                sixth = Fraction(1, 6) if epson else self._told
                self._spacing = Fraction(1, 8) if name == "0" else sixth
            case "A":
                wide = Fraction(argument[0], 60 if self._emulation == "escp-24" else 72)
                self._told = wide
                self._spacing = wide if epson else self._spacing
            case "C":
                self._top, self._length = self.y, argument[0] * self._spacing
            case "(" if epson and argument[:3] == b"t\x03\x00":
                self._tables[argument[3]] = _TABLES[argument[4], argument[5]]
            case "t" if epson:
                self._table = argument[0]
            case "6":
                self._upper = True
            case "R" | "O" | "G" | "5":
                pass
            case _:
                self.faults.append(f"ESC {name}")


class ImpactPrinter:
    """A printer at the serial device `device`; a thread of its own reads the line.

    `paper` is how many bytes it takes before it is out of paper, None for no end. It holds the line by XOFF
    then, and keeps what still comes; `load` lets it go on.
    """

    def __init__(self, emulation: Emulation, rest: Fraction = Fraction(0), paper: int | None = None) -> None:
        self._emulation: Emulation = emulation
        self._rest = rest
        self.mechanism = Mechanism(emulation, rest)
        self.held = threading.Event()
        self.arrived = 0
        self._paper, self._kept = paper, b""
        self._changed = threading.Condition()
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._ours)
        tty.setraw(self._theirs)
        self.device = os.ttyname(self._theirs)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def paper(self, left: int) -> None:
        """Let so much paper be left, in bytes."""
        with self._changed:
            self._paper = left

    def hold(self) -> None:
        """Stop the line, as one that is switched off line does."""
        with self._changed:
            self._paper = 0
            self.held.set()
            os.write(self._ours, XOFF)

    def load(self) -> None:
        """Put paper in, and switch it on line."""
        with self._changed:
            self._paper = None
            kept, self._kept = self._kept, b""
            self._work(kept)
            self.held.clear()
            os.write(self._ours, XON)

    def set_up(self) -> None:
        """Switch it off and on, with new forms in it and the first at top of form."""
        with self._changed:
            self.mechanism = Mechanism(self._emulation, self._rest)
            self._paper, self._kept = None, b""
            self.held.clear()

    def wait(self, until: Callable[[Mechanism], bool], seconds: float = 30.0) -> bool:
        """Wait until the paper is as told; False where it never is."""
        with self._changed:
            return self._changed.wait_for(lambda: until(self.mechanism), seconds)

    def close(self) -> None:
        """Switch it off: the line is gone."""
        os.close(self._theirs)
        self._thread.join(10)
        os.close(self._ours)

    def _serve(self) -> None:
        while True:
            try:
                came = os.read(self._ours, 64)
            except OSError:  # nobody has the other end any more
                return
            with self._changed:
                self.arrived += len(came)
                self._work(came)
                self._changed.notify_all()

    def _work(self, came: bytes) -> None:
        for index, byte in enumerate(came):
            if self._paper == 0:
                self._kept += came[index:]
                if not self.held.is_set():
                    self.held.set()
                    os.write(self._ours, XOFF)
                return
            if self._paper is not None:
                self._paper -= 1
            self.mechanism.take(byte)
