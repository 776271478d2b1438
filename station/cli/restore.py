"""`station restore` and `station reconcile`."""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import counted, document, listing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from batch.production.reconciliation import Evidence, Found
    from batch.store.copying import Sizes
    from batch.store.database import Records
    from batch.store.ledger import Line
    from batch.store.restores import Restore
    from station.archive import Manifest
    from station.asking import Asking
    from station.config import Configuration
    from station.wiring import Desk

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_MOST_NUMBERS = 1_000_000


@click.command()
@click.argument("backup", type=_FILE)
@click.option("--keys", is_flag=True, help="BACKUP holds key tokens; put back those the home has lost.")
@click.option("--replace", is_flag=True, help="Replace the records that are there without asking.")
@json_option
@pass_invocation
def restore(invocation: Invocation, backup: Path, keys: bool, replace: bool, as_json: bool) -> None:
    """Put the records of BACKUP into an empty home, or in the place of the records that are there.

    Those are moved aside into `replaced/` in the home. Configuration, layouts and CA records that are there
    stay. Nothing may run on the home. Nothing is made, printed or numbered afterwards until
    `station reconcile` has found out what happened after the backup. docs/backup.md tells more.
    """
    from batch.people.separation import Act
    from station.home import create
    from station.key_tokens import EVERY
    from station.pins import PinSource
    from station.restoring import restore_keys, restore_records

    home = create(invocation.home_path)
    if keys:
        names = restore_keys(home, backup)
        click.echo(f"put back: {', '.join(names) or 'nothing, they are there'}", err=True)
        return

    def confirm(manifest: Manifest, there: Sizes | None) -> None:
        _confirm(invocation.asking, manifest, there, unasked=replace)

    pins = PinSource(dict.fromkeys(EVERY, "prompt"), invocation.pin_fd, asking=invocation.asking)

    @contextmanager
    def acting(records: Records, configuration: Configuration) -> Iterator[str]:
        from batch.people.acting import UNATTENDED, founded
        from station.wiring import Desk

        if not founded(records):
            yield UNATTENDED
            return
        desk = Desk(home, pins, configuration)
        with invocation.acting(desk, records, Act.KEEP_DESK, where="restore", counted=False) as actor:
            yield actor.name

    done = restore_records(home, backup, acting, confirm, pins.chosen)
    if as_json:
        document(
            {
                "home": str(home.path),
                "made_at": done.manifest.made_at.isoformat(timespec="seconds"),
                "entries": done.manifest.entries,
                "aside": str(done.aside) if done.aside else None,
                "missing_keys": list(done.missing_keys),
            }
        )
    click.echo(f"records of {done.manifest.made_at:%Y-%m-%d %H:%M} UTC: {_told(done.after)}", err=True)
    if done.aside is not None:
        click.echo(f"those that were there ({_told(done.before)}) are in {done.aside}", err=True)
    for key in done.missing_keys:
        click.echo(f"the {key} token is missing: station restore --keys FILE", err=True)
    click.echo("next: station reconcile, before anything is made, printed or taken in", err=True)


@click.command()
@click.option("--ledger", "ledgers", multiple=True, type=_FILE, help="A copy of the ledger; may be repeated.")
@click.option(
    "--made", metavar="NUMBERS", help="Tokens found in trays and envelopes: 000012-000019, or none."
)
@click.option("--without", type=click.Choice(["ca", "bench"]), multiple=True, help="What cannot be asked.")
@json_option
@pass_invocation
def reconcile(
    invocation: Invocation,
    ledgers: tuple[Path, ...],
    made: str | None,
    without: tuple[str, ...],
    as_json: bool,
) -> None:
    """Find out what was made, printed and numbered after a restored backup (PINs of `bench` and `ca`).

    Asks the ledger, the CA and the bench's token. Orders that were received after the backup come back to be
    approved again; tokens that were begun after it go to quarantine; a letter that may have been printed
    after it is `unknown`; numbers that were given are not given again.
    """
    from batch.people.separation import Act
    from batch.production.lock import only_one
    from batch.production.reconciliation import reconcile as find_out
    from batch.store.restores import open_restore
    from layouts.errors import LayoutError

    seen = _numbers(made) if made is not None else None
    desk = invocation.desk()

    def driver_of(layout: str) -> str | None:
        try:
            return desk.library.token(layout).driver
        except LayoutError:
            return None

    with ExitStack() as held:
        held.enter_context(only_one(desk.run_directory / "production.lock", "production"))
        held.enter_context(only_one(desk.printing_lock, "printing"))
        records = held.enter_context(desk.sound_records(thorough=True))
        actor = held.enter_context(invocation.acting(desk, records, Act.KEEP_DESK, where="reconcile"))
        restored = open_restore(records)
        evidence = _evidence(desk, records, restored, ledgers, seen, without)
        found = find_out(records, evidence, actor.name, driver_of)
    _show(found, evidence, as_json)


