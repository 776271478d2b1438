"""What is said in a conversation: by the command a JSON document a line, by the screen an answer a line.

An answer is its bytes as they are: what was typed (UTF-8) to `AskSecret` and `AskText`, `YES` or `NO` to
`AskYes`, nothing to `AskNext`; `DECLINED` in its place is a person who will not answer.
"""

from __future__ import annotations

import msgspec

YES = b"yes"
NO = b"no"
DECLINED = b"\x18"
"""The control character CAN (ECMA-48)."""

LEFT = b"\x04"
"""Said unasked, as the last line: the screen goes, the command is to go on and ask nobody (EOT)."""

LONGEST = 16 * 1024 * 1024
"""Bytes of the longest line of a command: the faults of a whole file."""


class _Message(msgspec.Struct, frozen=True, tag_field="type", tag=True, forbid_unknown_fields=True):
    """Base of what a command says."""


class AskSecret(_Message, frozen=True):
    """A PIN, passphrase or code is wanted, which no screen shows.

    `name`: as in --pin-fd; an operator's, `custody`, `puk`. `again`: a new one, typed twice and alike before
    it is answered.
    """

    name: str
    prompt: str
    again: bool


class AskText(_Message, frozen=True):
    """A line of text is wanted, shown while it is typed."""

    prompt: str


class AskYes(_Message, frozen=True):
    """Yes or no is wanted to what cannot be undone; no is the safe one."""

    prompt: str


class AskNext(_Message, frozen=True):
    """The hands are to do something; the answer says that it is done.

    `about`: the number of what is to be in hand, to be shown large; empty where there is none.
    """

    prompt: str
    about: str = ""


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault of a file. `row` counts from 1; None for the whole file, as `column` is for a whole row."""

    row: int | None
    column: str | None
    what: str
    next: str


class Failed(_Message, frozen=True):
    """The error that ends the command; `code` is its exit code (`station.exit_codes`)."""

    code: int
    where: str | None
    what: str
    next: str | None
    faults: tuple[Fault, ...] = ()


class Watched(_Message, frozen=True):
    """The token of `operator` is in the operators' seat; their session ends when it leaves."""

    operator: str


class Locked(_Message, frozen=True):
    """The session of `operator` has ended, because their token left the operators' seat."""

    operator: str


Message = AskSecret | AskText | AskYes | AskNext | Failed | Watched | Locked
"""All that a command may say."""

Question = AskSecret | AskText | AskYes | AskNext
"""What an answer is owed to."""


def encode(message: Message) -> bytes:
    """The line of a message, with its line break."""
    return msgspec.json.encode(message) + b"\n"


def decode(line: bytes) -> Message:
    """The message of a line; raises `ValueError` for anything else."""
    message: Message = _DECODER.decode(line)
    return message


_DECODER: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
