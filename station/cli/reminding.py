"""Reminders that were written, as text, as JSON, or as mails in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from station.cli.output import counted, document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch.orders.notices import Written

directory_option = click.option(
    "--mails",
    "directory",
    metavar="DIR",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Write each as an .eml file in this folder, for a mail program to send.",
)
"""Where reminders go: the command gets `directory`, None for standard output."""


def tell_written(written: Sequence[Written], directory: Path | None, as_json: bool) -> None:
    """Give out reminders; files are new ones, for their owner only."""
    import os

    for number, one in enumerate(written, 1):
        if directory is not None:
            path = directory / f"{one.kind}-{one.about}-{number}.eml"
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as out:
                out.write(one.message())
        elif not as_json:
            click.echo(("\n" if number > 1 else "") + one.text, nl=False)
    if as_json:
        document(
            [
                {
                    "kind": one.kind,
                    "about": one.about,
                    "to": [email for _, email in one.to],
                    "language": one.notice.language,
                    "subject": one.notice.subject,
                    "body": one.notice.body,
                }
                for one in written
            ]
        )
    click.echo(f"{counted(len(written), 'reminder', 'reminders')} written", err=True)
