"""A table whose columns are as broad as what is in them, whenever it is drawn."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual.widgets import DataTable
from textual.widgets.data_table import RowKey


class DeskTable(DataTable[Text]):
    """Cells are `Text`, so that no name is taken for markup."""

    def _update_dimensions(self, new_rows: Iterable[RowKey]) -> None:
        super()._update_dimensions(new_rows)
        # What was drawn before the columns had their widths would stay on the screen, cut off.
        self._clear_caches()
        self.refresh()
