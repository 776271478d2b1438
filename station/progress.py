"""Production as lines on a terminal: a live bar where there is one, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from batch.model.orders import Order
from batch.model.states import ItemState
from batch.production.events import LaneEvent, What
from batch.store.database import Records
from batch.store.items import counts
from station.talk import fall_silent

_LINES = {
    What.PRODUCED: "produced",
    What.RESUMED: "taken up again",
    What.PENDING: "waits",
    What.INTERRUPTED: "interrupted",
    What.QUARANTINED: "QUARANTINE",
    What.REFUSED: "REFUSED",
    What.MISSING: "waits",
    What.DELAYED: "waits",
    What.JAMMED: "JAMMED",
    What.LANE_STOPPED: "LANE STOPPED",
}


@contextmanager
def watch(records: Records, order: Order) -> Iterator[Callable[[LaneEvent], None]]:
    """A listener that shows on standard error what happens on each lane."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    before = counts(records, order)
    total = sum(before.values()) - before[ItemState.SPOILED] - before[ItemState.CANCELLED]
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[lanes]}"),
        TimeElapsedColumn(),
        console=console,
        disable=not sys.stderr.isatty(),
        refresh_per_second=8,
    ) as progress:
        task = progress.add_task(
            f"order {order.number}", total=total, completed=before[ItemState.PRODUCED], lanes=""
        )
        lanes: dict[str, str] = {}
        begun: dict[str, float] = {}

        def show(event: LaneEvent) -> None:
            if event.what is What.BEGUN:
                begun[event.seat] = time.monotonic()
            lines = _lines(event, lanes.get(event.seat), begun.get(event.seat))
            lanes[event.seat] = _now(event)
            try:
                progress.update(
                    task, lanes="  ".join(f"{seat}: {text}" for seat, text in sorted(lanes.items()))
                )
                if event.what is What.PRODUCED:
                    progress.advance(task)
                for line in lines:
                    console.print(line, markup=False)
            except (OSError, SystemExit):  # rich ends the program on a broken pipe
                fall_silent()

        yield show


def _lines(event: LaneEvent, before: str | None, begun: float | None) -> list[str]:
    """What stays on the screen of an event: what became of a token, and once which one is missing."""
    if event.what is What.MISSING and event.text == before:
        return []
    if event.what not in _LINES:
        return []
    words = f"{event.seat:<8} {event.item or '':<8} {_LINES[event.what]}"
    if event.what is What.JAMMED:
        return [f"{words}  {event.text}", f"next, once it is cleared: station lanes resume {event.seat}"]
    if event.what is not What.PRODUCED:
        return [f"{words}  {event.text}".rstrip()]
    took = "" if begun is None else f" in {time.monotonic() - begun:.1f} s"
    return [f"{words}{took}  token {event.token}"]


def _now(event: LaneEvent) -> str:
    return (
        event.text if event.what in (What.STEP, What.DELAYED, What.REMOVE, What.MISSING) else str(event.what)
    )
