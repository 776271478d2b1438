"""What the bench's daemon changes in the namespaces it was started in: mounts, and the loopback device."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

from simulators.bench.errors import BenchError

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_MS_BIND = 4096

NO_NAMESPACES = (
    "allow it (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone or "
    "kernel.apparmor_restrict_unprivileged_userns, as your system has it), or start the bench as root, "
    "or use the two virtual readers of the system's pcscd with --system-pcscd"
)
"""What to do where the system does not let a user make namespaces."""


def raise_loopback() -> None:
    """Bring up the loopback device, which a new network namespace has, but down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        name = struct.pack("16s24x", b"lo")
        (flags,) = struct.unpack_from("16xH", fcntl.ioctl(control, _SIOCGIFFLAGS, name))
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", flags | _IFF_UP))


def cover(directory: Path, bench: Path) -> None:
    """Mount a tmpfs over `directory`, or over what is above it where it is missing; raises `BenchError`.

    The folder of the `bench` itself must not lie there.
    """
    while not directory.exists():
        directory = directory.parent
    if bench.resolve().is_relative_to(directory):
        raise BenchError(
            f"the bench needs {directory} for a daemon of its own",
            where=str(bench),
            next="choose a directory elsewhere with --dir or STATION_BENCH",
        )
    # The call itself: mount(8) would note it in the system's /run/mount.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"bench", os.fsencode(directory), b"tmpfs", 0, b"mode=0755,size=4m"):
        raise _cannot_mount(directory)


def replace_file(file: Path, by: Path) -> None:
    """Show the file `by` in the place of another; raises `BenchError`."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(os.fsencode(by), os.fsencode(file), None, _MS_BIND, None):
        raise _cannot_mount(file)


def _cannot_mount(place: Path) -> BenchError:
    return BenchError(f"cannot mount over {place}: {os.strerror(ctypes.get_errno())}", next=NO_NAMESPACES)
