"""Starting the daemon of a bench, and finding its processes again."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import msgspec

from simulators.bench.errors import BenchError
from simulators.bench.layout import Layout
from simulators.bench.model import IPP, Answer, Description, Setup
from simulators.bench.namespaces import NO_NAMESPACES
from simulators.bench.processes import command_line
from simulators.bench.softhsm import softhsm_module
from simulators.native import build

_DAEMON = "simulators.bench.daemon"
_NOT_INHERITED = ("PCSC", "LISTEN_", "LD_PRELOAD", "STATION_BENCH_FAULTS")
_NAMESPACES = ("unshare", "--map-root-user", "--mount", "--net", "--pid", "--fork", "--kill-child")


def start(layout: Layout, setup: Setup) -> None:
    """Start the daemon and wait until its readers are there; raises `BenchError`."""
    lock = os.open(layout.directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise BenchError(
            "a bench is running here already",
            where=str(layout.directory),
            next="use it (`station bench status`) or stop it (`station bench down`)",
        ) from None
    try:
        build.place(
            layout,
            softhsm_module() if setup.pkcs11 or setup.operators else None,
            faults=setup.faults,
        )
    except BaseException:
        os.close(lock)
        raise
    told, status = os.pipe()
    inherited = [lock, status]
    private = setup.printer == IPP or ((setup.piv or setup.operators) and not setup.system_pcscd)
    command = [
        "setsid",
        "--fork",
        *(_NAMESPACES if private else ()),
        *(sys.executable, "-m", _DAEMON, str(layout.directory), msgspec.json.encode(setup).decode()),
        str(status),
    ]
    try:
        with layout.log.open("ab") as log:
            begun = log.tell()
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                pass_fds=inherited,
                check=True,
            )
    except BaseException:
        os.close(told)
        raise
    finally:
        for descriptor in inherited:
            os.close(descriptor)
    with os.fdopen(told, "rb") as answers:
        line = answers.readline()
    if not line:
        raise _not_started(layout, begun, bool(private))
    answered(line)


def processes(layout: Layout, description: Description) -> list[int]:
    """Descriptors of the daemon and the holder of its namespaces, where they are still those."""
    descriptors = []
    for pid in {description.pid, description.holder}:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        words = command_line(pid)
        if _DAEMON in words and str(layout.directory) in words:
            descriptors.append(descriptor)
        else:
            os.close(descriptor)
    return descriptors


def answered(line: bytes) -> Answer:
    """What the daemon answered; raises `BenchError` where it refused."""
    answer = msgspec.json.decode(line, type=Answer)
    if answer.error is not None:
        what, where, advice = answer.error
        raise BenchError(what, where=where, next=advice)
    return answer


def _not_started(layout: Layout, begun: int, private: bool) -> BenchError:
    with layout.log.open("rb") as log:
        log.seek(begun)
        lines = log.read().decode(errors="replace").strip().splitlines()
    said = lines[-1] if lines else "it said nothing"
    if private and said.startswith("unshare:"):
        return BenchError(f"the system does not let this user make namespaces ({said})", next=NO_NAMESPACES)
    return BenchError(f"the bench did not start ({said})", next=f"look into {layout.log}")


def _environment() -> dict[str, str]:
    import simulators

    kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
    here = str(Path(simulators.__file__).parents[1])
    kept["PYTHONPATH"] = os.pathsep.join([here, *filter(None, [kept.get("PYTHONPATH")])])
    return kept
