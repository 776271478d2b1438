"""Other people's tools at a bench, and what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from simulators.bench import Bench
from simulators.bench.processes import ended

SELECT_PIV = "00A4040005A000000308"
GET_SERIAL = "00F8000000"


def run(
    *command: str, environment: Mapping[str, str] | None = None, ok: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a tool to its end; its failure is the test's, unless it is expected."""
    done = subprocess.run(
        command,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not ok or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done


def opensc_readers(bench: Bench) -> dict[str, bool]:
    """The readers OpenSC lists, and whether each holds a card."""
    listed = run("opensc-tool", "--list-readers", environment=bench.environment).stdout
    return {
        found[2].strip(): found[1] == "Yes"
        for found in re.finditer(r"^\d+ +(Yes|No) +(.+)$", listed, re.MULTILINE)
    }


def reader_of(bench: Bench, seat: str) -> str:
    return str(bench.seat_options(seat)["options"]["reader"])


def inserted(bench: Bench) -> dict[str, str | None]:
    return {seat.name: seat.inserted for seat in bench.status().seats}


def card_serial(bench: Bench, seat: str) -> bytes:
    """The serial number a card tells OpenSC, four bytes."""
    told = run(
        "opensc-tool",
        *("--reader", reader_of(bench, seat), "--send-apdu", SELECT_PIV, "--send-apdu", GET_SERIAL),
        environment=bench.environment,
    ).stdout
    answer = told.rpartition("Received ")[2]
    found = re.match(r"\(SW1=0x90, SW2=0x00\):\n((?:[0-9A-F]{2} ){4})", answer)
    assert found, answer
    return bytes.fromhex(found[1])


def pyscard(bench: Bench, script: str, *arguments: str) -> str:
    """Run a script that uses pyscard in a process of its own; what it printed."""
    return run(sys.executable, "-c", script, *arguments, environment=bench.environment).stdout


def station(
    *arguments: str, environment: Mapping[str, str] | None = None, ok: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    code = "from station.cli import main; main()"
    return run(sys.executable, "-c", code, *arguments, environment=environment, ok=ok)


def processes_naming(text: str) -> list[int]:
    """All processes that stay and have `text` in their command line, environment or memory map."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        for name in ("cmdline", "environ", "maps"):
            try:
                content = (process / name).read_bytes()
            except OSError:
                continue
            if text.encode() in content:
                found.append(int(process.name))
                break
    return [pid for pid in found if not _ends(pid)]


def _ends(pid: int) -> bool:
    """Whether a process ends within ten seconds."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return ended(descriptor, 10)
    finally:
        os.close(descriptor)
