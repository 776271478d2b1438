"""The bench on the screen: what the hands are to do, lanes steered by keys, starting and leaving."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from batch.model.states import ItemState
from batch.orders.decisions import receive
from batch.production.events import LaneEvent, StepPlace, What
from batch.production.wishes import LaneWishes, Will, Wish
from batch.store.database import Records
from station.conversation.messages import Failed
from station.exit_codes import ExitCode
from station.feed.server import Feed
from station.tui.acts import Outcome
from station.tui.dialogs.leaving import Leaving
from station.tui.dialogs.starting import ChooseSeats, ProductionResult
from station.tui.widgets.bars import StationBar
from station.tui.widgets.lane_panel import LanePanel
from tests.tui.bench_kit import AT, busy
from tests.tui.conftest import PEOPLE
from tests.tui.playing import SIZES, Player, playing
from tests.unit.login_kit import staffed
from tests.unit.order_kit import approved, draft
from tests.unit.restore_kit import home_of

SEAT = """
[[seat]]
name = "usb-1"
driver = "pkcs11"
[seat.options]
module = "/nowhere/usb.so"
"""


@pytest.fixture(scope="module")
def ordered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an order that may be produced, made once."""
    home = home_of(tmp_path_factory.mktemp("ordered") / "home")
    with closing(Records(home.records)) as records:
        approved(records, receive(records, draft("B-7", 1), "ada").number)
    staffed(home, olga=PEOPLE["olga"], pim=PEOPLE["pim"])
    return home.path


