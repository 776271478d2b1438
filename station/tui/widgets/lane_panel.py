"""One lane on the bench: what the hands are to do, whose token it is, which step runs and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.markup import escape
from textual.containers import Container
from textual.geometry import Size
from textual.reactive import reactive

from station.tui.instructions import SIGNS, Instruction
from station.tui.widgets.large_text import largest
from station.tui.widgets.lines import Line, Lines

_CORNERS = 6
"""Columns of a border that its title cannot have."""

_LARGE = 5
"""Lines from which on an instruction is set in large letters, where they fit."""


@dataclass(frozen=True)
class PanelFacts:
    """What a panel shows. `number` is the token in hand, `whose` who it is for; `step` in words, running for
    `elapsed` seconds, `done` of the token's `of` steps before it.
    """

    seat: str
    instruction: Instruction
    number: str = ""
    whose: str = ""
    step: str = ""
    elapsed: int | None = None
    done: int = 0
    of: int = 0


class LanePanel(Lines, can_focus=True):
    """Draws `facts` in whatever room it has; the seat and the sign of its state stand in its border."""

    DEFAULT_CSS = "LanePanel { border: round $secondary; padding: 0 1; }"

    facts: reactive[PanelFacts | None] = reactive(None, layout=False, repaint=False)

    def __init__(self) -> None:
        super().__init__()
        self._entitled = ("", "")

    def watch_facts(self) -> None:
        """Tell them, and name seat and state in the border."""
        if self.facts is not None:
            for kind in SIGNS:
                self.set_class(kind == self.facts.instruction.kind, f"-{kind}")
        self.tell()

    def tell(self) -> None:
        """Show the facts in the room there is."""
        super().tell()
        entitled = _titles(self.facts, self.size.width) if self.facts is not None else ("", "")
        if entitled != self._entitled:
            self._entitled = entitled
            # They are markup there.
            self.border_title, self.border_subtitle = map(escape, entitled)

    def lines_for(self, room: Size) -> list[Line]:
        told, below = lines(self.facts, room) if self.facts is not None else ([], [])
        return [*(Line(one, bold=True) for one in told), *map(Line, below)]


def _titles(facts: PanelFacts, wide: int) -> tuple[str, str]:
    """What stands in the upper and the lower border of a panel of so many columns inside."""
    title, state = f"{facts.instruction.sign} {facts.seat}", facts.instruction.state
    if cell_len(f"{title} {facts.number}") + _CORNERS <= wide:
        title = f"{title} {facts.number}".rstrip()
    elif facts.number:
        state = facts.number
    return title, state


def lines(facts: PanelFacts, room: Size) -> tuple[list[str], list[str]]:
    """The lines of a panel of a size in columns and lines: the instruction, and what is below it."""
    wide, high = room
    if wide <= 0 or high <= 0:
        return [], []
    instruction = facts.instruction
    if high >= _LARGE:
        below = _below(facts, wide, high // 2)
        above = high - len(below) - 1
        drawn = largest(instruction.text, Size(wide, above), as_written=instruction.keyed)
        block = _folded(drawn, wide) if drawn == instruction.text else drawn.splitlines()
        block = [*[""] * max(0, (above - len(block)) // 2), *_centred(block, wide)]
        return [*block, *[""] * (high - len(block) - len(below))], below
    told = _folded(instruction.text, wide)
    if len(told) > (high + 1) // 2:
        told = [_fitted(instruction.short, wide)]
    return told, _below(facts, wide, high - len(told))


def _below(facts: PanelFacts, wide: int, room: int) -> list[str]:
    """What stands below the instruction, in so many lines at most."""
    step = "" if facts.elapsed is None else f"{facts.step} · {told_time(facts.elapsed)}"
    share = f"{facts.done}/{facts.of}" if facts.of else ""
    if room == 1 and step:
        step = f"{share} {step}".strip()
    bar = f"{bar_of(facts.done, facts.of, wide - len(share) - 1)} {share}" if facts.of else ""
    detail = " ".join(facts.instruction.detail.split())
    wanted = [line for line in (detail, step, facts.whose, bar) if line][: max(0, room)]
    shown = [line for line in (facts.whose, step, bar) if line in wanted]
    if detail in wanted:
        spare = 1 + room - len(wanted)
        folded = _folded(detail, wide)
        shown += folded[:spare] if len(folded) <= spare else [*folded[: spare - 1], detail]
    return [_fitted(line, wide) for line in shown]


def bar_of(done: int, of: int, wide: int) -> str:
    """A bar of so many columns; done and open parts differ in shape."""
    full = wide * min(done, of) // of if of else 0
    return "━" * full + "─" * (wide - full)


def told_time(seconds: float) -> str:
    """A time under way, such as `12 s` or `3:05`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _fitted(line: str, wide: int) -> str:
    return line if cell_len(line) <= wide else set_cell_size(line, wide - 1).rstrip() + "…"


def _folded(text: str, wide: int) -> list[str]:
    folded: list[str] = []
    for word in text.split():
        if folded and cell_len(folded[-1]) + 1 + cell_len(word) <= wide:
            folded[-1] += f" {word}"
        else:
            folded.append(_fitted(word, wide))
    return folded


def _centred(block: Sequence[str], wide: int) -> list[str]:
    margin = max(0, (wide - max(map(cell_len, block), default=0)) // 2)
    return [" " * margin + line for line in block]


class PanelGrid(Container):
    """All lanes, in as many columns as leave each the most room."""

    DEFAULT_CSS = "PanelGrid { layout: grid; height: 1fr; grid-gutter: 0; }"

    def on_resize(self) -> None:
        """Choose the columns anew."""
        self.share_out()

    def share_out(self) -> None:
        """Give all panels their place."""
        count = len(self.children)
        if not count or not self.size.area:
            return
        across = columns(count, self.size)
        down = -(-count // across)
        self.styles.grid_size_columns = across
        self.styles.grid_size_rows = down


def columns(count: int, room: Size) -> int:
    """In how many columns so many panels go into a room, so that the narrowest side of each is as good as can
    be; a good panel is four times as wide as it is high.
    """

    def fit(across: int) -> float:
        down = -(-count // across)
        return min(room.width // across / 4, room.height // down)

    return max(range(1, count + 1), key=fit)
