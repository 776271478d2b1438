"""The operator's screen: areas, keys for all of them, who is logged in, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from textual import events, work
from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.screen import Screen

from batch.life.duties import Duty
from batch.model.people import Role
from batch.model.scans import plain
from batch.model.states import ItemState
from drivers.errors import ToldError
from layouts.scans import Kind
from station.acting import TO_PRESENT
from station.exit_codes import ExitCode
from station.home import enter
from station.terminal import Terminal
from station.tui.acts import Act, Outcome
from station.tui.areas import AREAS, LOGIN, area, done_in
from station.tui.desk_screen import DeskScreen, words
from station.tui.dialogs.help import Help
from station.tui.dialogs.leaving import Leaving, LeavingChoice
from station.tui.ending import CertainEnd
from station.tui.feeding import Feeding
from station.tui.keys_in_order import KeysInOrder
from station.tui.liked_app import LikedApp
from station.tui.palette import DeskCommands, system_commands
from station.tui.practice.autopilot import Autopilot
from station.tui.practice.guiding import Practice, on_record, step
from station.tui.reading import Reader
from station.tui.screens.login import LoginScreen
from station.tui.screens.opening import OpeningScreen
from station.tui.session import Guard, Session, Use
from station.tui.under_way import UnderWay
from station.tui.words import N_, _
from station.wiring import Desk

_GO_ON = "ctrl+o"
"""Has the demo go on that a key paused."""

_RENEWAL = 30.0
"""Seconds between two moments at which the terminal is told that its session is used."""

_LOOK = 1.0
"""Seconds between two looks whether the records changed; one look is one page of the file."""


class StationApp(KeysInOrder[ExitCode], LikedApp):
    """Opened by `station` in a terminal. It shows and asks; what is done, the desk's commands do."""

    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]
    COMMANDS = App.COMMANDS | {DeskCommands}
    BINDINGS = [
        *(Binding(one.key, f"open('{one.name}')", one.title, show=False, priority=True) for one in AREAS),
        Binding("question_mark,f1", "help", N_("Help"), key_display="?", show=False),
        Binding("ctrl+p", "command_palette", N_("Commands, ? help"), key_display="^p", show=False),
        Binding("ctrl+l", "lock", N_("Lock"), key_display="^l", priority=True, show=False),
        Binding("ctrl+g", "guide", N_("Guide"), key_display="^g", show=False),
        Binding("ctrl+q", "leave", N_("Leave"), key_display="^q", priority=True, show=False),
    ]

    def __init__(self, home: Path, practice: Practice | None = None) -> None:
        """`practice`: a simulated desk, at which the next step is always told."""
        super().__init__()
        self.practice, self._guided = practice, True
        self.autopilot: Autopilot | None = None
        self.home = home
        self.operator: str | None = None
        """Who is logged in at this terminal."""
        self.roles: frozenset[Role] = frozenset()
        self.name_of_station = ""
        self.reader = Reader(self.desk)
        self._sought: dict[str, str] = {}
        self._version = 0
        self.under_way = UnderWay(self)
        self.failure: ToldError | None = None
        """Why the records could not be opened, so that there is nothing to be shown."""
        self.certain_end: CertainEnd | None = None
        """Only where the process is the screen's own."""
        self.let_bench_go: Callable[[], None] | None = None
        """Has a simulated bench that ends with this screen go on after all."""
        self.use = Use()
        self._settling = asyncio.Lock()
        """Held while it is settled who is there; what comes late is none of the next person's."""
        self._wanted_back = False
        self.guard = Guard(home, self._asked_by_guard, self._not_guarded)
        for one in AREAS:
            self.add_mode(one.name, one.open)
        self.add_mode(LOGIN, LoginScreen)

    def desk(self) -> Desk:
        """The desk of the home; raises `station.errors.StationError`."""
        return Desk.of(enter(self.home), None)

    def on_mount(self) -> None:
        """The frame stands at once; what it waits for may hang."""
        if self.certain_end is not None:
            loop = asyncio.get_running_loop()
            self.certain_end.on_signals(lambda: loop.call_soon_threadsafe(self.hang_up))
        self._open()

    def get_default_screen(self) -> Screen[Any]:
        """What stands until the records have answered."""
        return OpeningScreen(id="_default")

    @work(group="opening")
    async def _open(self) -> None:
        """Nothing but the login is open until somebody has logged in."""
        self._waits_for(_("The records are opened: {home}").format(home=self.home))
        try:
            self.name_of_station = await self.reader.read(lambda desk, _: desk.configuration.station.name)
            # What is written from now on is seen, also before an area is open.
            self._version = await self.reader.read(lambda _desk, records: records.version())
        except ToldError as error:
            self.failure = error
            await self.end()
            return
        self._prefer(await self._liking_of(None))
        self.under_way.watch()
        self._import_areas()
        self._waits_for(_("Who is logged in at this terminal is looked up."))
        await self.find_out_who()
        self.set_interval(_LOOK, self._look)
        self.set_interval(_LOOK, self._keep_session)

    @work(thread=True, group="import")
    def _import_areas(self) -> None:
        """Have every area opened as soon the first time as later, and the palette of all their acts."""
        for one in AREAS:
            one.type  # noqa: B018

    def _waits_for(self, text: str) -> None:
        if isinstance(self.screen, OpeningScreen):
            self.screen.awaited = text

    @property
    def samples(self) -> Path:
        """Where a file to be taken in is picked; the first time at a desk to practise at, its samples."""
        practice = self.practice
        return self.folder if practice is None or self.liking.folder else practice.order.parent

    @property
    def opened(self) -> bool:
        """Whether the records have answered."""
        return self.current_mode != "_default"

    @property
    def feeding(self) -> Feeding:
        """What the bench tells."""
        return self.under_way.feeding

    # Who is there

    async def find_out_who(self) -> None:
        """See who is logged in at this terminal; open the bench, or the login where nobody is."""
        async with self._settling:
            await self._find_out_who()

    async def _find_out_who(self) -> None:
        outcome = await self.run_act("whoami", "--json")
        if not outcome.done:
            await self._nobody()
            return
        told = outcome.document
        self.operator, self.roles = told["name"], frozenset(Role(role) for role in told["roles"])
        session = Session.told(told)
        self.use.begin(session)
        if session.token:
            self.guard.start()
        await self.speak_to(self.operator)
        if area(self.current_mode) is None:
            await self.switch_mode(AREAS[0].name)

    async def _nobody(self) -> None:
        self.operator, self.roles = None, frozenset()
        self.use.begin(None)
        await self.switch_mode(LOGIN)
        for dialog in self.under_way.dialogs:
            await dialog.left_alone()
        await self.guard.stop()

    async def on_event(self, event: events.Event) -> None:
        """Whoever types is there."""
        if isinstance(event, events.Key | events.Paste):
            self.use.touch()
            if self._has_demo_go_on(event):
                return
        await super().on_event(event)

    @work(group="keep-session", exclusive=True, exit_on_error=False)
    async def _keep_session(self) -> None:
        if self.operator is None:
            return
        if self.use.over:
            self.notify(_("The screen locked itself: the time of the session was over."))
            self.action_lock()
        elif self.use.renewal_due(_RENEWAL):
            await self.reader.read(lambda desk, _records: Terminal(desk.home).renew())

    def _asked_by_guard(self, text: str | None) -> None:
        if text is not None:
            self._wanted_back = True
            self.notify(text, markup=False, timeout=TO_PRESENT)
            self.call_attention()
        elif self._wanted_back:
            # Whoever has put it back is not asked for it any more.
            self._wanted_back = False
            self.clear_notifications()

    async def _not_guarded(self) -> None:
        """A token's session without anybody who watches the token does not go on."""
        async with self._settling:
            await self._log_out()

    async def settled(self) -> None:
        """Wait until it is settled who is there, so that the end of a session takes no new one with it."""
        async with self._settling:
            pass

    async def _log_out(self) -> None:
        """End the session, also where the screen is left at this moment; if it does not end, stay locked."""
        act = Act(("logout",), self.home)
        act.leave()
        outcome = await act.run()
        if outcome.done:
            await self._find_out_who()
            return
        await self._nobody()
        why = outcome.failed.what if outcome.failed else outcome.said
        told = _("The session could not be ended: {why}").format(why=why)
        self.notify(told, severity="error", markup=False, timeout=TO_PRESENT)

    async def acted(self, outcome: Outcome) -> None:
        """An act ended: one that says that nobody is logged in has the login opened."""
        failed = outcome.failed
        if failed is not None and failed.where == "operator":
            await self.find_out_who()
        elif outcome.done and outcome.said:
            self.notify(outcome.said, markup=False)

    async def run_act(self, *arguments: str) -> Outcome:
        """Carry out a command that asks nothing, with nothing of it on the screen."""
        act = Act(arguments, self.home)
        self.under_way.acts[act] = ""
        try:
            return await act.run()
        finally:
            self.under_way.acts.pop(act, None)

    @work(group="lock")
    async def action_lock(self) -> None:
        """End the session; what is produced goes on, and so do acts under way."""
        async with self._settling:
            await self._nobody()
            await self._log_out()

    # Areas

    def action_open(self, name: str) -> None:
        """Open an area; from a dialog nothing else is opened, and from the login nothing at all."""
        if self.operator is not None and not self.screen.is_modal and name != self.current_mode:
            self.switch_mode(name)

    def go(self, name: str, sought: str) -> None:
        """Open an area at the row of a number or name; its screen asks for that with `take_sought`."""
        self._sought[name] = sought
        if self.current_mode == name:
            self.reload()
        else:
            self.action_open(name)

    def take_sought(self, name: str) -> str | None:
        """What an area is to be opened at, told once."""
        return self._sought.pop(name, None)

    def find(self, text: str) -> None:
        """Look for a token by what was typed or scanned."""
        self.go("tokens", plain(text, Kind.LETTER, Kind.TOKEN))

    def open_duty(self, duty: Duty) -> None:
        """Open the area in which a duty is done, at what it is about."""
        kind, _space, number = duty.about.partition(" ")
        self.go(done_in(duty.command), number or kind)

    def reload(self) -> None:
        """Have the open area read again."""
        if isinstance(self.screen, DeskScreen):
            self.screen.reload()

    def who_and_where(self, name: str) -> tuple[str, str]:
        """The words of the top line in an area."""
        opened = area(name)
        roles = ", ".join(sorted(_(role.replace("-", " ")) for role in self.roles))
        who = f"{self.operator} ({roles})" if self.operator else _("nobody is logged in")
        bench = self.feeding.state
        made = f"▶ {bench.count(ItemState.PRODUCED)}/{bench.production.total}" if bench.production else ""
        right = words((made if bench.running else None, who))
        return words((self.name_of_station, _(opened.title) if opened else None)), right

    @work(group="look", exclusive=True, exit_on_error=False)
    async def _look(self) -> None:
        """Have the open area read again where somebody wrote to the records."""
        with suppress(ToldError):
            found = await self.reader.read(lambda _desk, records: records.version())
            if found != self._version:
                self._version = found
                self.reload()

    # Habits

    def action_help(self) -> None:
        """What the open area is for, and its keys."""
        if isinstance(self.screen, DeskScreen):
            self.push_screen(Help(self.screen))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Themes, languages and the bell; the acts of the areas come from `DeskCommands`."""
        return system_commands(self)

    @work(group="start-order", exclusive=True)
    async def start_order(self, number: str) -> None:
        """Open the bench and start the production of an order there."""
        from station.tui.screens.bench import BenchScreen

        if self.current_mode != "bench":
            await self.switch_mode("bench")
        if isinstance(self.screen, BenchScreen):
            self.screen.start_order(number)

    # Leading through

    async def next_step(self) -> str:
        """What is to be done next, at a desk to practise at; else nothing."""
        practice = self.practice
        if practice is None or not self._guided:
            return ""
        found = await self.reader.read(lambda _desk, records: on_record(records))
        return step(found, practice, self.operator, producing=self.under_way.running)

    def action_guide(self) -> None:
        """Hide the next step, or tell it again."""
        self._guided = not self._guided
        self.reload()

    def _has_demo_go_on(self, event: events.Key | events.Paste) -> bool:
        """Whether somebody has the demo go on; any other key of theirs pauses it."""
        pilot = self.autopilot
        if pilot is None or pilot.pressing:
            return False
        if pilot.paused:
            if not isinstance(event, events.Key) or event.key != _GO_ON:
                return False
            pilot.go_on()
            return True
        pilot.pause()
        self.notify(_("The demo waits for you; ^o has it go on."))
        return False

    # The end

    @work(group="leave", exclusive=True)
    async def action_leave(self) -> None:
        """Leave, having asked what is to become of what runs."""
        if isinstance(self.screen, Leaving):
            return
        acts = [title for title in self.under_way.acts.values() if title]
        if self.under_way.starting:
            acts.append(_("the start of a production"))
        choice = await self.push_screen_wait(Leaving(producing=self.under_way.running, acts=acts))
        if choice not in (LeavingChoice.LEAVE, LeavingChoice.STOP_AND_LEAVE):
            return
        if self.certain_end is not None:
            self.certain_end.begin()
        if choice is LeavingChoice.STOP_AND_LEAVE:
            await self.under_way.stop()
        elif self.under_way.running and self.let_bench_go is not None:
            await asyncio.to_thread(self.let_bench_go)
        await self.end()

    async def end(self) -> None:
        """End within two seconds, whatever hangs; what is produced goes on."""
        self.reader.close()
        await asyncio.gather(self.under_way.end(), self.guard.stop())
        self.exit(ExitCode.OK)

    def hang_up(self) -> None:
        """The terminal is gone, or the system asks: what was started here stops, as without a screen."""
        self.under_way.hang_up()
        self.run_worker(self.end(), group="leave", exclusive=True)
