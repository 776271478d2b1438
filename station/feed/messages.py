"""What passes between a production and who watches it: one JSON document a line, its kind in `type`.

To the watcher: first `Production` and every `Lane` as it is, then each event as `Happened`, or `Lane` where
only the wish for it is another, `Production` again when its counts change, and at last `Ended`. To the
production: `Pause`, `Resume`, `End`, `Stop`. Times are seconds since 1970 by the desk's clock. No code is in
any of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec

from batch.model.states import ItemState
from batch.production.events import Delay, Feeding, Missing, Removal, StepPlace, Trouble, What
from batch.production.wishes import Will

LONGEST = 1 << 20
"""Bytes of one line at most."""


class Message(msgspec.Struct, frozen=True, tag_field="type", tag=str.lower):
    """Base of all messages."""


class Seat(msgspec.Struct, frozen=True):
    """A seat of a production, and the kind of token that goes there."""

    name: str
    driver: str


class Production(Message, frozen=True):
    """What is produced, by whom, in which seats, since when; how many items of the order are in each state.

    `total` counts what is to be produced in the end: all but spoiled and cancelled ones.
    """

    order: str
    operator: str
    seats: tuple[Seat, ...]
    begun: float
    total: int
    counts: dict[ItemState, int]


class Lane(Message, frozen=True):
    """A lane as it is: what happened there last and when, and what is true of it by then.

    `item` and `token` are what is in hand or to be taken out, begun at `begun`. `step` began at `step_begun`
    and stays while the CA is away (`delay`). `removal` stays after the lane ended, until another token comes.
    `feeding` is there where a machine brings the next blank. `wish` is what somebody wants of it, `made` how
    many tokens it produced.
    """

    seat: str
    what: What | None = None
    since: float = 0.0
    item: str | None = None
    token: str | None = None
    begun: float | None = None
    step: StepPlace | None = None
    step_begun: float | None = None
    delay: Delay | None = None
    missing: Missing | None = None
    removal: Removal | None = None
    trouble: Trouble | None = None
    feeding: Feeding | None = None
    wish: Will = Will.GO_ON
    made: int = 0
    text: str = ""


class Happened(Message, frozen=True):
    """Something happened on a lane, which is like this since; all of the event is in its state."""

    lane: Lane


class Ended(Message, frozen=True):
    """How the production ended, as `station produce --json` tells it; nothing comes after it."""

    order: str
    state: str
    counts: dict[ItemState, int]
    stopped: dict[str, str]
    missing: tuple[str, ...]
    quarantined: tuple[str, ...]
    interrupted: bool
    waiting: tuple[str, ...] = ()


Name = Annotated[str, msgspec.Meta(max_length=100)]


class Pause(Message, frozen=True):
    """Let a lane wait after its token; `by` is who asks, as the log will tell."""

    seat: Name
    by: Name | None = None


class Resume(Message, frozen=True):
    """Let a lane go on."""

    seat: Name
    by: Name | None = None


class End(Message, frozen=True):
    """Let a lane end after its token."""

    seat: Name
    by: Name | None = None


class Stop(Message, frozen=True):
    """Let all lanes stop between two steps, as Ctrl-C does."""

    by: Name | None = None


Told = Production | Lane | Happened | Ended
Asked = Pause | Resume | End | Stop

encode: Callable[[Message], bytes] = msgspec.json.Encoder().encode
decode_told: Callable[[bytes | bytearray], Told] = msgspec.json.Decoder(Told).decode
decode_asked: Callable[[bytes | bytearray], Asked] = msgspec.json.Decoder(Asked).decode
