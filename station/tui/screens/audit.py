"""The area audit."""

from __future__ import annotations

from station.tui.desk_screen import DeskScreen


class AuditScreen(DeskScreen):
    """The area audit."""

    area = "audit"
