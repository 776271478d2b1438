"""Acts: the desk's own commands, each in a process of its own, talking with whoever sits at the screen."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from drivers.secret import Secret
from station.conversation.messages import DECLINED, LEFT, Failed, Message, decode
from station.exit_codes import ExitCode
from station.tui.words import _

_LONGEST_LINE = 16 * 1024 * 1024
_NEXT = "next: station "
_GRACE = 1.0
"""Seconds an act that was told to stop has to end between two steps, before it is killed."""


@dataclass(frozen=True)
class Said:
    """A line of an act's talk."""

    text: str


Heard = Said | Message
"""What comes from an act before it ends."""


@dataclass(frozen=True)
class Outcome:
    """How an act ended: exit code, standard output, last word on what it did, the error where it told one."""

    code: int
    output: str
    said: str = ""
    failed: Failed | None = None

    @property
    def done(self) -> bool:
        """Whether it did what it was to do, whole."""
        return self.code == ExitCode.OK

    @property
    def document(self) -> Any:
        """What it told as JSON; None where it told nothing, or was cut off while it did."""
        with suppress(ValueError):
            return json.loads(self.output)
        return None


class Act:
    """One command under way; lives in the event loop of the screen."""

    def __init__(
        self, arguments: Sequence[str], home: Path | None, heard: Callable[[Heard], None] = lambda _: None
    ) -> None:
        """`heard` is called with what comes from it, in the event loop."""
        where = [] if home is None else ["--home", str(home)]
        self.arguments = (*where, *arguments)
        self._heard = heard
        self._process: subprocess.Popen[bytes] | None = None
        self._gone = asyncio.Event()
        self._left = False
        self._writer: asyncio.StreamWriter | None = None
        self._failed: Failed | None = None
        self._said = ""

    async def run(self) -> Outcome:
        """Carry it out; cancelled, the command is told to stop, and killed where it does not."""
        ours, theirs = socket.socketpair()
        with theirs:
            # Not asyncio's, which kills what still runs when its loop ends.
            process = self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "station"),
                    *("--conversation-fd", str(theirs.fileno())),
                    *self.arguments,
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                # The terminal's keys are the screen's: no signal of the terminal reaches an act.
                process_group=0,
            )
        async with AsyncExitStack() as held:
            held.callback(_await_end(process, self._gone))
            reader, self._writer = await asyncio.open_unix_connection(sock=ours, limit=_LONGEST_LINE)
            held.callback(self._writer.close)
            if self._left:
                self.leave()
            output, talk = [await _reading(held, stream) for stream in (process.stdout, process.stderr)]
            try:
                said, *_ = await asyncio.gather(output.read(), self._talk(talk), self._converse(reader))
                await self._gone.wait()
            except asyncio.CancelledError:
                if not self._left:
                    await self.end()
                raise
        code = process.wait()
        if code < 0:
            self._failed = self._failed or _cut_off(-code)
        return Outcome(code, said.decode("utf-8", "replace"), self._said, self._failed)

    def leave(self) -> None:
        """Let it go on by itself, whatever becomes of the screen; also before it has begun."""
        self._left = True
        self._say(LEFT)

    def answer(self, value: str | Secret | None) -> None:
        """Answer what it asked; None declines."""
        self._say(
            DECLINED if value is None else value.reveal() if isinstance(value, Secret) else value.encode()
        )

    def _say(self, line: bytes) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(line + b"\n")

    def stop(self) -> None:
        """Tell it to end between two steps, as Ctrl-C does."""
        self._signal(signal.SIGINT)

    async def end(self) -> None:
        """Have it gone: stopped where it listens, else killed."""
        self.stop()
        with suppress(TimeoutError):
            await self.gone(_GRACE)
        self._signal(signal.SIGKILL)

    async def gone(self, seconds: float) -> None:
        """Wait until its process has ended; raises `TimeoutError` where it does not within some seconds."""
        if self._process is not None:
            await asyncio.wait_for(self._gone.wait(), seconds)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    async def _talk(self, stream: asyncio.StreamReader) -> None:
        while line := await _line(stream):
            text = line.decode("utf-8", "replace").rstrip()
            if text:
                # What a command advises next is a command again; the screen tells its own keys.
                if not text.startswith(_NEXT):
                    self._said = text.partition(f"; {_NEXT}")[0]
                self._heard(Said(text))

    async def _converse(self, stream: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            while line := await stream.readline():
                message = decode(line)
                if isinstance(message, Failed):
                    self._failed = message
                else:
                    self._heard(message)


def _cut_off(number: int) -> Failed:
    """What is told of a command that a signal ended, and that could tell nothing itself."""
    if number == signal.SIGINT:
        return Failed(ExitCode.INTERRUPTED, None, _("stopped"), None)
    what = _("the command was ended from outside, maybe in the middle ({signal})")
    following = _("look at what is on record, then do it again")
    name = signal.Signals(number).name
    return Failed(ExitCode.INTERNAL, None, what.format(signal=name), following)


async def _reading(held: AsyncExitStack, stream: IO[bytes] | None) -> asyncio.StreamReader:
    """The reading end of a pipe, in the event loop."""
    assert stream is not None
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _protocol = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, stream)
    held.callback(transport.close)
    return reader


def _await_end(process: subprocess.Popen[bytes], gone: asyncio.Event) -> Callable[[], None]:
    """Have an event set when a process has ended; returns what takes this back."""
    loop, descriptor = asyncio.get_running_loop(), os.pidfd_open(process.pid)

    def ended() -> None:
        loop.remove_reader(descriptor)
        gone.set()

    loop.add_reader(descriptor, ended)

    def no_more() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)

    return no_more


async def _line(stream: asyncio.StreamReader) -> bytes:
    """The next line, of which no more than a screen can show is kept."""
    try:
        return await stream.readline()
    except ValueError:  # longer than the stream's limit
        return b"...\n"
