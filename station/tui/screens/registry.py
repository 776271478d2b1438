"""The area registry."""

from __future__ import annotations

from station.tui.desk_screen import DeskScreen


class RegistryScreen(DeskScreen):
    """The area registry."""

    area = "registry"
