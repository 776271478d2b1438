"""Serves the feed of a production from a thread of its own; who is slow or rude is dropped."""

from __future__ import annotations

import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

import msgspec

from batch.model.states import ItemState
from batch.production.events import LaneEvent
from batch.production.result import Result
from batch.production.wishes import LaneWishes
from station.feed.messages import (
    Asked,
    Ended,
    Happened,
    Lane,
    Message,
    Pause,
    Production,
    Resume,
    Seat,
    Stop,
    decode_asked,
    encode,
)
from station.feed.place import NAME, reachable
from station.feed.states import after, moved, total

_BEHIND = 1 << 20
"""Bytes that may wait for one watcher."""

_WATCHERS = 16
_LONGEST_WISH = 4096

_FAREWELL = 1.0
"""Seconds for watchers to read how the production ended."""

Counts = Mapping[ItemState, int]
News = tuple[float, LaneEvent | Ended | Counts]


class Feed:
    """Tells watchers of one production and takes their wishes; its events may come from one other thread."""

    def __init__(
        self, order: str, operator: str, seats: Mapping[str, str], counts: Callable[[], Counts]
    ) -> None:
        """`seats` are names with drivers; `counts` is asked here and when the first event is told."""
        self._counts: Callable[[], Counts] | None = counts
        self._news: SimpleQueue[News] = SimpleQueue()
        named = tuple(Seat(name, driver) for name, driver in seats.items())
        self._production = _counted(Production(order, operator, named, time.time(), 0, {}), counts())
        self._server: _Server | None = None

    def tell(self, event: LaneEvent) -> None:
        """Pass an event on; never blocks."""
        if self._counts is not None:
            # No token is begun before the first event, so that none is counted twice.
            counts, self._counts = self._counts(), None
            self._pass(counts)
        self._pass(event)

    def ended(self, result: Result) -> None:
        """Tell how it ended."""
        self._pass(
            Ended(
                result.order.number,
                str(result.order.state),
                dict(result.counts),
                dict(result.stopped_lanes),
                tuple(result.missing),
                tuple(result.aside),
                result.interrupted,
                tuple(result.waiting),
            )
        )

    @contextmanager
    def serving(
        self, run_directory: Path, wishes: LaneWishes, stop: Callable[[str | None], None]
    ) -> Iterator[None]:
        """Serve the socket in `run_directory`, whose production this process alone may run.

        `stop` is called in another thread, with who asks where it is told. Raises `OSError` where no socket
        can be made.
        """
        server = _Server(self._production, self._news, _listening(run_directory), wishes, stop)
        self._server = server
        try:
            yield
        finally:
            with suppress(OSError):
                (run_directory / NAME).unlink()
            server.finish()

    def _pass(self, news: LaneEvent | Ended | Counts) -> None:
        # Where nobody serves, nobody would ever take it out.
        if self._server is not None and self._server.alive:
            self._news.put((time.time(), news))
            self._server.wake()


@dataclass(eq=False)
class _Watcher:
    """A connection with what waits to be written to it and what came of a line."""

    connection: socket.socket
    behind: bytearray = field(default_factory=bytearray)
    said: bytearray = field(default_factory=bytearray)


