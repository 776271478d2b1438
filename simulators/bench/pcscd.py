"""A pcscd of the bench's own, with vpcd readers, inside the namespaces the daemon was started in.

Three things keep it apart from the system's: a network namespace, because vpcd listens on every address; a
tmpfs over pcscd's run directory; and a tmpfs over its driver directory, so that it takes no real USB reader.
Its socket is handed to it (`sd_listen_fds(3)`), so clients may connect before it is ready and just wait.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from simulators.bench.errors import BenchError
from simulators.bench.layout import Layout
from simulators.bench.namespaces import cover, raise_loopback

SLOTS_PER_ENTRY = 2
"""Each reader of Debian's vpcd has two card slots, the second on the next port; they work in parallel."""

_FIRST_PORT = 0x8C7B
_BACKLOG = 64


@dataclass(frozen=True)
class Slot:
    """One card slot: the seat it serves, its PC/SC reader name, and the port its card connects to."""

    seat: str
    reader: str
    port: int


@dataclass(frozen=True)
class Installation:
    """The pcscd and vpcd found on this machine."""

    pcscd: str
    version: str
    drivers: Path
    run: Path

    @property
    def vpcd(self) -> Path:
        """The reader driver, a shared object."""
        return self.drivers / "serial" / "libifdvpcd.so"


def find() -> Installation:
    """Look for pcscd and vpcd; raises `BenchError` naming the package that is missing."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    pcscd = shutil.which("pcscd", path=path)
    if pcscd is None:
        raise BenchError("pcscd is not installed", next="sudo apt install pcscd vsmartcard-vpcd")
    told = subprocess.run([pcscd, "--version"], capture_output=True, text=True, check=False).stdout
    installation = Installation(
        pcscd=pcscd,
        version=told.partition("\n")[0],
        drivers=Path(_told(told, "usbdropdir", "/usr/lib/pcsc/drivers")),
        run=Path(_told(told, "ipcdir", "/run/pcscd")),
    )
    if not installation.vpcd.exists():
        raise BenchError(
            "the virtual reader driver is not installed",
            where=str(installation.vpcd),
            next="sudo apt install vsmartcard-vpcd",
        )
    if shutil.which("unshare", path=path) is None:
        raise BenchError("unshare is not installed", next="sudo apt install util-linux")
    return installation


def _told(version: str, name: str, default: str) -> str:
    found = re.search(rf"\b{name}=(\S+)", version)
    return found[1] if found else default


def slots(seats: list[str]) -> list[Slot]:
    """The slots that serve these seats, two to a reader; the reader's name tells both seats."""
    result = []
    for first in range(0, len(seats), SLOTS_PER_ENTRY):
        pair = seats[first : first + SLOTS_PER_ENTRY]
        for slot, seat in enumerate(pair):
            reader = f"{_friendly_name(pair)} 00 {slot:02X}"
            result.append(Slot(seat, reader, _FIRST_PORT + first + slot))
    return result


def system_slots(seats: list[str]) -> list[Slot]:
    """The two slots Debian's vpcd package adds to the system's pcscd, for as many seats."""
    return [Slot(seat, f"Virtual PCD 00 {slot:02X}", _FIRST_PORT + slot) for slot, seat in enumerate(seats)]


def start(installation: Installation, layout: Layout, seats: list[Slot]) -> int:
    """Start pcscd in this process's namespaces; its process id. Raises `BenchError` or `OSError`."""
    driver = installation.vpcd.read_bytes()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(layout.pcscd))
    listener.listen(_BACKLOG)
    raise_loopback()
    cover(installation.run, layout.directory)
    cover(installation.drivers, layout.directory)
    entries = []
    for first in range(0, len(seats), SLOTS_PER_ENTRY):
        pair = [slot.seat for slot in seats[first : first + SLOTS_PER_ENTRY]]
        # The driver keeps its state per loaded library, so every entry needs a copy of its own.
        library = installation.drivers / f"vpcd-{first}.so"
        library.write_bytes(driver)
        entries.append(_entry(_friendly_name(pair), library, seats[first].port))
    configuration = installation.drivers / "reader.conf"
    configuration.write_text("\n".join(entries))
    command = [installation.pcscd, "--foreground", "--config", str(configuration)]
    if "--disable-polkit" in _help(installation.pcscd):
        command.append("--disable-polkit")
    with listener:
        return os.posix_spawn(
            "/bin/sh",
            ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "pcscd", *command],
            {**os.environ, "LISTEN_FDS": "1"},
            file_actions=[(os.POSIX_SPAWN_DUP2, listener.fileno(), 3)],
            setsigdef=[signal.SIGINT, signal.SIGHUP, signal.SIGPIPE],
        )


def _friendly_name(pair: list[str]) -> str:
    return f"Bench {' '.join(pair)}"


def _entry(name: str, library: Path, port: int) -> str:
    return f'FRIENDLYNAME "{name}"\nDEVICENAME /dev/null:{port:#x}\nLIBPATH {library}\nCHANNELID {port:#x}\n'


def _help(pcscd: str) -> str:
    return subprocess.run([pcscd, "--help"], capture_output=True, text=True, check=False).stdout
