"""`station letter forms`: the stock of numbered forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import counted, document, listing

if TYPE_CHECKING:
    from collections.abc import Callable

    from batch.model.forms import Form, FormNumber
    from batch.store.database import Records
    from station.wiring import Desk

_REASON = click.option("--reason", required=True, help="What became of them, in a sentence.")
_NAMED = click.argument("named", nargs=-1, required=True, metavar="FORMS...")
_STOCK = {
    "first": "From",
    "last": "To",
    "count": "Forms",
    "in_stock": "In stock",
    "printer": "Printer",
    "received_at": "Received",
    "received_by": "By",
    "delivery": "Delivery",
}
_FORMS = {
    "form": "Form",
    "state": "State",
    "letter": "Letter",
    "since": "Since",
    "operator": "Operator",
    "witness": "Witness",
    "reason": "Reason",
}


@click.group()
def forms() -> None:
    """Numbered forms for letters: taken in, spoiled, destroyed; every one accounted for (R14)."""


@forms.command()
@click.argument("first")
@click.argument("last")
@click.option("--printer", help="For whose stock; else the driver of [printer] in station.toml.")
@click.option("--delivery", help="The note they came with.")
@pass_invocation
def receive(invocation: Invocation, first: str, last: str, printer: str | None, delivery: str | None) -> None:
    """Take the forms numbered FIRST to LAST into stock."""
    from batch.letters import stock
    from batch.model.forms import FormNumber
    from batch.people.separation import Act

    desk = invocation.desk()
    ends = FormNumber.read(first), FormNumber.read(last)
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.KEEP_FORMS, where="forms") as actor,
    ):
        received = stock.receive(records, printer or _printer(desk), *ends, actor.name, delivery)
    click.echo(
        f"{counted(received.count, 'form', 'forms')} received, {received.first} to {received.last}", err=True
    )


@forms.command("list")
@click.option("--state", help="The forms in this state, one by one, such as spoiled or missing.")
@click.option("--printer", help="Only those of this printer.")
@json_option
@pass_invocation
def list_(invocation: Invocation, state: str | None, printer: str | None, as_json: bool) -> None:
    """List what was received and how much of it is in stock, and reconcile: every form is accounted for.

    Forms in stock with a higher one used were passed over: somebody says what became of them.
    """
    from batch.model.errors import FaultyValue
    from batch.model.states import FormState
    from batch.store import forms as store
    from station.wiring import Desk

    if state is not None and (state not in set(FormState) or state == FormState.IN_STOCK):
        known = ", ".join(one for one in FormState if one is not FormState.IN_STOCK)
        raise FaultyValue("is no state of a single form", where=state, next=f"one of: {known}")
    with Desk.of(invocation.home(), None).records() as records, records.snapshot():
        whole, skipped = store.balance(records, printer), store.skipped(records, printer)
        if state is not None:
            rows = [_facts(form) for form in store.forms(records, printer, FormState(state))]
        else:
            rows = [
                {
                    "first": str(one.first),
                    "last": str(one.last),
                    "count": one.count,
                    "in_stock": store.in_stock(records, one),
                    "printer": one.printer,
                    "received_at": one.received_at.isoformat(timespec="seconds"),
                    "received_by": one.received_by,
                    "delivery": one.delivery,
                }
                for one in store.ranges(records, printer)
            ]
    if as_json:
        balance = {
            "received": whole.received,
            **{str(one): count for one, count in whole.states.items()},
            "skipped": [str(one) for one in skipped],
            "holds": whole.holds,
        }
        document({"forms" if state else "stock": rows, "balance": balance})
        return
    empty = f"No form is {state}." if state else "No forms; take some in: `station letter forms receive`."
    listing(rows, _FORMS if state else _STOCK, as_json=False, empty=empty)
    click.echo(str(whole), err=True)
    if skipped:
        more = f" and {whole.skipped - len(skipped)} more" if whole.skipped > len(skipped) else ""
        told = ", ".join(map(str, skipped[:10])) + (" ..." if len(skipped) > 10 else more)
        click.echo(f"passed over, though later ones were used: {told}", err=True)


@forms.command()
@click.argument("form")
@json_option
@pass_invocation
def show(invocation: Invocation, form: str, as_json: bool) -> None:
    """Show where the form FORM is, and which letter is on it."""
    from batch.model.forms import FormNumber
    from batch.store import forms as store
    from station.wiring import Desk

    with Desk.of(invocation.home(), None).records() as records:
        facts = _facts(store.form(records, FormNumber.read(form)))
    if as_json:
        document(facts)
    else:
        listing([facts], _FORMS, as_json=False, empty="")


@forms.command()
@click.argument("named", nargs=-1, required=True, metavar="FORMS...")
def barcodes(named: tuple[str, ...]) -> None:
    """Tell what the bar codes on FORMS are to hold, one a line behind its number, for who prints them.

    With its check character and its prefix a form that is misread, or scanned where a letter is wanted, is
    noticed. Forms are numbers, or A-0001..A-0010; nothing is taken into stock.
    """
    from batch.model.forms import named as numbers_of
    from layouts.scans import Kind, content

    for number in (number for one in named for number in numbers_of(one)):
        click.echo(f"{number},{content(Kind.FORM, str(number))}")


@forms.command()
@_NAMED
@_REASON
@pass_invocation
def spoil(invocation: Invocation, named: tuple[str, ...], reason: str) -> None:
    """Take FORMS out of stock that were torn or used up without a letter: numbers, or A-0001..A-0010."""
    from batch.letters import stock

    _take_out(
        invocation, named, "spoiled", lambda records, wanted, by: stock.spoil(records, wanted, by, reason)
    )


@forms.command()
@_NAMED
@_REASON
@pass_invocation
def missing(invocation: Invocation, named: tuple[str, ...], reason: str) -> None:
    """Put on record that FORMS cannot be found: numbers, or A-0001..A-0010."""
    from batch.letters import stock

    _take_out(
        invocation, named, "missing", lambda records, wanted, by: stock.miss(records, wanted, by, reason)
    )


@forms.command()
@_NAMED
@click.option(
    "--witness", required=True, metavar="NAME", help="Who sees them destroyed, and proves who it is."
)
@_REASON
@pass_invocation
def destroy(invocation: Invocation, named: tuple[str, ...], witness: str, reason: str) -> None:
    """Put on record that spoiled FORMS are destroyed before a witness (R14): numbers, or A-0001..A-0010."""
    from batch.letters import stock
    from batch.model.forms import named as numbers_of
    from batch.people.separation import Act

    desk = invocation.desk()
    wanted = [number for one in named for number in numbers_of(one)]
    with (
        desk.sound_records() as records,
        invocation.witnessed(desk, records, Act.KEEP_FORMS, witness, where="forms") as (actor, other),
    ):
        count = stock.destroy(records, wanted, actor.name, other.name, reason)
    click.echo(f"{counted(count, 'form is', 'forms are')} destroyed before {other.name}", err=True)


def _take_out(
    invocation: Invocation,
    named: tuple[str, ...],
    state: str,
    take: Callable[[Records, list[FormNumber], str], int],
) -> None:
    from batch.model.forms import named as numbers_of
    from batch.people.separation import Act

    desk = invocation.desk()
    wanted = [number for one in named for number in numbers_of(one)]
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.KEEP_FORMS, where="forms") as actor,
    ):
        count = take(records, wanted, actor.name)
    click.echo(f"{counted(count, 'form is', 'forms are')} {state}", err=True)


def _printer(desk: Desk) -> str:
    from station.errors import ConfigurationError

    if desk.configuration.printer is None:
        raise ConfigurationError(
            "no printer is configured", where=str(desk.home.configuration), next="add a [printer] table"
        )
    return desk.configuration.printer.driver


def _facts(form: Form) -> dict[str, Any]:
    return {
        "form": str(form.number),
        "state": str(form.state),
        "letter": form.letter,
        "printer": form.printer,
        "since": form.since.isoformat(timespec="seconds") if form.since else None,
        "operator": form.operator,
        "witness": form.witness,
        "reason": form.reason,
    }
