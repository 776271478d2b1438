"""The operator's hands: nothing moves by itself, the lane's instruction on the screen is all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivers.feeders.port import Tray


class Hands:
    """A feeder that leaves it to the operator, who reads the instruction of the lane."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        pass

    def feed(self, seat: str) -> None:
        pass

    def take(self, seat: str, tray: Tray, note: str) -> None:
        pass

    def present(self, operator: str) -> None:
        pass
