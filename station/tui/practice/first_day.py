"""The first screen of who has no station yet: a simulated desk is set up, or a real one explained."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Label, Static

from station.exit_codes import ExitCode
from station.tui.acts import Act, Heard, Said
from station.tui.drawn_app import DrawnApp
from station.tui.practice.guiding import Practice
from station.tui.widgets.key_bar import KeyBar
from station.tui.widgets.large_text import LargeText
from station.tui.words import N_, _, speak


class FirstDayApp(DrawnApp[dict[str, Any]]):
    """Ends with what `station demo --prepare --json` told; None where nobody wanted a desk."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS = [Binding("ctrl+q,escape", "leave", N_("Leave"), key_display="^q", priority=True)]

    def __init__(self, home: Path, prepare: tuple[str, ...] = ("demo", "--prepare", "--json")) -> None:
        super().__init__()
        self._home, self._prepare = home, prepare
        self._act: Act | None = None
        self._lines: list[str] = []
        speak(os.environ.get("LANG", "")[:2])

    def compose(self) -> ComposeResult:
        yield LargeText(_("welcome"), id="first-title")
        with VerticalScroll(id="first", classes="panel", can_focus=False):
            none = _("There is no station in {home} yet.")
            yield Label(none.format(home=self._home), markup=False)
            yield Label(
                _(
                    "To see how it works, have a desk without hardware set up: two card readers, two USB "
                    "slots, a printer, people with simulated tokens, and an order of 24 certificates. It "
                    "takes about half a minute, and you are led through."
                )
            )
            yield Label(
                _(
                    "A real one is made with `station init`, which asks for a name and two administrators; "
                    "docs/configuration.md tells the rest."
                ),
                markup=False,
            )
            yield Static(id="first-said", markup=False)
        with Horizontal(classes="dialog--buttons"):
            yield Button(_("Set up a simulated desk"), id="prepare")
            yield Button(_("Leave"), id="leave")
        yield KeyBar()

    def on_mount(self) -> None:
        """Nothing is done before somebody says so."""
        self.query_one("#prepare").focus()

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        """Begin, or leave."""
        if event.button.id == "leave":
            await self.action_leave()
        elif self._act is None:
            self._set_up()

    @work(exclusive=True)
    async def _set_up(self) -> None:
        button = self.query_one("#prepare", Button)
        button.disabled = True
        self._lines = []
        self._act = Act(self._prepare, None, self._hear)
        outcome = await self._act.run()
        self._act, button.disabled = None, False
        if outcome.done:
            self.exit(outcome.document)
            return
        self._say(f"✗ {outcome.failed.what if outcome.failed else outcome.said}")
        if outcome.failed is not None and outcome.failed.next:
            self._say(_("Next: {what}").format(what=outcome.failed.next))
        button.focus()

    def _hear(self, heard: Heard) -> None:
        if isinstance(heard, Said):
            self._say(heard.text)

    def _say(self, text: str) -> None:
        self._lines = [*self._lines, text][-200:]
        self.query_one("#first-said", Static).update(Text("\n".join(self._lines)))
        self.query_one("#first").scroll_end(animate=False)

    async def action_leave(self) -> None:
        """Leave; what was being set up is taken down again."""
        if self._act is not None:
            await self._act.end()
        self.exit()


def begin(home: Path) -> ExitCode:
    """Offer a simulated desk, and open it with somebody to lead through."""
    from station.tui.opening import open_screen

    app = FirstDayApp(home)
    told = app.run()
    app.raise_fault()
    if told is None:
        return ExitCode.OK
    os.environ.update(told["environment"])
    return open_screen(Path(told["home"]), practice_of(told))


def practice_of(told: dict[str, Any]) -> Practice:
    """What the guide must know of a desk, from what its preparing told."""
    pins = {one["name"]: one["pin"] for one in told["people"]} | dict(told["keys"])
    bench = Path(told["bench"]["directory"]) if told["bench"]["started"] else None
    return Practice(pins, Path(told["order"]), Path(told["registry"]), bench)
