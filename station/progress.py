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
from batch.store.orders import counts

_LINES = {
    What.PRODUCED: "produced",
    What.RESUMED: "taken up again",
    What.INTERRUPTED: "interrupted",
    What.QUARANTINED: "QUARANTINE",
    What.REFUSED: "REFUSED",
    What.LANE_STOPPED: "LANE STOPPED",
}


@contextmanager
def watch(records: Records, order: Order) -> Iterator[Callable[[LaneEvent], None]]:
    """A listener that shows on standard error what happens on each lane."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    before = counts(records, order)
    total = sum(before.values())
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
            lanes[event.seat] = _now(event)
            progress.update(task, lanes="  ".join(f"{seat}: {text}" for seat, text in sorted(lanes.items())))
            if event.what is What.PRODUCED:
                progress.advance(task)
            if event.what in _LINES:
                took = f" in {time.monotonic() - begun[event.seat]:.1f} s" if event.seat in begun else ""
                took = took if event.what is What.PRODUCED else ""
                words = f"{event.seat:<8} {event.item or '':<8} {_LINES[event.what]}{took}"
                more = event.text if event.what is not What.PRODUCED else f"token {event.token}"
                console.print(f"{words}  {more}".rstrip(), markup=False)

        yield show


def _now(event: LaneEvent) -> str:
    return event.text if event.what is What.STEP else str(event.what)
