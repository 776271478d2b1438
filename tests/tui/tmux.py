"""A real terminal, tmux's: what is on it, and a person's and a scanner's keys."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 300.0
"""Seconds within which anything must have come on the screen of a busy machine."""


class Tmux:
    """One terminal of a tmux server of its own."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "tmux"

    def start(self, command: Sequence[str], environment: Mapping[str, str], columns: int, lines: int) -> None:
        """Run a command in it; the terminal stays with what was last on it."""
        told = [f"{name}={value}" for name, value in environment.items()]
        size = ("-x", str(columns), "-y", str(lines))
        # Without a line of tmux's own, all of it is the program's.
        line = ("start-server", ";", "set-option", "-g", "status", "off", ";")
        self._tmux(
            *line, "new-session", "-d", *size, f"{shlex.join(['env', *told, *command])}; echo ended $?; cat"
        )

    def stop(self) -> None:
        """Have all of it gone."""
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], capture_output=True, check=False)

    @property
    def text(self) -> str:
        """What is on the screen."""
        return self._tmux("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names for them, such as `Enter`, `C-l`, `F2`."""
        self._tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        """Type a text at once, as a scanner does."""
        self._tmux("send-keys", "-l", text)

    def paste(self, text: str) -> None:
        """Paste a text, as a person does with a path."""
        self._tmux("set-buffer", text, ";", "paste-buffer", "-p")

    def sees(self, *texts: str) -> str:
        """Wait until all of these are on the screen; what is on it then."""
        latest = time.monotonic() + PATIENCE
        while not all(text in (found := self.text) for text in texts):
            assert time.monotonic() < latest, f"waited in vain for {texts}; on the screen:\n{found}"
        return found

    def sees_no(self, text: str) -> None:
        """Wait until this is on the screen no more."""
        latest = time.monotonic() + PATIENCE
        while text in self.text:
            assert time.monotonic() < latest, f"still there: {text}; on the screen:\n{self.text}"

    def either(self, *texts: str) -> str:
        """Wait until one of these is on the screen; which."""
        latest = time.monotonic() + PATIENCE
        while not (there := [text for text in texts if text in self.text]):
            assert time.monotonic() < latest, f"waited in vain for {texts}; on the screen:\n{self.text}"
        return there[0]

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-S", str(self._socket), "-f", os.devnull, *arguments]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout


@contextmanager
def terminal(folder: Path) -> Iterator[Tmux]:
    """A terminal that is gone at the end."""
    tmux = Tmux(folder)
    try:
        yield tmux
    finally:
        tmux.stop()
