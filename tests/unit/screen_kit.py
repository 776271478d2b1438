"""A screen at the other end of a conversation, and a person who is asked, for tests."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from drivers.secret import Secret
from station.conversation.messages import (
    DECLINED,
    NO,
    YES,
    AskNext,
    AskSecret,
    AskText,
    AskYes,
    Failed,
    Message,
    Question,
    decode,
)

Answer = str | bytes | bool | None
"""What a person answers: a text or secret, yes or no, None to decline."""


@dataclass
class Screen:
    """Reads what a command says and answers each question with the next of `answers`, then hangs up.

    `fd` is the command's end; `said` everything it said so far.
    """

    answers: list[Answer]
    said: list[Message] = field(default_factory=list)
    fd: int = -1

    @property
    def asked(self) -> list[Question]:
        """The questions among what was said."""
        return [one for one in self.said if isinstance(one, AskSecret | AskText | AskYes | AskNext)]

    @property
    def failed(self) -> Failed:
        """The error that ended the command."""
        (found,) = [one for one in self.said if isinstance(one, Failed)]
        return found

    def serve(self, ours: socket.socket) -> None:
        """Talk until the command is gone, or until nothing is left to answer."""
        with ours, ours.makefile("rb") as lines, suppress(ConnectionError):
            for line in lines:
                message = decode(line)
                self.said.append(message)
                if message in self.asked:
                    if not self.answers:
                        return
                    ours.sendall(_bytes(self.answers.pop(0)) + b"\n")


@contextmanager
def screen(*answers: Answer) -> Iterator[Screen]:
    """A screen at which a person gives these answers; at the end it has heard all that was said."""
    ours, theirs = socket.socketpair()
    found = Screen(list(answers), fd=theirs.fileno())
    serving = threading.Thread(target=found.serve, args=(ours,))
    serving.start()
    # The command's end is whoever takes it up, and closes it.
    theirs.detach()
    try:
        yield found
    finally:
        serving.join(60)


@dataclass
class Person:
    """Somebody at a terminal who gives the same secret to whoever asks, and nothing else."""

    secret_given: bytes
    asked: list[tuple[str, str, bool]] = field(default_factory=list)
    there: bool = False

    def secret(self, name: str, prompt: str, *, again: bool = False) -> Secret:
        self.asked.append((name, prompt, again))
        return Secret(self.secret_given)

    def text(self, prompt: str) -> str:
        raise AssertionError(f"asked: {prompt}")

    def yes(self, prompt: str) -> bool:
        raise AssertionError(f"asked: {prompt}")

    def next(self, prompt: str, about: str = "") -> bool:
        raise AssertionError(f"asked: {prompt}")


class Nobody(Person):
    """Nobody may be asked."""

    def __init__(self) -> None:
        super().__init__(b"")

    def secret(self, name: str, prompt: str, *, again: bool = False) -> Secret:
        raise AssertionError(f"asked: {prompt}")


def _bytes(answer: Answer) -> bytes:
    if answer is None:
        return DECLINED
    if isinstance(answer, bool):
        return YES if answer else NO
    return answer.encode() if isinstance(answer, str) else answer
