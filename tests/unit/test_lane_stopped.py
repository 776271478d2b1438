"""A lane that stops is named once, and counts are said in good English."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from batch.production.calls import Limits
from batch.production.events import LaneEvent, What
from batch.production.flow import LaneFlow
from batch.store.database import Records
from drivers.errors import ProcessDied
from drivers.feeders.hands import Hands
from station.cli.output import counted


def test_the_reason_a_lane_stopped_for_does_not_name_it_again(tmp_path: Path) -> None:
    told: list[LaneEvent] = []
    child = SimpleNamespace(name="lane piv-1", hang_up=lambda: None)
    with closing(Records.create(tmp_path / "station.db")) as records:
        desk: Any = SimpleNamespace(
            records=records,
            operator="ada",
            order=SimpleNamespace(number="2026-0001"),
            start_lane=lambda seat: child,
            limits=lambda seat: Limits(1.0, 1.0),
            feeder=lambda seat: Hands({}),
            tell=told.append,
        )
        lane = LaneFlow(desk, "piv-1", "piv")
        flow = lane.run()
        with records.transaction():
            next(flow)
            with suppress(StopIteration):
                flow.throw(ProcessDied("the process ended (signal 9)", where=child.name))
    assert lane.stopped == "the process ended (signal 9)"
    assert [(one.what, one.text) for one in told] == [(What.LANE_STOPPED, lane.stopped)]


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 tokens are"), (1, "1 token is"), (2, "2 tokens are"), (21, "21 tokens are")]
)
def test_one_is_told_in_the_singular(number: int, said: str) -> None:
    assert counted(number, "token is", "tokens are") == said
