"""What is typed at the screen is nowhere but there, however the screen ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from station.exit_codes import ExitCode
from tests.tui.tmux import terminal

CRASHES = """
from station.cli import main
from station.tui.widgets.secret_field import SecretField
def take(self, character):
    raise LookupError(character)
SecretField._take = take
main()
"""


def test_a_screen_that_ends_unexpectedly_says_so_and_shows_nothing_of_what_was_typed(
    home: Path, tmp_path: Path
) -> None:
    script = tmp_path / "crashes.py"
    script.write_text(CRASHES)
    with terminal(tmp_path) as tmux:
        tmux.start([sys.executable, str(script), "--home", str(home), "screen"], _environment(), 100, 200)
        tmux.sees("olga")
        tmux.type("o")
        tmux.press("Enter")
        tmux.sees("assphrase of olga")
        tmux.paste("correct-horse-battery")
        told = tmux.sees("unexpected LookupError", "report this as a bug", "ended 1")
        assert "horse" not in told
        assert "Traceback" not in told


def test_no_variable_has_the_keys_written_down(home: Path, tmp_path: Path) -> None:
    asked = {"TEXTUAL": "debug,devtools", "TEXTUAL_DEBUG": "1", "TEXTUAL_LOG": str(tmp_path / "log")}
    work = tmp_path / "work"
    work.mkdir()
    with terminal(tmp_path) as tmux:
        command = ["env", "-C", str(work), sys.executable, "-m", "station", "--home", str(home), "screen"]
        tmux.start(command, _environment() | asked, 100, 30)
        tmux.sees("olga")
        tmux.type("o")
        tmux.press("Enter")
        tmux.sees("assphrase of olga")
        tmux.type("battery")
        tmux.sees("•••••••")
    assert list(work.iterdir()) == []
    assert not (tmp_path / "log").exists()


def _environment() -> dict[str, str]:
    return {"LANG": "C.UTF-8", "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm-256color"}


def test_without_a_terminal_no_screen_is_drawn(home: Path) -> None:
    command = [sys.executable, "-m", "station", "--home", str(home), "screen"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == ExitCode.USAGE
    assert "needs a terminal" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_a_terminal_that_cannot_draw_is_told_so(home: Path, tmp_path: Path) -> None:
    with terminal(tmp_path) as tmux:
        command = [sys.executable, "-m", "station", "--home", str(home), "screen"]
        tmux.start(command, _environment() | {"TERM": "dumb"}, 100, 30)
        tmux.sees("TERM is dumb", f"ended {ExitCode.USAGE}")


def test_a_locale_that_has_not_its_signs_is_told_so(home: Path, tmp_path: Path) -> None:
    with terminal(tmp_path) as tmux:
        command = [sys.executable, "-m", "station", "--home", str(home), "screen"]
        poor = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        tmux.start(command, _environment() | poor, 100, 30)
        tmux.sees("the locale is not UTF-8", f"ended {ExitCode.USAGE}")
