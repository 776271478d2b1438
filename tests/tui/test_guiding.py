"""Whoever sees the desk for the first time is told one next step, from an empty desk to a closed order."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from batch.audit.log import log
from batch.model.events import Event
from batch.model.states import LetterState, OrderState
from batch.store import orders
from batch.store.database import Records
from station.simulated_desk import REGISTRY
from station.tui.acts import Outcome
from station.tui.app import StationApp
from station.tui.practice.guiding import OnRecord, Practice, on_record, step
from station.tui.practice.practising import put_in, seat_of
from tests.tui.playing import Player, pick

PRACTICE = Practice(
    {"olga": "123456", "bert": "234567", "pim": "345678", "carla": "567890", "dirk": "456789"},
    Path("/samples/demo-order.csv"),
    Path("/samples/demo-registry.csv"),
)
ORDER = OnRecord(registered=True, order="2026-0001", state=OrderState.RECEIVED)
MADE = replace(ORDER, state=OrderState.PRODUCED, letters={LetterState.SEALED: 3})

WAY = [
    (OnRecord(), "olga", "/samples/demo-registry.csv"),
    (OnRecord(registered=True), "olga", "/samples/demo-order.csv"),
    (ORDER, "olga", "F3, a assesses order 2026-0001"),
    (replace(ORDER, state=OrderState.ASSESSED), "bert", "F3, y approves"),
    (replace(ORDER, state=OrderState.APPROVED, unfinished=3), "olga", "F2, s starts"),
    (replace(ORDER, state=OrderState.IN_PRODUCTION, unfinished=1), "olga", "F2, s starts"),
    (replace(MADE, waiting=3), "dirk", "F5: n packs"),
    (replace(MADE, sent=3), "olga", "F5: a takes in"),
    (MADE, "pim", "F4: p prints the letters of 2026-0001, with carla, whose PIN is 567890"),
    (replace(MADE, letters={LetterState.PRINTED: 3}), "pim", "F4: c confirms"),
    (replace(MADE, letters={LetterState.CONFIRMED: 3}), "pim", "F4: m sends"),
    (replace(MADE, letters={LetterState.SENT: 3}), "olga", "F3, c closes"),
]


@pytest.mark.parametrize(("found", "who", "told"), WAY, ids=[told for _found, _who, told in WAY])
def test_each_step_is_told_to_who_takes_it(found: OnRecord, who: str, told: str) -> None:
    assert told in step(found, PRACTICE, who)
    assert step(found, PRACTICE, who).endswith(f"PIN of {who}: {PRACTICE.pins[who]}")
    assert step(found, PRACTICE, None) == (
        f"Log in as {who}: choose the name, Enter, PIN {PRACTICE.pins[who]}."
    )
    other = next(name for name in PRACTICE.pins if name != who)
    assert step(found, PRACTICE, other) == f"That is for {who} to do: ^l locks, then log in as {who}."


def test_while_tokens_are_made_the_bench_is_the_place_to_be() -> None:
    assert "F2 shows the lanes" in step(ORDER, PRACTICE, "bert", producing=True)


def test_the_end_is_told_to_anybody() -> None:
    assert "That is all of it" in step(replace(ORDER, state=OrderState.CLOSED), PRACTICE, None)


@pytest.fixture
def one_order(home: Path) -> Path:
    """A home whose older order is rejected; the other one's tokens are made."""
    with closing(Records(home / "station.db")) as records, records.transaction():
        older = orders.orders(records)[0]
        orders.set_order_state(records, older, OrderState.REJECTED, decided_by="bert", reason="a test")
        log(records, Event("order.rejected", "bert", order=older.number))
    return home


def test_of_two_orders_the_older_is_led_to_its_end_first(home: Path) -> None:
    with closing(Records(home / "station.db")) as records:
        found = on_record(records)
    assert found.registered
    assert (found.order, found.state) == ("2026-0001", OrderState.RECEIVED)


def test_what_is_left_to_be_done_is_read_of_the_order_that_is_open(one_order: Path) -> None:
    with closing(Records(one_order / "station.db")) as records:
        found = on_record(records)
    assert (found.order, found.waiting) == ("2026-0002", 3)


async def test_the_line_leads_through_and_can_be_hidden(one_order: Path) -> None:
    app = StationApp(one_order, PRACTICE)
    async with app.run_test(size=(80, 24)) as pilot:
        player = Player(app, pilot)
        await player.sees("→ Log in as dirk: choose the name, Enter, PIN 456789.")
        await player.log_in("dirk")
        await player.sees("→ F5: n packs order 2026-0002")
        await player.press("ctrl+g")
        await player.until(lambda: "→" not in player.text, "the line gone")
        await player.press("ctrl+g")
        await player.sees("→ F5: n packs")
        await app.end()


class _Watched(StationApp):
    acts: ClassVar[list[tuple[str, ...]]] = []

    async def run_act(self, *arguments: str) -> Outcome:
        self.acts.append(arguments)
        return await super().run_act(*arguments)


async def test_the_samples_are_offered_where_a_file_is_taken_in_and_nothing_is_written_there(
    one_order: Path,
) -> None:
    app = StationApp(one_order, replace(PRACTICE, order=REGISTRY.with_name("demo-order.csv")))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        player = Player(app, pilot)
        await player.sees("choose your name", "olga")
        await player.log_in("olga")
        await player.press("f9", "i")
        await player.sees("· demo-registry.csv")
        await pick(player, REGISTRY)
        await player.sees("persons are new")
        await player.press("escape", "e")
        await player.sees("Where to write it")
        assert "samples" not in player.text
        await app.end()


async def test_hands_are_pretended_at_a_simulated_desk_only(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATION_BENCH", str(tmp_path))
    insert = ("bench", "insert", "usb-1", "--envelope", "000001")
    for practice in (None, PRACTICE):
        app = _Watched(home, practice)
        async with app.run_test(size=(80, 24)):
            await put_in(app, seat_of(("dispatch", "check", "--seat", "usb-1")) or "", "000001")
            assert (insert in app.acts) is (practice is not None)
            await app.end()
    assert seat_of(("dispatch", "check")) is None


async def test_what_is_told_in_passing_does_not_hide_the_next_step(one_order: Path) -> None:
    app = StationApp(one_order, PRACTICE)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        player = Player(app, pilot)
        await player.log_in("dirk")
        app.notify("said in passing", timeout=60)
        await player.sees("said in passing")
        lines = player.text.splitlines()
        assert any(line.startswith(" → F5") and "▌" not in line for line in lines), player.text
        await app.end()
