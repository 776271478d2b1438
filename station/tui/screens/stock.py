"""The area stock."""

from __future__ import annotations

from station.tui.desk_screen import DeskScreen


class StockScreen(DeskScreen):
    """The area stock."""

    area = "stock"
