"""How far an order is, above the lanes; and what happened on them, beside or below."""

from __future__ import annotations

from datetime import datetime

from rich.cells import cell_len, set_cell_size
from textual.geometry import Size
from textual.reactive import reactive

from batch.model.states import ItemState
from station.feed.messages import Lane
from station.tui.bench_state import BenchState
from station.tui.instructions import happened
from station.tui.widgets.lane_panel import bar_of
from station.tui.widgets.lines import Line, Lines
from station.tui.words import _, n_


class OrderProgress(Lines):
    """Two lines: what is produced for whom, and how much of it; a bar, the speed, and the end."""

    DEFAULT_CSS = "OrderProgress { height: 2; padding: 0 1; }"

    told: reactive[tuple[str, str]] = reactive(("", ""), layout=False, repaint=False)
    """The two lines, made by `progress` for the width there is."""

    def watch_told(self) -> None:
        """Show them."""
        self.tell()

    def lines_for(self, room: Size) -> list[Line]:
        return [Line(one) for one in self.told]


def progress(state: BenchState, subscriber: str, at: float, wide: int) -> tuple[str, str]:
    """The lines of a production in so many columns; counts are never cut."""
    production = state.production
    if production is None:
        return "", ""
    made = state.count(ItemState.PRODUCED)
    spoiled, aside = state.count(ItemState.SPOILED), state.count(ItemState.QUARANTINED)
    counts = [
        _("{made} of {total} produced").format(made=made, total=production.total),
        n_("{number} spoiled", "{number} spoiled", spoiled) if spoiled else "",
        n_("{number} in quarantine", "{number} in quarantine", aside) if aside else "",
        n_("{number} left", "{number} left", state.left),
    ]
    told = " · ".join(filter(None, counts))
    room = wide - cell_len(told) - 2
    named = _cut(f"{production.order}  {subscriber}".strip(), room)
    return f"{set_cell_size(named, max(0, room))}  {told}", _second(state, made, at, wide)


def _second(state: BenchState, made: int, at: float, wide: int) -> str:
    assert state.production is not None
    if state.ended is not None:
        words = _("✗ stopped") if state.ended.interrupted else _("ended")
    elif state.lost:
        words = _("✗ it broke off")
    else:
        rate, completion = state.rate(at), state.completion(at)
        words = _("the first token is being made") if rate is None else _rate(rate)
        if completion is not None and state.left:
            words += " · " + _("done at {time}").format(time=_moment(completion, at))
    total = state.production.total
    share = f"{100 * made // total if total else 0} %"
    bar = bar_of(made, total, max(0, wide - cell_len(words) - cell_len(share) - 4))
    return f"{bar}  {share}  {words}"


def _rate(rate: float) -> str:
    told = f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}"
    return _("{rate} tokens per hour").format(rate=told)


def _moment(at: float, now: float) -> str:
    """A time of day, with the day where it is another one."""
    moment, today = datetime.fromtimestamp(at), datetime.fromtimestamp(now).date()
    return f"{moment:%H:%M}" if moment.date() == today else f"{moment:%d-%m %H:%M}"


class EventList(Lines):
    """What happened, the newest last; as many as there is room for."""

    DEFAULT_CSS = "EventList { padding: 0 1; }"

    events: reactive[tuple[Lane, ...]] = reactive((), layout=False, repaint=False)

    def watch_events(self) -> None:
        """Show the newest."""
        self.tell()

    def lines_for(self, room: Size) -> list[Line]:
        shown = self.events[-room.height :] if room.height else ()
        return [Line(_cut(event_line(lane), room.width)) for lane in shown] or [
            Line(_("Nothing happened yet."))
        ]


def event_line(lane: Lane) -> str:
    """One event: time, sign, seat, number, what."""
    sign, words = happened(lane)
    time = f"{datetime.fromtimestamp(lane.since):%H:%M:%S}"
    return " ".join(filter(None, (time, sign, lane.seat, lane.item, words)))


def _cut(text: str, wide: int) -> str:
    if cell_len(text) <= wide:
        return text
    return set_cell_size(text, max(0, wide - 1)).rstrip() + "…" if wide > 0 else ""
