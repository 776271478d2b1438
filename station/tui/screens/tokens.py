"""The area tokens."""

from __future__ import annotations

from station.tui.desk_screen import DeskScreen


class TokensScreen(DeskScreen):
    """The area tokens."""

    area = "tokens"
