"""`station registry person`, `terms` and `certificate`: the people of a subscriber."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from station.cli.given_file import GivenFile
from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import listing

if TYPE_CHECKING:
    from batch.model.registry import Person

PEOPLE = {
    "number": "Person",
    "name": "Name",
    "functions": "Functions",
    "state": "State",
    "email": "E-mail",
    "phone": "Telephone",
    "valid_until": "Valid until",
}

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _person_options(command: _Command) -> _Command:
    for option in reversed(
        (
            click.option(
                "--function",
                "functions",
                multiple=True,
                help="representative, contact or manager; give it again for another.",
            ),
            click.option("--name", help="The person's name."),
            click.option("--email", help="Their e-mail address."),
            click.option("--phone", help="Their telephone number."),
            click.option("--language", help="The language to write to them in, such as nl, en, it."),
            click.option("--from", "valid_from", metavar="DATE", help="The first day of the functions."),
            click.option("--until", "valid_until", metavar="DATE", help="The last day of the functions."),
        )
    ):
        command = option(command)
    return command


def _typed(options: dict[str, Any]) -> dict[str, str]:
    functions = " ".join(options.pop("functions"))
    given = {name: value for name, value in options.items() if value is not None}
    return {**given, "functions": functions} if functions else given


@click.group()
def person() -> None:
    """Representatives, contact persons and certificate managers of a subscriber."""


@person.command("list")
@click.option("--subscriber", metavar="ORGANISATION", help="Only those of this one.")
@click.option("--state", help="Only those who are named, identified, registered or ended.")
@json_option
@pass_invocation
def list_(invocation: Invocation, subscriber: str | None, state: str | None, as_json: bool) -> None:
    """List everybody who is not forgotten; `--state named` are those who are to be identified."""
    from batch.people.registry_columns import checked
    from batch.store.registry import persons
    from station.wiring import Desk

    organisation = checked("organisation", subscriber) if subscriber else None
    wanted = checked("state", state) if state else None
    with Desk.of(invocation.home(), None).records() as records:
        rows = [
            person_row(one)
            for one in persons(records, [organisation] if organisation else [])
            if one.forgotten is None
            and organisation in (None, one.organisation)
            and wanted in (None, one.state)
        ]
    columns = {"number": PEOPLE["number"], "organisation": "Subscriber", **PEOPLE}
    listing(rows, columns, as_json=as_json, empty="Nobody.")


@person.command()
@click.argument("organisation")
@_person_options
@pass_invocation
def add(invocation: Invocation, /, organisation: str, **options: Any) -> None:
    """Take a person of the subscriber ORGANISATION into the registry; prints the number they get."""
    from batch.people.registry import add_person
    from batch.people.registry_rows import typed_person
    from batch.people.separation import Act

    new = typed_person(None, {"organisation": organisation, **_typed(options)})
    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.KEEP_REGISTRY, where=organisation) as actor,
    ):
        added = add_person(records, new, operator=actor.name)
    click.echo(added.number)


@person.command()
@click.argument("number")
@_person_options
@pass_invocation
def change(invocation: Invocation, /, number: str, **options: Any) -> None:
    """Change what is given of the person NUMBER; all else stays."""
    from batch.people.registry import change_person, require_person
    from batch.people.registry_rows import typed_person
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.KEEP_REGISTRY, where=number) as actor,
    ):
        changed = typed_person(require_person(records, number), _typed(options))
        change_person(records, changed, operator=actor.name)


@person.command()
@click.argument("number")
@click.option("--document", required=True, help="passport, identity-card, driving-licence, residence-permit.")
@click.option("--on", metavar="DATE", help="The day; else today.")
@click.option("--by", metavar="NAME", help="Who identified them; else you.")
@pass_invocation
def identify(invocation: Invocation, number: str, document: str, on: str | None, by: str | None) -> None:
    """The person NUMBER was identified with a document, whose number is kept nowhere."""
    from datetime import date

    from batch.model.registry import Document, Identification
    from batch.people.registry import identify as put
    from batch.people.registry import today
    from batch.people.registry_columns import checked
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.KEEP_REGISTRY, where=number) as actor,
    ):
        how = Identification(
            checked("identified_by", by or actor.name),
            date.fromisoformat(checked("identified_on", on)) if on else today(),
            Document(checked("document", document)),
        )
        found = put(records, number, how, operator=actor.name)
    click.echo(f"person {found.number} is {found.state}", err=True)


@person.command()
@click.argument("number")
@pass_invocation
def end(invocation: Invocation, number: str) -> None:
    """The functions of the person NUMBER end today, for good."""
    from batch.people.registry import end as over
    from batch.people.separation import Act

    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.KEEP_REGISTRY, where=number) as actor,
    ):
        found = over(records, number, operator=actor.name)
    click.echo(f"person {found.number} is {found.state}", err=True)


@click.command()
@click.argument("number")
@click.argument("file", type=GivenFile())
@click.option("--signed", metavar="DATE", help="The day they were signed; else today.")
@pass_invocation
def terms(invocation: Invocation, number: str, file: Path, signed: str | None) -> None:
    """The person NUMBER signed the terms in FILE; its SHA-256 is kept, the file is not."""
    import hashlib
    from datetime import date

    from batch.model.registry import Terms
    from batch.people.registry import sign_terms, today
    from batch.people.registry_columns import checked
    from batch.people.separation import Act

    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    on = date.fromisoformat(checked("terms_on", signed)) if signed else today()
    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.KEEP_REGISTRY, where=number) as actor,
    ):
        sign_terms(records, number, Terms(on, digest), operator=actor.name)
    click.echo(digest)


@click.group()
def certificate() -> None:
    """The certificate that a manager signs orders with."""


@certificate.command("set")
@click.argument("number")
@click.argument("file", type=GivenFile())
@pass_invocation
def set_(invocation: Invocation, number: str, file: Path) -> None:
    """Register the certificate in FILE (PEM or DER) as that of the manager NUMBER."""
    from batch.people.manager_certificates import LARGEST, read
    from batch.people.registry import set_certificate
    from batch.people.separation import Act
    from batch.store.clock import now
    from drivers.errors import printable

    with file.open("rb") as opened:
        data = opened.read(LARGEST + 1)
    kept = read(data, where=printable(file.name), now=now())
    desk = invocation.desk()
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.KEEP_REGISTRY, where=number) as actor,
    ):
        set_certificate(records, number, kept, operator=actor.name)


def person_row(person: Person) -> dict[str, Any]:
    """A person as lists and JSON show them; of the certificate its SHA-256 and its last day."""
    import hashlib

    facts = {**person.facts(), "functions": " ".join(person.functions)}
    if person.certificate is not None:
        from batch.people.manager_certificates import last_day

        facts["certificate"] = {
            "sha256": hashlib.sha256(person.certificate).hexdigest(),
            "until": last_day(person.certificate),
        }
    return facts
