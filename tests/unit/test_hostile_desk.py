"""What reaches the desk from below and aside: PINs by descriptor, and the bytes a taken-over lane sends."""

from __future__ import annotations

import io
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.production.assignment import Verified
from drivers import replies
from drivers.errors import DeviceFailed, ProcessDied
from drivers.process import Child, Reply
from drivers.secret import Secret
from drivers.tokens import Algorithm, Code, InForce, TokenIdentity, TokenState, Tries
from station.errors import PinUnavailable
from station.pins import PinSource
from tests.unit.refusals import refusal
from tests.unit.screen_kit import Person

SOURCES = {"custody": "prompt", "bench": "prompt", "ca": "prompt"}


def delivered(content: bytes) -> PinSource:
    """A source whose descriptor delivers these bytes."""
    descriptor = os.memfd_create("pins")
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return PinSource(SOURCES, descriptor, asking=Person(b"asked"))


LINES = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.tuples(st.sampled_from([b"custody ", b"bench ", b"ca "]), st.binary(max_size=300)).map(b"".join),
    )
)


class TestPins:
    @settings(max_examples=200)
    @given(LINES)
    def test_a_descriptor_may_deliver_anything_and_nothing_of_it_is_shown(self, lines: list[bytes]) -> None:
        source = delivered(b"\n".join(lines))
        told = refusal(PinUnavailable, lambda: source.pin("ca"))
        if told:
            assert str(told).isprintable()
            for word in b" ".join(lines).split():
                if len(word) > 8:
                    assert word.decode("latin-1") not in str(told)

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (b"ca " + b"1" * 256, "at most 255 bytes"),
            (b"ca 1\nbench " + b"2" * 70_000, "more than 65,536 bytes"),
            (b"\xff\xfe\n", "line 1 is not `name PIN`"),
        ],
    )
    def test_one_that_is_too_long_is_refused_and_never_cut(self, content: bytes, why: str) -> None:
        with pytest.raises(PinUnavailable, match=why):
            delivered(content).pin("ca")

    def test_the_longest_is_whole(self) -> None:
        assert delivered(b"ca " + b"1" * 255).pin("ca") == Secret(b"1" * 255)


class Breaking:
    """Serves what a module that took the lane over might send through its pipe."""

    def send(self, data: bytes) -> None:
        for number in map(int, os.listdir("/proc/self/fd")):
            with suppress(OSError):
                if os.readlink(f"/proc/self/fd/{number}").startswith("socket:"):
                    Connection(os.dup(number)).send_bytes(data)
                    return

    def secret(self) -> Secret:
        return Secret(b"602214")

    def number(self) -> int:
        return 7


class Evil:
    """Pickles into the call of a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self._call


def evil(function: Callable[..., Any], *arguments: Any) -> bytes:
    return pickle.dumps(Reply(1, Evil(function, *arguments), None))


BROKEN: dict[str, bytes] = {
    "no bytes of pickle": b"\xff" * 100,
    "nothing": b"",
    "a command": evil(os.system, "touch /tmp/taken-over"),
    "an evaluation": evil(eval, "1"),
    "a process": evil(Child, "x", "os:getpid"),
    "an import": b"cantigravity\nfly\n.",
    "a part of a module": b"cdrivers.process\nsubprocess.Popen\n.",
    "a program": b"cstation.__main__\nmain\n.",
    "something else than a reply": pickle.dumps(TokenIdentity("piv", "m", None)),
    "an error that is none": pickle.dumps(Reply(1, None, "boom")),  # type: ignore[arg-type]
    "the reply to another call": pickle.dumps(Reply(99, None, None)),
    "a heap of brackets": b"(" * 100_000 + b".",
}


@pytest.fixture
def child() -> Iterator[Child]:
    child = Child("lane", f"{__name__}:Breaking")
    yield child
    child.close()


@pytest.mark.parametrize("kind", BROKEN)
def test_a_lane_that_sends_what_is_no_reply_is_ended(child: Child, kind: str) -> None:
    assert child.ask("number") == 7
    with pytest.raises(ProcessDied, match=r"lane: what it answered is no reply, ended"):
        child.ask("send", BROKEN[kind])
    assert not child.alive
    assert not os.path.exists("/tmp/taken-over")
    assert "antigravity" not in sys.modules


def test_no_secret_leaves_a_lane(child: Child) -> None:
    with pytest.raises(ProcessDied, match="no reply"):
        child.ask("secret")


VALUES = [
    TokenState(TokenIdentity("piv", "m", "1"), ("a",), (), Tries(1), {Code.PIN: True}),
    Verified(TokenIdentity("piv", "m", "1"), ("a",), "hash"),
    (Algorithm.P256, InForce.NEW, None, b"", "é", 1.5, {1, 2}, frozenset({3}), range(6, 9)),
    datetime(2026, 1, 1, tzinfo=UTC),
]


@pytest.mark.parametrize("value", VALUES)
def test_what_lanes_do_answer_crosses_whole(value: object) -> None:
    assert replies.load(pickle.dumps(Reply(1, value, None))) == Reply(1, value, None)


def test_errors_cross_whole() -> None:
    found = replies.load(
        pickle.dumps(Reply(1, None, DeviceFailed("no", code="6F00", where="piv-1", next="go")))
    )
    assert isinstance(found.error, DeviceFailed)
    assert (found.error.code, str(found.error)) == ("6F00", "piv-1: no; go")


@settings(max_examples=200)
@given(st.binary(max_size=200), st.integers(0, 400))
def test_any_bytes_are_a_value_or_refused(data: bytes, at: int) -> None:
    whole = io.BytesIO(pickle.dumps(Reply(1, VALUES[0], None)))
    spoilt = bytearray(whole.getvalue())
    spoilt[at % len(spoilt) :][: len(data[:3])] = data[:3]
    for attempt in (data, bytes(spoilt), whole.getvalue()[: at % len(spoilt)]):
        refusal(ValueError, lambda attempt=attempt: replies.load(attempt))  # type: ignore[misc]
