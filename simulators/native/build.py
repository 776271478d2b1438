"""Compiling the native parts into a bench's directory."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from simulators.bench.errors import BenchError
from simulators.bench.layout import Layout

_SOURCES = Path(__file__).parent


def place(layout: Layout, softhsm: str | None, *, faults: bool) -> None:
    """Put the PKCS#11 module of a bench in its place, and build what `faults` need; raises `BenchError`.

    `softhsm` is the module of its tokens, None where it has no USB seats.
    """
    if faults:
        _build("preload.c", layout.preload)
    if softhsm is None:
        return
    if faults:
        _build("proxy.c", layout.proxy, f'-DMODULE="{softhsm}"')
    fresh = layout.module.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(layout.proxy if faults else softhsm)
    os.replace(fresh, layout.module)


def _build(source: str, target: Path, *options: str) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        raise BenchError(
            "faults of USB seats, disk and clock need a C compiler, and there is no `cc`",
            next="sudo apt install build-essential",
        )
    # Made beside it first: processes that have the old one loaded keep it whole.
    fresh = target.with_suffix(".new")
    command = [compiler, "-O1", "-Wall", "-Wextra", "-shared", "-fPIC", *options]
    done = subprocess.run(
        [*command, "-o", str(fresh), str(_SOURCES / source), "-ldl"],
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise BenchError(
            f"cc does not compile {source}: {said[0]}",
            next="install build-essential, or report this as a bug",
        )
    fresh.chmod(0o700)
    os.replace(fresh, target)
