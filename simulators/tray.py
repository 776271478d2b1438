"""The tray of a simulated printer: a folder in which each page lies as a file, so that QA can look at it."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path

from simulators.faults.model import Fault


class Tray:
    """Keeps pages in `directory`; every file is 0600."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.taken = 0
        """Bytes of the last page that were written."""

    def keep(self, page: bytes, reference: str, kind: str, slow: Fault | None = None) -> None:
        """Write a page as `<reference>.<kind>`, a further one as `<reference>-2.<kind>`; raises `OSError`.

        It comes in two halves, with a rest where a fault says so.
        """
        self.taken = 0
        rest(slow, "before")
        descriptor = self._new_file(reference, kind)
        try:
            for end in (len(page) // 2, len(page)):
                while self.taken < end:
                    self.taken += os.write(descriptor, page[self.taken : end])
                rest(slow, "during" if self.taken < len(page) else "after")
        finally:
            os.close(descriptor)

    def _new_file(self, reference: str, kind: str) -> int:
        for count in itertools.count(1):
            name = f"{reference}.{kind}" if count == 1 else f"{reference}-{count}.{kind}"
            try:
                return os.open(self.directory / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
        raise AssertionError("counting has no end")


def rest(slow: Fault | None, when: str) -> None:
    """Wait as long as a fault of slowness says at this moment."""
    if slow is not None and slow.do == "slow" and slow.when == when:
        time.sleep(slow.seconds or 0)
