"""Faults that strike in processes of the station: armed in tables that those processes count in."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

from simulators.bench.errors import BenchError
from simulators.bench.layout import Layout
from simulators.faults.model import Fault
from simulators.native.ckr import ERRORS
from simulators.native.table import EVER, Action, Entry, Table, When

DISK, CLOCK, COMMITS = "disk", "clock", "commits"
"""Names of the tables that preloaded processes share."""

_ACTIONS = {
    "fail": Action.FAIL,
    "hang": Action.HANG,
    "slow": Action.SLOW,
    "crash": Action.CRASH,
    "pull": Action.PULL,
    "swap": Action.SWAP,
    "full": Action.FULL,
    "back": Action.BACK,
    "kill": Action.KILL,
}
_LASTING = (Action.FULL, Action.BACK)
"""They last from the moment they strike until they are disarmed."""


@dataclass(frozen=True)
class _Place:
    fault: Fault
    table: Table
    number: int


class ArmedFaults:
    """The tables of one bench for faults; `struck` is called from another thread with what has happened."""

    def __init__(self, layout: Layout, seats: tuple[str, ...], struck: Callable[[Fault, int], None]) -> None:
        self._struck = struck
        self._places: list[_Place] = []
        layout.struck.unlink(missing_ok=True)
        self._heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._heard.bind(str(layout.struck))
        layout.processes.mkdir(mode=0o700, exist_ok=True)
        self._tables = {
            name: Table.create(path, layout.struck, layout.directory)
            for name, path in {
                **{name: layout.processes / name for name in (DISK, CLOCK, COMMITS)},
                **{seat: layout.seats / seat / "faults" for seat in seats},
            }.items()
        }
        threading.Thread(target=self._listen, daemon=True, name="struck").start()

    def counts(self, at: str) -> bool:
        """Whether exchanges with this target are counted here."""
        return at in self._tables

    def check(self, fault: Fault) -> None:
        """Raises `BenchError` for a fault that the native parts cannot make."""
        if fault.ckr is not None and fault.ckr not in ERRORS:
            raise BenchError(f"{fault.ckr} is no error of PKCS#11 v2.40", next=f"such as {', '.join(_SUCH)}")
        if fault.when == "during" and fault.of != "C_GenerateKeyPair":
            raise BenchError(
                f"`during` cannot be met in {fault.of or 'every function'}",
                where=fault.at,
                next='say of = "C_GenerateKeyPair", which leaves half a pair, or choose before or after',
            )

    def arm(self, fault: Fault, blank: Callable[[], str]) -> None:
        """Arm one fault that was checked; `blank` makes the token that is swapped in where none is named."""
        action = _ACTIONS[fault.do]
        entry = Entry(
            action,
            on=fault.on,
            times=EVER if action in _LASTING else fault.times,
            of=(fault.of or "") if fault.target == "pkcs11" else "",
            when=When[fault.when.upper()],
            code=ERRORS[fault.ckr] if fault.ckr else 0,
            seconds=fault.seconds or 0.0,
            other=(fault.card or blank()) if action is Action.SWAP else "",
        )
        table = self._tables[COMMITS if action is Action.KILL else fault.at]
        self._places.append(_Place(fault, table, table.arm(entry)))

    def disarm(self) -> None:
        """Take all faults away and count exchanges from zero."""
        self._places = []
        for table in self._tables.values():
            table.disarm()

    def exchanges(self, at: str) -> int:
        """How many exchanges a target had since it was last disarmed."""
        return self._tables[at].exchanges

    def refused(self, seat: str) -> int:
        """How many codes the tokens in a seat found wrong since it was last disarmed."""
        return self._tables[seat].refused

    def look(self) -> None:
        """Tell what has struck by now."""
        for place in list(self._places):
            if times := place.table.fired(place.number):
                self._struck(place.fault, times)

    def _listen(self) -> None:
        while self._heard.recv(1):
            self.look()


_SUCH = ("CKR_DEVICE_ERROR", "CKR_GENERAL_ERROR", "CKR_DEVICE_MEMORY")
