"""What a lane's flow asks of the loop that drives it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from drivers.process import Child, Reply


@dataclass(frozen=True)
class Limits:
    """Seconds after which a token counts as hung: for any answer, and for making a key.

    After `jam` seconds a lane gives up whose feeder nobody has cleared.
    """

    answer: float = 60.0
    key: float = 300.0
    jam: float = 1800.0


@dataclass(frozen=True)
class Call:
    """Call a method of a child process; the loop ends a child that takes longer than `seconds`.

    The loop sends the call only when all that was written before it is committed.
    """

    child: Child
    method: str
    arguments: tuple[Any, ...] = ()
    seconds: float = 120.0


@dataclass(frozen=True)
class Pause:
    """Go on after so many seconds; at once where all lanes are to stop, unless it is `whole`."""

    seconds: float
    whole: bool = False


Flow = Generator[Call | Pause, Reply | None, None]
"""A lane's flow: yields what it asks for, is sent the reply; runs inside a transaction in between."""
