"""The one place where an error becomes a message and an exit code."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from station.exit_codes import ExitCode

if TYPE_CHECKING:
    from station.conversation.command import Conversation

CODES: Mapping[str, ExitCode] = {
    "station.errors.StationError": ExitCode.CONFIGURATION,
    "station.errors.ConversationFault": ExitCode.USAGE,
    "station.errors.Unanswered": ExitCode.INTERRUPTED,
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


_OF_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""What a disk answers that is full, or does not let itself be written."""


def exit_code(error: BaseException) -> ExitCode | None:
    """The exit code of one of our own errors, None for a foreign one."""
    for kind in type(error).__mro__:
        code = CODES.get(f"{kind.__module__}.{kind.__qualname__}")
        if code is not None:
            return code
    return None


@dataclass(frozen=True)
class Told:
    """What is told of an error that ends a command; `code` is its exit code."""

    code: ExitCode
    what: str
    where: str | None = None
    next: str | None = None

    @classmethod
    def of(cls, error: BaseException) -> Told:
        """Foreign errors lose their text, which may carry a code (R40)."""
        code = exit_code(error)
        if code is not None:
            where, what, next_ = (getattr(error, name, None) for name in ("where", "what", "next"))
            return cls(code, what or str(error), where if what else None, next_)
        if isinstance(error, OSError):
            what = error.strerror or type(error).__name__
            where = str(error.filename) if error.filename else None
            if error.errno in _OF_DISK:
                return cls(ExitCode.CONFIGURATION, what, where, "look at the disk, then run this again")
            return cls(ExitCode.INTERNAL, what, where)
        what = f"unexpected {type(error).__name__}"
        return cls(ExitCode.INTERNAL, what, next="report this as a bug, with what --debug shows")


def report(
    error: BaseException, conversation: Conversation | None = None, *, debug: bool = False
) -> ExitCode:
    """Tell an error on standard error, and the screen if one started the command; returns its exit code.

    `debug` adds where it arose, never values (R40).
    """
    told = Told.of(error)
    click.echo(f"station: {told.where}: {told.what}" if told.where else f"station: {told.what}", err=True)
    if told.next:
        click.echo(f"  next: {told.next}", err=True)
    if debug:
        click.echo(_trace(error), err=True, nl=False)
    if conversation is not None:
        _tell(conversation, told, error)
    return told.code


def report_usage(error: click.ClickException, conversation: Conversation | None = None) -> int:
    """Tell what is wrong with a command line, in the same way; returns its exit code."""
    error.show()
    if conversation is not None:
        context = getattr(error, "ctx", None)
        next_ = f"{context.command_path} --help" if context is not None else None
        _tell(conversation, Told(ExitCode.USAGE, error.format_message(), next=next_), error)
    return error.exit_code


def report_stop(conversation: Conversation | None = None) -> ExitCode:
    """Tell that a person stopped the command, in the same way."""
    click.echo("station: stopped", err=True)
    told = Told(ExitCode.INTERRUPTED, "stopped")
    if conversation is not None:
        _tell(conversation, told, None)
    return told.code


def _tell(conversation: Conversation, told: Told, error: BaseException | None) -> None:
    from drivers.errors import printable
    from station.conversation.messages import Failed, Fault

    what, where = told.what, told.where
    faults: tuple[Fault, ...] = ()
    if told.code is ExitCode.FAULTS_IN_INPUT:
        from batch.tables.faults import TableFaults, shown

        if isinstance(error, TableFaults):
            what, where = error.head, shown(error.source) or None
            faults = tuple(
                Fault(one.line or None, one.column or None, one.what, one.right) for one in error.faults
            )
    where, next_ = (None if one is None else printable(one) for one in (where, told.next))
    conversation.tell(Failed(told.code, where, printable(what), next_, faults))


def _trace(error: BaseException | None) -> str:
    import traceback

    parts = []
    while error is not None:
        frames = "".join(traceback.format_tb(error.__traceback__))
        parts.append(f"{type(error).__module__}.{type(error).__qualname__}, arisen at\n{frames}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "caused by ".join(parts)
