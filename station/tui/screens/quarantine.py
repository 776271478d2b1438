"""The area quarantine."""

from __future__ import annotations

from station.tui.desk_screen import DeskScreen


class QuarantineScreen(DeskScreen):
    """The area quarantine."""

    area = "quarantine"
