"""Plays the sample order at the screen by the keys a person would press; any key of a person pauses it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from textual.pilot import Pilot
from textual.widgets import Button, Label, OptionList

from station.tui.practice.guiding import Practice
from station.tui.practice.play import (
    Choose,
    Feed,
    Lock,
    LogIn,
    Mails,
    Picture,
    Pin,
    Pins,
    Press,
    See,
    Step,
    World,
    Write,
)
from station.tui.widgets.large_text import LargeText
from station.tui.widgets.secret_field import SecretField
from station.tui.words import _

if TYPE_CHECKING:
    from station.tui.app import StationApp

_LOOK = 0.05
"""Seconds between two looks at the screen."""

PATIENCE = 600.0
"""Seconds after which what must be seen counts as missing."""

PACES = {"fast": 0.0, "real": 0.6, "slow": 1.5}
"""Seconds before each key, so that somebody can follow."""

_INTO = re.compile(r"Put token (\S+) into seat ([^\s.]+)")
"""How the screen asks for the first token of several; the next ones stand in large figures."""


class Autopilot:
    """Carries steps out at a pace; `pause` and `go_on` are for whoever sits there."""

    def __init__(
        self,
        practice: Practice,
        steps: Sequence[Step],
        world: World | None = None,
        *,
        pace: str = "real",
        pictures: Path | None = None,
    ) -> None:
        """`world` is needed by `Feed` and `Mails` only."""
        self._practice, self._steps, self._wait, self._pictures = practice, steps, PACES[pace], pictures
        self._world = world
        self.pressing = False
        """Whether a key that comes is its own."""
        self._going = asyncio.Event()
        self._going.set()

    @property
    def paused(self) -> bool:
        """Whether somebody else has the keys."""
        return not self._going.is_set()

    def pause(self) -> None:
        """Somebody else has the keys."""
        self._going.clear()

    def go_on(self) -> None:
        """Take the keys again."""
        self._going.set()

    async def __call__(self, pilot: Pilot[Any]) -> None:
        """Carry out all steps; for `App.run(auto_pilot=…)`."""
        app = cast("StationApp", pilot.app)
        app.autopilot = self
        while not app.opened:
            await asyncio.sleep(_LOOK)
        for step in self._steps:
            await self._carry_out(app, pilot, step)
        app.autopilot = None
        app.notify(_("The demo ends here; the desk is yours."))

    async def _carry_out(self, app: StationApp, pilot: Pilot[Any], step: Step) -> None:
        match step:
            case LogIn(name):
                await self._log_in(app, pilot, name)
            case Lock():
                await self._press(pilot, "ctrl+l")
                await self._until(lambda: app.operator is None)
            case Press(sees, keys):
                await self._until(lambda: sees in seen(app))
                await self._press(pilot, *keys)
            case Write(sees, text):
                await self._until(lambda: sees in seen(app))
                await self._press(pilot, *text, "enter")
            case Choose(label):
                await self._choose(app, pilot, label)
            case Pin(name):
                await self._pin(app, pilot, name)
            case Pins(text):
                await self._pins(app, pilot, text)
            case Feed(text):
                await self._feed(app, pilot, text)
            case Mails():
                assert self._world is not None
                await asyncio.to_thread(self._world.write_mails)
            case See(text, there):
                await self._until(lambda: (text in seen(app)) is there)
            case Picture(name):
                await self._keep_picture(app, name)

    async def _keep_picture(self, app: StationApp, name: str) -> None:
        if self._pictures is None:
            return
        app.clear_notifications()
        while app.screen.query("Toast"):
            await asyncio.sleep(_LOOK)
        app.save_screenshot(f"{name}.svg", str(self._pictures))

    async def _pins(self, app: StationApp, pilot: Pilot[Any], text: str) -> None:
        while text not in seen(app):
            await self._until(lambda: text in seen(app) or self._asked(app) is not None)
            asked = self._asked(app)
            if asked is not None:
                await self._pin(app, pilot, asked)

    async def _feed(self, app: StationApp, pilot: Pilot[Any], text: str) -> None:
        assert self._world is not None
        await self._until(lambda: _INTO.search(_line(app)) is not None)
        found = _INTO.search(_line(app))
        assert found is not None
        token, seat = found.groups()
        await asyncio.to_thread(self._world.put_in, seat, token)
        await self._choose(app, pilot, "It is in")
        while text not in _line(app):
            before = token
            await self._until(
                lambda before=before: (
                    text in _line(app)  # type: ignore[misc]
                    or self._asked(app) is not None
                    or _wanted(app) not in (None, before)
                )
            )
            asked, wanted = self._asked(app), _wanted(app)
            if asked is not None:
                await self._pin(app, pilot, asked)
            elif wanted is not None and wanted != token:
                token = wanted
                await asyncio.to_thread(self._world.put_in, seat, token)
                await self._choose(app, pilot, "Done, go on")

    async def _choose(self, app: StationApp, pilot: Pilot[Any], label: str) -> None:
        await self._until(lambda: label in _buttons(app))
        while not (isinstance(app.focused, Button) and str(app.focused.label) == label):
            await self._press(pilot, "tab")
        await self._press(pilot, "enter")

    async def _log_in(self, app: StationApp, pilot: Pilot[Any], name: str) -> None:
        await self._until(lambda: app.operator is not None or bool(_offered(app)))
        if app.operator == name:
            return
        if app.operator is not None:
            await self._press(pilot, "ctrl+l")
        await self._until(lambda: app.current_mode == "login" and name in _offered(app))
        await self._press(pilot, "home", *["down"] * _offered(app).index(name), "enter")
        await self._pin(app, pilot, name)
        await self._until(lambda: app.operator == name and not app.screen.is_modal)

    def _asked(self, app: StationApp) -> str | None:
        """Whose PIN is asked for at the moment."""
        if not isinstance(app.focused, SecretField):
            return None
        prompt = str(app.screen.query_one("#prompt", Label).content).split()
        return next((name for name in self._practice.pins if name in prompt), None)

    async def _pin(self, app: StationApp, pilot: Pilot[Any], name: str) -> None:
        await self._until(lambda: isinstance(app.focused, SecretField))
        await self._press(pilot, *self._practice.pins[name], "enter")

    async def _press(self, pilot: Pilot[Any], *keys: str) -> None:
        for key in keys:
            await self._going.wait()
            await asyncio.sleep(self._wait if len(key) > 1 else self._wait / 10)
            self.pressing = True
            try:
                await pilot.press(key)
            finally:
                self.pressing = False

    async def _until(self, there: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not there() or self.paused:
                await asyncio.sleep(_LOOK)


def seen(app: StationApp) -> str:
    """What is on the screen, line by line."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def _line(app: StationApp) -> str:
    """What is on the screen, as if no line were broken, without the frame of a dialog."""
    return " ".join(seen(app).replace("│", " ").split())


def _wanted(app: StationApp) -> str | None:
    """The number of the token that a command asks for."""
    found = app.screen.query("#about")
    return found.first(LargeText).text if found else None


def _offered(app: StationApp) -> list[str]:
    people = app.screen.query(OptionList)
    return [str(one.prompt) for one in people.first().options] if people else []


def _buttons(app: StationApp) -> list[str]:
    return [str(one.label) for one in app.screen.query(Button)]
