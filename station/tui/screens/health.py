"""The area health."""

from __future__ import annotations

from station.tui.desk_screen import DeskScreen


class HealthScreen(DeskScreen):
    """The area health."""

    area = "health"
