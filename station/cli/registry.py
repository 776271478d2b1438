"""`station registry`: subscribers and their people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from station.cli.faulty_files import FAULTS, fault_row, table
from station.cli.given_file import GivenFile
from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import counted, document, listing, plain
from station.cli.registry_people import PEOPLE, certificate, person, person_row, terms
from station.exit_codes import ExitCode

if TYPE_CHECKING:
    from batch.model.registry import Subscriber
    from batch.people.registry_import import Taken
    from station.asking import Asking

_SUBSCRIBERS = {
    "organisation": "Subscriber",
    "name": "Name",
    "state": "State",
    "quota": "Quota",
    "email": "Notices to",
    "language": "Language",
}

_FOUND = {
    "number": "Number",
    "organisation": "Subscriber",
    "name": "Name",
    "state": "State",
    "email": "E-mail",
}

_DUE = {"name": "Number", "kind": "Kind", "over": "Over since", "on": "May be forgotten from"}

_LINES = 4
"""Of an address."""

_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group()
def registry() -> None:
    """Who may order: subscribers, their representatives, contact persons and certificate managers."""


for _command in (person, terms, certificate):
    registry.add_command(_command)


def _subscriber_options(command: _Command) -> _Command:
    for option in reversed(
        (
            click.option("--name", help="Its name as registered."),
            click.option("--visiting", multiple=True, metavar="LINE", help="A line of the visiting address."),
            click.option("--postal", multiple=True, metavar="LINE", help="A line of the postal address."),
            click.option("--country", help="The country of its addresses; else that of its number."),
            click.option("--language", help="The language of what it gets, such as nl, en, it."),
            click.option("--email", help="Where notices go."),
            click.option("--quota", help="Most tokens under way or valid at one time; '' for any number."),
        )
    ):
        command = option(command)
    return command


def _typed(options: Mapping[str, Any]) -> dict[str, str]:
    """What was given on the command line, by column."""
    names = {"name": "subscriber", "language": "subscriber_language", "email": "notices_email"}
    typed: dict[str, str] = {}
    for option, value in options.items():
        if not isinstance(value, tuple):
            typed |= {names.get(option, option): value} if value is not None else {}
            continue
        if len(value) > _LINES:
            raise click.UsageError(f"an address has at most {_LINES} lines: --{option}")
        if value:
            # A new address takes the whole place of the old one.
            lines = (*value, *("" for _ in range(_LINES)))[:_LINES]
            typed |= {f"{option}_{at}": line for at, line in enumerate(lines, 1)}
    return typed


@registry.command()
@click.argument("organisation")
@_subscriber_options
@pass_invocation
def add(invocation: Invocation, /, organisation: str, **options: Any) -> None:
    """Take the subscriber ORGANISATION (such as NTRNL-90001234) into the registry."""
    from batch.people.registry import add_subscriber
    from batch.people.registry_rows import typed_subscriber
    from batch.people.separation import Act

    new = typed_subscriber(None, {"organisation": organisation, **_typed(options)})
    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.KEEP_REGISTRY, where=organisation) as actor,
    ):
        add_subscriber(records, new, operator=actor.name)
    click.echo(new.organisation)


@registry.command()
@click.argument("organisation")
@_subscriber_options
@pass_invocation
def change(invocation: Invocation, /, organisation: str, **options: Any) -> None:
    """Change what is given of the subscriber ORGANISATION; all else stays."""
    from batch.people.registry import change_subscriber, require_subscriber
    from batch.people.registry_columns import checked
    from batch.people.registry_rows import typed_subscriber
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.KEEP_REGISTRY, where=organisation) as actor,
    ):
        before = require_subscriber(records, checked("organisation", organisation))
        changed = typed_subscriber(before, _typed(options))
        change_subscriber(records, changed, operator=actor.name)


@registry.command()
@click.argument("organisation")
@pass_invocation
def close(invocation: Invocation, organisation: str) -> None:
    """The subscriber ORGANISATION orders no more; the functions of its people end."""
    from batch.people.registry import close_subscriber
    from batch.people.registry_columns import checked
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.KEEP_REGISTRY, where=organisation) as actor,
    ):
        closed = close_subscriber(records, checked("organisation", organisation), operator=actor.name)
    click.echo(f"{closed.organisation} is closed", err=True)


@registry.command("list")
@json_option
@pass_invocation
def list_(invocation: Invocation, as_json: bool) -> None:
    """List all subscribers."""
    from batch.store.registry import subscribers
    from station.wiring import Desk

    with Desk.of(invocation.home(), None).records() as records:
        rows = [_row(one) for one in subscribers(records)]
    listing(rows, _SUBSCRIBERS, as_json=as_json, empty="No subscribers yet; `station registry add`.")


@registry.command()
@click.argument("name")
@json_option
@pass_invocation
def show(invocation: Invocation, name: str, as_json: bool) -> None:
    """Show the subscriber or person NAME (its number) with all that the registry holds."""
    from batch.people.registry import require_person, require_subscriber
    from batch.people.registry_columns import checked
    from batch.store.registry import people_of
    from station.wiring import Desk

    with Desk.of(invocation.home(), None).records() as records:
        if name.upper().startswith("P"):
            facts, people = person_row(require_person(records, name.upper())), None
        else:
            found = require_subscriber(records, checked("organisation", name))
            facts = _row(found)
            people = [person_row(one) for one in people_of(records, found.organisation)]
    if as_json:
        document(facts if people is None else {**facts, "people": people})
        return
    for key, value in facts.items():
        click.echo(f"{key.replace('_', ' ')}: {plain(_told(value))}")
    if people is not None:
        listing(people, PEOPLE, as_json=False, empty="No people yet; `station registry person add`.")


@registry.command()
@click.argument("words", nargs=-1, required=True)
@json_option
@pass_invocation
def search(invocation: Invocation, words: tuple[str, ...], as_json: bool) -> None:
    """Find subscribers and people in whose name, number or e-mail address all WORDS stand."""
    from batch.store.registry import persons, subscribers
    from station.wiring import Desk

    with Desk.of(invocation.home(), None).records() as records:
        rows = [{"number": one.organisation, **_row(one)} for one in subscribers(records, words)]
        rows += [person_row(one) for one in persons(records, words)]
    listing(rows, _FOUND, as_json=as_json, empty="Nothing found.")


@registry.command("import")
@click.argument("file", type=GivenFile())
@json_option
@pass_invocation
def import_(invocation: Invocation, file: Path, as_json: bool) -> None:
    """Take the registry in FILE (CSV) in whole, or name every fault in it and take nothing."""
    from batch.people.registry_import import LARGEST_FILE, take
    from batch.people.separation import Act
    from drivers.errors import printable

    with file.open("rb") as opened:
        data = opened.read(LARGEST_FILE + 1)
    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.KEEP_REGISTRY, where=printable(file.name)) as actor,
    ):
        taken = take(records, data, source=printable(file.name), operator=actor.name)
    if as_json:
        document(vars(taken))
    click.echo(_changes(taken), err=True)


@registry.command()
@click.argument("file", type=GivenFile())
@json_option
@pass_invocation
def check(invocation: Invocation, file: Path, as_json: bool) -> ExitCode:
    """Read the registry in FILE (CSV) as `import` does, and take nothing; nobody need be logged in.

    Tells what would change, or every fault; --json also rows as they stand in a faulty file.
    """
    from batch.people.registry_columns import REGISTRY
    from batch.people.registry_import import LARGEST_FILE, Taken
    from batch.people.registry_import import check as judge
    from batch.tables.excerpt import excerpt
    from batch.tables.faults import TableFaults
    from drivers.errors import printable
    from station.wiring import Desk

    with file.open("rb") as opened:
        data = opened.read(LARGEST_FILE + 1)
    source, taken, rows = printable(file.name), Taken(), None
    faults: list[dict[str, Any]] = []
    with Desk.of(invocation.home(), None).records() as records:
        try:
            taken = judge(records, data, source=source)
        except TableFaults as error:
            faults = [fault_row(one) for one in error.faults]
            rows = excerpt(data, REGISTRY, {one.line for one in error.faults})
    if as_json:
        document({"source": source, **vars(taken), "faults": faults, "table": table(rows)})
    elif faults:
        listing(faults, FAULTS, as_json=False, empty="")
    if faults:
        click.echo(f"{source}: {counted(len(faults), 'fault', 'faults')}, import takes nothing", err=True)
        return ExitCode.FAULTS_IN_INPUT
    click.echo(f"{_changes(taken)}; next: station registry import", err=True)
    return ExitCode.OK


@registry.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@pass_invocation
def export(invocation: Invocation, file: Path) -> None:
    """Write the registry to FILE (CSV, readable by you alone), as `import` takes it; FILE must be new."""
    import os

    from batch.model.errors import Refused
    from batch.people.registry_export import export as write
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.KEEP_REGISTRY, where=str(file)) as actor,
    ):
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise Refused("is there already, and is not written over", where=str(file)) from None
        # With its mark a spreadsheet takes it for the UTF-8 that it is.
        with open(descriptor, "w", encoding="utf-8-sig", newline="") as opened:
            rows = write(records, opened, operator=actor.name)
    click.echo(f"{counted(rows, 'row', 'rows')} in {file}: personal data, to be kept as such", err=True)


@registry.command()
@json_option
@pass_invocation
def due(invocation: Invocation, as_json: bool) -> None:
    """List the persons and orders whose personal data may be forgotten today."""
    from batch.people.forgetting import due as find
    from station.wiring import Desk

    desk = Desk.of(invocation.home(), None)
    with desk.records() as records:
        rows = [vars(one) for one in find(records, desk.configuration.retention.years())]
    listing(rows, _DUE, as_json=as_json, empty="Nothing is due.")


@registry.command()
@click.argument("names", nargs=-1, metavar="NUMBER...")
@click.option("--due", "all_due", is_flag=True, help="All that `station registry due` lists.")
@click.option("--yes", is_flag=True, help="For scripts, in place of the question.")
@pass_invocation
def forget(invocation: Invocation, names: tuple[str, ...], all_due: bool, yes: bool) -> None:
    """Forget persons, or all words about persons in orders, by their NUMBER; what is gone is gone."""
    from batch.people.forgetting import due as find
    from batch.people.forgetting import forget as put_out
    from batch.people.separation import Act

    if bool(names) == all_due:
        raise click.UsageError("name what is to be forgotten, or say --due")
    desk = invocation.desk()
    retention = desk.configuration.retention.years()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.FORGET, where="registry") as actor,
    ):
        if all_due:
            names = tuple(one.name for one in find(records, retention))
        if names and not yes:
            _ask(invocation.asking, names)
        for name in names:
            done = put_out(records, name, retention, operator=actor.name)
            click.echo(f"{done.kind} {name} is forgotten", err=True)
        if not records.scrub():
            click.echo("somebody is reading: traces stay in station.db-wal until the next change", err=True)
    if not names:
        click.echo("Nothing is due.", err=True)


def _ask(asking: Asking, names: Sequence[str]) -> None:
    if not asking.there:
        raise click.UsageError("there is no terminal to ask at; say --yes")
    if not asking.yes(f"Forget {', '.join(names)}? This cannot be undone"):
        click.echo("nothing was done", err=True)
        raise click.exceptions.Exit(ExitCode.INTERRUPTED)


def _changes(taken: Taken) -> str:
    parts = (
        counted(taken.new_subscribers, "subscriber new", "subscribers new"),
        counted(taken.new_persons, "person new", "persons new"),
        counted(taken.changed_subscribers, "subscriber changed", "subscribers changed"),
        counted(taken.changed_persons, "person changed", "persons changed"),
    )
    told = [one for one in parts if not one.startswith("0 ")]
    if taken.unchanged or not told:
        told.append(f"{taken.unchanged} as before")
    return ", ".join(told)


def _told(value: object) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    text = ", ".join(value) if isinstance(value, tuple | list) else value
    return None if text == "" else text


def _row(subscriber: Subscriber) -> dict[str, Any]:
    return dict(subscriber.facts())
