"""Logging in: with one's token in the operators' seat, else by name."""

from __future__ import annotations

from textual import events, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option

from batch.people.acting import register_of
from batch.store.clock import now
from batch.store.database import Records
from station.tui.areas import LOGIN
from station.tui.desk_screen import DeskScreen
from station.tui.instructions import instruction
from station.tui.widgets.large_text import LargeText
from station.tui.words import N_, _
from station.wiring import Desk

_WHOEVER = "token"


class LoginScreen(DeskScreen):
    """All that is open until somebody has logged in."""

    area = LOGIN
    help = N_(
        "Put your token into the operators' seat and press Enter, or choose your name first: "
        "its first letters go to it. "
        "Your PIN is never shown. The session ends with ^l, when your token leaves the seat, or unused."
    )

    def __init__(self) -> None:
        super().__init__()
        self._begun = ""
        self._asking = False

    def content(self) -> ComposeResult:
        yield LargeText(_("log in"), id="login-title")
        with Vertical(classes="panel", id="login"):
            yield Label(_("Put your token into the seat and press Enter, or choose your name."))
            yield OptionList(id="people", markup=False)
        yield Label("", id="needs", markup=False)

    async def load(self) -> None:
        self.bench_changed()
        names = await self.read(_names)
        people = self.query_one("#people", OptionList)
        chosen = people.highlighted or 0
        people.clear_options()
        people.add_option(Option(_("whose token is in the seat"), id=_WHOEVER))
        people.add_options([Option(name, id=f"name-{place}") for place, name in enumerate(names)])
        people.highlighted = min(chosen, people.option_count - 1)
        people.focus()

    def bench_changed(self) -> None:
        """Tell which lanes need hands, and nothing of what is in them."""
        super().bench_changed()
        feeding = self.station.feeding
        lanes, driver = feeding.standing(), feeding.state.driver
        told = [(lane.seat, instruction(lane, driver(lane.seat))) for lane in lanes]
        needs = [f"{one.sign} {seat}: {one.text}" for seat, one in told if one.needed]
        label = self.query_one("#needs", Label)
        label.update("\n".join(needs))
        label.display = bool(needs)

    async def on_key(self, event: events.Key) -> None:
        """Letters go to the name that begins with them; a scan means nothing here."""
        letter = (event.character or "").casefold()
        if not event.is_printable or not letter.strip() or letter == "?":
            self._begun = ""
            return
        event.stop()
        people = self.query_one("#people", OptionList)
        names = [str(option.prompt).casefold() for option in people.options]
        for begun in (self._begun + letter, letter):
            found = next((at for at, name in enumerate(names) if at and name.startswith(begun)), None)
            if found is not None:
                people.highlighted, self._begun = found, begun
                return

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Log in as who was chosen."""
        # Who has just proven who they are is not asked again by an Enter too many.
        if not self._asking:
            self._asking = True
            self._log_in(None if event.option_id == _WHOEVER else str(event.option.prompt))

    @work(group="login", exit_on_error=False)
    async def _log_in(self, name: str | None) -> None:
        who = [] if name is None else ["--as", name]
        try:
            await self.station.settled()
            outcome = await self.act(_("Log in"), *who, "login")
            if outcome.done:
                await self.station.find_out_who()
        finally:
            self._asking = False


def _names(_desk: Desk, records: Records) -> list[str]:
    return sorted((one.name for one in register_of(records).active(now())), key=str.casefold)
