"""How every application of the desk is drawn: its looks and themes, with no more work than is seen."""

from __future__ import annotations

from pathlib import Path

from station.tui.discreet import DiscreetApp, Result
from station.tui.themes import THEMES


class DrawnApp(DiscreetApp[Result]):
    """Has the desk's looks and the first of its themes; what is open is drawn soon, and styled once."""

    TITLE = "Issuance Station"
    CSS_PATH = Path(__file__).with_name("station.tcss")

    def __init__(self) -> None:
        super().__init__()
        self._styled = ""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name

    def delay_update(self, delay: float = 0.01) -> None:
        """Textual hides an area for a while when it opens; here its frame is seen as soon as it stands."""
        super().delay_update(delay)

    def refresh_css(self, animate: bool = True) -> None:
        """Read all styles anew for another theme only; Textual does so twice for each area that is opened."""
        if self.theme != self._styled:
            self._styled = self.theme
            super().refresh_css(animate)
            return
        # A screen that comes up is given its styles as it does; what lies beneath a dialog is not.
        for beneath in self.screen_stack[:-1]:
            self.stylesheet.update(beneath, animate=animate)
