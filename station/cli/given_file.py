"""Files that a command is given to read."""

from __future__ import annotations

import os
import stat
from typing import Any

import click


class GivenFile(click.Path):
    """A file with an end; converting raises `FaultyValue` for a pipe or device, which may never have one."""

    def __init__(self) -> None:
        from pathlib import Path

        super().__init__(exists=True, dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = super().convert(value, param, ctx)
        if not stat.S_ISREG(os.stat(path).st_mode):
            from batch.model.errors import FaultyValue
            from drivers.errors import printable

            raise FaultyValue(
                "is a pipe or device, not a file", where=printable(str(path)), next="write it to a file first"
            )
        return path
