"""A production is watched and steered by who is allowed into its home, and held up by nobody."""

from __future__ import annotations

import asyncio
import json
import signal

import pytest

from batch.model.quarantine import Cause
from batch.model.states import ItemState
from batch.production.events import Refusal, Removal, Trouble, What
from drivers.feeders.port import Tray
from simulators.faults.model import Fault
from station.exit_codes import ExitCode
from station.feed.messages import End, Pause, Resume, Stop
from station.feed.place import NAME
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk
from tests.bench.watchers import watching

pytestmark = pytest.mark.bench

STICK = {"group": "Balie Noord", "layout": "group-usb:p-256"}
USB = ("--seat", "usb-1", "--seat", "usb-2")


@pytest.fixture(scope="module")
def desk(desk_factory: DeskFactory) -> Desk:
    return desk_factory(piv=1, pkcs11=2, faults=True)


def happened(desk: Desk, order: str, name: str) -> list[tuple[str, str]]:
    """Seat and who asked, of every event of this name in the log."""
    return desk.rows(
        "SELECT body ->> '$.seat', body ->> '$.detail.\"asked by\"' FROM audit "
        "WHERE body ->> '$.event' = ? AND body ->> '$.order' = ?",
        name,
        order,
    )


def test_lanes_are_paused_and_resumed_and_ended_each_by_itself(desk: Desk) -> None:
    order = desk.approved(STICK | {"count": "14"})
    producing = desk.start("produce", order, *USB, "--json", pins=True)

    async def steer() -> None:
        async with watching(desk) as watcher:
            await watcher.see(lambda seen: seen.lane("usb-1").made > 0, "a token was made")
            for seat in ("usb-1", "usb-2"):
                await watcher.ask(Pause(seat, "olga"))
            await watcher.see(
                lambda seen: {lane.what for lane in seen.lanes.values()} == {What.PAUSED}, "two pauses"
            )
            made = {seat: lane.made for seat, lane in watcher.lanes.items()}

            # The seat of a paused lane is free for other commands.
            number = desk.tokens(order, "produced")[0]["number"]
            desk.bench.eject("usb-1")
            desk.bench.insert("usb-1", desk.card(number))
            desk.run("token", "verify", "usb-1", number)

            async with watching(desk) as later:
                await later.see(lambda seen: len(seen.lanes) == 2, "the lanes as they are")
                assert later.lanes == watcher.lanes
                assert later.production == watcher.production
                assert later.production is not None
                assert later.production.counts[ItemState.PRODUCED] == sum(made.values())
                assert later.production.total == 14

            await watcher.ask(Resume("usb-2"))
            await watcher.see(lambda seen: seen.lane("usb-2").made > made["usb-2"], "it went on")
            await watcher.ask(End("usb-2", "olga"))
            await watcher.see(lambda seen: seen.lane("usb-2").what is What.LANE_ENDED, "its end")
            assert watcher.lane("usb-1").what is What.PAUSED
            assert watcher.lane("usb-1").made == made["usb-1"]
            await watcher.ask(Resume("usb-1"))
            await watcher.see(lambda seen: seen.ended is not None, "the end")
            (left,) = watcher.happened("usb-1", What.REFUSED)  # what was left in the seat
            assert left.trouble is not None
            assert left.trouble.refusal is Refusal.FINISHED
            assert number in {lane.item for lane in watcher.happened("usb-1", What.REMOVE)}
            assert watcher.lane("usb-1").made + watcher.lane("usb-2").made == 14
            assert watcher.lane("usb-1").removal == Removal(Tray.GOOD)
            assert watcher.lane("usb-1").item in {token["number"] for token in desk.tokens(order)}
            ((of, done),) = watcher.steps().items()
            assert done == set(range(1, of))

    asyncio.run(steer())
    ended = producing.end()
    assert ended.code == ExitCode.OK, ended.err
    assert json.loads(ended.out)["items"]["produced"] == 14
    assert sorted(happened(desk, order, "lane.paused")) == [("usb-1", "olga"), ("usb-2", "olga")]
    assert sorted(happened(desk, order, "lane.resumed")) == [("usb-1", "not told"), ("usb-2", "not told")]
    assert happened(desk, order, "lane.ended") == [("usb-2", "olga")]
    desk.run("audit", "verify")


def test_what_a_killed_production_left_is_replaced_and_the_next_one_may_be_stopped(desk: Desk) -> None:
    order = desk.approved(STICK | {"count": "14"})
    killed = desk.start("produce", order, *USB, pins=True)

    async def see_it_killed() -> None:
        async with watching(desk) as watcher:
            await watcher.see(lambda seen: seen.lane("usb-1").made > 0, "a token was made")
            killed.signal(signal.SIGKILL)
            assert not await watcher.end()

    async def stop_the_next() -> None:
        async with watching(desk) as watcher:
            await watcher.see(lambda seen: seen.lane("usb-1").made > 0, "a token was made")
            await watcher.ask(Stop("olga"))
            assert await watcher.end()
            assert watcher.ended is not None
            assert watcher.ended.interrupted

    asyncio.run(see_it_killed())
    assert (desk.home / "run" / NAME).is_socket()
    producing = desk.start("produce", order, *USB, pins=True)
    asyncio.run(stop_the_next())
    ended = producing.end()
    assert ended.code == ExitCode.INTERRUPTED
    assert "stopping, as olga asked" in ended.err
    assert not (desk.home / "run" / NAME).exists()


def test_what_the_hands_are_to_do_with_a_failed_token_is_told_in_typed_fields(desk: Desk) -> None:
    order = desk.approved({"group": "Balie Noord"})
    desk.bench.arm(Fault("piv-1", "answer", 3, "db", times=1000, sw="6581"))
    producing = desk.start("produce", order, "--seat", "piv-1", "--patience", "0", pins=True)

    async def watch() -> None:
        async with watching(desk) as watcher:
            await watcher.see(lambda seen: seen.ended is not None, "the end")
            (aside,) = desk.tokens(order, "quarantined")
            assert watcher.ended is not None
            assert watcher.ended.quarantined == (aside["number"],)
            (remove,) = watcher.happened("piv-1", What.REMOVE)
            assert (remove.item, remove.token) == (aside["number"], aside["serial"])
            assert remove.removal is not None
            assert remove.removal.tray is Tray.QUARANTINE
            trouble = remove.removal.why
            assert isinstance(trouble, Trouble)
            assert (trouble.cause, trouble.step) == (Cause.DEVICE_FAILED, "load:authentication")
            assert watcher.production is not None
            assert watcher.production.counts == watcher.ended.counts

    asyncio.run(watch())
    assert producing.end().code == ExitCode.PARTIAL
    desk.bench.disarm()
