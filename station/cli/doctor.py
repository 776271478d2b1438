"""`station doctor`."""

from __future__ import annotations

import click

from station.checks import Check, State, examine
from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import counted, document, plain
from station.exit_codes import ExitCode


@click.command()
@json_option
@pass_invocation
def doctor(invocation: Invocation, as_json: bool) -> ExitCode:
    """Check everything a desk needs and say how to mend it.

    Exit code 10 where something must be mended before work; warnings alone leave it 0.
    """
    checks = []
    for check in examine(invocation.home_path):
        checks.append(check)
        if not as_json:
            click.echo(_line(check))
    if as_json:
        document([_row(check) for check in checks])
    failed = sum(check.state is State.FAIL for check in checks)
    warned = sum(check.state is State.WARN for check in checks)
    click.echo(
        f"{counted(len(checks), 'check', 'checks')}: {failed} failed, {warned} with a warning", err=True
    )
    return ExitCode.CHECK_FAILED if failed else ExitCode.OK


def _row(check: Check) -> dict[str, str | None]:
    return {"name": check.name, "state": check.state.value, "found": check.found, "mend": check.mend}


def _line(check: Check) -> str:
    line = f"{check.state.symbol} {check.state.value:4}  {check.name}: {plain(check.found)}"
    return f"{line}\n         to mend: {check.mend}" if check.mend else line
