"""A bench as its users hold it: start it, ask it, put cards in and take them out, stop it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from simulators.bench.errors import BenchError
from simulators.bench.layout import Layout
from simulators.bench.model import (
    IPP,
    OPERATORS,
    PDF,
    PKCS11,
    READERS_MAX,
    Answer,
    BenchStatus,
    Description,
    PrinterKind,
    Profile,
    Request,
    SeatStatus,
    Setup,
)
from simulators.bench.processes import ended
from simulators.bench.seats import softhsm_conf
from simulators.bench.softhsm import softhsm_module
from simulators.bench.starting import answered, processes, start
from simulators.faults.model import Fault, complaint

if TYPE_CHECKING:
    from simulators.bench.people import People
    from simulators.piv.card import Delays

_SYSTEM_READERS = 2
_ANSWER_WITHIN = 60.0
_END_WITHIN = 10.0


class Bench:
    """A simulated bench in a directory; making one attaches to whatever runs there.

    Every method raises `BenchError`.
    """

    def __init__(self, directory: Path) -> None:
        self.layout = Layout(directory.absolute())
        self._tether: int | None = None

    @classmethod
    def up(
        cls,
        directory: Path,
        *,
        piv: int,
        pkcs11: int,
        delays: Delays | None = None,
        profile: Profile = "yubikey",
        firmware: tuple[int, int, int] | None = None,
        system_pcscd: bool = False,
        tether: bool = False,
        scenario: Path | None = None,
        faults: bool = False,
        operators: Sequence[str] = (),
        usb_operators: Sequence[str] = (),
        hands: float = 0.0,
        printer: PrinterKind = PDF,
    ) -> Bench:
        """Start a bench that runs until `down`, and return when every reader is there.

        `delays`, `profile` and `firmware` are those of new cards. `system_pcscd` uses the two readers vpcd
        has in the system's pcscd. With `tether` as after `tether()`. The faults of a `scenario` (TOML) are
        armed at once; `faults` alone makes a bench at which they can be. `operators` get a PIV card each,
        `usb_operators` a USB token, and there are seats to present them in. `hands` are the seconds it takes
        to put in a blank. `printer`: one that runs in the printing process (pdf), or an IPP printer (ipp).
        """
        operated = bool(operators or usb_operators)
        if not (piv >= 0 and pkcs11 >= 0 and piv + pkcs11 + operated):
            raise BenchError("a bench needs at least one seat", next="ask for PIV or PKCS#11 seats")
        most = (_SYSTEM_READERS if system_pcscd else READERS_MAX) - operated
        if piv > most:
            raise BenchError(
                f"{piv} PIV seats are too many", next=f"ask for {most} or fewer: pcscd has no more"
            )
        if printer == IPP and system_pcscd:
            raise BenchError(
                "an IPP printer needs a bench in namespaces of its own", next="leave out --system-pcscd"
            )
        if pkcs11 or operated:
            softhsm_module()
        armed = () if scenario is None else _scenario(scenario)
        bench = cls(directory)
        setup = Setup(
            piv,
            pkcs11,
            profile,
            firmware,
            {} if delays is None else msgspec.to_builtins(delays),
            system_pcscd,
            faults or bool(armed),
            operated,
            hands,
            printer,
        )
        bench.layout.prepare()
        for usb, names in ((False, operators), (True, usb_operators)):
            for name in names:
                if not bench.people.has(name, usb=usb):
                    bench.people.add(name, usb=usb)
        start(bench.layout, setup)
        try:
            if tether:
                bench.tether()
            bench.arm(*armed)
        except BenchError:
            bench.down()
            raise
        return bench

    def status(self) -> BenchStatus:
        """Seats, what is in them, and all cards and tokens beside them."""
        status = self._ask(Request("status")).status
        assert status is not None
        return status

    def insert(self, seat: str, card: str | None = None) -> str:
        """Put a kept card or token in, or a new blank; its name, once its reader has seen it."""
        name = self._ask(Request("insert", seat, card)).card
        assert name is not None
        return name

    def open_envelope(self, seat: str, number: str) -> str:
        """Put in the finished token of a number, in the place of what is in the seat; its name.

        It lies in its envelope again once it is taken out.
        """
        name = self._ask(Request("insert", seat, note=f"envelope {number}")).card
        assert name is not None
        return name

    def eject(self, seat: str) -> str | None:
        """Take out what is in a seat, whatever it does; its name, once the reader has seen it."""
        return self._ask(Request("eject", seat)).card

    def feed(self, seat: str) -> str | None:
        """Put a new blank in a seat without waiting; its name.

        None where something is in it, none is left, or hands take their time.
        """
        return self._ask(Request("feed", seat)).card

    def fill(self, blanks: int | None) -> None:
        """Give the feeder so many new blanks for all seats together; None, as at first, for any number."""
        self._ask(Request("fill", count=blanks))

    def take(self, seat: str, tray: str, note: str = "") -> str | None:
        """Take out what is in a seat without waiting, into a tray, with a note on its envelope; its name."""
        return self._ask(Request("eject", seat, wait=False, tray=tray, note=note)).card

    def arm(self, *faults: Fault) -> None:
        """Add faults to those that are armed; each counts its exchanges from here."""
        for number, fault in enumerate(faults, start=1):
            if wrong := complaint(fault):
                raise BenchError(wrong, where=f"fault {number}", next="correct it; docs/faults.md tells more")
        self._ask(Request("arm", faults=faults))

    def disarm(self) -> None:
        """Forget all faults and count exchanges from zero."""
        self._ask(Request("disarm"))

    def exchange(self, target: str, name: str, only: tuple[str, ...] = ()) -> Fault | None:
        """Count one exchange with a target, such as a page of the printer; the fault that happens to it.

        With `only`, nothing is counted unless a fault that does one of these is next; nothing ever is at a
        bench that was not made for faults before any was armed.
        """
        if not self.layout.faults.exists():
            return None
        return next(iter(self._ask(Request("exchange", target, name=name, only=only)).faults), None)

    def exchanges(self, target: str) -> int:
        """How many exchanges a target had since the bench is up or was last disarmed."""
        return self._ask(Request("exchanges", target)).count

    def fired(self, count: int | None = None, seconds: float = 60.0) -> tuple[Fault, ...]:
        """Wait until `count` faults (None: all) have happened, `seconds` at most; those that have."""
        request = Request("fired", count=count, seconds=seconds)
        return self._ask(request, _ANSWER_WITHIN + seconds).faults

    def tether(self) -> None:
        """Have the bench end with this process, however that ends, or with the last that asked for it."""
        if self._tether is not None:
            return
        with self._connected(_ANSWER_WITHIN) as control:
            self._told(control, Request("tether"), _ANSWER_WITHIN)
            control.settimeout(None)
            self._tether = control.detach()

    def let_go(self) -> None:
        """Leave a tethered bench running until `down`."""
        if self._tether is not None:
            with socket.socket(fileno=self._tether) as control:
                self._tether = None
                control.settimeout(_ANSWER_WITHIN)
                self._told(control, Request("let-go"), _ANSWER_WITHIN)

    def down(self) -> bool:
        """End the bench and all it started; cards and tokens are kept. False where it did not run."""
        description = self._description()
        ends = [] if description is None else processes(self.layout, description)
        with contextlib.suppress(BenchError):
            self._ask(Request("down"))
        if self._tether is not None:
            os.close(self._tether)
            self._tether = None
        for descriptor in ends:
            with contextlib.closing(os.fdopen(descriptor, "rb", buffering=0)):
                if not ended(descriptor, _END_WITHIN):
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                    ended(descriptor, _END_WITHIN)
        self.layout.clear()
        return bool(ends)

    @property
    def environment(self) -> dict[str, str]:
        """What other PC/SC clients need in their environment to see the bench's readers."""
        description = self._running()
        setup = description.setup
        if not (setup.piv or setup.operators) or setup.system_pcscd:
            return {}
        return {"PCSCLITE_CSOCK_NAME": str(self.layout.pcscd)}

    def seat_environment(self, seat: str) -> dict[str, str]:
        """What a client of one seat needs in its environment."""
        if self._seat(seat).driver == PKCS11:
            return {"SOFTHSM2_CONF": str(softhsm_conf(self.layout, seat))}
        return self.environment

    def seat_options(self, seat: str) -> dict[str, Any]:
        """The `[[seat]]` entry of `station.toml` for a seat."""
        found = self._seat(seat)
        options: dict[str, Any] = {
            "module": str(self.layout.module),
            "model": {"puk": "so-pin", "tries": "unlimited"},
        }
        if found.driver != PKCS11:
            roots = [str(self.layout.directory / "attestation-root.pem")]
            options = {"reader": found.reader, "attestation_roots": roots}
        return {
            "name": seat,
            "driver": found.driver,
            "feeder": "bench",
            "options": options,
            "environment": self.seat_environment(seat),
        }

    @property
    def preloaded(self) -> dict[str, str]:
        """What the station's processes need in their environment for faults of disk and clock."""
        if not self._running().setup.faults:
            return {}
        return {"LD_PRELOAD": str(self.layout.preload), "STATION_BENCH_FAULTS": str(self.layout.processes)}

    @property
    def printer(self) -> tuple[str, dict[str, Any]]:
        """The driver of this bench's printer and its options, as `[printer]` of `station.toml` has them."""
        if self._running().setup.printer == IPP:
            return "ipp", {
                "uri": "ipps://localhost",
                "certificate": str(self.layout.printer_certificate),
                "socket": str(self.layout.printer),
                "media": "iso_a4_210x297mm",
            }
        return "simulated", {"directory": str(self.layout.printed), "bench": str(self.layout.directory)}

    @property
    def feeder_options(self) -> dict[str, str]:
        """What `BenchFeeder` is made of."""
        return {"bench": str(self.layout.directory)}

    @property
    def seats(self) -> tuple[str, ...]:
        """The names of all seats of lanes."""
        return tuple(seat.name for seat in self._running().seats if seat.name not in OPERATORS.values())

    @property
    def people(self) -> People:
        """The operators' tokens of this bench and their seats."""
        from simulators.bench.people import People

        return People(self)

    def _seat(self, name: str) -> SeatStatus:
        seats = {seat.name: seat for seat in self._running().seats}
        if name not in seats:
            raise BenchError(f"no seat {name!r}", next=f"there are: {', '.join(seats)}")
        return seats[name]

    def _running(self) -> Description:
        description = self._description()
        if description is None:
            raise self._not_running()
        return description

    def _description(self) -> Description | None:
        try:
            return msgspec.json.decode(self.layout.description.read_bytes(), type=Description)
        except FileNotFoundError:
            return None

    def _not_running(self) -> BenchError:
        return BenchError(
            "no bench is running here",
            where=str(self.layout.directory),
            next="start one with `station bench up`",
        )

    def _ask(self, request: Request, within: float = _ANSWER_WITHIN) -> Answer:
        with self._connected(within) as control:
            return self._told(control, request, within)

    def _connected(self, within: float) -> socket.socket:
        control = socket.socket(socket.AF_UNIX)
        control.settimeout(within)
        try:
            control.connect(str(self.layout.control))
        except OSError as error:
            control.close()
            raise self._not_running() from error
        return control

    def _told(self, control: socket.socket, request: Request, within: float) -> Answer:
        try:
            control.sendall(msgspec.json.encode(request) + b"\n")
            with control.makefile("rb") as lines:
                line = lines.readline()
        except TimeoutError:
            raise BenchError(
                f"the bench has not answered within {within:g} s",
                where=str(self.layout.directory),
                next=f"look into {self.layout.log}",
            ) from None
        except OSError as error:
            raise self._not_running() from error
        if not line:
            raise self._not_running()
        return answered(line)


def _scenario(path: Path) -> tuple[Fault, ...]:
    from simulators.faults.scenario import load  # which needs this package's errors

    return load(path).faults
