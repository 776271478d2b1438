"""What lists of several kinds are narrowed by."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click

from station.cli.expiring import Within

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

order_filter: Decorator = click.option("--order", "number", help="Only those of this order.")
"""The command gets `number`, an order's own or its reference."""

subscriber_filter: Decorator = click.option(
    "--subscriber", metavar="NAME", help="Only those of this subscriber, by its name or number."
)
"""The command gets `subscriber`."""


def expiring_filter(help: str) -> Decorator:
    """The command gets `expiring`, a time from today on."""
    return click.option("--expiring", type=Within(), metavar="TIME", help=help)


def need_one_of(states: Iterable[str], state: str | None) -> None:
    """Raise `BadParameter` for a --state that is given and is none of these."""
    known = tuple(states)
    if state is not None and state not in known:
        raise click.BadParameter(f"one of: {', '.join(known)}", param_hint="--state")
