"""Lines of a widget: what changed is drawn again, and nothing else; they follow the room there is."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.geometry import Size
from textual.strip import Strip

from station.tui.widgets.lines import Line, Lines


class Told(Lines):
    """Tells what it is given, and keeps which lines were drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.given = ["one", "two", "three"]
        self.drawn: list[int] = []

    def lines_for(self, room: Size) -> list[Line]:
        return [Line(one[: room.width]) for one in self.given[: room.height]]

    def render_line(self, y: int) -> Strip:
        self.drawn.append(y)
        return super().render_line(y)


class Alone(App[None]):
    """Shows nothing else."""

    def compose(self) -> ComposeResult:
        yield Told()


async def test_only_a_line_that_changed_is_drawn_again() -> None:
    app = Alone()
    async with app.run_test(size=(20, 5)) as pilot:
        told = app.query_one(Told)
        await pilot.pause()
        told.drawn.clear()
        told.given[1] = "other"
        told.tell()
        await pilot.pause()
        assert told.drawn == [1]
        assert [told.render_line(y).text.rstrip() for y in range(4)] == ["one", "other", "three", ""]


async def test_lines_follow_the_room_there_is() -> None:
    app = Alone()
    async with app.run_test(size=(20, 5)) as pilot:
        await pilot.resize_terminal(2, 2)
        await pilot.pause()
        told = app.query_one(Told)
        assert [told.render_line(y).text for y in range(3)] == ["on", "tw", "  "]
