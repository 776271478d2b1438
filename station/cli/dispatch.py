"""`station dispatch`: parcels with tokens, their papers, and that they go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from station.cli.filters import need_one_of
from station.cli.invocation import (
    Invocation,
    csv_option,
    json_option,
    on_option,
    pass_invocation,
)
from station.cli.labelling import print_labels, sheet_options, write_private
from station.cli.output import counted, document, listing, plain
from station.cli.scanning import scanned_tokens, scanner_option
from station.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from datetime import date, datetime

    from batch.model.dispatch import Loan, Parcel
    from batch.people.acting import Actor
    from batch.store.database import Records
    from station.wiring import Desk

COLUMNS = {
    "parcel": "Parcel",
    "order": "Order",
    "state": "State",
    "to": "To",
    "tokens": "Tokens",
    "read": "Read",
    "loans": "Loans",
    "sent_at": "Sent",
    "courier": "Courier",
    "reference": "Reference",
}
_TOKENS = {
    "number": "Token",
    "certificate": "Certificate",
    "serial": "Serial",
    "read_by": "Read by",
    "quoted": "Number to quote",
    "life": "Is",
}

_reason_option = click.option("--reason", required=True, help="Why, in a sentence.")


@click.group()
def dispatch() -> None:
    """Pack tokens, read each once more, make the parcel's papers, and send it."""


@dispatch.command()
@click.argument("order")
@click.option("--each", is_flag=True, help="A parcel for every address, with all tokens that may go.")
@on_option
@pass_invocation
def new(invocation: Invocation, order: str, each: bool, on: date) -> None:
    """Begin a parcel for tokens of ORDER, which go to one certificate manager at one address."""
    from batch.life.dispatch.parcels import begin, begin_each

    desk = invocation.desk()
    with desk.sound_records() as records, _acting(invocation, desk, records, None, order) as actor:
        made = begin_each(records, order, desk.library.token, actor.name, on) if each else []
        parcel = None if each else begin(records, order, actor.name)
    for one, tokens in made:
        click.echo(one.number)
        click.echo(f"{counted(len(tokens), 'token', 'tokens')} in parcel {one.number}", err=True)
    if parcel is None:
        click.echo("next: read each: station dispatch check --seat NAME", err=True)
    else:
        click.echo(parcel.number)
        click.echo(f"next: station dispatch add {parcel.number} TOKEN ..., or --ready", err=True)


@dispatch.command()
@click.argument("parcel")
@click.argument("tokens", nargs=-1)
@click.option(
    "--ready", is_flag=True, help="All tokens of its order that may go to its address and lie in no parcel."
)
@scanner_option
@on_option
@pass_invocation
def add(
    invocation: Invocation, parcel: str, tokens: tuple[str, ...], ready: bool, scanner: bool, on: date
) -> None:
    """Put TOKENS (their numbers or serials) into PARCEL, all or none.

    Refused for one that may not go (R2, R5), goes to another address, or whose letter you released or sent.
    """
    from batch.life.dispatch.parcels import add as put
    from batch.life.dispatch.parcels import ready_for

    if sum((bool(tokens), ready, scanner)) != 1:
        raise click.UsageError("name tokens, or --ready, or --scanner")
    desk = invocation.desk()
    with desk.sound_records() as records, _acting(invocation, desk, records, parcel) as actor:
        if ready:
            tokens = tuple(ready_for(records, parcel, desk.library.token, on))
        elif scanner:
            tokens = scanned_tokens(desk)
        put(records, parcel, tokens, desk.library.token, actor.name, on)
    click.echo(f"{counted(len(tokens), 'token', 'tokens')} in parcel {parcel}", err=True)
    if tokens:
        click.echo(f"next: read each: station dispatch check {parcel} --seat NAME", err=True)


@dispatch.command()
@click.argument("parcel")
@click.argument("tokens", nargs=-1, required=True)
@pass_invocation
def remove(invocation: Invocation, parcel: str, tokens: tuple[str, ...]) -> None:
    """Take TOKENS out of PARCEL again."""
    from batch.life.dispatch.parcels import remove as take

    desk = invocation.desk()
    with desk.sound_records() as records, _acting(invocation, desk, records, parcel) as actor:
        take(records, parcel, tokens, actor.name)
    click.echo(f"{counted(len(tokens), 'token', 'tokens')} taken out of parcel {parcel}", err=True)


