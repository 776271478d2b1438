"""The feeder of a simulated bench: its daemon takes the tokens out and puts new blanks in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from drivers.errors import DeviceFailed
from drivers.feeders.port import Tray
from drivers.options import typed
from simulators.bench.client import Bench
from simulators.bench.errors import BenchError


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bench: str


class BenchFeeder:
    """Feeds the seats of the bench in the directory `bench`; raises `DeviceFailed` where it does not run.

    In the operators' seat it puts the token of the operator asked for, where the bench has one of that name.

    Raises `Unsupported` for wrong options.
    """

    by_hand = True  # of the bench, whose hands they are

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._bench = Bench(Path(typed(options, _Options, "bench feeder").bench))

    def ready(self) -> str | None:
        try:
            self._bench.status()
        except BenchError as error:
            return error.what
        return None

    def feed(self, seat: str) -> None:
        try:
            self._bench.feed(seat)
        except BenchError as error:
            raise _failed(error, seat) from error

    def take(self, seat: str, tray: Tray, note: str) -> None:
        try:
            self._bench.take(seat, tray.value, note)
        except BenchError as error:
            raise _failed(error, seat) from error

    def moving(self, seat: str) -> bool:
        return False

    def settled(self, seat: str) -> None:
        pass

    def present(self, operator: str) -> None:
        try:
            if self._bench.people.has(operator):
                self._bench.people.present(operator)
        except BenchError as error:
            raise _failed(error, "operators' seat") from error


def _failed(error: BenchError, seat: str) -> DeviceFailed:
    return DeviceFailed(f"the bench cannot feed it: {error.what}", where=seat, next=error.next)
