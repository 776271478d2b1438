"""The seats of a bench: what inserting and ejecting do to a virtual reader and to a SoftHSM token."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from simulators.bench import vpcd
from simulators.bench.errors import BenchError
from simulators.bench.layout import Layout
from simulators.bench.model import PIV, PKCS11, SeatStatus
from simulators.bench.pcscd import Slot
from simulators.bench.shelf import CardShelf
from simulators.bench.watcher import Watcher
from simulators.faults.card import FaultyCard
from simulators.faults.model import Fault
from simulators.faults.plan import Due, Plan

_SEEN_WITHIN = 10.0
"""Seconds in which pcscd must have noticed a card that came or went; it looks every 0.4 s."""


class Seat(Protocol):
    """One seat; calls are made one at a time."""

    @property
    def status(self) -> SeatStatus:
        """Its name, its reader, what is in it."""
        ...

    def insert(self, name: str) -> None:
        """Put a card or token of the shelf in; returns before the reader has seen it."""
        ...

    def eject(self) -> None:
        """Pull out what is in it, whatever it does; returns before the reader has seen it."""
        ...

    def settle(self) -> None:
        """Wait until the reader has seen the last change; raises `BenchError`."""
        ...


class PivSeat:
    """A reader of the bench's pcscd; `swap` puts in what a fault puts in the place of a card.

    `rest` tells of every card that was inserted in any seat whether it has ended its last command.
    """

    def __init__(
        self,
        slot: Slot,
        shelf: CardShelf,
        watcher: Watcher,
        rest: dict[str, threading.Event],
        plan: Plan,
        swap: Callable[[Fault], None],
    ) -> None:
        self._slot, self._shelf, self._watcher = slot, shelf, watcher
        self._insertion: _Insertion | None = None
        self._last: _Insertion | None = None
        self._rest = rest
        self._plan, self._swap = plan, swap

    @property
    def status(self) -> SeatStatus:
        inserted = self._insertion.name if self._insertion and not self._insertion.left else None
        return SeatStatus(self._slot.seat, PIV, self._slot.reader, inserted)

    def insert(self, name: str) -> None:
        # A card that was pulled out in the middle of a command is not inserted again before it has ended it.
        if before := self._rest.get(name):
            before.wait()
        for ended in [name for name, rest in self._rest.items() if rest.is_set()]:
            del self._rest[ended]
        card = FaultyCard(self._shelf.load(name), self._slot.seat, self._plan)
        self._insertion = self._last = _Insertion(
            name, card, self._slot, self._watcher, self._swap, after=self._last
        )
        self._rest[name] = self._insertion.rest

    def eject(self) -> None:
        if self._insertion:
            self._insertion.pull()
            self._insertion = None

    def settle(self) -> None:
        insertion, reader = self._insertion, self._slot.reader
        expected = insertion is not None and not insertion.left
        seen = self._watcher.wait_until(
            # Until the new card is in, a card seen there is the last one.
            lambda: (insertion is None or insertion.connected) and self._watcher.present(reader) is expected,
            _SEEN_WITHIN,
        )
        if not seen:
            raise BenchError(
                f"pcscd has not seen the card {'come' if expected else 'go'} within {_SEEN_WITHIN:g} s",
                where=self._slot.seat,
                next="look into the log of the bench",
            )


class _Insertion(threading.Thread):
    """One card in one reader, from the moment it is put in until it has ended its last command."""

    def __init__(
        self,
        name: str,
        card: FaultyCard,
        slot: Slot,
        watcher: Watcher,
        swap: Callable[[Fault], None],
        after: _Insertion | None,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._after = after
        self._card, self._slot, self._watcher, self._swap = card, slot, watcher, swap
        self._lock = threading.Lock()
        self._pulled = False
        self._link = socket.socket()
        self.connected = False
        self.rest = threading.Event()
        """Set when the card has ended its last command."""
        self.start()

    @property
    def left(self) -> bool:
        """Whether a fault has taken the card out."""
        return self._card.left is not None

    def run(self) -> None:
        try:
            self._serve()
        finally:
            self.rest.set()
        if self._card.left is not None:
            self._leave(self._card.left)

    def _serve(self) -> None:
        # A new card must not take the place of the last unseen: pcscd would go on with the old session.
        self._watcher.wait_until(lambda: self._pulled or not self._watcher.present(self._slot.reader))
        try:
            with self._link:
                if self._pulled:
                    return
                if self._after is not None and self._after.torn:
                    self._be_missed()
                self._after = None
                vpcd.connect(self._link, self._slot.port)
                with self._lock:
                    self.connected = not self._pulled
                if self.connected:
                    vpcd.serve(self._card, self._link)
        except Exception as error:
            if self._pulled:
                return
            # Its text may repeat what was on its way to the card, so only the kind and the place are logged.
            place = "".join(traceback.format_tb(error.__traceback__))
            kind = type(error).__name__
            logging.getLogger(__name__).error("%s in %s: %s\n%s", self.name, self._slot.seat, kind, place)

    @property
    def torn(self) -> bool:
        """Whether the card left in the middle of a command, or came after such a one and was never seen."""
        return self._card.owes or (self._after is not None and self._after.torn)

    def _be_missed(self) -> None:
        """Let pcscd look once and find no card.

        Where the program that used the last card dies, pcscd can take that one for gone before it has looked,
        and would never look again at a card that is there by then.
        """
        with socket.socket() as nobody:
            nobody.settimeout(_SEEN_WITHIN)
            vpcd.await_look(nobody, self._slot.port)

    def _leave(self, due: Due) -> None:
        self._watcher.wake()
        if due.fault.do == "swap":
            self._swap(due.fault)
        due.happened()

    def pull(self) -> None:
        self._card.pulled.set()
        with self._lock:
            self._pulled = True
            with contextlib.suppress(OSError):  # not connected yet, or the reader hung up first
                self._link.shutdown(socket.SHUT_RDWR)
        self._watcher.wake()


class UsbSeat:
    """A place for one USB token: a SoftHSM configuration whose token directory comes and goes.

    With the directory gone C_Initialize fails, which is how SoftHSM shows that no token is there. What is in
    the seat is what the link says: the module of a bench for faults can pull a token out too.
    """

    def __init__(self, name: str, layout: Layout) -> None:
        self._name, self._tokens = name, layout.tokens
        directory = layout.seats / name
        directory.mkdir(mode=0o700, exist_ok=True)
        self._link = directory / "token"
        self._link.unlink(missing_ok=True)
        softhsm_conf(layout, name).write_text(
            f"directories.tokendir = {self._link}\nobjectstore.backend = file\n"
            "slots.removable = true\nlog.level = ERROR\n"
        )

    @property
    def status(self) -> SeatStatus:
        try:
            token = self._link.readlink().name
        except FileNotFoundError:
            token = None
        return SeatStatus(self._name, PKCS11, None, token)

    def insert(self, name: str) -> None:
        fresh = self._link.with_name("token.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(self._tokens / name)
        os.replace(fresh, self._link)

    def eject(self) -> None:
        self._link.unlink(missing_ok=True)

    def settle(self) -> None:
        pass


def softhsm_conf(layout: Layout, seat: str) -> Path:
    """What SOFTHSM2_CONF must name for a client of this seat."""
    return layout.seats / seat / "softhsm2.conf"
