"""The one place where an error becomes a message and an exit code."""

from __future__ import annotations

from collections.abc import Mapping

import click

from station.exit_codes import ExitCode

CODES: Mapping[str, ExitCode] = {
    "station.errors.StationError": ExitCode.CONFIGURATION,
    "drivers.errors.DriverError": ExitCode.DEVICE,
    "layouts.errors.LayoutError": ExitCode.FAULTS_IN_INPUT,
    "layouts.errors.FileFault": ExitCode.CONFIGURATION,
    "layouts.errors.UnknownLayout": ExitCode.NOT_FOUND,
    "batch.tables.faults.TableFaults": ExitCode.FAULTS_IN_INPUT,
    "batch.model.errors.BatchError": ExitCode.REFUSED_BY_RULE,
    "batch.model.errors.NotFound": ExitCode.NOT_FOUND,
    "batch.model.errors.Busy": ExitCode.BUSY,
    "batch.model.errors.RecordsShut": ExitCode.CONFIGURATION,
    "batch.model.errors.NotLogged": ExitCode.CHECK_FAILED,
    "batch.model.errors.FaultyNote": ExitCode.FAULTS_IN_INPUT,
    "batch.model.errors.FaultyValue": ExitCode.FAULTS_IN_INPUT,
    "batch.model.errors.RecordsDamaged": ExitCode.CHECK_FAILED,
    "simulators.bench.errors.BenchError": ExitCode.DEVICE,
}
"""Exit codes by the full name of a class, for it and all below it; a name, so that nothing is loaded."""


def exit_code(error: BaseException) -> ExitCode | None:
    """The exit code of one of our own errors, None for a foreign one."""
    for kind in type(error).__mro__:
        code = CODES.get(f"{kind.__module__}.{kind.__qualname__}")
        if code is not None:
            return code
    return None


def report(error: BaseException, *, debug: bool = False) -> ExitCode:
    """Tell an error on standard error and return its exit code.

    Foreign errors lose their text, which may carry a code; `debug` adds where it arose, never values (R40).
    """
    code = exit_code(error)
    if code is not None:
        where, what, next_ = (getattr(error, name, None) for name in ("where", "what", "next"))
        text = f"{where}: {what}" if where and what else what or str(error)
        click.echo(f"station: {text}", err=True)
        if next_:
            click.echo(f"  next: {next_}", err=True)
    elif isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        click.echo(f"station: {place}{error.strerror or type(error).__name__}", err=True)
        code = ExitCode.INTERNAL
    else:
        click.echo(f"station: unexpected {type(error).__name__}", err=True)
        click.echo("  next: report this as a bug, with what --debug shows", err=True)
        code = ExitCode.INTERNAL
    if debug:
        click.echo(_trace(error), err=True, nl=False)
    return code


def _trace(error: BaseException | None) -> str:
    import traceback

    parts = []
    while error is not None:
        frames = "".join(traceback.format_tb(error.__traceback__))
        parts.append(f"{type(error).__module__}.{type(error).__qualname__}, arisen at\n{frames}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "caused by ".join(parts)
