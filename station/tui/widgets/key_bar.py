"""The line at the bottom of every screen: the keys that work, and at its end the one for all commands."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.app import RenderResult
from textual.binding import ActiveBinding, Binding
from textual.screen import Screen
from textual.widget import Widget


class KeyBar(Widget):
    """One line drawn at once; a click presses the key under it.

    Textual's own footer makes a widget of each key whenever the focus moves, and takes longer for it than
    all else that answers a key takes.
    """

    DEFAULT_CSS = """
    KeyBar { dock: bottom; height: 1; background: $panel; color: $foreground; }
    KeyBar > .keys--key { color: $accent; text-style: bold; }
    KeyBar > .keys--off { text-style: dim; }
    """
    COMPONENT_CLASSES = {"keys--key", "keys--off"}
    ALLOW_SELECT = False

    def on_mount(self) -> None:
        """Drawn again whenever other keys work."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        if screen is self.screen:
            self.refresh()

    def render(self) -> RenderResult:
        there = self.screen.active_bindings
        shown: dict[str, ActiveBinding] = {}
        for one in there.values():
            if one.binding.show:
                shown.setdefault(one.binding.action, one)
        commands = there.get(self.app.COMMAND_PALETTE_BINDING)
        end = Text("▏") + self._word(commands.binding, True) if commands else Text()
        keys = Text(no_wrap=True)
        for one in shown.values():
            keys.append(" ").append_text(self._word(one.binding, one.enabled)).append(" ")
        keys.truncate(self.size.width - end.cell_len - 1, pad=True, overflow="crop")
        return keys + end

    def _word(self, binding: Binding, works: bool) -> Text:
        """A key and what it does; where it stands the mouse finds it again."""
        key = self.get_component_rich_style("keys--key")
        word = Text.assemble((self.app.get_key_display(binding), key), " ", binding.description)
        if not works:
            word.stylize(self.get_component_rich_style("keys--off"))
        else:
            word.apply_meta({"key": binding.key})
        return word

    def on_click(self, event: events.Click) -> None:
        """Press the key that stands there."""
        pressed = event.style.meta.get("key")
        if pressed:
            self.app.simulate_key(pressed)
