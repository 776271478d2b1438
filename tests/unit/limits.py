"""Runs a function in a process of its own that gets so much processor time and memory and no more."""

from __future__ import annotations

import importlib
import resource
import subprocess
import sys


def within(target: str, *arguments: str, seconds: int, megabytes: int) -> None:
    """Call `package.module:function` with texts; fails where it raises or needs more than it is given."""
    done = subprocess.run(
        [sys.executable, "-m", __name__, target, str(seconds), str(megabytes), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{target} {arguments} ended with {done.returncode}: {done.stderr[-2000:]}"


def _main(target: str, seconds: str, megabytes: str, *arguments: str) -> None:
    module, _, name = target.partition(":")
    function = getattr(importlib.import_module(module), name)
    # What was needed to load the program is not counted in.
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime) + 1
    with open("/proc/self/statm") as file:
        held = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_CPU, (spent + int(seconds), spent + int(seconds) + 1))
    resource.setrlimit(resource.RLIMIT_AS, (held + int(megabytes) * 1_000_000,) * 2)
    function(*arguments)


if __name__ == "__main__":
    _main(*sys.argv[1:])
