"""What one command line says for every command: home, who acts, where PINs come from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pathlib import Path

    from batch.people.acting import Actor
    from batch.people.separation import Act, Before
    from batch.store.database import Records
    from station.asking import Asking
    from station.conversation.command import Conversation
    from station.home import Home
    from station.wiring import Desk


@dataclass
class Invocation:
    """The options that every command takes; filled while the command line is parsed, then only read."""

    named: str | None = None
    named_home: str | None = None
    pin_fd: int | None = None
    conversation: Conversation | None = None
    debug: bool = False

    @classmethod
    def fresh(cls) -> Invocation:
        """What holds when the command line says nothing: STATION_HOME, else defaults."""
        return cls(named_home=os.environ.get("STATION_HOME") or None)

    @property
    def asking(self) -> Asking:
        """Who is asked what a command must know: the screen that started it, else the terminal."""
        from station.asking import AtTerminal

        return self.conversation or AtTerminal()

    def desk(self) -> Desk:
        """The desk of the home, PINs and passphrases from --pin-fd where given."""
        from station.wiring import Desk

        return Desk.of(self.home(), self.pin_fd, self.asking)

    @contextmanager
    def acting(
        self,
        desk: Desk,
        records: Records,
        act: Act,
        *,
        where: str,
        before: Before | None = None,
        counted: bool = True,
    ) -> Iterator[Actor]:
        """Who does an act with this command: has proven who they are, and may do it."""
        from station.acting import actors

        people = [(self.named, act)]
        with actors(desk, records, people, where=where, before=before, tell=_tell, counted=counted) as (
            actor,
        ):
            yield actor

    @contextmanager
    def actors(
        self,
        desk: Desk,
        records: Records,
        act: Act,
        others: Sequence[str],
        *,
        where: str,
        before: Before | None = None,
        together: bool = False,
    ) -> Iterator[tuple[Actor, ...]]:
        """The same, with the others who do it; `together` as many as the act takes are to be here."""
        from station.acting import actors, refuse_fewer

        if together:
            refuse_fewer(act, 1 + len(others), where)
        people = [(name, act) for name in (self.named, *others)]
        with actors(desk, records, people, where=where, before=before, tell=_tell) as found:
            yield found

    @contextmanager
    def witnessed(
        self, desk: Desk, records: Records, act: Act, witness: str, *, where: str
    ) -> Iterator[tuple[Actor, Actor]]:
        """Who does an act, and another who sees it done."""
        from batch.people.separation import Act
        from station.acting import actors

        people = [(self.named, act), (witness, Act.WITNESS)]
        with actors(desk, records, people, where=where, tell=_tell) as (actor, other):
            yield actor, other

    @contextmanager
    def by(self, desk: Desk, records: Records, act: Act, *, where: str) -> Iterator[str]:
        """Who does what a desk may do unattended as well; proven where one is named or logged in."""
        from batch.people.acting import UNATTENDED
        from station.acting import logged_in

        if self.named is None and logged_in(desk, records) is None:
            yield UNATTENDED
            return
        with self.acting(desk, records, act, where=where) as actor:
            yield actor.name

    @property
    def home_path(self) -> Path:
        """The folder of the home, as named or by default; whether it is one is for `home` to say."""
        from pathlib import Path

        from station.home import default_home

        return Path(self.named_home).absolute() if self.named_home else default_home()

    def home(self) -> Home:
        """The home, found private to its owner; raises `station.errors.HomeError`."""
        from station.home import enter

        return enter(self.home_path)


def _tell(text: str) -> None:
    click.echo(text, err=True)


Callback = Callable[[click.Context, click.Parameter, Any], Any]


def _keep(field: str) -> Callback:
    def callback(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        if value is not None and value is not False:
            setattr(ctx.find_object(Invocation), field, value)

    return callback


def _home(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    found = ctx.find_object(Invocation)
    if value is not None and found is not None:
        found.named_home = value


def _operator(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    found = ctx.find_object(Invocation)
    if value is not None and found is not None:
        if not value.strip() or not value.isprintable():
            raise click.BadParameter("is no name", ctx=ctx, param=param)
        found.named = value


def _conversation(ctx: click.Context, param: click.Parameter, value: int | None) -> None:
    found = ctx.find_object(Invocation)
    if value is not None and found is not None and found.conversation is None:
        from station.conversation.command import Conversation

        found.conversation = Conversation(value)


GLOBAL_OPTIONS: list[click.Parameter] = [
    click.Option(
        ["--home"],
        metavar="DIR",
        type=click.Path(file_okay=False),
        help="The station's home; else STATION_HOME, else issuance-station among your data.",
        expose_value=False,
        callback=_home,
    ),
    click.Option(
        ["--as"],
        metavar="NAME",
        help="Who acts, and proves it; else who is logged in, or whose token is in the operators' seat.",
        expose_value=False,
        callback=_operator,
    ),
    click.Option(
        ["--pin-fd"],
        metavar="N",
        type=click.IntRange(min=0),
        help="A file descriptor that delivers lines 'NAME PIN': custody, bench, ca, or an operator's.",
        expose_value=False,
        callback=_keep("pin_fd"),
    ),
    click.Option(
        ["--conversation-fd"],
        type=click.IntRange(min=3),
        hidden=True,
        # Before any other option, so that the screen hears what is wrong with those.
        is_eager=True,
        expose_value=False,
        callback=_conversation,
    ),
    click.Option(
        ["--debug"],
        is_flag=True,
        help="Show where in the program an error arose.",
        expose_value=False,
        callback=_keep("debug"),
    ),
]

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
"""For everything that lists: the command gets `as_json`."""

csv_option = click.option("--csv", "as_csv", is_flag=True, help="Print CSV on standard output.")
"""For lists that a spreadsheet may want: the command gets `as_csv`, beside `as_json`."""


def _day(ctx: click.Context, param: click.Parameter, value: datetime | None) -> date:
    from batch.store.clock import now

    return value.date() if value is not None else now().date()


on_option = click.option(
    "--on",
    metavar="DATE",
    type=click.DateTime(["%Y-%m-%d"]),
    callback=_day,
    help="As of this day, such as 2027-01-31; else today.",
)
"""For what judges deadlines: the command gets `on`, a day."""

with_option = click.option(
    "--with", "others", multiple=True, metavar="NAME", help="Who does it with you; may be repeated."
)
"""For what takes several persons: the command gets `others`."""

pass_invocation = click.make_pass_decorator(Invocation)
"""Gives a command its `Invocation` as first argument."""
