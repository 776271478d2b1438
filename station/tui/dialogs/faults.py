"""A faulty file: its rows, the faulty cells marked, and what to write in each."""

from __future__ import annotations

import enum
from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.coordinate import Coordinate
from textual.widgets import DataTable, Label

from station.conversation.messages import Fault
from station.tui.dialogs.base import Choice, Dialog, back
from station.tui.faulty_table import FaultyTable, Spot
from station.tui.widgets.desk_table import DeskTable
from station.tui.words import N_, _, n_

_WIDEST = 26


class FaultsChoice(enum.Enum):
    """What is done about a faulty file."""

    AGAIN = enum.auto()


class Faults(Dialog[FaultsChoice]):
    """Nothing of the file was taken; mended, it is looked at again."""

    BINDINGS = [
        Binding("n", "go(1)", N_("Next fault"), show=False),
        Binding("p", "go(-1)", N_("Previous fault"), show=False),
    ]

    def __init__(self, source: str, table: FaultyTable) -> None:
        number = sum(len(one) for one in table.faults.values())
        count = n_("{number} fault", "{number} faults", number)
        title = _("{file}: {count}, nothing was taken").format(file=source, count=count)
        super().__init__(title, (back(), Choice(_("Look again"), FaultsChoice.AGAIN)))
        self._table, self._spots = table, table.spots

    def body(self) -> ComposeResult:
        yield Label(_("n next fault, p the one before; arrows move. Mend the file, then look again."))
        yield DeskTable(id="faulty", zebra_stripes=True, fixed_columns=1)
        yield Label("", id="fault", markup=False)

    def on_mount(self) -> None:
        """The cursor is on the first fault."""
        self.add_class("broad")
        table: DataTable[Text] = self.query_one("#faulty", DataTable)
        table.add_columns(*(Text(_cut(one)) for one in self._table.headings))
        wrong = f"bold {self.app.current_theme.error or 'red'}"
        for at, row in enumerate(self._table.rows):
            faulty = any(spot[0] == at for spot in self._spots)
            cells = []
            for place, value in enumerate(row):
                told = _cut(value)
                if not place:
                    told = told if at or value else _("file")
                    cells.append(Text(f"✗ {told}" if faulty else f"  {told}", wrong if faulty else ""))
                elif (at, place) in self._table.faults:
                    cells.append(Text(f"✗ {told}" if told else "✗", wrong))
                else:
                    cells.append(Text(told))
            table.add_row(*cells)
        table.focus()
        if self._spots:
            self._move(self._spots[0])

    def on_data_table_cell_highlighted(self, event: DataTable.CellHighlighted) -> None:
        """Tell what is wrong there; of the whole row where nothing is wrong with the cell."""
        here = (event.coordinate.row, event.coordinate.column)
        found = self._table.faults.get(here) or [
            fault for spot in self._spots if spot[0] == here[0] for fault in self._table.faults[spot]
        ]
        self.query_one("#fault", Label).update(_told(found))

    def action_go(self, way: int) -> None:
        """To the next fault, or to the one before."""
        cursor = self.query_one("#faulty", DataTable).cursor_coordinate
        here = (cursor.row, cursor.column)
        beyond = [one for one in self._spots[::way] if (one > here if way > 0 else one < here)]
        if beyond:
            self._move(beyond[0])
        else:
            self.app.bell()

    def _move(self, spot: Spot) -> None:
        table = self.query_one("#faulty", DataTable)
        table.cursor_coordinate = Coordinate(*spot)


def _told(faults: Sequence[Fault]) -> Text:
    text = Text()
    for fault in faults[:3]:
        place = ", ".join(
            filter(None, (_("row {number}").format(number=fault.row) if fault.row else "", fault.column))
        )
        text.append(f"✗ {place or _('the file')}: {fault.what}\n", "bold")
        text.append(f"  → {fault.next}\n")
    if not faults:
        text.append(_("Nothing is wrong here."))
    return text


def _cut(value: str) -> str:
    return value if len(value) <= _WIDEST else f"{value[: _WIDEST - 1]}…"
