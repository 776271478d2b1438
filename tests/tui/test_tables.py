"""Tables show all of what is in them."""

from __future__ import annotations

from rich.text import Text
from textual.app import App, ComposeResult

from station.tui.widgets.desk_table import DeskTable

NAME = "a name that is longer than its heading"


class _Shown(App[None]):
    def compose(self) -> ComposeResult:
        yield DeskTable()


async def test_a_row_drawn_before_its_columns_are_measured_is_drawn_again() -> None:
    async with _Shown().run_test(size=(80, 10)) as pilot:
        table = pilot.app.query_one(DeskTable)
        table.add_column("Name")
        table.add_row(Text(NAME))
        assert NAME not in table.render_line(1).text
        await pilot.pause()
        assert NAME in table.render_line(1).text
