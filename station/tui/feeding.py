"""The event loop's end of what the bench tells: the feed of a production, and what is in each seat."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from batch.production.events import What
from station.feed.client import NothingToWatch, Watch
from station.feed.messages import Asked, Lane
from station.tui.bench_state import BenchState, after, broken

_LOOK = 0.3
"""Seconds between two looks whether a production has begun."""

_BREATH = 50
"""Messages in a row after which keys get their turn."""

_AGAIN = 5.0
"""Seconds until the seats are watched again, where the watch of them ended."""


class SeatSight(msgspec.Struct, frozen=True):
    """What `station lanes watch --json` tells of a seat; see `station.seats.SeatView`."""

    name: str
    driver: str
    state: str
    problem: str | None = None


@dataclass
class Feeding:
    """Keeps `state` and `seats` as they are told; `changes` counts what came, for who shows it now and then.

    `trouble` is why a production cannot be watched.
    """

    run_directory: Path
    clock: Callable[[], float] = time.time
    state: BenchState = field(default_factory=BenchState)
    seats: dict[str, SeatSight] = field(default_factory=dict)
    changes: int = 0
    trouble: str = ""
    _watch: Watch | None = None

    async def follow(self) -> None:
        """Watch one production after the other, for good."""
        while True:
            with suppress(NothingToWatch):
                self._watch = await Watch.open(self.run_directory)
                await self._hear(self._watch)
            await asyncio.sleep(_LOOK)

    def stands(self, lane: Lane) -> bool:
        """Whether what a lane told last still holds: a token may have been taken out since the end."""
        if self.state.running:
            return True
        sight = self.seats.get(lane.seat)
        out = lane.removal is not None and (sight is None or sight.state == "token")
        return out or (lane.what is What.LANE_STOPPED and self.state.ended is not None)

    def standing(self) -> list[Lane]:
        """The lanes of which what they told last still holds."""
        return [lane for lane in self.state.lanes.values() if self.stands(lane)]

    async def send(self, wish: Asked) -> None:
        """Ask something of the production; nothing happens where none is watched."""
        if self._watch is not None:
            await self._watch.send(wish)

    async def _hear(self, watch: Watch) -> None:
        heard = 0
        try:
            async for told in watch:
                self.trouble = ""
                self.state = after(self.state, told, self.clock())
                self.changes += 1
                heard += 1
                if heard % _BREATH == 0:
                    await asyncio.sleep(0)
        except NothingToWatch as error:
            self.trouble = "; ".join(filter(None, (error.what, error.next)))
            raise
        finally:
            self._watch = None
            watch.close()
            self.state = broken(self.state)
            self.changes += 1

    async def look_at_seats(self, home: Path) -> None:
        """Have the seats watched by `station lanes watch`, for good; it ends with the screen."""
        command = (sys.executable, "-m", "station", "--home", str(home), "lanes", "watch", "--json")
        while True:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                process_group=0,
            )
            try:
                assert process.stdout is not None
                while line := await process.stdout.readline():
                    self._seen(line)
                await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()
            self.seats = {}
            self.changes += 1
            await asyncio.sleep(_AGAIN)

    def _seen(self, line: bytes) -> None:
        with suppress(msgspec.MsgspecError):
            seat = msgspec.json.decode(line, type=SeatSight)
            self.seats = {**self.seats, seat.name: seat}
            self.changes += 1
