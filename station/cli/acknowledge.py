"""`station acknowledge`: somebody says that a token came, and who decides where that is in doubt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from station.cli.filters import need_one_of
from station.cli.invocation import Invocation, csv_option, json_option, on_option, pass_invocation
from station.cli.output import counted, document, listing
from station.cli.reminding import directory_option, tell_written
from station.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from batch.model.dispatch import Acknowledgement
    from batch.store.database import Records

_COLUMNS = {
    "id": "Id",
    "number": "Token",
    "given": "Number quoted",
    "channel": "By",
    "sender": "Sender",
    "state": "State",
    "wrong": "In doubt",
    "taken_by": "Taken by",
    "taken_at": "Taken",
    "decided_by": "Decided by",
}


class _Numbers(click.Group):
    """A group that takes what is no command of its own for a number or an option to acknowledge with."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            args = ["take", *args]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0].startswith("--") and args[0] != "--help":
            args = ["take", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Numbers)
def acknowledge() -> None:
    """Take in that tokens came: `acknowledge NUMBER --name CERT --sender EMAIL`, or `--eml FILE`."""


@acknowledge.command()
@click.argument("number", required=False)
@click.option("--name", help="The certificate's name, as it was written.")
@click.option("--sender", metavar="EMAIL", help="The address of who wrote it.")
@click.option("--eml", "file", type=click.File("rb"), help="The e-mail, as saved by a mail program.")
@json_option
@pass_invocation
def take(
    invocation: Invocation,
    number: str | None,
    name: str | None,
    sender: str | None,
    file: BinaryIO | None,
    as_json: bool,
) -> ExitCode:
    """Take in that the token came to which NUMBER belongs, or all that an e-mail names.

    What number, name, sender and dispatch agree on is acknowledged; anything else waits for another person.
    An S/MIME signature is held against the manager's registered certificate.
    """
    from batch.life.dispatch.acknowledging import take_mail, take_typed
    from batch.people.separation import Act
    from batch.store.clock import now

    if (file is None) is (number is None) or (number is not None and not (name and sender)):
        raise click.UsageError("give NUMBER with --name and --sender, or --eml FILE")
    desk = invocation.desk()
    mail, on = _mail(file) if file is not None else None, now().date()
    where = number if number is not None else "e-mail"
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.ACKNOWLEDGE, where=where) as actor,
    ):
        if mail is not None:
            found = take_mail(records, mail, actor.name, on)
        else:
            found = [take_typed(records, number or "", name or "", sender or "", actor.name, on)]
        rows = [_row(records, one) for one in found]
    if as_json:
        document(rows)
    return _told(found, rows)


@acknowledge.command()
@click.argument("id_", metavar="ID", type=int)
@click.option("--accept", "verdict", flag_value="accept", help="The token came: its letter may go.")
@click.option("--reject", "verdict", flag_value="reject", help="Nothing of it is believed.")
@click.option("--token", help="With --accept: the token it is about, where it names none.")
@click.option("--reason", required=True, help="How that was found out, in a sentence.")
@pass_invocation
def decide(invocation: Invocation, id_: int, verdict: str | None, token: str | None, reason: str) -> None:
    """Decide about the acknowledgement ID that waits; not by who took it in."""
    from batch.life.dispatch.acknowledging import before
    from batch.life.dispatch.acknowledging import decide as judge
    from batch.people.separation import Act

    if verdict is None:
        raise click.UsageError("say --accept or --reject")
    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(
            desk, records, Act.DECIDE, where=f"acknowledgement {id_}", before=before(records, id_)
        ) as actor,
    ):
        found = judge(records, id_, actor.name, reason, accept=verdict == "accept", token=token)
    click.echo(f"acknowledgement {id_} is {found.state}", err=True)


@acknowledge.command("list")
@click.option("--order", metavar="ORDER", help="Only those about tokens of this order.")
@click.option("--state", help="Only those that are waiting, accepted or rejected.")
@json_option
@csv_option
@pass_invocation
def list_(invocation: Invocation, order: str | None, state: str | None, as_json: bool, as_csv: bool) -> None:
    """List acknowledgements, oldest first."""
    from batch.model.states import AcknowledgementState
    from batch.store.acknowledgements import acknowledgements
    from batch.store.items import item_of
    from batch.store.orders import order as of_number
    from station.wiring import Desk

    need_one_of(AcknowledgementState, state)
    with Desk.of(invocation.home(), None).records() as records:
        found = acknowledgements(records, *([AcknowledgementState(state)] if state else []))
        wanted = of_number(records, order).id if order else None
        rows = [
            _row(records, one)
            for one in found
            if wanted is None
            or (one.item_id is not None and item_of(records, one.item_id).order_id == wanted)
        ]
    if not as_json:
        rows = [{**row, "wrong": "; ".join(row["wrong"])} for row in rows]
    listing(rows, _COLUMNS, as_json=as_json, as_csv=as_csv, empty="No acknowledgements.")


@acknowledge.command()
@on_option
@directory_option
@json_option
@pass_invocation
def reminders(invocation: Invocation, on: date, directory: Path | None, as_json: bool) -> None:
    """Write the reminders that are due about tokens nobody acknowledged (R4), each once, and keep that.

    Past the last day the subscriber is told as well, and that the certificates will be revoked.
    """
    from batch.life.dispatch.reminders import write
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.ACKNOWLEDGE, where="reminders") as actor,
    ):
        tell_written(write(records, desk.library, actor.name, on), directory, as_json)


def _mail(file: BinaryIO) -> Any:
    from batch.life.dispatch.mail import LARGEST, read
    from drivers.errors import printable

    return read(file.read(LARGEST + 1), printable(file.name))


def _row(records: Records, found: Acknowledgement) -> dict[str, Any]:
    from batch.store.items import item_of

    item = item_of(records, found.item_id) if found.item_id is not None else None
    return {
        "id": found.id,
        "number": item.mailer_number if item is not None else None,
        "given": found.given or None,
        "channel": str(found.channel),
        "name": found.name or None,
        "sender": found.sender or None,
        "state": str(found.state),
        "wrong": [str(one) for one in found.wrong],
        "taken_by": found.taken_by,
        "taken_at": found.taken_at.isoformat(timespec="seconds"),
        "decided_by": found.decided_by,
        "decided_at": found.decided_at.isoformat(timespec="seconds") if found.decided_at else None,
        "reason": found.reason,
        "message": found.message,
    }


def _told(found: Sequence[Acknowledgement], rows: Sequence[dict[str, Any]]) -> ExitCode:
    from batch.model.dispatch import Channel
    from batch.model.states import AcknowledgementState

    waiting = 0
    for one, row in zip(found, rows, strict=True):
        about = row["number"] or one.given or "-"
        if one.state is AcknowledgementState.WAITING:
            waiting += 1
            click.echo(f"acknowledgement {one.id} ({about}) waits: {'; '.join(one.wrong)}", err=True)
        else:
            weak = "; plain e-mail, its sender is not proven" if one.channel is Channel.MAIL else ""
            click.echo(f"token {about}: acknowledgement {one.id} is {one.state}{weak}", err=True)
    if waiting:
        of = counted(waiting, "waits", "wait")
        click.echo(f"{of} for another person: station acknowledge decide ID", err=True)
    return ExitCode.PARTIAL if waiting else ExitCode.OK
