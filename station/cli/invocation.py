"""What one command line says for every command: home, operator, where PINs come from."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pathlib import Path

    from station.home import Home


@dataclass
class Invocation:
    """The options that every command takes; filled while the command line is parsed, then only read."""

    operator: str
    named_home: str | None = None
    pin_fd: int | None = None
    debug: bool = False

    @classmethod
    def fresh(cls) -> Invocation:
        """What holds when the command line says nothing: STATION_HOME, STATION_OPERATOR, else defaults."""
        return cls(
            operator=os.environ.get("STATION_OPERATOR") or _login_name(),
            named_home=os.environ.get("STATION_HOME") or None,
        )

    @property
    def home_path(self) -> Path:
        """The folder of the home, as named or by default; whether it is one is for `home` to say."""
        from pathlib import Path

        from station.home import default_home

        return Path(self.named_home).absolute() if self.named_home else default_home()

    def home(self) -> Home:
        """The home, found private to its owner; raises `station.errors.HomeError`."""
        from station.home import enter

        return enter(self.home_path)


def _login_name() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


Callback = Callable[[click.Context, click.Parameter, Any], Any]


def _keep(field: str) -> Callback:
    def callback(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        if value is not None and value is not False:
            setattr(ctx.find_object(Invocation), field, value)

    return callback


def _home(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    found = ctx.find_object(Invocation)
    if value is not None and found is not None:
        found.named_home = value


def _operator(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    found = ctx.find_object(Invocation)
    if value is not None and found is not None:
        if not value.strip() or not value.isprintable():
            raise click.BadParameter("is no name", ctx=ctx, param=param)
        found.operator = value


GLOBAL_OPTIONS: list[click.Parameter] = [
    click.Option(
        ["--home"],
        metavar="DIR",
        type=click.Path(file_okay=False),
        help="The station's home; else STATION_HOME, else issuance-station among your data.",
        expose_value=False,
        callback=_home,
    ),
    click.Option(
        ["--as"],
        metavar="NAME",
        help="The operator at work; else STATION_OPERATOR, else your login name.",
        expose_value=False,
        callback=_operator,
    ),
    click.Option(
        ["--pin-fd"],
        metavar="N",
        type=click.IntRange(min=0),
        help="A file descriptor that delivers lines 'custody PIN', 'bench PIN', 'ca PIN'.",
        expose_value=False,
        callback=_keep("pin_fd"),
    ),
    click.Option(
        ["--debug"],
        is_flag=True,
        help="Show where in the program an error arose.",
        expose_value=False,
        callback=_keep("debug"),
    ),
]

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
"""For everything that lists: the command gets `as_json`."""

pass_invocation = click.make_pass_decorator(Invocation)
"""Gives a command its `Invocation` as first argument."""
