"""`station diversification`: the keys that admin credentials of tokens are derived from."""

from __future__ import annotations

import click

from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import document, listing

_COLUMNS = {"key": "Key", "tokens": "Tokens", "in_token": "There", "newest": "Used next"}


@click.group()
def diversification() -> None:
    """The keys that SO PINs and management keys are derived from, where a layout says so (R36)."""


@diversification.command()
@json_option
@pass_invocation
def new(invocation: Invocation, as_json: bool) -> None:
    """Make a key that tokens are diversified from next (PIN of `diversification`); earlier ones stay.

    The first time its token is made, with SoftHSM in the home, and put into station.toml; for an HSM write
    [keys.diversification] there before.
    """
    from batch.audit.log import log
    from batch.model.events import Event
    from batch.people.separation import Act
    from drivers.process import harden
    from station.key_tokens import settle_keys
    from station.setup import diversification_token

    desk = invocation.desk()
    home = desk.home
    with (
        desk.sound_records() as records,
        invocation.acting(desk, records, Act.KEEP_DESK, where="diversification") as actor,
        desk.custody_alone(),
    ):
        if desk.configuration.keys.diversification is None:
            harden()
            opened = diversification_token(home, desk.pins.chosen("diversification"))
        else:
            opened = desk.diversification()
        with opened as keys:
            name = keys.ask("new_key", timeout=60)
            # Before the first token depends on it.
            settle_keys(home)
            with records.transaction():
                log(records, Event("diversification.key-made", actor.name, detail={"key": name}))
    if as_json:
        document({"key": name})
    click.echo(f"tokens are diversified from {name} from here on", err=True)
    click.echo(
        "next: station backup --keys, to a place of its own: nothing else brings a lost one back", err=True
    )


@diversification.command("list")
@json_option
@pass_invocation
def list_(invocation: Invocation, as_json: bool) -> None:
    """List the keys and how many tokens are diversified from each (PIN of `diversification`)."""
    from batch.store.codes import diversified_from

    desk = invocation.desk()
    with desk.records() as records, desk.diversification() as keys:
        there: tuple[str, ...] = keys.ask("names", timeout=60)
        counts = diversified_from(records)
    rows = [
        {"key": name, "tokens": counts.get(name, 0), "in_token": name in there, "newest": name in there[-1:]}
        for name in (*sorted(counts.keys() - set(there)), *there)
    ]
    listing(rows, _COLUMNS, as_json=as_json, empty="No keys; `station diversification new` makes one.")
