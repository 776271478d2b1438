"""What the screens of all areas have in common: two lines at the top, keys at the bottom, loading, acting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual import events, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Input, Label
from textual.worker import Worker, WorkerState

from batch.model.scans import plain
from batch.people.acting import register_of, why_not
from batch.people.separation import RULES, Act, Before, same
from batch.store.clock import now
from batch.store.database import Records
from drivers.errors import ToldError
from layouts.scans import Kind
from station.tui.acts import Outcome
from station.tui.dialogs.act import ActDialog
from station.tui.dialogs.asking import AskNumber
from station.tui.dialogs.choosing import Choose
from station.tui.keys import spoken_keys
from station.tui.known_numbers import known
from station.tui.session import names_others
from station.tui.widgets.bars import AreaBar, StationBar
from station.tui.widgets.key_bar import KeyBar
from station.tui.widgets.secret_field import SecretField
from station.tui.words import _
from station.wiring import Desk

if TYPE_CHECKING:
    from station.tui.app import StationApp

_T = TypeVar("_T")


ACTS = ("act", "wish", "start", "login", "scan", "scan-found", "entry", "narrow")
"""Groups of workers that do what was asked; what keeps one from it is told, and ends nothing."""


class DeskScreen(Screen[None]):
    """One area. `content` says what it is made of, `load` reads it again: when it opens, after each act, and
    when the records changed.
    """

    area: ClassVar[str]
    """Its name in `station.tui.areas`."""

    help: ClassVar[str] = ""
    """What this area is for and how it is used, in a few lines; translated where it is shown."""

    scans: ClassVar[tuple[Kind, ...]] = (Kind.LETTER, Kind.TOKEN)
    """The bar codes that mean something here."""

    def __init__(self) -> None:
        super().__init__()
        self._bindings = spoken_keys(self._bindings)

    def content(self) -> ComposeResult:
        """What stands between the bars."""
        yield from ()

    async def load(self) -> None:
        """Read what is shown; runs in a worker that a later one cuts off."""

    def scanned(self, text: str) -> None:
        """A number was typed or scanned where no field had the focus; the token of it, if not said else."""
        self.station.find(text)

    def compose(self) -> ComposeResult:
        yield StationBar()
        yield AreaBar(self.area)
        with Vertical(id="desk"):
            yield from self.content()
        yield Label("", id="trouble", markup=False)
        yield Label("", id="guide", markup=False)
        yield KeyBar()

    @property
    def station(self) -> StationApp:
        """The application this is a part of."""
        return cast("StationApp", self.app)

    def on_screen_resume(self) -> None:
        """Show what is on record at this moment."""
        self.reload()

    def reload(self) -> None:
        """Have everything read again, in the place of what is being read."""
        self.show_who()
        self._load()

    def bench_changed(self) -> None:
        """A production told something; comes some ten times a second at most."""
        self.show_who()

    def show_who(self) -> None:
        """Bring the top line up to date."""
        for bar in self.query(StationBar):
            bar.left, bar.right = self.station.who_and_where(self.area)

    async def read(self, read: Callable[[Desk, Records], _T]) -> _T:
        """Ask the reading thread; raises what `read` raises."""
        return await self.station.reader.read(read)

    async def act(self, title: str, *arguments: str, show: bool = False, checks: bool = False) -> Outcome:
        """Carry a command out in a dialog, from a worker; what is shown is read again afterwards."""
        guard = self.station.guard
        # Another's token in the seat is not the operator's own that left it.
        watched = names_others(arguments) and await guard.stop()
        outcome = await self.app.push_screen_wait(ActDialog(title, arguments, show=show, checks=checks))
        if watched and self.station.operator is not None:
            guard.start()
        await self.station.acted(outcome)
        self.reload()
        return outcome

    async def partner(self, act: Act, *but: str) -> str | None:
        """Who does an act with whoever is logged in: chosen among those who may, none of `but`; else None."""
        mine = [self.station.operator or "", *but]

        def others(_desk: Desk, records: Records) -> list[str]:
            active = register_of(records).active(now())
            able = [one.name for one in active if RULES[act].roles & one.roles]
            return [name for name in able if not any(same(name, other) for other in mine)]

        names = sorted(await self.read(others), key=str.casefold)
        title = _("Who does this with you?")
        return await self.app.push_screen_wait(Choose(title, [(name, name) for name in names]))

    async def may(self, act: Act, where: str, before: Before | None = None) -> bool:
        """Whether who is logged in may do an act; says why not."""
        name = self.station.operator
        if name is None:
            self.app.bell()
            self.notify(_("Nobody is logged in."), severity="warning")
            return False

        def ask(_desk: Desk, records: Records) -> str | None:
            refused = why_not(records, name, act, where=where, before=before)
            return None if refused is None else "; ".join(filter(None, (refused.what, refused.next)))

        refused = await self.read(ask)
        if refused is not None:
            self.notify(refused, title=_("Not for you to do"), severity="warning", markup=False)
        return refused is None

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """What kept an act from being begun is told; nothing else is expected."""
        error = event.worker.error
        if event.worker.group in ACTS and event.state is WorkerState.ERROR and error is not None:
            if not isinstance(error, ToldError):
                raise error
            text = "\n".join(filter(None, (str(error), error.next)))
            self.notify(text, severity="warning", markup=False)

    async def on_key(self, event: events.Key) -> None:
        """A digit or capital where no field has the focus is the first of a scan."""
        letter = event.character or ""
        typing = isinstance(self.focused, Input | SecretField)
        if not typing and len(letter) == 1 and letter.isascii() and (letter.isdigit() or letter.isupper()):
            event.stop()
            begun, entered, _rest = (letter + await self.station.scanned_ahead()).partition("\r")
            if entered:
                self.take_scan(begun)
            else:
                label = _("A number, typed or scanned")
                self.app.push_screen(AskNumber(_("Find"), label, begun), self.take_scan)

    def take_scan(self, typed: str | None) -> None:
        """Look up what was typed or scanned, if anything."""
        number = (typed or "").strip()
        if number:
            self._look_up(number)

    @work(group="scan", exclusive=True, exit_on_error=False)
    async def _look_up(self, number: str) -> None:
        wanted = plain(number, *self.scans)
        if await self.read(lambda _desk, records: known(records, number)):
            # Where forms are meant as well, only the scan tells them from letters.
            self.scanned(number if Kind.FORM in self.scans else wanted)
        else:
            self.notify(_("Nothing on record has that number."), severity="warning", markup=False)

    @work(group="load", exclusive=True, exit_on_error=False)
    async def _load(self) -> None:
        trouble = self.query_one("#trouble", Label)
        try:
            await self.load()
        except ToldError as error:
            trouble.update(f"✗ {error}")
            trouble.display = True
        else:
            trouble.display = False
        await self.guide()

    async def guide(self) -> None:
        """Tell the next step, at a desk to practise at."""
        told = await self.station.next_step()
        label = self.query_one("#guide", Label)
        label.display = bool(told)
        if told:
            label.update(f"→ {told}")


def words(parts: Sequence[str | None], between: str = " · ") -> str:
    """What there is of some words, with something between them."""
    return between.join(part for part in parts if part)
