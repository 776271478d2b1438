"""The production that this screen started: it goes on when its dialog closes, and when the screen does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from station.conversation.messages import Failed, Locked, Watched
from station.tui.acts import Act, Heard, Outcome, Said

_PATIENCE = "120"
"""Seconds a lane waits for a begun token, where there are hands to put it back."""

_STEP = 0.7
"""Seconds for the lanes to end their steps while somebody waits to leave."""


class Producing:
    """One `station produce` under way."""

    def __init__(self, order: str, seats: Sequence[str], home: Path) -> None:
        named = [word for seat in seats for word in ("--seat", seat)]
        arguments = ("produce", order, *named, "--patience", _PATIENCE, "--json")
        self.order = order
        self.heard: Callable[[Heard], None] | None = None
        """Who is told what it says and asks; with nobody there, what is asked is declined."""
        self.act = Act(arguments, home, self._pass_on)
        self._run: asyncio.Task[Outcome] | None = None

    @property
    def running(self) -> bool:
        """Whether it has begun and not ended yet."""
        return self._run is not None and not self._run.done()

    async def outcome(self) -> Outcome:
        """Begin it; how it ended, as soon as it has. Whoever waits for this may stop waiting."""
        self._run = self._run or asyncio.create_task(self.act.run())
        return await asyncio.shield(self._run)

    async def stop(self) -> None:
        """Have every lane end the step it is in; it may still be at it when this returns."""
        self.act.stop()
        with suppress(TimeoutError):
            await self.act.gone(_STEP)

    def leave(self) -> None:
        """Let it go on without the screen."""
        self.act.leave()
        if self._run is not None:
            self._run.cancel()

    def _pass_on(self, heard: Heard) -> None:
        if self.heard is not None:
            self.heard(heard)
        elif not isinstance(heard, Said | Failed | Watched | Locked):
            self.act.answer(None)
