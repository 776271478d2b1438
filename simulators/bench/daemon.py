"""The bench's daemon: holds the cards and answers the control socket.

Where the bench has readers of its own it is the first process of fresh user, mount, network and process
namespaces, so whatever it started ends with it. Started by `Bench.up` as
`python -m simulators.bench.daemon DIRECTORY SETUP STATUS-FD`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import socketserver
import sys
import threading
from pathlib import Path

import msgspec

from simulators.bench import pcscd
from simulators.bench.errors import BenchError
from simulators.bench.layout import Layout
from simulators.bench.model import (
    IPP,
    OPERATORS,
    PIV,
    PKCS11,
    Answer,
    BenchStatus,
    Description,
    Kept,
    Request,
    SeatStatus,
    Setup,
)
from simulators.bench.seats import PivSeat, Seat, UsbSeat
from simulators.bench.shelf import CardShelf, Shelf, TokenShelf, Trays, need_name
from simulators.bench.watcher import Watcher
from simulators.faults.model import Fault
from simulators.faults.plan import Plan
from simulators.ipp import machine
from simulators.native.armed import ArmedFaults

_LONGEST_LINE = 1_000_000
"""Bytes of one request; one that arms every fault of a scenario has some 10,000."""

_TOLD, _ABANDONED = b"t", b"a"
"""What wakes the main thread to end the bench."""

_READERS_WITHIN = 20.0
"""Seconds pcscd has to show all readers."""


class Daemon:
    """The seats of one bench, and what may be asked of them; every method may be called by any thread."""

    def __init__(self, layout: Layout, setup: Setup) -> None:
        self._layout, self._setup = layout, setup
        self._lock = threading.Lock()
        self._trays = Trays(layout)
        self._plan = Plan()
        self._blanks: int | None = None
        self._owners = 0
        self._on_its_way: set[str] = set()
        self._stop, self._stopped = os.pipe()
        self.pcscd: int | None = None
        self._seats: dict[str, tuple[Seat, Shelf]] = {}
        if setup.piv or setup.operators:
            self._open_readers()
        if setup.printer == IPP:
            machine.start(layout, self._plan)
        self._tokens = TokenShelf(layout)
        for name in (*_names("usb", setup.pkcs11), *([OPERATORS[PKCS11]] if setup.operators else [])):
            self._seats[name] = UsbSeat(name, layout), self._tokens
        usb = tuple(_names("usb", setup.pkcs11))
        self._native = ArmedFaults(layout, usb, self._plan.happened) if setup.faults else None

    def _open_readers(self) -> None:
        names = [*_names("piv", self._setup.piv), *([OPERATORS[PIV]] if self._setup.operators else [])]
        if self._setup.system_pcscd:
            slots = pcscd.system_slots(names)
        else:
            slots = pcscd.slots(names)
            self.pcscd = pcscd.start(pcscd.find(), self._layout, slots)
        shelf = CardShelf(self._layout, self._setup)
        watcher = Watcher(None if self._setup.system_pcscd else str(self._layout.pcscd))
        watcher.await_readers([slot.reader for slot in slots], _READERS_WITHIN)
        rest: dict[str, threading.Event] = {}
        for slot in slots:
            self._seats[slot.seat] = PivSeat(slot, shelf, watcher, rest, self._plan, self._swap), shelf

    @property
    def statuses(self) -> tuple[SeatStatus, ...]:
        """All seats, in order."""
        return tuple(seat.status for seat, _ in self._seats.values())

    def answer(self, request: Request) -> Answer:
        """Do what a client asks; raises `BenchError`."""
        match request.do:
            case "status":
                return Answer(status=self._status())
            case "insert":
                return Answer(card=self._insert(request))
            case "feed":
                return Answer(card=self._feed(request))
            case "fill":
                self._blanks = request.count
                return Answer()
            case "eject":
                return Answer(card=self._eject(request))
            case "arm" | "disarm" | "exchange" | "exchanges" | "fired":
                return self._about_faults(request)
            case "down":
                os.write(self._stopped, _TOLD)
                return Answer()
            case other:
                raise BenchError(f"the bench cannot {other!r}", next="take station and bench of one version")

    def _about_faults(self, request: Request) -> Answer:
        match request.do:
            case "arm":
                self._arm(request.faults)
                return Answer()
            case "disarm":
                self._plan.disarm()
                if self._native:
                    self._native.disarm()
                return Answer()
            case "exchange":
                fault = self._plan.exchange(request.seat, request.name, request.only)
                return Answer(faults=() if fault is None else (fault,))
            case "exchanges":
                return Answer(count=self._exchanges(request.seat))
            case _:
                return Answer(faults=self._plan.fired(request.count, request.seconds))

    def own(self) -> None:
        """The bench has one owner more, with the last of whom it ends."""
        with self._lock:
            self._owners += 1

    def disown(self, *, gone: bool) -> None:
        """The bench has one owner less: one who is gone, or who leaves it running."""
        with self._lock:
            self._owners -= 1
            ends = gone and not self._owners
        if ends:
            os.write(self._stopped, _ABANDONED)

    def await_end(self) -> str:
        """Block until told to end, until the last owner is gone, or until pcscd died; says which."""
        poll = select.poll()
        poll.register(self._stop, select.POLLIN)
        ended = os.pidfd_open(self.pcscd) if self.pcscd is not None else None
        if ended is not None:
            poll.register(ended, select.POLLIN)
        woken = {descriptor for descriptor, _ in poll.poll()}
        if self._stop not in woken:
            return "pcscd ended by itself"
        return "told to end" if os.read(self._stop, 1) == _TOLD else "its last owner is gone"

    def clear(self) -> None:
        """Pull everything out, as hands would before the desk is switched off."""
        with self._lock:
            for seat, _ in self._seats.values():
                seat.eject()

    def _status(self) -> BenchStatus:
        with self._lock:
            seats = self.statuses
            inserted = {seat.inserted for seat in seats}
            shelves = {seat.status.driver: shelf for seat, shelf in self._seats.values()}
            kept = [
                self._trays.of(name, driver)
                for driver, shelf in shelves.items()
                for name in shelf.names()
                if name not in inserted
            ]
        directory = str(self._layout.directory)
        return BenchStatus(directory, _outer_pid(), seats, tuple(kept), self._setup.system_pcscd)

    def _insert(self, request: Request) -> str:
        with self._lock:
            seat, shelf = self._seat(request.seat)
            holds, driver = seat.status.inserted, seat.status.driver
            name = self._inside(request.note, driver) if request.note else request.card
            if holds and request.note and holds == name:
                return holds
            if holds and not request.note:
                raise BenchError(f"{holds} is in it", where=request.seat, next="eject it first")
            if name is not None:
                need_name(name, shelf, driver)
                if other := next((held.name for held in self.statuses if held.inserted == name), None):
                    raise BenchError(f"{name} is in {other}", where=request.seat, next="eject it there first")
            name = name or shelf.add()
            if holds:
                seat.eject()
            seat.insert(name)
            if not request.note:
                self._trays.take(name, driver)
        if request.wait:
            seat.settle()
        return name

    def _inside(self, note: str, driver: str) -> str:
        for _, shelf in self._seats.values():
            for name in shelf.names():
                kept = self._trays.of(name, driver)
                if (kept.note, kept.driver) == (note, driver):
                    return name
        raise BenchError(f"no {note} of a {driver} token lies here", next="see `station bench status`")

    def _swap(self, fault: Fault) -> None:
        """Put in the place of a card that a fault took out what the fault says, without waiting."""
        try:
            self._insert(Request("insert", fault.at, fault.card, wait=False))
        except BenchError as error:
            logging.error("swap in %s: %s", fault.at, error)

    def _feed(self, request: Request, arrived: bool = False) -> str | None:
        with self._lock:
            seat, shelf = self._seat(request.seat)
            if arrived:
                self._on_its_way.discard(request.seat)
            if seat.status.inserted or self._blanks == 0:
                return None
            if self._setup.hands and not arrived:
                if request.seat not in self._on_its_way:
                    self._on_its_way.add(request.seat)
                    hands = threading.Timer(self._setup.hands, self._feed, (request, True))
                    hands.daemon = True
                    hands.start()
                return None
            if self._blanks is not None:
                self._blanks -= 1
            name = shelf.add()
            seat.insert(name)
        return name

    def _eject(self, request: Request) -> str | None:
        with self._lock:
            seat, _ = self._seat(request.seat)
            held = seat.status
            seat.eject()
            if held.inserted and request.tray is not None:
                self._trays.put(Kept(held.inserted, held.driver, request.tray, request.note))
        if request.wait:
            seat.settle()
        return held.inserted

    def _arm(self, faults: tuple[Fault, ...]) -> None:
        for fault in faults:
            if fault.target in ("piv", "pkcs11"):
                seat, shelf = self._seat(fault.at)
                if fault.card is not None:
                    need_name(fault.card, shelf, seat.status.driver)
            if fault.target in ("pkcs11", "disk", "clock"):
                self._need_native(fault).check(fault)
        if faults:
            self._layout.faults.touch()
        self._plan.arm(faults)
        for fault in faults:
            if self._native and self._native.counts(fault.at):
                self._native.arm(fault, self._tokens.add)

    def _need_native(self, fault: Fault) -> ArmedFaults:
        if self._native is None:
            raise BenchError(
                "this bench was not started for faults", where=fault.at, next="start it with a scenario"
            )
        return self._native

    def _exchanges(self, at: str) -> int:
        if self._native and self._native.counts(at):
            return self._native.exchanges(at)
        return self._plan.exchanges(at)

    def _seat(self, name: str) -> tuple[Seat, Shelf]:
        try:
            return self._seats[name]
        except KeyError:
            raise BenchError(f"no seat {name!r}", next=f"there are: {', '.join(self._seats)}") from None


class _Control(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path: str, daemon: Daemon) -> None:
        super().__init__(path, _Conversation)
        self.daemon = daemon


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _Control)
        self._daemon, self._owns = self.server.daemon, False
        with contextlib.suppress(ConnectionError):  # who asked is gone
            self._converse()
        if self._owns:
            self._daemon.disown(gone=True)

    def _converse(self) -> None:
        while line := self.rfile.readline(_LONGEST_LINE + 1):
            if len(line) > _LONGEST_LINE:
                logging.error("a request without end")
                return
            try:
                answer = self._answer(msgspec.json.decode(line, type=Request))
            except BenchError as error:
                answer = Answer(error=(error.what, error.where, error.next))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                answer = Answer(error=(f"the request cannot be read: {error}", None, None))
            except Exception as error:
                logging.exception("request failed")
                answer = Answer(error=(type(error).__name__, None, "look into the log of the bench"))
            self.wfile.write(msgspec.json.encode(answer) + b"\n")

    def _answer(self, request: Request) -> Answer:
        match request.do:
            case "tether" if not self._owns:
                self._daemon.own()
                self._owns = True
            case "let-go" if self._owns:
                self._daemon.disown(gone=False)
                self._owns = False
            case _:
                return self._daemon.answer(request)
        return Answer()


def _names(kind: str, count: int) -> list[str]:
    return [f"{kind}-{number}" for number in range(1, count + 1)]


def _outer_pid() -> int:
    # /proc is still that of the namespace outside, so it shows the numbers others know this process by.
    return int(os.readlink("/proc/self"))


def _outer_parent() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("PPid:")[2].split()[0])


def run(layout: Layout, setup: Setup, status: int) -> None:
    """Set the bench up, report on the descriptor `status` (one JSON `Answer`), serve until told to end."""
    layout.remove_traces()
    try:
        if setup.faults:
            layout.faults.touch()
        daemon = Daemon(layout, setup)
        control = _Control(str(layout.control), daemon)
        threading.Thread(target=control.serve_forever, daemon=True, name="control").start()
        holder = _outer_parent() if os.getpid() == 1 else _outer_pid()
        description = Description(_outer_pid(), holder, setup, daemon.statuses)
        layout.description.write_bytes(msgspec.json.encode(description))
    except (BenchError, OSError) as error:
        layout.clear()
        logging.exception("cannot start")
        told = error if isinstance(error, BenchError) else BenchError(str(error))
        os.write(status, msgspec.json.encode(Answer(error=(told.what, told.where, told.next))) + b"\n")
        raise SystemExit(1) from None
    logging.info("up: %s, %s", layout.directory, setup)
    try:
        os.write(status, msgspec.json.encode(Answer()) + b"\n")
        os.close(status)
        reason = daemon.await_end()
    except BrokenPipeError:
        reason = "who started it is gone"
    daemon.clear()
    logging.info("down: %s", reason)
    with contextlib.suppress(OSError):
        layout.clear()


def main(arguments: list[str]) -> None:
    """Read the command line; the log is this process's stderr."""
    directory, setup, status = arguments
    os.umask(0o077)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    os.chdir("/")
    run(
        Layout(Path(directory)),
        msgspec.json.decode(setup, type=Setup),
        int(status),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