def _evidence(
    desk: Desk,
    records: Records,
    restored: Restore | None,
    ledgers: Sequence[Path],
    seen: Collection[str] | None,
    without: Collection[str],
) -> Evidence:
    from batch.audit.afterwards import afterwards, reaches_back
    from batch.production.reconciliation import Evidence, certified

    if restored is None:
        return Evidence()
    lines: dict[tuple[int, bytes], Line] = {}
    complete = restored.ledger
    for path in (*ledgers, records.ledger.path):
        if path.exists():
            lines |= {(line.sequence, line.hash): line for line in afterwards(records, path)}
            complete = complete or (path in ledgers and reaches_back(records, path, restored.entries))
    known = None
    if "ca" not in without:
        with desk.authority() as authority:
            known = certified(
                records,
                lambda transaction: authority.ask("find", transaction, timeout=60),
                desk.key_slots,
            )
    resumable = None
    if "bench" not in without:
        with desk.keeper() as keeper:
            resumable = keeper.ask("unfinished", timeout=60)
    return Evidence.gathered(
        records,
        list(lines.values()),
        complete=complete,
        certified=known,
        resumable=resumable,
        seen=seen,
    )


def _show(found: Found, evidence: Evidence, as_json: bool) -> None:
    if as_json:
        document(
            {
                "complete": evidence.complete,
                "orders": found.orders,
                "tokens": found.tokens,
                "letters": found.letters,
                "strangers": found.strangers,
            }
        )
    else:
        rows = [{"number": number, "reason": reason} for number, reason in found.tokens.items()]
        listing(
            rows, {"number": "Quarantined", "reason": "Reason"}, as_json=False, empty="No token is set aside."
        )
    for number in found.orders:
        click.echo(f"order {number} was received after the backup and is back; approve it again", err=True)
    for state in sorted(set(found.letters.values())):
        count = sum(one == state for one in found.letters.values())
        click.echo(f"{counted(count, 'letter is', 'letters are')} {state}: station letter list", err=True)
    if found.strangers:
        click.echo(f"begun after the backup for orders that are lost: {', '.join(found.strangers)}", err=True)
    if not evidence.complete:
        click.echo("the ledger is not whole, so that letters are doubted and numbers passed over", err=True)
    click.echo("reconciled; production may go on", err=True)


def _confirm(asking: Asking, manifest: Manifest, there: Sizes | None, *, unasked: bool) -> None:
    from batch.model.errors import Refused

    if unasked:
        return
    if not asking.there:
        raise Refused(
            f"there are records ({_told(there)})",
            where=manifest.station,
            next="say --replace to replace them",
        )
    click.echo(f"on record here:  {_told(there)}", err=True)
    click.echo(
        f"in the backup:   {counted(manifest.entries, 'entry', 'entries')}, "
        f"made {manifest.made_at:%Y-%m-%d %H:%M} UTC",
        err=True,
    )
    typed = asking.text(f"Type the station's name ({manifest.station}) to replace them")
    if typed != manifest.station:
        raise click.Abort


def _told(sizes: Sizes | None) -> str:
    if sizes is None:
        return "unreadable"
    return ", ".join(
        (
            counted(sizes.tokens, "token", "tokens"),
            counted(sizes.letters, "letter", "letters"),
            counted(sizes.entries, "entry", "entries"),
        )
    )


def _numbers(text: str) -> frozenset[str]:
    """The mailer numbers of `000012-000019,000031`; nothing for `none`."""
    if text == "none":
        return frozenset()
    found: set[str] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not 0 <= last - first < _MOST_NUMBERS:
            raise click.BadParameter(f"{part!r} is no number and no range of them", param_hint="--made")
        found |= {f"{one:06d}" for one in range(first, last + 1)}
    return frozenset(found)
