"""An order file that is good: what would be taken in."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import DataTable, Label

from station.tui.dialogs.base import Choice, Dialog, back
from station.tui.widgets.desk_table import DeskTable
from station.tui.widgets.facts import Facts
from station.tui.words import N_, _, n_


class ArrivalChoice(enum.Enum):
    """What is done with an order file that was looked at."""

    TAKE = enum.auto()
    SIGNATURE = enum.auto()


class Arrival(Dialog[ArrivalChoice]):
    """What an order file says, and its first rows; a rule may keep it out still."""

    BINDINGS = [Binding("t", "take", N_("Take it in"), show=False)]

    def __init__(self, found: Mapping[str, Any], signature: str | None) -> None:
        """`found` is what `order check --json` told, `signature` the name of a file apart."""
        take = Choice(_("Take it in"), ArrivalChoice.TAKE)
        apart = Choice(_("Signature…"), ArrivalChoice.SIGNATURE)
        refused = found["faults"]
        choices = (back(), apart) if refused else (back(), apart, take)
        title = _("{file}: a rule forbids to take it in") if refused else _("{file}: no faults")
        super().__init__(title.format(file=found["source"]), choices)
        self._found, self._signature, self._refused = found, signature, refused

    def body(self) -> ComposeResult:
        found, signature = self._found, self._found["signature"]
        facts = Facts()
        facts.tell(
            (
                (_("Subscriber"), f"{found['subscriber']} ({found['organisation']})"),
                (_("Reference"), found["reference"]),
                (_("Tokens"), n_("{number} token", "{number} tokens", found["tokens"])),
                (_("Layouts"), ", ".join(found["layouts"])),
                (_("Signature"), signature_told(signature, self._signature)),
            )
        )
        yield facts
        for one in self._refused:
            yield Label(f"✗ {one['what']}", classes="failed", markup=False)
            if one["next"]:
                yield Label(_("Next: {what}").format(what=one["next"]), markup=False)
        if not self._refused:
            yield Label(_("t takes it in; Enter goes back, and nothing is taken."))
        yield DeskTable(id="rows", zebra_stripes=True, cursor_type="row")

    def on_mount(self) -> None:
        """The first rows, as they would be taken."""
        self.add_class("broad")
        table: DataTable[Text] = self.query_one("#rows", DataTable)
        headings = (_("Row"), _("Tokens"), _("For"), _("Layout"), _("Manager"))
        table.add_columns(*headings)
        for row in self._found["rows"]:
            cells = (row["row"], row["count"], row["for"], row["layout"], row["fields"].get("manager", ""))
            table.add_row(*(Text(str(cell)) for cell in cells))
        self.set_focus(self.query_one("#choice-0"))

    def action_take(self) -> None:
        """Take it in, where no rule forbids it."""
        if not self._refused:
            self.dismiss(ArrivalChoice.TAKE)


def signature_told(signature: Mapping[str, Any] | None, file: str | None = None) -> str:
    """What the signature of an order file is worth, with a sign."""
    if signature is None:
        return _("! not signed")
    apart = f" ({file})" if file else ""
    if signature["person"]:
        return _("✓ verified, by {person}").format(person=signature["person"]) + apart
    return f"! {_(signature['result'])}: {signature['reason']}{apart}"
