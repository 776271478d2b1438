"""A table shows all of what is in its cells, whenever it is drawn."""

from __future__ import annotations

from rich.text import Text
from textual.app import App, ComposeResult

from station.tui.widgets.desk_table import DeskTable

NAME = "a name that is longer than its heading"


class _Shown(App[None]):
    CSS = "DeskTable { height: 1fr; }"

    def compose(self) -> ComposeResult:
        yield DeskTable()

    @property
    def drawn(self) -> str:
        """All that is on the screen, drawn at this moment."""
        strips = self.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)


async def test_a_row_that_is_drawn_before_its_columns_are_measured_is_drawn_again() -> None:
    app = _Shown()
    async with app.run_test(size=(80, 10)) as pilot:
        table = app.query_one(DeskTable)
        table.add_column("Name")
        await pilot.pause()
        table.add_row(Text(NAME))
        assert NAME not in app.drawn
        await pilot.pause()
        assert NAME in app.drawn
