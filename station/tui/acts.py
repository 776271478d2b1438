"""Acts: the desk's own commands, each in a process of its own, talking with whoever sits at the screen."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivers.secret import Secret
from station.conversation.messages import Failed, Message, decode
from station.exit_codes import ExitCode

_LONGEST_LINE = 16 * 1024 * 1024
_DECLINED = b"\x18"
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
    """How an act ended: exit code, standard output, last line of talk, the error where it told one."""

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
        """What it told as JSON; None where it told nothing."""
        return json.loads(self.output) if self.output.strip() else None


class Act:
    """One command under way; lives in the event loop of the screen."""

    def __init__(
        self, arguments: Sequence[str], home: Path | None, heard: Callable[[Heard], None] = lambda _: None
    ) -> None:
        """`heard` is called with what comes from it, in the event loop."""
        where = [] if home is None else ["--home", str(home)]
        self.arguments = (*where, *arguments)
        self._heard = heard
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._failed: Failed | None = None
        self._said = ""

    async def run(self) -> Outcome:
        """Carry it out; cancelled, the command is told to stop, and killed where it does not."""
        ours, theirs = socket.socketpair()
        with theirs:
            os.set_inheritable(theirs.fileno(), True)
            command = (sys.executable, "-m", "station", "--conversation-fd", str(theirs.fileno()))
            self._process = await asyncio.create_subprocess_exec(
                *command,
                *self.arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                # The terminal's keys are the screen's: no signal of the terminal reaches an act.
                process_group=0,
            )
        reader, self._writer = await asyncio.open_unix_connection(sock=ours, limit=_LONGEST_LINE)
        process = self._process
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            output, *_ = await asyncio.gather(
                process.stdout.read(), self._talk(process.stderr), self._converse(reader)
            )
            code = await process.wait()
        except asyncio.CancelledError:
            await self.end()
            raise
        finally:
            self._writer.close()
        return Outcome(code, output.decode("utf-8", "replace"), self._said, self._failed)

    def answer(self, value: str | Secret | None) -> None:
        """Answer what it asked; None declines."""
        if self._writer is None or self._writer.is_closing():
            return
        line = _DECLINED if value is None else value.reveal() if isinstance(value, Secret) else value.encode()
        self._writer.write(line + b"\n")

    def stop(self) -> None:
        """Tell it to end between two steps, as Ctrl-C does."""
        self._signal(signal.SIGINT)

    async def end(self) -> None:
        """Have it gone: stopped where it listens, else killed."""
        self.stop()
        if self._process is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _GRACE)
            self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    async def _talk(self, stream: asyncio.StreamReader) -> None:
        while line := await _line(stream):
            text = line.decode("utf-8", "replace").rstrip()
            if text:
                self._said = text
                self._heard(Said(text))

    async def _converse(self, stream: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            while line := await stream.readline():
                message = decode(line)
                if isinstance(message, Failed):
                    self._failed = message
                else:
                    self._heard(message)


async def _line(stream: asyncio.StreamReader) -> bytes:
    """The next line, of which no more than a screen can show is kept."""
    try:
        return await stream.readline()
    except ValueError:  # longer than the stream's limit
        return b"...\n"
