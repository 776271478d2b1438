"""The area letters."""

from __future__ import annotations

from station.tui.desk_screen import DeskScreen


class LettersScreen(DeskScreen):
    """The area letters."""

    area = "letters"
