"""Reads the records in one thread of its own, so that no key waits for the disk."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from batch.store.database import Records
from station.wiring import Desk

_T = TypeVar("_T")


@dataclass(frozen=True)
class _Wish(Generic[_T]):
    read: Callable[[Desk, Records], _T]
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[_T]


class Reader:
    """Answers questions about the records one after the other; an unwanted one is cut off."""

    def __init__(self, desk: Callable[[], Desk]) -> None:
        """`desk` makes the desk, in the reading thread, when something is first asked."""
        self._make = desk
        self._wishes: queue.SimpleQueue[_Wish[Any] | None] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._running: _Wish[Any] | None = None
        self._records: Records | None = None
        self._closed = False
        # A daemon, because a disk that hangs must not keep the screen from ending.
        self._thread = threading.Thread(target=self._serve, name="reader", daemon=True)
        self._thread.start()

    async def read(self, read: Callable[[Desk, Records], _T]) -> _T:
        """What `read` finds; raises what it raises. Cancelled, the query is cut off where it is."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_T] = loop.create_future()
        wish = _Wish(read, loop, answer)
        self._wishes.put(wish)
        try:
            return await answer
        except asyncio.CancelledError:
            self._cut_off(wish)
            raise

    def close(self) -> None:
        """Cut off what is read, answer nothing more, and let the thread end when it can."""
        self._closed = True
        self._wishes.put(None)
        with self._guard:
            if self._records is not None:
                self._records.interrupt()

    def _cut_off(self, wish: _Wish[Any]) -> None:
        with self._guard:
            if self._running is wish and self._records is not None:
                self._records.interrupt()

    def _serve(self) -> None:
        desk: Desk | None = None
        while (wish := self._wishes.get()) is not None and not self._closed:
            if wish.answer.cancelled():
                continue
            try:
                if desk is None or self._records is None:
                    desk = self._make()
                    self._records = Records(desk.home.records, desk.ledgers)
                with self._guard:
                    self._running = wish
                try:
                    found = wish.read(desk, self._records)
                finally:
                    with self._guard:
                        self._running = None
            except Exception as error:
                _tell(wish, error=error)
            else:
                _tell(wish, found)
        if self._records is not None:
            with self._guard:
                records, self._records = self._records, None
            records.close()


def _tell(wish: _Wish[Any], found: Any = None, error: Exception | None = None) -> None:
    def settle() -> None:
        if wish.answer.done():
            return
        if error is not None:
            wish.answer.set_exception(error)
        else:
            wish.answer.set_result(found)

    with suppress(RuntimeError):  # the screen has ended
        wish.loop.call_soon_threadsafe(settle)
