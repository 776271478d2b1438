"""The bench: a panel for each lane, how far the order is, and what happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.widgets import Label

from batch.model.errors import NotFound
from batch.people.separation import Act, Before
from batch.production.calls import Limits
from batch.production.events import What
from batch.production.ordering import approved_by
from batch.production.startable import STARTABLE, startable
from batch.production.wishes import Will
from batch.store import items, orders
from batch.store.database import Records
from drivers.errors import ToldError
from station.feed.messages import Asked, End, Lane, Pause, Resume
from station.tui.bench_state import BenchState
from station.tui.desk_screen import DeskScreen
from station.tui.dialogs.choosing import Choose
from station.tui.dialogs.confirming import Confirm
from station.tui.dialogs.starting import ChooseSeats, StartDialog
from station.tui.instructions import idle, instruction, step_in_words
from station.tui.widgets.lane_panel import LanePanel, PanelFacts, PanelGrid
from station.tui.widgets.order_progress import EventList, OrderProgress, progress
from station.tui.words import N_, _
from station.wiring import Desk

_MOST = 200
"""Orders that are offered, the newest."""


@dataclass(frozen=True)
class _Seat:
    name: str
    driver: str
    limits: Limits


@dataclass(frozen=True)
class _Read:
    """What the records and the configuration tell of the bench."""

    seats: Mapping[str, _Seat] = field(default_factory=dict)
    subscriber: str = ""
    whose: Mapping[str, str] = field(default_factory=dict)


class BenchScreen(DeskScreen):
    """Lanes of the production that runs on this home, whoever started it; seats while none does."""

    area = "bench"
    help = N_(
        "Each panel is a lane, and its large words are for your hands. ▶ works, ! and ✓ need you, ‖ rests, "
        "✗ is wrong. Arrows or Tab go from lane to lane; the keys below are about the lane with the thick "
        "border. A production goes on when you leave this area or lock the screen."
    )
    BINDINGS = [
        Binding("s", "start", N_("Start")),
        Binding("p", "pause", N_("Pause")),
        Binding("r", "resume", N_("Go on")),
        Binding("e", "end", N_("End lane")),
        Binding("x", "stop", N_("Stop all")),
        Binding("v", "events", N_("Events")),
        Binding("left", "move(-1, 0)", show=False),
        Binding("right", "move(1, 0)", show=False),
        Binding("up", "move(0, -1)", show=False),
        Binding("down", "move(0, 1)", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._read = _Read()
        self._panels: dict[str, LanePanel] = {}

    def content(self) -> ComposeResult:
        yield OrderProgress(id="progress")
        yield Label("", id="bench-none", classes="empty", markup=False)
        with Container(id="bench"):
            yield PanelGrid(id="lanes")
            yield EventList(id="events")

    def on_mount(self) -> None:
        """Times under way go on by themselves."""
        self.set_interval(1.0, self._tick)

    def _tick(self) -> None:
        if self.station.feeding.state.running and self.is_current:
            self._show()

    @property
    def _state(self) -> BenchState:
        return self.station.feeding.state

    def bench_changed(self) -> None:
        """Show it; read whose the tokens are that came into a lane."""
        super().bench_changed()
        if _tokens(self._state) - self._read.whose.keys():
            self._load()
        self._show()

    async def load(self) -> None:
        state = self._state
        number = state.production.order if state.production else None
        wanted, before = _tokens(state), self._read.whose

        def find(desk: Desk, records: Records) -> _Read:
            seats = {
                one.name: _Seat(one.name, one.driver, Limits(one.answer_seconds, one.key_seconds))
                for one in desk.configuration.seats
            }
            whose = {one: before.get(one) or _called(records, one) for one in wanted}
            return _Read(seats, _subscriber(records, number), whose)

        self._read = await self.read(find)
        if self._read.seats:
            self.station.under_way.watch_seats()
        self._show()

    # Showing

    def _show(self) -> None:
        state = self._state
        self.query_one(EventList).events = state.events
        bar = self.query_one(OrderProgress)
        if state.production is not None:
            at = self.station.feeding.clock()
            bar.told = progress(state, self._read.subscriber, at, bar.content_size.width)
        else:
            bar.told = (_("No production is under way. s starts one."), self.station.feeding.trouble)
        shown = self._shown_seats()
        if list(shown) != list(self._panels):
            self._arrange(list(shown))
        for seat, panel in self._panels.items():
            panel.facts = shown[seat]
        none = self.query_one("#bench-none", Label)
        none.display = not shown
        if none.display:
            none.update(
                _("No seat is configured yet. `station lanes bind NAME --write` makes one of a reader.")
            )

    def _shown_seats(self) -> dict[str, PanelFacts]:
        """The lanes of a production; all seats where none runs, with what is still to be taken out."""
        lanes = self._state.lanes
        every = dict.fromkeys([*self._read.seats, *self.station.feeding.seats])
        seats = lanes if self._state.running else every
        return {seat: self._seat(seat, lanes.get(seat)) for seat in seats}

    def _lane(self, lane: Lane) -> PanelFacts:
        at = self.station.feeding.clock()
        known = self._read.seats.get(lane.seat)
        waited = at - lane.step_begun if lane.step_begun is not None else 0.0
        told = instruction(lane, self._state.driver(lane.seat), waited, known.limits if known else Limits())
        number = lane.item or ""
        whose = self._read.whose.get(number, "")
        if lane.step is None:
            return PanelFacts(lane.seat, told, number, whose)
        step, done, of = step_in_words(lane.step.name), lane.step.done, lane.step.of
        # Whole seconds, or a panel would be drawn anew ten times in each.
        return PanelFacts(lane.seat, told, number, whose, step, int(waited), done, of)

    def _seat(self, seat: str, lane: Lane | None) -> PanelFacts:
        sight = self.station.feeding.seats.get(seat)
        known = self._read.seats.get(seat)
        if lane is not None and self.station.feeding.stands(lane):
            return self._lane(lane)
        driver = sight.driver if sight else known.driver if known else ""
        told = idle(driver, sight.state if sight else "", sight.problem if sight else None)
        return PanelFacts(seat, told)

    def _arrange(self, seats: list[str]) -> None:
        """Make a panel for each seat; the one that had the focus keeps it."""
        grid = self.query_one(PanelGrid)
        focused = self._focused()
        grid.remove_children()
        self._panels = {seat: LanePanel() for seat in seats}
        grid.mount_all(self._panels.values())
        grid.call_after_refresh(grid.share_out)
        if seats and (self.focused is None or focused is not None):
            self._panels[focused if focused in self._panels else seats[0]].focus()

    # Acting on a lane

    def _focused(self) -> str | None:
        return next((seat for seat, panel in self._panels.items() if panel is self.focused), None)

    def action_move(self, across: int, down: int) -> None:
        """Go to the lane beside, above or below."""
        panels = list(self._panels)
        focused = self._focused()
        if not panels:
            return
        place = panels.index(focused) if focused in panels else 0
        wide = self.query_one(PanelGrid).styles.grid_size_columns or 1
        place = max(0, min(len(panels) - 1, place + across + down * wide))
        self._panels[panels[place]].focus()

    def action_events(self) -> None:
        """Show what happened, or leave its room to the lanes."""
        events = self.query_one(EventList)
        events.display = not events.display

    @work(group="wish", exclusive=True, exit_on_error=False)
    async def action_pause(self) -> None:
        """Let the lane wait after the token in it; a lane that waits goes on."""
        lane = await self._steered()
        if lane is None:
            return
        if lane.wish is Will.PAUSE:
            await self._wish(Resume(lane.seat, self.station.operator), _("{seat} goes on"))
        else:
            await self._wish(Pause(lane.seat, self.station.operator), _("{seat} pauses after its token"))

    @work(group="wish", exclusive=True, exit_on_error=False)
    async def action_resume(self) -> None:
        """Let the lane go on."""
        lane = await self._steered()
        if lane is not None:
            await self._wish(Resume(lane.seat, self.station.operator), _("{seat} goes on"))

    @work(group="wish", exclusive=True, exit_on_error=False)
    async def action_end(self) -> None:
        """End the lane after the token in it."""
        lane = await self._steered()
        if lane is None:
            return
        title = _("End lane {seat}?").format(seat=lane.seat)
        text = _("It ends after the token in it, for the rest of this production; the others go on.")
        if await self.app.push_screen_wait(Confirm(title, text, _("End it"))):
            await self._wish(End(lane.seat, self.station.operator), _("{seat} ends after its token"))

    @work(group="wish", exclusive=True, exit_on_error=False)
    async def action_stop(self) -> None:
        """Stop all lanes, after their tokens or between two steps."""
        if not await self._may_steer():
            return
        after_tokens, between_steps = "tokens", "steps"
        options = [
            (_("After the tokens that are in the lanes"), after_tokens),
            (_("Between two steps; begun tokens go on later, when they are put back"), between_steps),
        ]
        chosen = await self.app.push_screen_wait(Choose(_("Stop all lanes?"), options))
        if chosen == between_steps:
            await self.station.under_way.stop()
            self.notify(_("Every lane ends the step it is in."))
        elif chosen == after_tokens:
            for seat in self._state.lanes:
                await self.station.feeding.send(End(seat, self.station.operator))
            self.notify(_("Every lane ends after its token."))

    async def _wish(self, wish: Asked, said: str) -> None:
        await self.station.feeding.send(wish)
        self.notify(said.format(seat=self._focused()), markup=False)

    async def _steered(self) -> Lane | None:
        """The lane with the focus, where somebody may steer it; else says why not."""
        if not await self._may_steer():
            return None
        lane = self._state.lanes.get(self._focused() or "")
        if lane is None or lane.what in (What.LANE_ENDED, What.LANE_STOPPED):
            self.notify(_("Choose a lane that works: Tab, arrows."), severity="warning")
            return None
        return lane

    async def _may_steer(self) -> bool:
        production = self._state.production
        if production is None or not self._state.running:
            self.notify(_("No production is under way. s starts one."), severity="warning")
            return False
        return await self.may(Act.PRODUCE, where=production.order)

    # Starting

    def action_start(self) -> None:
        """Start an order, chosen among those that may be produced."""
        self.start_order(None)

    @work(group="start", exclusive=True, exit_on_error=False)
    async def start_order(self, number: str | None) -> None:
        """Start the production of an order: choose it if it is not named, then its seats; PINs are asked."""
        under_way = self.station.under_way
        if under_way.running or under_way.starting:
            self.notify(_("A production is under way; one runs at a time."), severity="warning")
            return
        number = number or await self._choose_order()
        if number is None or not await self._may_start(number):
            return
        seats = await self._choose_seats(number)
        if seats is None:
            return
        producing = under_way.produce(number, seats)
        known = self._state.production

        def begun() -> bool:
            return self._state.running and self._state.production != known

        title = _("Produce order {number}").format(number=number)
        outcome = await self.app.push_screen_wait(StartDialog(title, producing, begun))
        if outcome.done:
            under_way.tell_end(producing)
        else:
            await self.station.acted(outcome)
        self.reload()

    async def _choose_order(self) -> str | None:
        def find(_desk: Desk, records: Records) -> list[tuple[str, str]]:
            found = orders.orders(records, *STARTABLE)[-_MOST:]
            return [(f"{one.number}  {one.reference}  {one.subscriber}", one.number) for one in found]

        options = await self.read(find)
        if not options:
            self.notify(_("No order may be produced: one must be approved first (F3)."), severity="warning")
            return None
        return await self.app.push_screen_wait(Choose(_("Which order?"), options))

    async def _may_start(self, number: str) -> bool:
        """Whether who is logged in may, and the order can be produced; says why not."""

        def find(_desk: Desk, records: Records) -> tuple[Before, str | None]:
            order = orders.order(records, number)
            before = approved_by(records, order)
            try:
                startable(records, order)
            except ToldError as error:
                return before, "; ".join(filter(None, (error.what, error.next)))
            return before, None

        before, refused = await self.read(find)
        if refused is not None:
            self.notify(refused, title=number, severity="warning", markup=False)
            return False
        return await self.may(Act.PRODUCE, where=number, before=before)

    async def _choose_seats(self, number: str) -> tuple[str, ...] | None:
        """All seats, or those chosen; None where nobody wants to start."""
        if not self._read.seats:
            await self.load()
        seats = self._read.seats
        if not seats:
            self.notify(_("No seat is configured yet."), severity="warning")
            return None
        sights = self.station.feeding.seats
        told = {
            name: idle(sights[name].driver, sights[name].state, None).state if name in sights else ""
            for name in seats
        }
        title = _("Order {number}: which seats?").format(number=number)
        return await self.app.push_screen_wait(ChooseSeats(title, list(told.items())))


def _tokens(state: BenchState) -> frozenset[str]:
    """The numbers of the tokens in hand."""
    return frozenset(lane.item for lane in state.lanes.values() if lane.item)


def _subscriber(records: Records, order: str | None) -> str:
    try:
        return orders.order(records, order).subscriber if order else ""
    except NotFound:
        return ""


def _called(records: Records, number: str) -> str:
    try:
        return items.item(records, number).called
    except NotFound:
        return ""
