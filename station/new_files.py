"""Files that are new, and whole before they have their name."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from batch.model.errors import Refused
from station.errors import StationError


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file for its owner, named once all is written; raises `Refused`, `StationError`."""
    if path.exists():
        raise Refused("is there already, and is not written over", where=str(path), next="name another")
    try:
        descriptor, unready = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.absolute().parent)
    except OSError as error:
        raise StationError(
            f"cannot be made: {error.strerror}", where=str(path), next="name another place"
        ) from None
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(unready).rename(path)
    except BaseException:
        with suppress(OSError):
            Path(unready).unlink()
        raise
