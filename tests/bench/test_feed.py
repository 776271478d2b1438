"""A production is watched and steered by who is allowed into its home, and held up by nobody."""

from __future__ import annotations

import asyncio
import json
import signal

import pytest

from batch.model.states import ItemState
from batch.production.events import Removal, What
from drivers.feeders.port import Tray
from station.exit_codes import ExitCode
from station.feed.messages import End, Pause, Resume, Stop
from station.feed.place import NAME
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk
from tests.bench.watchers import watching

pytestmark = pytest.mark.bench

STICK = {"group": "Balie Noord", "layout": "group-usb:p-256"}


@pytest.fixture(scope="module")
def desk(desk_factory: DeskFactory) -> Desk:
    return desk_factory(piv=0, pkcs11=2)


def happened(desk: Desk, order: str, name: str) -> list[tuple[str, str]]:
    """Seat and who asked, of every event of this name in the log."""
    return desk.rows(
        "SELECT body ->> '$.seat', body ->> '$.detail.\"asked by\"' FROM audit "
        "WHERE body ->> '$.event' = ? AND body ->> '$.order' = ?",
        name,
        order,
    )


def test_lanes_are_paused_and_resumed_and_ended_each_by_itself(desk: Desk) -> None:
    order = desk.approved(STICK | {"count": "20"})
    producing = desk.start("produce", order, "--json", pins=True)

    async def steer() -> None:
        async with watching(desk.home) as watcher:
            await watcher.see(lambda seen: seen.lane("usb-1").made > 0, "a token was made")
            for seat in ("usb-1", "usb-2"):
                await watcher.ask(Pause(seat, "olga"))
            await watcher.see(
                lambda seen: {lane.what for lane in seen.lanes.values()} == {What.PAUSED}, "two pauses"
            )
            made = {seat: lane.made for seat, lane in watcher.lanes.items()}

            # The seat of a paused lane is free for other commands.
            number = desk.tokens(order, "produced")[0]["number"]
            stick = desk.card(number)
            desk.bench.eject("usb-1")
            desk.bench.insert("usb-1", stick)
            desk.run("token", "verify", "usb-1", number)
            desk.bench.take("usb-1", "good", f"envelope {number}")

            async with watching(desk.home) as later:
                await later.see(lambda seen: len(seen.lanes) == 2, "the lanes as they are")
                assert later.lanes == watcher.lanes
                assert later.production == watcher.production
                assert later.production is not None
                assert later.production.counts[ItemState.PRODUCED] == sum(made.values())
                assert later.production.total == 20

            await watcher.ask(Resume("usb-2"))
            await watcher.see(lambda seen: seen.lane("usb-2").made > made["usb-2"], "it went on")
            await watcher.ask(End("usb-2", "olga"))
            await watcher.see(lambda seen: seen.lane("usb-2").what is What.LANE_ENDED, "its end")
            assert watcher.lane("usb-1").what is What.PAUSED
            assert watcher.lane("usb-1").made == made["usb-1"]
            await watcher.ask(Resume("usb-1"))
            await watcher.see(lambda seen: seen.ended is not None, "the end")
            assert watcher.lane("usb-1").made + watcher.lane("usb-2").made == 20
            assert watcher.lane("usb-1").removal == Removal(Tray.GOOD)
            assert watcher.lane("usb-1").item in {token["number"] for token in desk.tokens(order)}
            ((of, done),) = watcher.steps().items()
            assert done == set(range(1, of))

    asyncio.run(steer())
    ended = producing.end()
    assert ended.code == ExitCode.OK, ended.err
    assert json.loads(ended.out)["items"]["produced"] == 20
    assert sorted(happened(desk, order, "lane.paused")) == [("usb-1", "olga"), ("usb-2", "olga")]
    assert sorted(happened(desk, order, "lane.resumed")) == [("usb-1", "not told"), ("usb-2", "not told")]
    assert happened(desk, order, "lane.ended") == [("usb-2", "olga")]
    desk.run("audit", "verify")


def test_what_a_killed_production_left_is_replaced_and_the_next_one_may_be_stopped(desk: Desk) -> None:
    order = desk.approved(STICK | {"count": "40"})
    killed = desk.start("produce", order, pins=True)

    async def see_it_killed() -> None:
        async with watching(desk.home) as watcher:
            await watcher.see(lambda seen: seen.lane("usb-1").made > 0, "a token was made")
            killed.signal(signal.SIGKILL)
            assert not await watcher.end()

    async def stop_the_next() -> None:
        async with watching(desk.home) as watcher:
            await watcher.see(lambda seen: seen.lane("usb-1").made > 0, "a token was made")
            await watcher.ask(Stop("olga"))
            assert await watcher.end()
            assert watcher.ended is not None
            assert watcher.ended.interrupted

    asyncio.run(see_it_killed())
    assert (desk.home / "run" / NAME).is_socket()
    producing = desk.start("produce", order, pins=True)
    asyncio.run(stop_the_next())
    ended = producing.end()
    assert ended.code == ExitCode.INTERRUPTED
    assert "stopping, as olga asked" in ended.err
    assert not (desk.home / "run" / NAME).exists()
