"""Starting a production: the seats it may use, its PINs until it has begun, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Button, Label, SelectionList
from textual.widgets.selection_list import Selection

from batch.model.states import ItemState
from station.exit_codes import ExitCode
from station.tui.acts import Act, Outcome
from station.tui.dialogs.act import ActDialog
from station.tui.dialogs.base import Choice, Dialog, back
from station.tui.producing import Producing
from station.tui.state_words import seat_kind
from station.tui.widgets.facts import Facts
from station.tui.words import N_, _


class ChooseSeats(Dialog[tuple[str, ...]]):
    """Dismissed with the seats a production may use, at least one; all are on."""

    BINDINGS = [Binding("enter", "start", N_("Start"), priority=True)]

    def __init__(self, title: str, seats: Sequence[tuple[str, str]]) -> None:
        """`seats` are names with what is known of each."""
        super().__init__(title, (back(), Choice(_("Start"), ())))
        self._seats = tuple(seats)

    def body(self) -> ComposeResult:
        yield Label(_("Space leaves a seat out; Enter starts."))
        rows = [Selection(Content(f"{name}  {known}".rstrip()), name, True) for name, known in self._seats]
        yield SelectionList[str](*rows, id="seats")

    def on_mount(self) -> None:
        """The seats have the focus."""
        self.set_focus(self.query_one("#seats"))

    def action_start(self) -> None:
        """Enter starts, unless it is on the way back."""
        button = self.focused
        if isinstance(button, Button):
            button.press()
        else:
            self._take()

    def chosen(self, choice: Choice[tuple[str, ...] | None]) -> None:
        if choice.value is None:
            self.dismiss(None)
        else:
            self._take()

    def _take(self) -> None:
        chosen = self.query_one("#seats", SelectionList).selected
        if chosen:
            self.dismiss(tuple(name for name, _known in self._seats if name in chosen))
        else:
            self.notify(_("Choose one seat at least."), severity="warning")


class StartDialog(ActDialog):
    """Asks what a production needs; dismissed when it has begun, else with how it ended."""

    def __init__(self, title: str, producing: Producing, begun: Callable[[], bool]) -> None:
        """`begun` tells whether its feed can be watched."""
        super().__init__(title, ())
        self._producing, self._begun = producing, begun

    def start(self) -> Act:
        """It runs already, and goes on when this dialog is closed."""
        self._producing.heard = self._heard
        self.run_worker(self._producing.outcome(), name="act", exit_on_error=False)
        self.set_interval(0.1, self._look)
        return self._producing.act

    def on_unmount(self, _event: events.Unmount) -> None:
        """Nobody is asked any more."""
        self._producing.heard = None

    def _look(self) -> None:
        if self.is_current and self._begun():
            self.dismiss(Outcome(ExitCode.OK, ""))


class ProductionResult(Dialog[None]):
    """How a production ended, and what comes next."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(_("The production has ended"), (Choice(_("Close"), None),))
        self._outcome = outcome

    def body(self) -> ComposeResult:
        yield Facts(id="result")
        failed = self._outcome.failed
        if failed is not None:
            yield Label(f"✗ {failed.what}", classes="failed", markup=False)
        for line in following(self._outcome):
            yield Label(_("Next: {what}").format(what=line), markup=False)

    def on_mount(self) -> None:
        """What became of the order."""
        told = self._outcome.document or {}
        self.query_one(Facts).tell(facts_of(told))


def facts_of(told: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """What `station produce --json` tells, as names and words."""
    wanting = _("{number} that want a {kind}")
    unseated = ", ".join(
        wanting.format(number=count, kind=seat_kind(driver))
        for driver, count in told.get("unseated", {}).items()
    )
    stopped = "; ".join(f"{seat}: {reason}" for seat, reason in told.get("stopped_lanes", {}).items())
    return [
        (_("Order"), told.get("order")),
        (_("Tokens"), counted(told.get("items", {})) or None),
        (_("Stopped lanes"), stopped or None),
        (_("In quarantine"), ", ".join(told.get("quarantined", ())) or None),
        (_("Begun, not finished"), "; ".join(told.get("missing", ())) or None),
        (_("No seat for"), unseated or None),
    ]


def counted(items: Mapping[str, int] | Mapping[ItemState, int]) -> str:
    """Items by state in words, those of nothing left out."""
    return ", ".join(f"{number} {_(state)}" for state, number in items.items() if number)


def following(outcome: Outcome) -> list[str]:
    """What is to be done after a production, the most urgent first."""
    if outcome.failed is not None:
        return [outcome.failed.next] if outcome.failed.next else []
    told = outcome.document or {}
    items = told.get("items", {})
    lines = []
    if told.get("missing"):
        lines.append(_("put the begun tokens back into a reader, and start the order again (s)"))
    elif items.get(ItemState.PLANNED):
        lines.append(_("start the order again (s); it goes on from here"))
    if told.get("quarantined"):
        lines.append(_("decide about the tokens in quarantine (F8)"))
    if not lines:
        lines.append(_("send the tokens (F5)"))
    return lines
