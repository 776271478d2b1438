"""The demo order in a real terminal, from its file to its tokens, by keys only."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from simulators.bench import Bench
from station.simulated_desk import REGISTRY, SAMPLE
from tests.conftest import need, need_bench
from tests.tui.tmux import Tmux, terminal

ORDER = "2026-0001"
STATION = (sys.executable, "-m", "station")


@dataclass
class Desk:
    """A simulated desk and somebody at its screen."""

    told: dict[str, Any]
    tmux: Tmux
    folder: Path

    @property
    def home(self) -> Path:
        return Path(self.told["home"])

    @property
    def bench(self) -> Bench:
        return Bench(Path(self.told["bench"]["directory"]))

    def pin(self, name: str) -> str:
        """The PIN of somebody's token, or of a key token."""
        people = {one["name"]: one["pin"] for one in self.told["people"]}
        return str((people | self.told["keys"])[name])

    def log_in(self, name: str) -> None:
        """Choose one's name and type one's PIN."""
        self.tmux.sees("choose your name", "ben")
        self.tmux.type(name)
        self.tmux.press("Enter")
        self.give_pin(name)
        self.tmux.sees("[F2Bench]", f"{name} (")

    def give_pin(self, name: str) -> None:
        """Type somebody's PIN when it is asked for."""
        self.tmux.sees(f"PIN of {'the ' if name in self.told['keys'] else ''}{name}")
        self.tmux.type(self.pin(name))
        self.tmux.press("Enter")

    def change_over(self, name: str) -> None:
        """Somebody else comes to the screen."""
        self.tmux.press("C-l")
        self.log_in(name)

    def pick(self, path: Path) -> None:
        """Paste a path into the file picker."""
        self.tmux.sees("^a shows all files")
        self.tmux.paste(str(path))
        self.tmux.sees(path.name)
        self.tmux.press("Enter")

    def choose(self, button: str, place: int) -> None:
        """Go from the safe button to another, and press it."""
        self.tmux.sees(button)
        self.tmux.press(*["Right"] * place, "Enter")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk as `station demo --prepare` founds it, its screen opened in a terminal of 100 by 30."""
    need("tmux")
    need_bench()
    prepare = [*STATION, "demo", "--prepare", "--dir", str(tmp_path / "desk"), "--pace", "fast", "--json"]
    told = json.loads(subprocess.run(prepare, capture_output=True, check=True, text=True).stdout)
    with terminal(tmp_path) as tmux:
        made = Desk(told, tmux, tmp_path)
        try:
            tmux.start(STATION, {"LANG": "C.UTF-8", **told["environment"]}, 100, 30)
            yield made
        finally:
            made.bench.down()


def test_the_demo_order_goes_from_its_file_to_its_tokens_by_keys(desk: Desk) -> None:
    tmux = desk.tmux
    take_in_and_approve(desk)

    desk.change_over("olga")
    tmux.press("s")
    tmux.sees("Which order?", ORDER)
    tmux.press("Enter")
    tmux.sees("which seats?", "piv-1", "usb-2")
    tmux.press("Enter")
    desk.give_pin("olga")
    for name in ("bench", "ca"):
        desk.give_pin(name)
    tmux.sees("The production has ended", "24 produced")
    tmux.press("Enter")
    tmux.sees_no("The production has ended")

    tmux.press("C-q")
    desk.choose("Leave the screen?", 1)
    tmux.sees("ended 0")


def take_in_and_approve(desk: Desk) -> None:
    """The registry and the order come in by one person; another approves."""
    tmux = desk.tmux
    desk.log_in("olga")
    tmux.press("F9")
    tmux.sees("No subscribers yet")
    tmux.press("i")
    desk.pick(REGISTRY)
    desk.choose("Take it in", 1)
    tmux.sees("✓ active")
    tmux.press("F3")
    tmux.sees("No orders yet")
    tmux.press("i")
    desk.pick(SAMPLE)
    tmux.sees("no faults", "24 tokens")
    tmux.press("Right", "Right", "Enter")
    desk.give_pin("olga")
    tmux.sees("· received")
    tmux.press("a")
    tmux.sees("Nothing refuses it")
    tmux.press("Enter")
    tmux.sees_no("Nothing refuses it")
    tmux.sees("· assessed")
    tmux.press("y")
    tmux.sees("Not for you to do", "olga is no approver")

    desk.change_over("bert")
    tmux.press("F3")
    tmux.sees(ORDER)
    tmux.press("y")
    tmux.sees(f"Approve order {ORDER}?")
    tmux.press("Right", "Enter")
    desk.give_pin("bert")
    tmux.sees("✓ approved")
