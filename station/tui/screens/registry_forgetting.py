"""Personal data whose time is over, and forgetting it."""

from __future__ import annotations

from typing import Any

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import DataTable, Label

from batch.people.separation import Act
from station.tui.desk_screen import DeskScreen
from station.tui.dialogs.confirming import TypedConfirmation
from station.tui.widgets.desk_table import DeskTable
from station.tui.words import N_, _, n_


class ForgettingScreen(DeskScreen):
    """Opened from the registry; looked up once, because every order and person is asked."""

    area = "registry"
    help = N_(
        "Persons and orders whose personal data may be forgotten today. What is forgotten is overwritten for "
        "good; the log verifies as before. Escape goes back."
    )
    BINDINGS = [
        Binding("escape", "back", N_("Back")),
        Binding("f", "forget", N_("Forget")),
        Binding("a", "forget_all", N_("Forget all")),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._due: list[dict[str, Any]] | None = None

    def content(self) -> ComposeResult:
        yield DeskTable(id="forgetting", cursor_type="row", zebra_stripes=True)
        yield Label(_("Looking…"), id="forgetting-none", classes="empty", markup=False)

    def on_mount(self) -> None:
        """The columns, once."""
        table = self.query_one("#forgetting", DataTable)
        table.add_columns(_("Number"), _("Kind"), _("Over since"), _("May be forgotten from"))
        table.focus()

    async def load(self) -> None:
        if self._due is not None:
            return
        outcome = await self.station.run_act("registry", "due", "--json")
        if not outcome.done:
            self.query_one("#forgetting-none", Label).update(f"✗ {outcome.said}")
            return
        self._due = outcome.document
        table, none = self.query_one("#forgetting", DataTable), self.query_one("#forgetting-none", Label)
        table.clear()
        for one in self._due or ():
            table.add_row(*(Text(str(one[name])) for name in ("name", "kind", "over", "on")))
        none.display = not self._due
        table.set_class(not self._due, "-empty")
        none.update(_("Nothing is due to be forgotten."))

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_forget(self) -> None:
        """The one under the cursor."""
        at = self.query_one("#forgetting", DataTable).cursor_row
        if self._due and at < len(self._due):
            name = self._due[at]["name"]
            text = _("All words about persons of {number} are overwritten.").format(number=name)
            await self._forget(text, name, name)

    @work(group="act", exclusive=True, exit_on_error=False)
    async def action_forget_all(self) -> None:
        """All that are due."""
        if self._due:
            number = len(self._due)
            text = n_("{number} is forgotten.", "{number} are forgotten.", number)
            await self._forget(text, str(number), "--due")

    async def _forget(self, text: str, expected: str, about: str) -> None:
        if not await self.may(Act.FORGET, where="registry"):
            return
        title = _("Forget")
        if await self.app.push_screen_wait(TypedConfirmation(title, text, expected, title)):
            await self.act(title, "registry", "forget", about, "--yes")
            self._due = None
            self.reload()

    def action_back(self) -> None:
        """To the subscribers."""
        self.dismiss()
