"""How whoever is logged in likes the screen: theme, language, bell, and the folder files come from."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace
from textual import work

from station.exit_codes import ExitCode
from station.home import Home
from station.tui import preferences
from station.tui.areas import AREAS, LOGIN, area
from station.tui.drawn_app import DrawnApp
from station.tui.keys import spoken_keys
from station.tui.reading import Reader
from station.tui.themes import NAMES, THEMES
from station.tui.under_way import UnderWay
from station.tui.words import speak, spoken


class LikedApp(DrawnApp[ExitCode]):
    """Keeps what its operator prefers, and looks and speaks so; what it is opened at, `StationApp` says."""

    home: Path
    operator: str | None
    reader: Reader
    under_way: UnderWay

    _liking: preferences.Preferences

    def __init__(self) -> None:
        super().__init__()
        self._prefer(preferences.unknown())

    @property
    def liking(self) -> preferences.Preferences:
        """How who is logged in likes the screen."""
        return self._liking

    @property
    def folder(self) -> Path:
        """Where a file was picked last."""
        return Path(self._liking.folder) if self._liking.folder else Path.home()

    def remember_folder(self, folder: Path) -> None:
        """Begin there when a file is picked next."""
        self._liking = replace(self._liking, folder=str(folder))
        self.run_worker(self._keep_liking(self._liking), group="liking", exit_on_error=False)

    def call_attention(self) -> None:
        """Somebody is needed: the bell, where it is wanted."""
        if self._liking.bell:
            self.bell()

    def _prefer(self, liking: preferences.Preferences) -> None:
        self._liking = liking
        speak(liking.language)
        self._bindings = spoken_keys(self._merged_bindings or self._bindings)
        self.theme = liking.theme if liking.theme in NAMES else THEMES[0].name

    @work(group="liking", exit_on_error=False)
    async def prefer(self, liking: preferences.Preferences) -> None:
        """Keep what was chosen, and show it."""
        await self._keep_liking(liking)
        await self.speak_to(self.operator)

    async def _keep_liking(self, liking: preferences.Preferences) -> None:
        name = self.operator
        # By the reading thread, because the home's disk may hang.
        await self.reader.read(lambda _desk, _records: preferences.keep(Home(self.home), name, liking))

    async def _liking_of(self, name: str | None) -> preferences.Preferences:
        return await self.reader.read(lambda _desk, _records: preferences.of_operator(Home(self.home), name))

    async def speak_to(self, name: str | None) -> None:
        """Show everything as somebody likes it; None: as it is until anybody has logged in."""
        before = spoken()
        self._prefer(await self._liking_of(name))
        if spoken() != before:
            await self._renew_screens()

    async def _renew_screens(self) -> None:
        """Make every screen anew, in the language in use; the area that is open stays open."""
        opened = self.current_mode
        acting = {one.mode for one in self.under_way.dialogs}
        for one in AREAS:
            if one.name not in acting and one.name != opened:
                await self.remove_mode(one.name)
                self.add_mode(one.name, one.open)
        if (here := area(opened)) is not None and opened not in acting:
            await self.switch_mode(LOGIN)
            await self.remove_mode(opened)
            self.add_mode(opened, here.open)
            await self.switch_mode(opened)
