"""What a command and the screen that started it say to each other."""

from __future__ import annotations

import msgspec
import pytest

from station.conversation.messages import (
    AskNext,
    AskSecret,
    AskText,
    AskYes,
    Failed,
    Fault,
    Locked,
    Message,
    decode,
    encode,
)

MESSAGES = (
    AskSecret("daan", "PIN of daan: ", again=False),
    AskText("Type the serial of the token"),
    AskYes("Destroy it? This cannot be undone"),
    AskNext("put the next one in"),
    Failed(4, "000001", "it is spoiled", None),
    Failed(
        3,
        "o.csv",
        "2 faults",
        "mend",
        (Fault(3, "serial", "'x' is no number", "digits"), Fault(None, None, "a", "b")),
    ),
    Locked("daan"),
)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: type(one).__name__)
def test_a_message_is_one_line_and_comes_back_as_it_was(message: Message) -> None:
    line = encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == message


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"yes", b'{"type": "Run"}', b'{"type": "Locked", "operator": 1}']
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(line)
