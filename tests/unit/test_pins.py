"""PINs come from a descriptor, a private file or the terminal, and show up nowhere."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.secret import Secret
from station.asking import AtTerminal
from station.errors import PinUnavailable
from station.pins import PinSource
from tests.unit.screen_kit import Nobody, Person

PROMPTED = {"custody": "prompt", "bench": "prompt", "ca": "prompt"}


def delivering(text: str) -> int:
    """A descriptor that delivers `text` and ends."""
    ours, theirs = os.pipe()
    os.write(theirs, text.encode())
    os.close(theirs)
    return ours


def private(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_the_descriptor_goes_before_file_and_prompt_and_is_read_once(tmp_path: Path) -> None:
    file = private(tmp_path / "pin", "from-file\n")
    descriptor = delivering("custody 12 34\n\nbench 5678\n")
    source = PinSource({**PROMPTED, "custody": f"file:{file}"}, descriptor, asking=Nobody())
    assert source.pin("custody") == Secret.text("12 34")
    assert source.pin("bench") == Secret.text("5678")
    assert source.pin("custody") == Secret.text("12 34")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_what_the_descriptor_lacks_comes_from_file_or_prompt(tmp_path: Path) -> None:
    file = private(tmp_path / "pin", "from-file\r\n")
    person = Person(b"typed")
    source = PinSource({**PROMPTED, "bench": f"file:{file}"}, delivering("custody 1234\n"), asking=person)
    assert source.pin("bench") == Secret.text("from-file")
    assert source.pin("ca") == Secret.text("typed")
    assert person.asked == [("ca", "PIN of the ca token", False)]


@pytest.mark.parametrize("line", ["998877", "custody ", "custody"])
def test_a_line_that_is_not_understood_is_refused_without_showing_it(line: str) -> None:
    source = PinSource(PROMPTED, delivering(f"bench 1234\n{line}\n"), asking=Nobody())
    with pytest.raises(PinUnavailable, match="line 2") as caught:
        source.pin("bench")
    assert "998877" not in str(caught.value)
    assert "1234" not in str(caught.value)


def test_two_pins_for_one_token_are_refused() -> None:
    source = PinSource(PROMPTED, delivering("ca 1\nca 2\n"), asking=Nobody())
    with pytest.raises(PinUnavailable, match="second PIN for the same name"):
        source.pin("ca")


def test_a_descriptor_that_is_not_open_is_named() -> None:
    descriptor = delivering("")
    os.close(descriptor)
    with pytest.raises(PinUnavailable, match=f"--pin-fd {descriptor}"):
        PinSource(PROMPTED, descriptor, asking=Nobody()).pin("ca")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_pin_file_others_can_read_is_refused(mode: int, tmp_path: Path) -> None:
    file = private(tmp_path / "pin", "1234\n")
    file.chmod(mode)
    with pytest.raises(PinUnavailable, match="open to others") as caught:
        PinSource({"ca": f"file:{file}"}, asking=Nobody()).pin("ca")
    assert caught.value.next == f"chmod 0600 {file}"


def test_a_pin_file_that_is_missing_empty_a_link_or_a_folder_is_refused(tmp_path: Path) -> None:
    empty = private(tmp_path / "empty", "\n")
    link = tmp_path / "link"
    link.symlink_to(private(tmp_path / "pin", "1234\n"))
    for path in (tmp_path / "missing", empty, link, tmp_path):
        with pytest.raises(PinUnavailable):
            PinSource({"ca": f"file:{path}"}, asking=Nobody()).pin("ca")


def test_a_pin_file_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = private(tmp_path / "pin", "1234\n")
    owner = file.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(PinUnavailable, match="somebody else"):
        PinSource({"ca": f"file:{file}"}, asking=Nobody()).pin("ca")


def at_a_terminal(code: str, typed: str) -> str:
    """What Python prints for `code`, with a terminal of its own on which `typed` is typed when it asks."""
    ours, theirs = pty.openpty()
    # The first terminal that a new session opens becomes its own.
    script = f"import os\nos.open({os.ttyname(theirs)!r}, os.O_RDWR)\n{code}"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        seen = b""
        while b"PIN of the ca token" not in seen:
            seen += os.read(ours, 1024)
        os.write(ours, typed.encode())
        said, _ = process.communicate(timeout=30)
    os.close(theirs)
    os.close(ours)
    return said


def test_the_terminal_is_asked_and_shows_nothing() -> None:
    code = (
        "from station.pins import PinSource\n"
        "print(PinSource({'ca': 'prompt'}).pin('ca').reveal() == b'4711', end='')"
    )
    assert at_a_terminal(code, "4711\n") == "True"


def test_without_a_terminal_the_error_names_the_other_ways() -> None:
    code = (
        "from station.pins import PinSource\n"
        "from station.errors import PinUnavailable\n"
        "try: PinSource({'ca': 'prompt'}).pin('ca')\n"
        "except PinUnavailable as error: print(error, end='')"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, start_new_session=True, check=True
    ).stdout
    assert "no terminal" in said
    assert "--pin-fd" in said


def test_a_prompt_answered_with_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "open", lambda *_: os.dup(0))
    monkeypatch.setattr("getpass.getpass", lambda _: "")
    with pytest.raises(PinUnavailable, match="nothing was typed"):
        AtTerminal().secret("ca", "PIN")
