"""A feeding machine, driven by the commands its maker ships: next, good, reject.

A command that ends with 0 has done its part, one that ends with `empty_status` has no blank left, any other
end is a jam, which the first line of its standard error explains. The note for the envelope is its standard
input. What a command says about itself is never believed alone: the reader must tell of the token as well.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

import msgspec

from drivers.errors import DriverError, FeederEmpty, FeederFailed
from drivers.feeders.port import Tray
from drivers.options import typed

_Command = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
_Seconds = Annotated[float, msgspec.Meta(gt=0)]

_CLEAR = "clear the machine, look what is in the reader, then let the lane go on"
_MOST_HEARD = 4096
"""Bytes of its standard error that are kept."""

_LONGEST = 200
"""Characters of them that are told."""

_KILLED_WITHIN = 5.0
_TICK = 0.05


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Commands as lists of words; `move_seconds` is how long one may take, `reader_seconds` how long the
    reader may take afterwards to tell of the token. `status`, where there is one, moves nothing.
    """

    next: _Command
    good: _Command
    reject: _Command
    status: _Command | None = None
    move_seconds: _Seconds = 60.0
    reader_seconds: _Seconds = 10.0
    empty_status: Annotated[int, msgspec.Meta(ge=1, le=255)] = os.EX_TEMPFAIL


class CommandFeeder:
    """Feeds one seat by commands; raises `Unsupported` for wrong options."""

    by_hand = False

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = typed(options, _Options, 'feeder "commands"')
        self._move: _Move | None = None

    def ready(self) -> str | None:
        options = self._options
        for name in ("next", "good", "reject", "status"):
            words: tuple[str, ...] | None = getattr(options, name)
            if words is not None and shutil.which(words[0]) is None:
                return f"{name}: there is no program {words[0]}; install it, or correct the seat"
        if options.status is None:
            return None
        try:
            return self._asked(_Move("status", options.status, "", options.move_seconds))
        except FeederFailed as error:
            return error.what

    def feed(self, seat: str) -> None:
        if not self.moving(seat):
            self._begin(seat, "next", self._options.next, "")

    def take(self, seat: str, tray: Tray, note: str) -> None:
        good = tray is Tray.GOOD
        words = self._options.good if good else self._options.reject
        self._begin(seat, "good" if good else "reject", words, note)

    def moving(self, seat: str) -> bool:
        move = self._move
        if move is None:
            return False
        try:
            status = move.status()
            if status is None:
                return True
            if failure := self._failure(move, status):
                raise failure
            if not move.settled and time.monotonic() > move.ended + self._options.reader_seconds:
                raise FeederFailed(f"{move.name} is done, but the reader sees no change", next=_CLEAR)
        except DriverError as error:
            self._move = None
            error.where = seat
            raise
        if move.settled:
            self._move = None
        return not move.settled

    def settled(self, seat: str) -> None:
        if self._move is not None:
            self._move.settled = True

    def _begin(self, seat: str, name: str, words: tuple[str, ...], note: str) -> None:
        try:
            self._move = _Move(name, words, note, self._options.move_seconds)
        except FeederFailed as error:
            error.where = seat
            raise

    def _failure(self, move: _Move, status: int) -> DriverError | None:
        if status == 0:
            return None
        if move.name == "next" and status == self._options.empty_status:
            return FeederEmpty("the feeder has no blank token left", next="load blank tokens")
        how = f"ended with {status}" if status > 0 else f"was killed by signal {-status}"
        return FeederFailed(f"{move.name}: {move.said() or how}", next=_CLEAR)

    def _asked(self, move: _Move) -> str | None:
        while (status := move.status()) is None:
            move.wait()
        failure = self._failure(move, status)
        return None if failure is None else failure.what


class _Move:
    """One command under way, in a session of its own: neither Ctrl-C nor a closed terminal stops a machine
    in the middle.
    """

    def __init__(self, name: str, words: tuple[str, ...], note: str, seconds: float) -> None:
        self.name, self.settled, self.ended = name, False, 0.0
        self._seconds, self._deadline = seconds, time.monotonic() + seconds
        self._heard = b""
        try:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            what = f"{name}: {words[0]} cannot be started: {error.strerror}"
            raise FeederFailed(what, next="install it, or correct the seat in station.toml") from error
        assert self._process.stdin is not None
        assert self._process.stderr is not None
        self._stderr = self._process.stderr
        os.set_blocking(self._stderr.fileno(), False)
        # A note is shorter than a pipe takes, so nothing waits here.
        with suppress(BrokenPipeError), self._process.stdin as pipe:
            pipe.write(f"{note.splitlines()[0][:_LONGEST] if note else ''}\n".encode())

    def status(self) -> int | None:
        """Its exit status, None while it runs; raises `FeederFailed` where it took too long."""
        if self.ended:
            return self._process.returncode
        status = self._process.poll()
        self._listen()
        if status is None and time.monotonic() >= self._deadline:
            self._kill()
            what = f"{self.name}: not done after {self._seconds:g} s, so it was killed"
            raise FeederFailed(what, next=_CLEAR)
        if status is not None:
            self.ended = time.monotonic()
            self._stderr.close()
        return status

    def said(self) -> str:
        """The first line of its standard error."""
        lines = self._heard.decode(errors="replace").split("\n")
        return next((line.strip()[:_LONGEST] for line in lines if line.strip()), "")

    def wait(self) -> None:
        """Wait a moment for its end."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_TICK)

    def _listen(self) -> None:
        with suppress(BlockingIOError):
            # What more it says is thrown away, so that no full pipe stops it.
            self._heard = (self._heard + os.read(self._stderr.fileno(), 1 << 16))[:_MOST_HEARD]

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_KILLED_WITHIN)
        self._stderr.close()
