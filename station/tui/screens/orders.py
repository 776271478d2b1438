"""The area orders."""

from __future__ import annotations

from station.tui.desk_screen import DeskScreen


class OrdersScreen(DeskScreen):
    """The area orders."""

    area = "orders"
