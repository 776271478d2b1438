"""Whose session it is, and what ends it: the token that leaves its seat, the time it is unused, its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from station.conversation.messages import Locked, Watched
from station.exit_codes import ExitCode
from station.tui.acts import Act, Heard, Said

_NAMES_OTHERS = frozenset({"--as", "--with", "--witness", "--officer"})
"""Options by which others put their token into the operators' seat."""


@dataclass(frozen=True)
class Session:
    """What `station whoami --json` tells; times are seconds since 1970 and seconds."""

    until: float
    idle: float
    token: bool

    @classmethod
    def told(cls, document: Any) -> Session:
        """Made of the command's document."""
        until = datetime.fromisoformat(document["until"]).timestamp()
        return cls(until, document["idle_minutes"] * 60.0, document["means"] == "token")


def since_boot() -> float:
    """Seconds since the machine began, asleep or not: setting the clock makes no session longer."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Use:
    """When somebody last touched a key; a session unused for too long, even asleep, is never used again."""

    def __init__(
        self, passed: Callable[[], float] = since_boot, clock: Callable[[], float] = time.time
    ) -> None:
        """`passed` counts seconds whatever the clock is set to."""
        self._passed, self._clock = passed, clock
        self._session: Session | None = None
        self._until = 0.0
        self._last = self._renewed = passed()

    def begin(self, session: Session | None) -> None:
        """Somebody logged in, or out."""
        self._session = session
        self._last = self._renewed = at = self._passed()
        self._until = at + session.until - self._clock() if session is not None else 0.0

    def touch(self) -> None:
        """A key was pressed."""
        if not self.over:
            self._last = self._passed()

    @property
    def over(self) -> bool:
        """Whether the session must end."""
        session, at = self._session, self._passed()
        return session is not None and (at - self._last >= session.idle or at >= self._until)

    def renewal_due(self, seconds: float) -> bool:
        """Whether the terminal is to be told that the session was used, at most so often."""
        due = not self.over and self._last > self._renewed and self._passed() - self._renewed >= seconds
        if due:
            self._renewed = self._passed()
        return due


class Guard:
    """`station login --guard` beside the screen: ends the session when its token leaves the seat.

    `told` hears what it asks of the hands, and None once that is done; `locked` is called when it ended
    without having been stopped.
    """

    def __init__(
        self, home: Path, told: Callable[[str | None], None], locked: Callable[[], Awaitable[None]]
    ) -> None:
        self._home, self._told, self._locked = home, told, locked
        self._seen = False
        self._act: Act | None = None
        self._run: asyncio.Task[None] | None = None

    @property
    def watching(self) -> bool:
        """Whether a token is watched, or waited for."""
        return self._run is not None and not self._run.done()

    @property
    def sees(self) -> bool:
        """Whether the token is in the seat, as far as is known."""
        return self.watching and self._seen

    def start(self) -> None:
        """Watch the token of who is logged in, which is asked for where it is not in the seat."""
        if not self.watching:
            self._seen = False
            self._act = Act(("login", "--guard"), self._home, self._hear)
            self._run = asyncio.create_task(self._watch(self._act))

    async def stop(self) -> bool:
        """Watch it no more; whether it was watched. The session stays."""
        act, self._act = self._act, None
        if act is None or not self.watching:
            return False
        await act.end()
        return True

    async def _watch(self, act: Act) -> None:
        outcome = await act.run()
        # Whatever ended it but the screen itself: nobody watches any more.
        if self._act is act and outcome.code != ExitCode.NOT_FOUND:
            self._act = None
            await self._locked()

    def _hear(self, heard: Heard) -> None:
        if self._act is None:
            return
        if isinstance(heard, Said):
            self._told(heard.text)
        elif isinstance(heard, Watched):
            self._seen = True
            self._told(None)
        elif not isinstance(heard, Locked):
            self._act.answer(None)


def names_others(arguments: Sequence[str]) -> bool:
    """Whether a command has others put their token into the operators' seat."""
    return bool(_NAMES_OTHERS.intersection(arguments))
