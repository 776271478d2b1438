"""A device's process: its own memory, its own process group, an end that the desk is told of."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.errors import DriverError, ProcessDied
from drivers.process import Child

_WITHIN = 30.0

SOON = 20.0
"""Seconds, fewer than an orphan has that nothing is known of."""

LONGER_THAN_TO_CLOSE = 1.5
"""Seconds in which one that may be cut off is."""


class Served:
    """What the child serves."""

    def __init__(self, fail: str | None = None) -> None:
        if fail is not None:
            raise ValueError(fail)

    def environment(self, name: str) -> str | None:
        return os.environ.get(name)

    def repeat(self, text: str) -> str:
        return text

    def fail(self, text: str) -> None:
        raise ValueError(text)

    def hang(self) -> None:
        signal.pause()


class Careful:
    """What the child serves that has something not to be cut off."""

    def __init__(self) -> None:
        self.unbroken = threading.Lock()

    def hang(self, begun: str) -> None:
        Path(begun).touch()
        signal.pause()

    def copy(self, pipe: str, to: str) -> None:
        with self.unbroken:
            Path(to).write_bytes(Path(pipe).read_bytes())


@pytest.fixture
def child() -> Iterator[Child]:
    child = Child("lane", f"{__name__}:Served", environment={"SEAT": "one"})
    try:
        yield child
    finally:
        child.close()


def test_it_answers_calls_in_order_with_the_environment_it_was_given(child: Child) -> None:
    calls = [child.call("repeat", text) for text in ("first", "second")]
    replies = [child.receive() for _ in calls]
    assert [(reply.call, reply.result()) for reply in replies] == list(
        zip(calls, ("first", "second"), strict=True)
    )
    assert child.ask("environment", "SEAT") == "one"


def test_what_is_typed_at_the_terminal_reaches_the_desk_alone(child: Child) -> None:
    """Ctrl-C goes to a whole process group; a child in it would die before it could ignore the signal."""
    assert os.getpgid(child.pid) == child.pid != os.getpgid(0)


def test_a_foreign_error_leaves_it_without_its_text(child: Child) -> None:
    with pytest.raises(DriverError) as told:
        child.ask("fail", "4711-secret")
    assert "ValueError" in str(told.value)
    assert "4711" not in str(told.value)


def test_what_keeps_it_from_starting_is_told_at_every_call() -> None:
    child = Child("lane", f"{__name__}:Served", ("4711-secret",))
    try:
        for _ in range(2):
            with pytest.raises(DriverError, match="ValueError") as told:
                child.ask("repeat", "anything")
            assert "4711" not in str(told.value)
    finally:
        child.close()


def test_a_call_that_takes_too_long_ends_it(child: Child) -> None:
    with pytest.raises(ProcessDied, match="no answer"):
        child.ask("hang", timeout=0.1)
    with pytest.raises(ProcessDied):
        child.call("repeat", "anything")


def test_one_that_is_killed_says_so_to_who_waits(child: Child) -> None:
    child.call("hang")
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(ProcessDied, match="signal 9"):
        child.receive()


def test_without_a_desk_one_that_hangs_in_nothing_that_matters_ends_at_once(tmp_path: Path) -> None:
    """It has no thirty seconds left, as others have."""
    child = Child("printing", f"{__name__}:Careful")
    end = os.pidfd_open(child.pid)
    try:
        child.call("hang", str(tmp_path / "begun"))
        while not (tmp_path / "begun").exists():
            assert not select.select([end], [], [], 0.01)[0]
        child.hang_up()
        assert select.select([end], [], [], SOON)[0], "it hangs on"
    finally:
        os.close(end)
        child.close()


def test_without_a_desk_what_must_not_be_cut_off_is_ended_first(tmp_path: Path) -> None:
    pipe, copied = tmp_path / "pipe", tmp_path / "copied"
    os.mkfifo(pipe)
    child = Child("printing", f"{__name__}:Careful")
    end = os.pidfd_open(child.pid)
    try:
        child.call("copy", str(pipe), str(copied))
        with pipe.open("wb") as slow:  # opens when the child reads
            child.hang_up()
            slow.write(b"half a page ")
            slow.flush()
            assert not select.select([end], [], [], LONGER_THAN_TO_CLOSE)[0], "it was cut off"
            slow.write(b"and the rest")
        assert select.select([end], [], [], SOON)[0], "it lives on"
        assert copied.read_bytes() == b"half a page and the rest"
    finally:
        os.close(end)
        child.close()


def test_one_that_died_is_started_again_as_it_was() -> None:
    child = Child("ca", f"{__name__}:Served", environment={"SEAT": "one"}, restartable=True)
    try:
        for _ in range(2):
            child.call("hang")
            os.kill(child.pid, signal.SIGKILL)
            with pytest.raises(ProcessDied):
                child.receive()
            assert not child.alive
            child.restart()
            assert child.alive
            assert child.ask("environment", "SEAT") == "one"
    finally:
        child.close()


def test_it_ends_by_itself_when_the_desk_hangs_up(child: Child) -> None:
    assert child.ask("repeat", "ready") == "ready"
    end = os.pidfd_open(child.pid)
    try:
        child.hang_up()
        assert select.select([end], [], [], _WITHIN)[0], "it lives on"
    finally:
        os.close(end)