@pytest.fixture
def with_order(ordered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it for one test."""
    monkeypatch.setenv("LANG", "C.UTF-8")
    return Path(shutil.copytree(ordered, tmp_path / "home"))


@dataclass
class Served:
    """A feed that is served at a home, with nothing behind it."""

    feed: Feed
    wishes: LaneWishes = field(default_factory=LaneWishes)
    stopped: list[str | None] = field(default_factory=list)

    def tell(self, what: What, seat: str, item: str | None = None, detail: Any = None) -> None:
        self.feed.tell(LaneEvent(what, seat, item, None, "", detail))


@contextmanager
def served(home: Path, lanes: int = 2) -> Iterator[Served]:
    """The feed of a production of ten tokens over some lanes."""
    (home / "run").mkdir(exist_ok=True, mode=0o700)
    seats = {f"piv-{place:02}": "piv" for place in range(1, lanes + 1)}
    one = Served(Feed("2031-0001", "olga", seats, lambda: {ItemState.PLANNED: 10}))
    with one.feed.serving(home / "run", one.wishes, one.stopped.append):
        yield one


async def show(player: Player, lanes: int) -> None:
    """Have a production on the screen, at a time that stands still."""
    player.app.feeding.clock = lambda: AT
    player.app.feeding.state = busy(lanes)
    player.app.feeding.changes += 1
    await player.until(lambda: len(player.app.screen.query(LanePanel)) == lanes, "the panels")
    await player.settled()
    await player.until(lambda: "piv-01" in player.text and "produced" in player.text, "the lanes")
    await player.until(lambda: "120/148" in player.text, "how far the order is")


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("lanes", [1, 2, 4, 16])
async def test_every_lane_tells_the_hands_what_to_do(
    home: Path, size: tuple[int, int], lanes: int, picture: Any
) -> None:
    async with playing(home, who="olga", size=size) as player:
        await show(player, lanes)
        assert player.picture == picture


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_bench_without_seats_says_how_to_get_one(
    home: Path, size: tuple[int, int], picture: Any
) -> None:
    async with playing(home, who="olga", size=size) as player:
        await player.sees("No seat is configured yet")
        assert player.picture == picture


async def test_its_dialogs_fit_the_smallest_screen(home: Path, picture: Any) -> None:
    told = {
        "order": "2031-0001",
        "items": {"produced": 10, "quarantined": 1, "planned": 2, "spoiled": 0},
        "stopped_lanes": {"piv-2": "its process ended 4 times"},
        "missing": ["000008 (token AB12)"],
        "quarantined": ["000009"],
        "unseated": {"pkcs11": 2},
    }
    result = ProductionResult(Outcome(ExitCode.PARTIAL, json.dumps(told)))
    seats = ChooseSeats(
        "Order 2031-0001: which seats?", [(f"piv-{place}", "empty") for place in range(1, 17)]
    )
    pictures = []
    async with playing(home, who="olga") as player:
        for dialog in (
            result,
            seats,
            Leaving(producing=True),
            Leaving(producing=False, acts=["Print letters"]),
        ):
            await player.app.push_screen(dialog)
            await player.pilot.pause()
            pictures.append(player.picture)
            await player.press("escape")
    assert "\n\n".join(pictures) == picture


async def test_of_a_production_that_was_killed_no_next_step_is_made_up(home: Path) -> None:
    killed = Failed(ExitCode.INTERNAL, None, "ended from outside", "look at what is on record")
    async with playing(home, who="olga") as player:
        await player.app.push_screen(ProductionResult(Outcome(-9, '{"order": "2031', failed=killed)))
        await player.sees("✗ ended from outside", "Next: look at what is on record")
        assert "send the tokens" not in player.text


async def test_a_production_of_somebody_else_is_seen_and_steered_by_keys(home: Path) -> None:
    with served(home) as production:
        async with playing(home, who="olga") as player:
            await player.sees("2031-0001", "0 of 10 produced", "▶ 0/10")
            production.tell(What.WAITING, "piv-01")
            production.tell(What.BEGUN, "piv-02", "000002")
            production.tell(What.STEP, "piv-02", "000002", StepPlace("load:signature", 5, 12))
            await player.sees(
                "piv-02 000002", "loading certificate signature", "5/12", "▶ piv-02 000002 begun"
            )
            await player.press("p")
            await player.until(
                lambda: production.wishes.of("piv-01") == Wish(Will.PAUSE, "olga"), "the pause"
            )
            await player.press("r")
            await player.until(lambda: production.wishes.of("piv-01").will is Will.GO_ON, "it goes on")
            await player.press("right", "e")
            await player.sees("End lane piv-02?")
            await player.press("enter")
            assert production.wishes.of("piv-02").will is Will.GO_ON, "the safe button has the focus"
            await player.press("e")
            await player.sees("End lane piv-02?")
            await player.press("right", "enter")
            await player.until(lambda: production.wishes.of("piv-02") == Wish(Will.END, "olga"), "the end")
            await player.sees("working, then ends")
            await player.press("x")
            await player.sees("Stop all lanes?")
            await player.press("down", "enter")
            await player.until(lambda: production.stopped == ["olga"], "the stop")


async def test_who_is_no_personaliser_steers_and_starts_nothing(with_order: Path) -> None:
    home = with_order
    with served(home) as production:
        async with playing(home, who="pim") as player:
            await player.sees("2031-0001")
            for key in "prex":
                await player.press(key)
                await player.sees("pim is no personaliser")
            assert production.wishes.of("piv-01").will is Will.GO_ON
            assert production.stopped == []
            await player.press("s")
            await player.sees("A production is under way")
    async with playing(home) as player:
        await player.sees("F2Bench]")
        await player.press("s")
        await player.sees("Which order?", "B-7")
        await player.press("enter")
        await player.sees("pim is no personaliser")
        assert player.app.under_way.producing is None


async def test_a_production_that_breaks_off_is_told(home: Path) -> None:
    async with playing(home, who="olga") as player:
        with served(home) as production:
            production.tell(What.BEGUN, "piv-01", "000002")
            await player.sees("piv-01 000002")
        await player.sees("it broke off")
        await player.press("p")
        await player.sees("No production is under")


async def test_keys_answer_while_sixteen_lanes_tell_all_they_can(home: Path) -> None:
    with served(home, 16) as production:
        async with playing(home, who="olga") as player:
            await player.sees("piv-16")
            for number in range(2000):
                place = StepPlace("load:signature", number % 12, 12)
                production.tell(What.STEP, f"piv-{number % 16 + 1:02}", f"{number:06}", place)
                if number % 100 == 0:
                    await player.press("v")
            await player.sees("001999")
            assert player.app.feeding.state.running


async def test_without_an_order_there_is_nothing_to_start(home: Path) -> None:
    async with playing(home, who="olga") as player:
        await player.sees("F2Bench]")
        await player.press("s")
        await player.sees("No order may be produced")


async def test_an_order_is_started_from_another_area(with_order: Path) -> None:
    configuration = with_order / "station.toml"
    configuration.write_text(configuration.read_text() + SEAT)
    async with playing(with_order, who="olga") as player:
        await player.sees("F2Bench]")
        await player.press("f11")
        await player.until(lambda: player.app.current_mode == "stock", "another area")
        player.app.start_order("2026-0002")
        await player.until(lambda: isinstance(player.app.screen, ChooseSeats), "the seats")
        await player.press("escape")
        await player.until(lambda: player.app.current_mode == "bench", "the bench")
        assert player.app.under_way.producing is None


async def test_what_cannot_be_started_says_why_and_stays_as_it_was(with_order: Path) -> None:
    home = with_order
    configuration = home / "station.toml"
    configuration.write_text(configuration.read_text() + SEAT)
    async with playing(home, who="olga") as player:
        await player.sees("usb-1")
        await player.press("s")
        await player.sees("Which order?", "B-7")
        await player.press("enter")
        await player.until(lambda: isinstance(player.app.screen, ChooseSeats), "the seats")
        await player.press("space", "enter")
        await player.sees("Choose one seat at least.")
        await player.press("space", "enter")
        await player.sees("Produce order", "✗", "Close")
        await player.press("enter")
        await player.until(lambda: not player.app.screen.is_modal, "the bench")
        assert player.app.under_way.producing is not None
        assert not player.app.under_way.producing.running
    with closing(Records(home / "station.db")) as records:
        assert records.rows("SELECT state FROM orders WHERE reference = 'B-7'") == [("approved",)]


async def test_a_need_that_lasts_rings_the_bell_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[None] = []
    async with playing(home, who="olga") as player:
        monkeypatch.setattr(player.app, "bell", lambda: rung.append(None))
        await show(player, 2)
        await player.until(lambda: rung, "the bell")
        player.app.under_way.call_for_hands()
        assert len(rung) == 1


async def test_what_the_bench_made_is_counted_beneath_a_dialog_though_the_clock_stands(home: Path) -> None:
    async with playing(home, who="olga") as player:
        await show(player, 1)
        await player.press("f3")
        await player.sees("▶ 120/148")
        await player.press("question_mark")
        await player.until(lambda: player.app.screen.is_modal, "the help")
        bar = player.app.screen_stack[0].query_one(StationBar)
        state = player.app.feeding.state
        assert state.production is not None
        for made in (121, 122):
            counted = msgspec.structs.replace(
                state.production, counts={**state.production.counts, ItemState.PRODUCED: made}
            )
            player.app.feeding.state = replace(state, production=counted)
            player.app.feeding.changes += 1
            await player.until(lambda made=made: f"▶ {made}/148" in bar.right, f"{made} tokens")  # type: ignore[misc]


async def test_leaving_is_asked_and_names_what_it_stops(home: Path) -> None:
    async with playing(home) as player:
        await player.sees("olga")
        await player.press("end")
        while player.app.screen.query_one("#people").highlighted_option.prompt != "olga":  # type: ignore[attr-defined]
            await player.press("up")
        await player.press("enter")
        await player.until(lambda: player.app.focused and player.app.focused.id == "secret", "the field")
        (act,) = player.app.under_way.acts
        await player.press("ctrl+q")
        await player.sees("Leave the screen?", "stopped by leaving: Log in")
        await player.press("enter")
        await player.until(lambda: player.app.focused and player.app.focused.id == "secret", "staying")
        await player.press("ctrl+q")
        await player.sees("Leave the screen?")
        await player.press("right", "enter")
        await player.until(lambda: player.app._exit, "the end")
        await act.gone(30)
