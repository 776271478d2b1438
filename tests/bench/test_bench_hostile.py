"""The control socket of a bench takes any line: it answers, or hangs up, and goes on serving others."""

from __future__ import annotations

import json
import socket
from contextlib import suppress

from simulators.bench import Bench
from tests.conftest import BenchFactory

LINES = [
    b"\xff\xfe\n",
    b"{}\n",
    b"[" * 100_000 + b"\n",
    b'{"do": 1}\n',
    b'{"do": "format"}\n',
    b'{"do": "insert", "seat": "usb-1", "card": "../../etc"}\n',
    b'{"do": "insert", "seat": "\\u0000"}\n',
    b'{"do": "eject", "seat": 7}\n',
]


def told(bench: Bench, line: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(30)
        control.connect(str(bench.layout.control))
        control.sendall(line)
        control.shutdown(socket.SHUT_WR)
        return control.makefile("rb").read()


def test_any_line_is_answered_and_the_bench_goes_on(bench_factory: BenchFactory) -> None:
    bench = bench_factory(piv=0, pkcs11=1)
    for line in LINES:
        assert json.loads(told(bench, line))["error"], line
    with suppress(ConnectionResetError, BrokenPipeError):  # it hangs up before all is sent
        assert told(bench, b"x" * 3_000_000) == b""
    assert [seat.inserted for seat in bench.status().seats] == [None]
