"""Scanning into a command: each scan is judged at once, and what is wrong is told and scanned again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from station.cli.output import counted

if TYPE_CHECKING:
    from batch.letters.accounting import Seen
    from station.wiring import Desk

scanner_option = click.option(
    "--scanner", is_flag=True, help="Scan them, with the scanner of station.toml; Enter alone ends it."
)


def scanned_letters(desk: Desk, *, numbered: bool) -> list[Seen]:
    """Letters with their forms as they are scanned; raises `FaultyValue` for a half pair at the end."""
    from batch.letters.scanning import Pairs
    from batch.model.errors import FaultyValue
    from station.scanning import scans

    pairs = Pairs(numbered=numbered)
    with scans(desk.configuration, _typed()) as found:
        click.echo("scan each letter and its form; Enter alone ends it", err=True)
        for text in found:
            try:
                seen = pairs.take(text)
            except FaultyValue as error:
                _again(error)
                continue
            if seen is None:
                click.echo(f"{pairs.half} ...", err=True)
            else:
                on = f" on form {seen.form}" if seen.form is not None else ""
                click.echo(f"{len(pairs.seen)}: letter {seen.letter}{on}", err=True)
    if pairs.half is not None:
        raise FaultyValue(
            "is without its counterpart", where=pairs.half, next="nothing was taken; scan again"
        )
    return pairs.seen


def scanned_tokens(desk: Desk) -> tuple[str, ...]:
    """Numbers or serials of tokens as they are scanned, each once."""
    from batch.model.errors import FaultyValue
    from batch.model.scans import plain
    from layouts.scans import Kind
    from station.scanning import scans

    tokens: dict[str, None] = {}
    with scans(desk.configuration, _typed()) as found:
        click.echo("scan each token or its envelope; Enter alone ends it", err=True)
        for text in found:
            try:
                token = plain(text, Kind.LETTER, Kind.TOKEN)
            except FaultyValue as error:
                _again(error)
                continue
            tokens[token] = None
            click.echo(f"{counted(len(tokens), 'token', 'tokens')}, {token}", err=True)
    return tuple(tokens)


def _typed() -> int:
    """Numbers can be typed among the scans: they are data, as a file of them is, and answer no question."""
    with click.open_file("-", "rb") as typed:
        return typed.fileno()


def _again(error: Exception) -> None:
    # The hands look at the next letter, not at the screen.
    click.echo(f"\a✗ {error}", err=True)
