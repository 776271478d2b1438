"""The memory of processes, read from outside: by root, and by somebody who is nobody in particular."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_READ = """
import sys
for path in sys.argv[1:]:
    try:
        with open(path, "rb") as file:
            if path.endswith("mem"):
                first = open(path.replace("mem", "maps")).readline().split("-")[0]
                file.seek(int(first, 16))
            file.read(16)
    except OSError:
        print(path)
"""
"""Prints which of the paths it could not read."""


def memory(process: int) -> bytes:
    """All that a process may have written in its memory; needs the rights of root."""
    parts = []
    with open(f"/proc/{process}/mem", "rb", buffering=0) as pages:
        for first, last in _writable(process):
            pages.seek(first)
            try:
                parts.append(pages.read(last - first))
            except OSError:
                continue  # reserved, never touched
    return b"\n".join(parts)


def descendants(process: int) -> list[int]:
    """All processes that a process and its children have started."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [one for child in map(int, children) for one in (child, *descendants(child))]


def unreadable(*processes: int) -> set[int]:
    """Those of the processes whose memory and environment another process of their user cannot read."""
    paths = [f"/proc/{process}/{part}" for process in processes for part in ("mem", "environ")]
    reader = [*ORDINARY, sys.executable, "-c", _READ, *paths]
    refused = subprocess.run(reader, check=True, capture_output=True, text=True).stdout.split()
    return {one for one in processes if {f"/proc/{one}/mem", f"/proc/{one}/environ"} <= {*refused}}


ORDINARY: tuple[str, ...] = (
    (
        "setpriv",
        "--securebits",
        "+noroot,+noroot_locked",
        "--bounding-set",
        "-all",
        "--inh-caps",
        "-all",
        "--",
    )
    if os.geteuid() == 0
    else ()
)
"""Runs a command with no more rights than an ordinary user has, even where root runs the tests."""


def _writable(process: int) -> Iterator[tuple[int, int]]:
    for line in Path(f"/proc/{process}/maps").read_text().splitlines():
        found = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
        if found and "[v" not in line:
            yield int(found[1], 16), int(found[2], 16)