@dispatch.command()
@click.argument("parcel", required=False)
@click.option("--seat", required=True, metavar="NAME", help="The seat the token is in.")
@click.option("--every", is_flag=True, help="Read one after the other until all were read; Ctrl-C stops.")
@json_option
@pass_invocation
def check(invocation: Invocation, parcel: str | None, seat: str, every: bool, as_json: bool) -> ExitCode:
    """Read the token in a seat for PARCEL, or the one it lies in: its own, with its certificates, and unused.

    Needs no code and spends no try. What is found is on record; a wrong token stays unread, and the parcel
    open.
    """
    from batch.life.dispatch.reading import check as read
    from batch.life.dispatch.reading import unread

    desk = invocation.desk()
    rows: list[dict[str, Any]] = []
    with desk.sound_records() as records, _acting(invocation, desk, records, parcel) as actor:
        (reader,) = desk.seats((seat,))
        while True:
            reading = read(records, parcel, reader, desk.run_directory, actor.name)
            number = reading.item.mailer_number if reading.item is not None else None
            rows += [
                {"number": number, "check": one.check, "ok": one.ok, "found": one.found}
                for one in reading.findings
            ]
            wanted = unread(records, parcel)
            here = [one.mailer_number for one in wanted if one.token_driver == reader.driver]
            verdict = "is right" if reading.right else "is WRONG: put it aside"
            if parcel is None and reading.right:
                verdict += f", parcel {reading.parcel.number}"
            click.echo(f"token {number or '-'} {verdict}; {len(wanted)} to read", err=True)
            if every and wanted and not here:
                elsewhere = ", ".join(sorted({one.token_driver or "" for one in wanted}))
                click.echo(f"next: the others in a seat of theirs ({elsewhere})", err=True)
            if not every or not here:
                break
            if not invocation.asking.next("take it out, put the next one in", here[0]):
                break
    right = all(row["ok"] for row in rows)
    shown = rows if as_json or not right else []
    if shown:
        columns = {"number": "Token", "check": "Check", "ok": "Holds", "found": "Found"}
        listing(shown, columns, as_json=as_json, empty="Nothing.")
    return ExitCode.OK if right else ExitCode.CHECK_FAILED


@dispatch.command()
@click.argument("parcel")
@click.option(
    "--papers", "file", type=click.Path(dir_okay=False), help="Write its papers (PDF) to this file."
)
@on_option
@pass_invocation
def close(invocation: Invocation, parcel: str, file: str | None, on: date) -> None:
    """Close PARCEL, all of whose tokens were read in it; each gets the number that acknowledges it."""
    from batch.life.dispatch.papers import make
    from batch.life.dispatch.parcels import close as shut

    desk = invocation.desk()
    with desk.sound_records() as records, _acting(invocation, desk, records, parcel) as actor:
        shut(records, parcel, desk.library.token, actor.name, on)
        if file is not None:
            write_private(file, make(records, parcel, desk.library, actor.name, on))
    click.echo(f"parcel {parcel} is closed", err=True)
    follows = f"send {parcel} --courier NAME --reference NUMBER" if file else f"papers {parcel} FILE"
    click.echo(f"next: station dispatch {follows}", err=True)


@dispatch.command()
@click.argument("parcel")
@click.argument("file", type=click.Path(dir_okay=False))
@on_option
@pass_invocation
def papers(invocation: Invocation, parcel: str, file: str, on: date) -> None:
    """Write the papers of a closed PARCEL to FILE (PDF): label, packing list, accompanying letter.

    They hold the numbers that acknowledge its tokens: they belong in the parcel and nowhere else.
    """
    from batch.life.dispatch.papers import make

    desk = invocation.desk()
    with desk.sound_records() as records, _acting(invocation, desk, records, parcel) as actor:
        write_private(file, make(records, parcel, desk.library, actor.name, on))
    click.echo(f"papers of parcel {parcel} written to {file}", err=True)


@dispatch.command()
@click.argument("parcels", metavar="PARCEL...", nargs=-1, required=True)
@sheet_options
@pass_invocation
def label(invocation: Invocation, parcels: tuple[str, ...], pdf: str | None, first: int) -> None:
    """Print the address labels of closed parcels on the label printer, or on sheets (PDF)."""
    from batch.life.dispatch.labels import parcel_labels

    print_labels(invocation, "parcel", lambda *_: parcels, parcel_labels, pdf, first)


@dispatch.command()
@click.argument("parcel")
@click.option("--courier", required=True, metavar="NAME", help="Who carries it.")
@click.option("--reference", required=True, metavar="NUMBER", help="The courier's own number for it.")
@pass_invocation
def send(invocation: Invocation, parcel: str, courier: str, reference: str) -> None:
    """Put on record that the closed PARCEL goes: its tokens are dispatched."""
    from batch.life.dispatch.parcels import send as go

    desk = invocation.desk()
    with desk.sound_records() as records, _acting(invocation, desk, records, parcel) as actor:
        go(records, parcel, desk.library.token, actor.name, courier=courier, reference=reference)
    click.echo(f"parcel {parcel} sent with {courier}, {reference}", err=True)


@dispatch.command()
@click.argument("parcel")
@_reason_option
@pass_invocation
def reopen(invocation: Invocation, parcel: str, reason: str) -> None:
    """Open the closed PARCEL again: its papers are void, and every token is to be read anew."""
    from batch.life.dispatch.parcels import reopen as open_

    _take_back(invocation, parcel, reason, open_, "open")