class _Server:
    """The thread that serves; all it touches is its own but the queue of news and the wishes."""

    def __init__(
        self,
        production: Production,
        news: SimpleQueue[News],
        listening: socket.socket,
        wishes: LaneWishes,
        stop: Callable[[str | None], None],
    ) -> None:
        self._production, self._news, self._wishes, self._stop = production, news, wishes, stop
        self._lanes = {seat.name: Lane(seat.name) for seat in production.seats}
        self._listening = listening
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._watchers: set[_Watcher] = set()
        self._selector = selectors.DefaultSelector()
        self._until: float | None = None
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether there still is somebody to take news."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """Have the news looked at; from any thread."""
        os.eventfd_write(self._bell, 1)

    def finish(self) -> None:
        """Give watchers a moment to read the rest, then end."""
        self._until = time.monotonic() + _FAREWELL
        self.wake()
        self._thread.join(2 * _FAREWELL)
        if not self.alive:
            os.close(self._bell)

    def _run(self) -> None:
        with self._selector as selector, self._listening:
            selector.register(self._listening, selectors.EVENT_READ, self._welcome)
            selector.register(self._bell, selectors.EVENT_READ, self._take_news)
            while not self._is_over():
                for key, mask in selector.select(_FAREWELL / 10 if self._until is not None else None):
                    if isinstance(key.data, _Watcher):
                        self._serve(key.data, mask)
                    else:
                        key.data()
            for watcher in list(self._watchers):
                self._drop(watcher)

    def _is_over(self) -> bool:
        if self._until is None or not self._news.empty():
            return False
        return time.monotonic() >= self._until or not any(one.behind for one in self._watchers)

    def _welcome(self) -> None:
        with suppress(OSError):  # it left while it waited
            connection, _ = self._listening.accept()
            connection.setblocking(False)
            watcher = _Watcher(connection)
            self._watchers.add(watcher)
            self._selector.register(connection, selectors.EVENT_READ, watcher)
            if len(self._watchers) > _WATCHERS:
                self._drop(watcher)
                return
            self._send(watcher, b"".join(_line(one) for one in (self._production, *self._lanes.values())))

    def _take_news(self) -> None:
        os.eventfd_read(self._bell)
        while True:
            try:
                at, news = self._news.get_nowait()
            except Empty:
                return
            if isinstance(news, Ended):
                self._tell(news)
            elif isinstance(news, LaneEvent):
                self._happened(news, at)
            else:
                self._recount(news)

    def _happened(self, event: LaneEvent, at: float) -> None:
        before = self._lanes[event.seat]
        lane = after(before, event, at)
        if lane is before:
            return
        lane = msgspec.structs.replace(lane, wish=self._wishes.of(event.seat).will)
        self._lanes[event.seat] = lane
        self._recount(moved(self._production.counts, event.what))
        self._tell(Happened(lane))

    def _recount(self, counts: Counts) -> None:
        if counts != self._production.counts:
            self._production = _counted(self._production, counts)
            self._tell(self._production)

    def _tell(self, message: Message) -> None:
        line = _line(message)
        for watcher in list(self._watchers):
            self._send(watcher, line)

    def _send(self, watcher: _Watcher, line: bytes) -> None:
        watcher.behind += line
        if len(watcher.behind) > _BEHIND:
            self._drop(watcher)
        else:
            self._write(watcher)

    def _serve(self, watcher: _Watcher, mask: int) -> None:
        if mask & selectors.EVENT_WRITE:
            self._write(watcher)
        if mask & selectors.EVENT_READ and watcher in self._watchers:
            self._read(watcher)

    def _write(self, watcher: _Watcher) -> None:
        try:
            sent = watcher.connection.send(watcher.behind) if watcher.behind else 0
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(watcher)
            return
        del watcher.behind[:sent]
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if watcher.behind else 0)
        self._selector.modify(watcher.connection, wanted, watcher)

    def _read(self, watcher: _Watcher) -> None:
        try:
            said = watcher.connection.recv(_LONGEST_WISH)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        watcher.said += said
        *lines, rest = watcher.said.split(b"\n")
        try:
            wishes = [decode_asked(line) for line in lines]
        except (msgspec.DecodeError, UnicodeDecodeError):
            said = b""
            wishes = []
        watcher.said = rest
        for wish in wishes:
            self._obey(wish)
        if not said or len(rest) > _LONGEST_WISH:
            self._drop(watcher)

    def _obey(self, wish: Asked) -> None:
        if isinstance(wish, Stop):
            self._stop(wish.by)
            return
        if wish.seat not in self._lanes:
            return
        if isinstance(wish, Pause):
            self._wishes.pause(wish.seat, wish.by)
        elif isinstance(wish, Resume):
            self._wishes.resume(wish.seat, wish.by)
        else:
            self._wishes.end(wish.seat, wish.by)
        lane = msgspec.structs.replace(self._lanes[wish.seat], wish=self._wishes.of(wish.seat).will)
        self._lanes[wish.seat] = lane
        self._tell(lane)

    def _drop(self, watcher: _Watcher) -> None:
        self._watchers.discard(watcher)
        self._selector.unregister(watcher.connection)
        watcher.connection.close()


def _listening(run_directory: Path) -> socket.socket:
    """The socket of a home, in place of one that a production which was killed has left."""
    with suppress(FileNotFoundError):
        (run_directory / NAME).unlink()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with reachable(run_directory) as address:
            listening.bind(address)
        (run_directory / NAME).chmod(0o600)
        listening.listen(_WATCHERS)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


def _line(message: Message) -> bytes:
    return encode(message) + b"\n"


def _counted(production: Production, counts: Counts) -> Production:
    return msgspec.structs.replace(production, counts=dict(counts), total=total(counts))
