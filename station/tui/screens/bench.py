"""The area bench."""

from __future__ import annotations

from station.tui.desk_screen import DeskScreen


class BenchScreen(DeskScreen):
    """The area bench."""

    area = "bench"