@dispatch.command()
@click.argument("parcel")
@_reason_option
@pass_invocation
def cancel(invocation: Invocation, parcel: str, reason: str) -> None:
    """Give up PARCEL, which was not sent; its tokens may go with another."""
    from batch.life.dispatch.parcels import cancel as give_up

    _take_back(invocation, parcel, reason, give_up, "cancelled")


@dispatch.command("list")
@click.option("--order", metavar="ORDER", help="Only those of this order.")
@click.option("--state", help="Only those in this state, such as `packing`.")
@json_option
@csv_option
@pass_invocation
def list_(invocation: Invocation, order: str | None, state: str | None, as_json: bool, as_csv: bool) -> None:
    """List parcels."""
    from batch.model.states import ParcelState
    from batch.store.orders import order as of_number
    from batch.store.parcels import parcels
    from station.wiring import Desk

    need_one_of(ParcelState, state)
    with Desk.of(invocation.home(), None).records() as records:
        wanted = of_number(records, order) if order else None
        found = parcels(records, wanted, *([ParcelState(state)] if state else []))
        rows = [_row(records, one) for one in found]
    listing(rows, COLUMNS, as_json=as_json, as_csv=as_csv, empty="No parcels; `station dispatch new ORDER`.")


@dispatch.command()
@click.argument("parcel")
@json_option
@pass_invocation
def show(invocation: Invocation, parcel: str, as_json: bool) -> None:
    """Show PARCEL with what is in it."""
    from batch.store.parcels import parcel as of_number
    from station.cli.loan import COLUMNS as LOANS
    from station.cli.loan import loan_row
    from station.wiring import Desk

    with Desk.of(invocation.home(), None).records() as records:
        found = of_number(records, parcel)
        facts, tokens = _row(records, found), list(_inside(records, found))
        lent = [loan_row(records, one) for one in _loans(records, found)]
    if as_json:
        document({**facts, "tokens": tokens, "loans": lent})
        return
    for key, value in facts.items():
        click.echo(f"{key}: {', '.join(value) if isinstance(value, list) else plain(value)}")
    listing(tokens, _TOKENS, as_json=False, empty="no tokens")
    if lent:
        listing(lent, LOANS, as_json=False, empty="no loans")


def _take_back(
    invocation: Invocation,
    parcel: str,
    reason: str,
    undo: Callable[[Records, str, str, str], Parcel],
    afterwards: str,
) -> None:
    desk = invocation.desk()
    with desk.sound_records() as records, _acting(invocation, desk, records, parcel) as actor:
        undo(records, parcel, actor.name, reason)
    click.echo(f"parcel {parcel} is {afterwards}; destroy its papers", err=True)


def _acting(
    invocation: Invocation, desk: Desk, records: Records, parcel: str | None, where: str | None = None
) -> AbstractContextManager[Actor]:
    """Whoever dispatches, and did not have the letters of the tokens in a parcel (R1)."""
    from batch.life.dispatch.parcels import before_parcel
    from batch.people.separation import Act

    before = before_parcel(records, parcel) if parcel is not None else None
    return invocation.acting(desk, records, Act.DISPATCH, where=where or parcel or "", before=before)


def _row(records: Records, parcel: Parcel) -> dict[str, Any]:
    from batch.life.dispatch.parcels import addressee_of
    from batch.store.orders import order_of
    from batch.store.parcels import packed

    inside, to = packed(records, parcel), addressee_of(records, parcel)
    return {
        "parcel": parcel.number,
        "order": order_of(records, parcel.order_id).number,
        "state": str(parcel.state),
        "to": to.name if to is not None else None,
        "address": list(to.lines) if to is not None else [],
        "tokens": len(inside),
        "read": sum(one.read_at is not None for one in inside),
        "loans": len(_loans(records, parcel)),
        "made_by": parcel.made_by,
        "closed_by": parcel.closed_by,
        "closed_at": _moment(parcel.closed_at),
        "sent_by": parcel.sent_by,
        "sent_at": _moment(parcel.sent_at),
        "courier": parcel.courier,
        "reference": parcel.reference,
        "reason": parcel.reason,
    }


def _inside(records: Records, parcel: Parcel) -> Iterator[dict[str, Any]]:
    from batch.life.dispatch.parcels import certificate_name
    from batch.store.items import item_of
    from batch.store.lives import life
    from batch.store.parcels import packed

    for one in packed(records, parcel):
        item = item_of(records, one.item_id)
        yield {
            "number": item.mailer_number,
            "certificate": certificate_name(item),
            "serial": item.token_serial,
            "read_by": one.read_by,
            "read_at": _moment(one.read_at),
            "quoted": one.quoted,
            "life": str(life(records, item.id).state),
        }


def _loans(records: Records, parcel: Parcel) -> list[Loan]:
    from batch.store.loans import loans

    return loans(records, parcel_id=parcel.id)


def _moment(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at is not None else None
