"""Where the feed of a home is: a Unix socket in its run directory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "production.sock"


@contextmanager
def reachable(run_directory: Path) -> Iterator[str]:
    """The socket's address, usable while this is open; raises `OSError`.

    By way of the open directory, because an address takes 107 bytes only, and a home may lie deep.
    """
    descriptor = os.open(run_directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)
