"""Somebody who watches a production through its feed, as a screen does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from batch.production.events import What
from station.feed.client import NothingToWatch, Watch
from station.feed.messages import Asked, Ended, Happened, Lane, Production, Told, encode
from tests.bench.desk import PATIENCE, Desk


class Watcher:
    """What a watcher knows by what it was told: the newest of everything, and all of it in order."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._messages = watch.__aiter__()
        self.told: list[Told] = []
        self.lanes: dict[str, Lane] = {}
        self.production: Production | None = None
        self.ended: Ended | None = None

    def lane(self, seat: str) -> Lane:
        """A lane as it was told last; one of which nothing was told yet is as it begins."""
        return self.lanes.get(seat, Lane(seat))

    def happened(self, seat: str, what: What) -> list[Lane]:
        """The lane of a seat as it was after each event of a kind."""
        lanes = [message.lane for message in self.told if isinstance(message, Happened)]
        return [lane for lane in lanes if lane.seat == seat and lane.what is what]

    def steps(self) -> dict[int, set[int]]:
        """By the number of a token's steps, how many of them were told to be done."""
        found: dict[int, set[int]] = {}
        for message in self.told:
            if isinstance(message, Happened) and (step := message.lane.step) is not None:
                found.setdefault(step.of, set()).add(step.done)
        return found

    async def ask(self, wish: Asked) -> None:
        await self._watch.send(wish)

    async def see(self, holds: Callable[[Watcher], bool], what: str) -> None:
        """Read on until something holds; fails where the feed ends before."""
        while not holds(self):
            try:
                message = await asyncio.wait_for(anext(self._messages), PATIENCE)
            except StopAsyncIteration:
                raise AssertionError(f"the feed ended before {what}: {self.lanes}") from None
            self.told.append(message)
            if isinstance(message, Production):
                self.production = message
            elif isinstance(message, Ended):
                self.ended = message
            else:
                lane = message.lane if isinstance(message, Happened) else message
                self.lanes[lane.seat] = lane

    async def end(self) -> bool:
        """Read to the end; whether the production said that it ended."""
        async for message in self._messages:
            self.told.append(message)
            if isinstance(message, Ended):
                self.ended = message
        return self.ended is not None


@asynccontextmanager
async def watching(desk: Desk) -> AsyncIterator[Watcher]:
    """Connects to the feed of a desk as soon as there is one; what it tells is looked through for codes."""
    while True:
        try:
            watch = await asyncio.wait_for(Watch.open(desk.home / "run"), PATIENCE)
            break
        except NothingToWatch:
            await asyncio.sleep(0.01)
    watcher = Watcher(watch)
    try:
        yield watcher
    finally:
        watch.close()
        desk.said += [encode(message) for message in watcher.told]
