"""Numbers of days on a command line."""

from __future__ import annotations

import re
from typing import Any

import click


class Days(click.ParamType[int]):
    """A number of days, such as `60d` or `60`."""

    name = "days"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; fails for anything else."""
        match = re.fullmatch(r"(\d{1,4})d?", str(value))
        if match is None:
            self.fail(f"{value!r} is no number of days, such as 60d", param, ctx)
        return int(match[1])
