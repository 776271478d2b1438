"""What every dialog has: a title, one column, buttons of which the safe one has the focus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from rich.console import RenderableType
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import ModalScreen
from textual.widgets import Button, Label

from station.tui.widgets.shade import Shade
from station.tui.words import N_, _

if TYPE_CHECKING:
    from station.tui.app import StationApp

Value = TypeVar("Value")
Value_co = TypeVar("Value_co", covariant=True)


class StationModal(ModalScreen[Value]):
    """A modal screen of the station's screen; what lies beneath stays in sight."""

    def render(self) -> RenderableType:
        ground = super().render()
        return Shade(ground.screen, ground.color) if isinstance(ground, BackgroundScreen) else ground

    @property
    def station(self) -> StationApp:
        """The application this is a part of."""
        return cast("StationApp", self.app)


@dataclass(frozen=True)
class Choice(Generic[Value_co]):
    """A button: what stands on it, what the dialog is dismissed with, and whether it cannot be undone."""

    label: str
    value: Value_co
    grave: bool = False


class Dialog(StationModal[Value | None]):
    """Dismissed with a value, or None by Escape; subclasses say what is between title and buttons."""

    AUTO_FOCUS = "#choice-0"
    BINDINGS = [
        Binding("escape", "leave", N_("Back"), show=False),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]

    def __init__(self, title: str, choices: tuple[Choice[Value | None], ...]) -> None:
        """The first choice is the safe one."""
        super().__init__()
        self.heading, self.choices = title, choices

    def body(self) -> ComposeResult:
        """What stands between title and buttons."""
        yield from ()

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", can_focus=False):
            yield Label(self.heading, classes="dialog--title", markup=False)
            yield from self.body()
            with Horizontal(classes="dialog--buttons"):
                for place, choice in enumerate(self.choices):
                    button = Button(choice.label, id=f"choice-{place}", compact=True)
                    button.variant = "error" if choice.grave else "default"
                    yield button

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A choice was made."""
        event.stop()
        _before, _dash, place = (event.button.id or "").partition("choice-")
        if place:
            self.chosen(self.choices[int(place)])

    def chosen(self, choice: Choice[Value | None]) -> None:
        """Dismissed with what was chosen."""
        self.dismiss(choice.value)

    def action_leave(self) -> None:
        """Go back; nothing is done."""
        self.dismiss(None)


def back() -> Choice[None]:
    """The safe choice of most dialogs."""
    return Choice(_("Back"), None)
