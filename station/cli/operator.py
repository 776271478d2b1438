"""`station operator`: who works here, and with what they prove it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from station.cli.invocation import Invocation, json_option, pass_invocation, with_option
from station.cli.output import document, listing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch.model.people import Operator
    from batch.people.acting import Given
    from station.wiring import Desk

_COLUMNS = {"name": "Name", "roles": "Roles", "means": "Means", "since": "Since", "until": "Until"}
_ROLE = click.option(
    "--role", "roles", multiple=True, metavar="ROLE", help="What they may do; may be repeated."
)
_PASSPHRASE = click.option(
    "--passphrase", is_flag=True, help="Keys under a passphrase, instead of a token of their own."
)


@click.group("operator")
def operator() -> None:
    """Operators: two administrators enrol, change and retire them.

    Every change is begun by one administrator, and completed by another with `complete`; or by both with
    one command, the other named by --with.
    """


@operator.command()
@click.option("--administrator", "names", multiple=True, required=True, metavar="NAME", help="Name two.")
@_PASSPHRASE
@pass_invocation
def found(invocation: Invocation, names: tuple[str, ...], passphrase: bool) -> None:
    """Found the register of operators of a desk that has none (PIN of `bench`).

    Both administrators are here, and prove it with their tokens in the operators' seat, one after the other;
    or choose passphrases, where [operators] of station.toml allows them.
    """
    from station.enrolling import found_desk

    desk = invocation.desk()
    with ExitStack() as held:
        records = held.enter_context(desk.sound_records())
        register = found_desk(
            desk, records, names, passphrases=passphrase, anchor=desk.anchor(held), tell=_tell
        )
    click.echo(register.founding)
    click.echo(f"founded by {' and '.join(names)}; they enrol others: station operator enrol", err=True)


@operator.command()
@click.argument("name", required=False)
@_ROLE
@_PASSPHRASE
@click.option(
    "--from",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="All of a CSV file with the columns name and roles; needs --with.",
)
@with_option
@pass_invocation
def enrol(
    invocation: Invocation,
    name: str | None,
    roles: tuple[str, ...],
    passphrase: bool,
    file: Path | None,
    others: tuple[str, ...],
) -> None:
    """Enrol NAME, who is here: with the token in the operators' seat, or a passphrase they choose.

    Takes two administrators, and the PIN of `bench` to complete it.
    """
    from batch.people.acting import in_turn
    from batch.people.operators import enrol as enrolled
    from batch.people.separation import Act
    from station.enrolling import Enrolling, Wanted, check_name, read_list, refuse_known, roles_of

    if (name is None) == (file is None):
        raise click.UsageError("say who: NAME with --role, or --from FILE")
    if file is not None and not others:
        raise click.UsageError("--from takes both administrators: name the other with --with")
    wanted = read_list(file) if file else []
    if name is not None:
        check_name(name)
        wanted = [Wanted(name, roles_of(roles, name))]
    desk = invocation.desk()
    with ExitStack() as held:
        records = held.enter_context(desk.sound_records())
        actors = held.enter_context(invocation.actors(desk, records, Act.ENROL, others, where=wanted[0].name))
        refuse_known(records, wanted)
        anchor = desk.anchor(held)
        make = held.enter_context(
            Enrolling(desk, records, actors[0].name, _tell).making(passphrases=_means(desk, passphrase))
        )
        # Tokens change places seldom: all new ones are read first.
        for new in [make(one).operator for one in wanted]:
            given = [enrolled(records, actor, new, anchor=anchor) for actor in in_turn(actors)]
            _tell_given(given[-1], f"{new.name} is enrolled")


@operator.command()
@click.argument("name")
@_ROLE
@click.option("--new-keys", is_flag=True, help="With another token, or another passphrase, than before.")
@_PASSPHRASE
@with_option
@pass_invocation
def change(
    invocation: Invocation,
    name: str,
    roles: tuple[str, ...],
    new_keys: bool,
    passphrase: bool,
    others: tuple[str, ...],
) -> None:
    """Give NAME other roles (all of them are named), or new keys.

    Takes two administrators, and the PIN of `bench` to complete it.
    """
    from dataclasses import replace

    from batch.people.acting import in_turn, register_of
    from batch.people.operators import enrol as enrolled
    from batch.people.separation import Act
    from station.enrolling import Enrolling, Wanted, roles_of

    if not roles and not new_keys:
        raise click.UsageError("say what changes: --role, or --new-keys")
    desk = invocation.desk()
    with ExitStack() as held:
        records = held.enter_context(desk.sound_records())
        actors = held.enter_context(invocation.actors(desk, records, Act.CHANGE, others, where=name))
        known = register_of(records).operator(name)
        wanted = Wanted(known.name, roles_of(roles, name) if roles else known.roles)
        anchor = desk.anchor(held)
        changed = replace(known, roles=wanted.roles)
        if new_keys:
            enrolling = Enrolling(desk, records, actors[0].name, _tell)
            make = held.enter_context(enrolling.making(passphrases=_means(desk, passphrase)))
            changed = make(wanted).operator
        given = [enrolled(records, actor, changed, anchor=anchor) for actor in in_turn(actors)]
    _tell_given(given[-1], f"{known.name} is changed")


@operator.command()
@click.argument("name")
@click.option("--reason", required=True, help="Why, in a sentence; it is kept in the register.")
@with_option
@pass_invocation
def retire(invocation: Invocation, name: str, reason: str, others: tuple[str, ...]) -> None:
    """End the time of NAME, who may do nothing here any more; what they signed before still holds.

    Takes two administrators, and the PIN of `bench` to complete it.
    """
    from batch.people.acting import in_turn
    from batch.people.operators import retire as retired
    from batch.people.separation import Act

    desk = invocation.desk()
    with ExitStack() as held:
        records = held.enter_context(desk.sound_records())
        actors = held.enter_context(invocation.actors(desk, records, Act.RETIRE, others, where=name))
        anchor = desk.anchor(held)
        given = [retired(records, actor, name, reason, anchor=anchor) for actor in in_turn(actors)]
    _tell_given(given[-1], f"{name} is retired")


@operator.command()
@click.argument("name")
@pass_invocation
def complete(invocation: Invocation, name: str) -> None:
    """Complete, as the second administrator, what another began about NAME (PIN of `bench`).

    Look with `station operator show NAME` what it is.
    """
    from batch.people.operators import complete as completed
    from batch.people.separation import Act

    desk = invocation.desk()
    with ExitStack() as held:
        records = held.enter_context(desk.sound_records())
        actor = held.enter_context(invocation.acting(desk, records, Act.ENROL, where=name))
        given = completed(records, actor, name, anchor=desk.anchor(held))
    _tell_given(given, f"{given.statement.act} for {name}")


@operator.command("list")
@click.option("--all", "every", is_flag=True, help="Those who left, and earlier keys and roles, as well.")
@json_option
@pass_invocation
def list_(invocation: Invocation, every: bool, as_json: bool) -> None:
    """List who works here, what they may do, and with what they prove themselves."""
    from batch.people.acting import register_of
    from batch.store.clock import now

    with invocation.desk().records() as records:
        register = register_of(records)
    people = register.operators if every else register.active(now())
    rows = [_row(one) for one in people]
    if not as_json:
        rows = [{**row, "roles": ", ".join(row["roles"])} for row in rows]
    listing(rows, _COLUMNS, as_json=as_json, empty="Nobody works here at this moment.")


@operator.command()
@click.argument("name")
@json_option
@pass_invocation
def show(invocation: Invocation, name: str, as_json: bool) -> None:
    """Show NAME: roles, keys, certificate, and what waits for a second administrator."""
    from batch.people.acting import register_of
    from batch.people.register import REGISTER_ACTS
    from batch.people.separation import same
    from batch.people.statements import digest, read
    from batch.store.statements import waiting

    with invocation.desk().records() as records:
        register = register_of(records)
        known = [one for one in register.operators if same(one.name, name)]
        begun = [
            {
                "statement": digest(signed.text),
                **_asked(read(signed).about),
                "signed_by": list(signed.signers),
            }
            for signed in waiting(records)
            if (statement := read(signed)).act in REGISTER_ACTS
            and same(_about(statement.about), name)
            and statement.about.get("after") == register.head
        ]
    if not known and not begun:
        register.operator(name)
    times = [_row(one) for one in known]
    if as_json:
        document({"name": name, "times": times, "waiting": begun})
        return
    listing([_flat(row) for row in times], _COLUMNS, as_json=False, empty="Not enrolled yet.")
    for one in begun:
        click.echo(f"waiting, signed by {', '.join(one['signed_by'])}: {one['asked']}", err=True)
        click.echo(f"next: station operator complete {name}, by another administrator", err=True)


def _asked(about: Mapping[str, Any]) -> dict[str, Any]:
    told = about["operator"]
    if isinstance(told, str):
        return {"asked": f"retire: {about['reason']}"}
    return {"asked": f"{told['means']} and the roles {', '.join(told['roles'])}"}


def _about(about: Mapping[str, Any]) -> str:
    told = about["operator"]
    return told if isinstance(told, str) else str(told["name"])


def _row(one: Operator) -> dict[str, Any]:
    import hashlib

    return {
        "name": one.name,
        "roles": sorted(one.roles),
        "means": str(one.means),
        "key": hashlib.sha256(one.key).hexdigest(),
        "opens_shares": one.agreement is not None,
        "since": one.since.isoformat(timespec="seconds"),
        "until": one.until.isoformat(timespec="seconds") if one.until else None,
    }


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "roles": ", ".join(row["roles"])}


def _tell_given(given: Given, done: str) -> None:
    if given.complete:
        click.echo(done, err=True)
        return
    signer, about = given.signed.signers[-1], given.subject
    click.echo(f"signed by {signer}; it takes another administrator", err=True)
    click.echo(f"next: station operator complete {about}", err=True)


def _means(desk: Desk, passphrase: bool) -> bool:
    """Whether new keys are under a passphrase: as said, and where there is no seat for tokens."""
    configured = desk.configuration.operators
    return passphrase or configured is None or configured.driver is None


def _tell(text: str) -> None:
    click.echo(text, err=True)
