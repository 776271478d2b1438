"""Asking twice before what cannot be undone: by person, or by what a script typed beforehand."""

from __future__ import annotations

from collections.abc import Callable

import click

from station.asking import Asking
from station.exit_codes import ExitCode

yes_option = click.option(
    "--yes",
    "typed",
    metavar="SERIAL",
    help="For scripts, in place of both questions: the token's serial, else its number.",
)
"""Never a bare yes: a script names the token it means."""


def ask_twice(asking: Asking, what: str, name: str, typed: str | None, check: Callable[[str], None]) -> str:
    """What a person typed as the token's `name` (`serial` or `number`), held against the records by `check`.

    Without `typed` a person is asked for it, and then whether to do `what`.
    """
    if typed is not None:
        check(typed)
        return typed
    if not asking.there:
        raise click.UsageError(f"there is no terminal to ask at; name the token: --yes {name.upper()}")
    answer = asking.text(f"Type the {name} of the token, as it stands on it")
    check(answer)
    if not asking.yes(f"{what}? This cannot be undone"):
        click.echo("nothing was done", err=True)
        raise click.exceptions.Exit(ExitCode.INTERRUPTED)
    return answer
