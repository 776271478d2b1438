"""A table whose columns are as broad as what is in them, whenever it is drawn."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import DataTable


class DeskTable(DataTable[Text]):
    """Cells are `Text`, so that no name is taken for markup."""

    def watch_virtual_size(self) -> None:
        """What was drawn before the columns had their widths would stay on the screen, cut off."""
        self.notify_style_update()
