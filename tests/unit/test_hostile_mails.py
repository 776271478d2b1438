"""No e-mail breaks its reading: it ends in words or in `FaultyValue`, in bounded time and memory."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.life.dispatch import mail as mails
from batch.life.dispatch import quoting
from batch.life.dispatch.mail import LARGEST, Mail, read
from batch.model.errors import FaultyValue
from tests.unit.limits import within
from tests.unit.refusals import refusal

CORPUS = [path.read_bytes() for path in sorted((Path(__file__).parents[1] / "fuzz/corpus/mails").iterdir())]
HEADERS = (
    b"From: ",
    b"Content-Type: message/rfc822\r\n",
    b"Content-Type: multipart/mixed; boundary=x\r\n",
    b"Content-Type: text/html; charset=x-unknown\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
)
SIGNS = (b"\r\n", b"\r\n\r\n", b"--", b"=?utf-8?b?4oKs?=", b"=?", b"?=", b"\xff\xfe", b"\x00", b"boundary=")
PIECES = [*HEADERS, *SIGNS, b";", b'"', b"<>", b"=", b"charset*0*=''%e2", b"((("]


@settings(max_examples=300)
@given(st.sampled_from(CORPUS), st.randoms(use_true_random=False))
def test_no_slip_in_a_mail_breaks_its_reading(data: bytes, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data))
        to = min(len(data), at + chance.choice((0, 0, 1, 3, 40)))
        data = data[:at] + chance.choice([*PIECES, data[at:to] * 3, b""]) + data[to:]
    checked(data)


@given(st.binary(max_size=400))
def test_no_bytes_break_it(data: bytes) -> None:
    checked(data)


def checked(data: bytes) -> None:
    found: list[Mail] = []
    if fault := refusal(FaultyValue, lambda: found.append(read(data, "a.eml"))):
        assert str(fault).isprintable()
    for one in found:
        assert len(one.text) <= 200_000
        quoting.found_in(one.text)


HEAD = b"From: a@example.org\r\nSubject: x\r\n"
PARTS = b"".join(b"--x\r\n\r\n1\r\n" for _ in range(400_000))
BOMBS: Mapping[str, Callable[[], bytes]] = {
    "an endless header": lambda: HEAD + b"From: " + b"(" * 5_000_000,
    "a header over many lines": lambda: (
        HEAD + b"Content-Type: text/plain" + b";\r\n a=b" * 500_000 + b"\r\n\r\nx"
    ),
    "many parts": lambda: HEAD + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + PARTS,
    "parts in parts": lambda: (
        HEAD
        + b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(20_000)
        )
    ),
    "too large": lambda: HEAD + b"\r\n" + b"x" * LARGEST,
    "a long text of numbers": lambda: HEAD + b"\r\n" + b"123456 " * 1_000_000,
    "a long number": lambda: HEAD + b"\r\n" + b"1" * 5_000_000,
    "deep html": lambda: HEAD + b"Content-Type: text/html\r\n\r\n" + b"<p>" * 1_000_000,
    "half tags": lambda: HEAD + b"Content-Type: text/html\r\n\r\n" + b"<a href=" * 300_000,
    "comments that never close": lambda: HEAD + b"Content-Type: text/html\r\n\r\n" + b"<!--" * 300_000,
    "a boundary everywhere": lambda: (
        HEAD + b"Content-Type: multipart/signed; boundary=x\r\n\r\n" + b"\r\n--x" * 1_000_000
    ),
    "blanks after boundaries": lambda: (
        HEAD + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"\n--x" + b" " * 3_000_000
    ),
    "an empty envelope": lambda: (
        HEAD
        + b"Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + b"A" * 4_000_000
    ),
}


def reads(name: str) -> None:
    """In a process of its own: reads a bomb and looks for numbers."""
    try:
        quoting.found_in(mails.read(BOMBS[name](), "a.eml").text)
    except FaultyValue:
        return


@pytest.mark.parametrize("name", BOMBS)
def test_no_mail_takes_long_or_much(name: str) -> None:
    within(f"{__name__}:reads", name, seconds=10, megabytes=500)
