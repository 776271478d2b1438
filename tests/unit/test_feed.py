"""The feed of a production: everybody sees the newest, nobody holds it up, each home has its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from batch.model.quarantine import Cause
from batch.model.states import ItemState, OrderState
from batch.production.events import (
    Awaited,
    Delay,
    LaneEvent,
    Missing,
    Removal,
    StepPlace,
    Trouble,
    What,
)
from batch.production.wishes import LaneWishes, Will
from drivers.feeders.port import Tray
from station.cli import produce
from station.feed.client import NothingToWatch, Watch
from station.feed.messages import (
    Ended,
    Happened,
    Lane,
    Pause,
    Production,
    Resume,
    Stop,
    Told,
    decode_told,
    encode,
)
from station.feed.place import NAME, reachable
from station.feed.server import Feed
from station.feed.states import after, moved

COUNTS = {ItemState.PLANNED: 2, ItemState.IN_PRODUCTION: 1, ItemState.SPOILED: 1}
WAITING = LaneEvent(What.WAITING, "piv-1", text="insert a blank token")
BEGUN = LaneEvent(What.BEGUN, "piv-1", "000007", "AB12")
REMOVE = LaneEvent(What.REMOVE, "piv-1", "000007", "AB12", "take out", Removal(Tray.GOOD))


class Served:
    """A feed that is served, with nothing behind it."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True, parents=True)
        self.directory = directory
        self.wishes = LaneWishes()
        self.stopped: list[str | None] = []
        self.stopping = threading.Event()
        self.feed = Feed("2026-0001", "ada", {"piv-1": "piv", "usb-1": "pkcs11"}, lambda: COUNTS)

    def stop(self, by: str | None) -> None:
        self.stopped.append(by)
        self.stopping.set()

    def end(self) -> None:
        order = SimpleNamespace(number="2026-0001", state=OrderState.PRODUCED)
        lanes: Mapping[str, str] = {"usb-1": "its module hangs"}
        result: Any = SimpleNamespace(
            order=order,
            counts={ItemState.PRODUCED: 3},
            stopped_lanes=lanes,
            missing=["000008"],
            aside=["000009"],
            waiting=[],
            interrupted=False,
        )
        self.feed.ended(result)


@contextmanager
def served(directory: Path) -> Iterator[Served]:
    one = Served(directory)
    with one.feed.serving(directory, one.wishes, one.stop):
        yield one


