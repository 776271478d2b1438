"""The area dispatch."""

from __future__ import annotations

from station.tui.desk_screen import DeskScreen


class DispatchScreen(DeskScreen):
    """The area dispatch."""

    area = "dispatch"
