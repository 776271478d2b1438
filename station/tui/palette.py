"""Every act of every area in the command palette."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace
from textual.app import SystemCommand
from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider

from station.tui.areas import AREAS, Area
from station.tui.themes import NAMES
from station.tui.words import LANGUAGES, _

if TYPE_CHECKING:
    from station.tui.app import StationApp


@dataclass(frozen=True)
class _Offer:
    area: Area
    binding: Binding | None

    @property
    def text(self) -> str:
        title = _(self.area.title)
        return title if self.binding is None else f"{title}: {_(self.binding.description)}"

    @property
    def help(self) -> str:
        key = self.area.key if self.binding is None else f"{self.area.key} {self.binding.key}"
        return _("Keys: {keys}").format(keys=key)


class DeskCommands(Provider):
    """Areas, and what can be done in each; choosing an act opens its area first."""

    async def discover(self) -> Hits:
        for offer in _offers():
            yield DiscoveryHit(offer.text, partial(self._choose, offer), help=offer.help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for offer in _offers():
            if score := matcher.match(offer.text):
                yield Hit(score, matcher.highlight(offer.text), partial(self._choose, offer), help=offer.help)

    async def _choose(self, offer: _Offer) -> None:
        app = cast("StationApp", self.app)
        app.action_open(offer.area.name)
        if offer.binding is not None:
            action = offer.binding.action
            app.call_after_refresh(lambda: app.screen.run_action(action))


def _offers() -> Iterator[_Offer]:
    for area in AREAS:
        yield _Offer(area, None)
        for binding in area.type.BINDINGS:
            if isinstance(binding, Binding) and binding.description and binding.show:
                yield _Offer(area, binding)


def system_commands(app: StationApp) -> Iterator[SystemCommand]:
    """Themes, languages, locking and leaving, the bell."""
    for theme, title in NAMES.items():
        name = _("Theme: {name}").format(name=_(title))
        yield SystemCommand(name, _("Colours of the screen"), _Choosing(app, theme=theme))
    for language, title in LANGUAGES.items():
        name = _("Language: {name}").format(name=title)
        yield SystemCommand(name, _("Words of the screen"), _Choosing(app, language=language))
    yield SystemCommand(_("Lock"), _("Keys: {keys}").format(keys="^l"), app.action_lock)
    yield SystemCommand(_("Leave"), _("Keys: {keys}").format(keys="^q"), app.action_leave)
    bell = _("Bell: off") if app.liking.bell else _("Bell: on")
    yield SystemCommand(bell, _("When the bench needs you"), _Choosing(app, bell=not app.liking.bell))


class _Choosing:
    """Changes one preference when it is called."""

    def __init__(self, app: StationApp, **changes: Any) -> None:
        self._app, self._changes = app, changes

    def __call__(self) -> None:
        """Change it, and keep it."""
        self._app.prefer(replace(self._app.liking, **self._changes))