@contextmanager
def connected(directory: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as connection, reachable(directory) as address:
        connection.settimeout(60)
        connection.connect(address)
        yield connection


class Lines:
    """The messages that come over a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._file = connection.makefile("rb")

    def next(self) -> Told:
        return decode_told(self._file.readline())

    def until(self, kind: type) -> Any:
        message: Any = self.next()
        while not isinstance(message, kind):
            message = self.next()
        return message

    def over(self) -> bool:
        """Whether nothing comes any more, whatever had been on its way."""
        try:
            while line := self._file.readline():
                decode_told(line)
        except ConnectionResetError:  # with something unread on its side
            return True
        return not line


def test_who_comes_sees_how_it_is_and_then_every_event_to_the_end(tmp_path: Path) -> None:
    with served(tmp_path) as desk, connected(tmp_path) as early:
        first = Lines(early)
        production = first.next()
        assert isinstance(production, Production)
        assert (production.order, production.operator, production.total) == ("2026-0001", "ada", 3)
        assert production.counts == COUNTS
        assert [first.next(), first.next()] == [Lane("piv-1"), Lane("usb-1")]
        desk.feed.tell(WAITING)
        desk.feed.tell(BEGUN)
        told = first.until(Happened), first.until(Happened)
        assert [one.lane.what for one in told] == [What.WAITING, What.BEGUN]
        with connected(tmp_path) as late:
            second = Lines(late)
            second.until(Production)
            assert second.next() == told[1].lane
            desk.end()
            ended = second.until(Ended)
            assert ended == first.until(Ended)
    assert ended.stopped == {"usb-1": "its module hangs"}
    assert ended.missing == ("000008",)
    assert ended.quarantined == ("000009",)


def test_how_it_ended_is_read_by_who_comes_to_it_late(tmp_path: Path) -> None:
    with ExitStack() as held:
        with served(tmp_path) as desk:
            lines = Lines(held.enter_context(connected(tmp_path)))
            lines.until(Lane)
            desk.end()
        assert lines.until(Ended)
        assert lines.over()


def test_who_does_not_read_is_dropped_and_holds_up_nobody(tmp_path: Path) -> None:
    with served(tmp_path) as desk, connected(tmp_path) as slow, connected(tmp_path) as quick:
        reading = Lines(quick)
        reading.until(Lane)
        for number in range(8000):
            desk.feed.tell(LaneEvent(What.STEP, "piv-1", text=f"{number} {'x' * 400}"))
            assert reading.until(Happened).lane.text.startswith(f"{number} ")
        assert Lines(slow).over()


@pytest.mark.parametrize("words", [b"nonsense\n", b'{"type":"launch"}\n', b"\xff\n", b"x" * 10_000])
def test_who_says_what_makes_no_sense_is_dropped(tmp_path: Path, words: bytes) -> None:
    with served(tmp_path) as desk, connected(tmp_path) as rude, connected(tmp_path) as other:
        rude.sendall(words)
        assert Lines(rude).over()
        lines = Lines(other)
        lines.until(Lane)
        desk.feed.tell(WAITING)
        lines.until(Happened)


def test_wishes_arrive_and_every_watcher_sees_them(tmp_path: Path) -> None:
    with served(tmp_path) as desk, connected(tmp_path) as asking, connected(tmp_path) as other:
        seeing = Lines(other)
        for _ in range(3):
            seeing.next()
        for wish in (Pause("nowhere"), Pause("piv-1", "olga"), Stop("pim")):
            asking.sendall(encode(wish) + b"\n")
        assert seeing.next() == Lane("piv-1", wish=Will.PAUSE)
        assert desk.wishes.of("piv-1").by == "olga"
        assert desk.stopping.wait(60)
        assert desk.stopped == ["pim"]
        asking.sendall(encode(Resume("piv-1")) + b"\n")
        assert seeing.next() == Lane("piv-1")


def test_there_are_no_more_watchers_than_can_be_served(tmp_path: Path) -> None:
    with served(tmp_path), closing_all(tmp_path, 16) as lines:
        for one in lines:
            one.until(Lane)
        with connected(tmp_path) as another:
            assert Lines(another).over()


@contextmanager
def closing_all(directory: Path, count: int) -> Iterator[list[Lines]]:
    if not count:
        yield []
        return
    with connected(directory) as one, closing_all(directory, count - 1) as others:
        yield [Lines(one), *others]


def test_each_home_has_a_feed_of_its_own_however_deep_it_lies(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120) / "run"
    with (
        served(tmp_path / "one") as one,
        served(deep) as two,
        connected(tmp_path / "one") as first,
        connected(deep) as second,
    ):
        here, there = Lines(first), Lines(second)
        one.feed.tell(WAITING)
        two.feed.tell(BEGUN)
        assert here.until(Happened).lane.what is What.WAITING
        assert there.until(Happened).lane.what is What.BEGUN
        second.sendall(encode(Stop()) + b"\n")
        assert two.stopping.wait(60)
        assert one.stopped == []


def test_the_socket_is_its_owner_s_alone_and_gone_afterwards(tmp_path: Path) -> None:
    (tmp_path / NAME).touch()  # as one that was left, which nobody listens at
    with served(tmp_path):
        assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
        with connected(tmp_path) as connection:
            Lines(connection).until(Production)
    assert not (tmp_path / NAME).exists()


def test_what_nobody_serves_takes_no_room(tmp_path: Path) -> None:
    feed = Feed("2026-0001", "ada", {"piv-1": "piv"}, lambda: COUNTS)
    feed.tell(WAITING)
    with (
        pytest.raises(OSError, match="No such file"),
        feed.serving(tmp_path / "gone", LaneWishes(), lambda by: None),
    ):
        pass
    feed.tell(WAITING)
    assert feed._news.empty()


def test_a_production_goes_on_unwatched_where_no_socket_can_be_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / NAME).mkdir()
    feed = Feed("2026-0001", "ada", {"piv-1": "piv"}, lambda: COUNTS)
    production: Any = SimpleNamespace(wishes=LaneWishes(), stop=lambda: None)
    with ExitStack() as held:
        produce._serve(held, feed, tmp_path, production)
        feed.tell(WAITING)
    assert capsys.readouterr().err == "it cannot be watched from a screen: Is a directory\n"


def test_a_client_reads_and_asks_and_says_when_there_is_nothing(tmp_path: Path) -> None:
    async def nothing() -> None:
        with pytest.raises(NothingToWatch, match="no production runs here"):
            await Watch.open(tmp_path)

    async def watch() -> list[Told]:
        watching = await Watch.open(tmp_path)
        told = []
        async for message in watching:
            told.append(message)
            if isinstance(message, Lane) and message.wish is Will.GO_ON and message.seat == "usb-1":
                await watching.send(Pause("usb-1", "olga"))
            elif isinstance(message, Lane) and message.wish is Will.PAUSE:
                desk.end()
            elif isinstance(message, Ended):
                break
        watching.close()
        return told

    asyncio.run(nothing())
    with served(tmp_path) as desk:
        told = asyncio.run(watch())
    assert told[-2] == Lane("usb-1", wish=Will.PAUSE)
    assert isinstance(told[-1], Ended)


def test_the_state_of_a_lane_follows_its_events() -> None:
    lane = after(Lane("piv-1"), WAITING, 1.0)
    assert after(lane, WAITING, 2.0) is lane
    lane = after(lane, BEGUN, 3.0)
    assert (lane.item, lane.token, lane.begun, lane.text) == ("000007", "AB12", 3.0, "")
    step = StepPlace("certify:authentication", 3, 8)
    lane = after(lane, LaneEvent(What.STEP, "piv-1", "000007", "AB12", step.name, step), 4.0)
    delay = Delay(2.0, "the CA is away")
    lane = after(lane, LaneEvent(What.DELAYED, "piv-1", "000007", "AB12", "asked again", delay), 5.0)
    assert (lane.step, lane.step_begun, lane.delay, lane.since) == (step, 4.0, delay, 5.0)
    lane = after(lane, LaneEvent(What.PRODUCED, "piv-1", "000007", "AB12"), 6.0)
    assert (lane.made, lane.delay) == (1, None)
    lane = after(lane, REMOVE, 7.0)
    assert (lane.removal, lane.step) == (Removal(Tray.GOOD), None)
    ended = after(lane, LaneEvent(What.LANE_ENDED, "piv-1"), 8.0)
    assert (ended.removal, ended.item, ended.made) == (Removal(Tray.GOOD), "000007", 1)
    paused = after(lane, LaneEvent(What.PAUSED, "piv-1"), 8.0)
    assert (paused.removal, paused.item, paused.begun) == (None, None, None)
    tokens = tuple(Awaited(f"{number:06d}", None, "piv-1") for number in range(50))
    missing = after(paused, LaneEvent(What.MISSING, "piv-1", detail=Missing(tokens)), 9.0)
    assert missing.missing is not None
    assert len(missing.missing.tokens) == 20


def test_counts_follow_events() -> None:
    assert moved(COUNTS, What.WAITING) is COUNTS
    produced = moved(moved(COUNTS, What.BEGUN), What.PRODUCED)
    assert produced == {**COUNTS, ItemState.PLANNED: 1, ItemState.PRODUCED: 1}


def test_every_message_comes_back_as_it_was_sent() -> None:
    trouble = Trouble("the key does not sign", Cause.READ_BACK, "verify")
    lane = Lane("piv-1", What.REMOVE, 1.5, "000007", "AB12", removal=Removal(Tray.QUARANTINE, trouble))
    assert decode_told(encode(Happened(lane))) == Happened(lane)
    assert msgspec.json.decode(encode(lane))["type"] == "lane"
