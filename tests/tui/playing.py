"""Plays the screen by keys, and shows it as text."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from textual import events
from textual.pilot import Pilot
from textual.widgets import Button, Input, OptionList

from station.exit_codes import ExitCode
from station.home import Home
from station.tui.app import StationApp
from station.tui.dialogs.act import ActDialog
from station.tui.widgets.secret_field import SecretField
from tests.unit.login_kit import log_in, passphrase

PATIENCE = 30.0
"""Seconds within which anything must have come on the screen of a busy machine."""

NORMAL = (80, 24)
WIDE = (160, 48)
SIZES = (NORMAL, WIDE)


_KEYS = {" ": "space", "\r": "enter"}
"""Names of the keys whose characters are not their names."""


@dataclass
class Player:
    """Somebody at the screen: presses keys, types, reads."""

    app: StationApp
    pilot: Pilot[ExitCode]

    async def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str, turns: int | None = None) -> None:
        """Type a text as fast as a scanner does: no letter waits for what the one before it did.

        Then wait until all is done with it, or for so many turns of the loop.
        """
        for letter in text:
            self.app.post_message(events.Key(_KEYS.get(letter, letter), letter))
        if turns is None:
            await self.pilot.pause()
        for _ in range(turns or 0):
            await asyncio.sleep(0)

    async def until(self, seen: Callable[[], object], what: str = "") -> None:
        """Wait until something is so."""
        latest = time.monotonic() + PATIENCE
        while not _holds(seen):
            assert time.monotonic() < latest, (
                f"waited in vain for {what or seen}; on the screen:\n{self.text}"
            )
            await asyncio.sleep(0.01)
            await self.pilot.pause()

    async def sees(self, *texts: str) -> None:
        """Wait until all of the texts are on the screen."""
        for text in texts:
            await self.until(lambda text=text: text in self.text, text)  # type: ignore[misc]

    async def forget_told(self) -> None:
        """Have what was told so far count no more, and leave the screen."""
        self.app.clear_notifications()
        screens = self.app.screen_stack
        await self.until(lambda: not any(one.query("Toast") for one in screens), "the end of notifications")
        await self.pilot.pause()

    async def log_in(self, name: str) -> None:
        """Log in as an operator with a passphrase, by keys."""
        await self.until(lambda: self.app.screen.query_one("#people", OptionList).option_count > 1, "names")
        await self.settled()
        await self.type(name)
        await self.press("enter")
        await self.secret(passphrase(name))
        await self.until(lambda: self.app.operator == name, f"{name} logged in")
        await self.settled()

    async def secret(self, typed: str) -> None:
        """Type a PIN or passphrase when it is asked for."""
        await self.until(lambda: isinstance(self.app.focused, SecretField), "a field for a PIN")
        await self.type(typed)
        await self.press("enter")

    async def closes(self, *texts: str) -> None:
        """Read what an act that has ended says, and close it."""
        await self.until(lambda: str(self.app.screen.query_one("#leave", Button).label) == "Close", "Close")
        for text in texts:
            assert text in self.text, self.text
        await self.press("enter")
        await self.settled()

    async def settled(self) -> None:
        """Wait until nothing is read any more and no act is under way."""
        await self.until(lambda: not isinstance(self.app.screen, ActDialog), "the act's end")
        await self.until(
            lambda: all(one.group != "load" or one.is_finished for one in self.app.workers), "reading"
        )
        await self.pilot.pause()

    async def is_told(self, *texts: str) -> None:
        """Wait until all of the texts were told in notifications, which no snapshot shows."""
        for text in texts:
            await self.until(lambda text=text: text in self._notes, f"{text}; told: {self._notes}")  # type: ignore[misc]

    @property
    def _notes(self) -> str:
        """Titles and words of the notifications, line by line."""
        lines = (f"{one.title} {one.message}" for one in self.app._notifications)
        return "\n".join(lines)

    @property
    def text(self) -> str:
        """What is on the screen, line by line."""
        height = self.app.size.height
        strips = self.app.screen._compositor.render_strips()
        lines = ["".join(segment.text for segment in strip).rstrip() for strip in strips[:height]]
        return "\n".join(lines)

    @property
    def picture(self) -> str:
        """The same for a snapshot: no day, no moment, and nothing that is drawn by lot in it."""
        text = re.sub(r"\d\d:\d\d:\d\d\.\d{6}", "12:34:56.123456", self.text)
        text = re.sub(r"\b[0-9a-f]{12,}", lambda found: "f" * len(found.group()), text)
        text = re.sub(r"\bP\d{8}\b", "P12345678", text)
        text = re.sub(r"\d{4}-\d\d-\d\d", "2031-05-05", text)
        text = re.sub(r"\b20\d\d-(\d{4})\b", r"2031-\1", text)
        return re.sub(r"(?<![\d:])\d\d:\d\d(:\d\d)?\b", lambda found: "12:34:56"[: len(found.group())], text)


@asynccontextmanager
async def playing(
    home: Path, size: tuple[int, int] = NORMAL, who: str | None = None
) -> AsyncIterator[Player]:
    """The screen opened at a home, in a terminal of a size (columns, lines), `who` being logged in there."""
    if who is not None:
        log_in(Home(home), who)
    app = StationApp(home)
    async with app.run_test(size=size, notifications=True) as pilot:
        player = Player(app, pilot)
        await player.until(lambda: app.opened, "the records")
        await player.settled()
        if who is not None:
            await player.until(lambda: app.operator == who, f"{who} found to be logged in")
            await player.settled()
        yield player
        await app.end()


@asynccontextmanager
async def in_area(
    home: Path, who: str, key: str, *sees: str, size: tuple[int, int] = NORMAL
) -> AsyncIterator[Player]:
    """Somebody who is logged in looks at the area of a key, and sees all of these texts."""
    async with playing(home, size, who) as player:
        await player.press(key)
        await player.sees(*sees)
        await player.settled()
        yield player


async def pick(player: Player, path: Path) -> None:
    """Type a path into the picker that is open."""
    await player.until(lambda: player.app.screen.query_one("#path"), "the picker")
    player.app.screen.query_one("#path", Input).value = str(path)
    player.app.screen.query_one("#path", Input).focus()
    await player.press("enter")


async def button(player: Player, label: str) -> None:
    """Go to a button with Tab and press it."""
    await player.until(
        lambda: label in {str(one.label) for one in player.app.screen.query(Button)}, f"button {label}"
    )
    for _ in range(9):
        focused = player.app.focused
        if isinstance(focused, Button) and str(focused.label) == label:
            break
        await player.press("tab")
    await player.press("enter")


def _holds(seen: Callable[[], object]) -> bool:
    try:
        return bool(seen())
    except Exception:  # a widget that is not there yet
        return False
