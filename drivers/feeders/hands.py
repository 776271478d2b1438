"""The operator's hands: nothing moves by itself, the lane's instruction on the screen is all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from drivers.feeders.port import Tray
from drivers.options import typed


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Hands:
    """A feeder that leaves it to the operator, who reads the instruction of the lane."""

    by_hand = True

    def __init__(self, options: Mapping[str, Any]) -> None:
        typed(options, _Options, 'feeder "hands"')

    def ready(self) -> str | None:
        return None

    def feed(self, seat: str) -> None:
        pass

    def take(self, seat: str, tray: Tray, note: str) -> None:
        pass

    def moving(self, seat: str) -> bool:
        return False

    def settled(self, seat: str) -> None:
        pass

    def present(self, operator: str) -> None:
        pass
