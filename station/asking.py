"""The one room where a person is asked: at the terminal, or by the screen that started the command."""

from __future__ import annotations

import getpass
import os
import sys
from typing import Protocol

from drivers.secret import Secret
from station.errors import PinUnavailable


class Asking(Protocol):
    """Asks the person who gave the command, one question after the other; prompts end in no colon."""

    @property
    def there(self) -> bool:
        """Whether anybody can be asked for what is no secret."""
        ...

    def secret(self, name: str, prompt: str, *, again: bool = False) -> Secret:
        """A PIN, passphrase or code, not shown; `name` as in --pin-fd, `again` for a new one, typed twice.

        Raises `PinUnavailable` where nobody can be asked or nothing was typed, `Unanswered`.
        """
        ...

    def text(self, prompt: str) -> str:
        """A line of text; raises `Unanswered` or `click.Abort`."""
        ...

    def yes(self, prompt: str) -> bool:
        """Whether to do what cannot be undone, no unless said; raises `Unanswered` or `click.Abort`."""
        ...

    def next(self, prompt: str, about: str = "") -> bool:
        """Wait until the hands have done something, `about` the number of a thing; False where nobody will
        say so any more.
        """
        ...


class AtTerminal:
    """Secrets are asked for at the controlling terminal, all else on standard input."""

    @property
    def there(self) -> bool:
        return sys.stdin.isatty()

    def secret(self, name: str, prompt: str, *, again: bool = False) -> Secret:
        if not again:
            return _hidden(prompt)
        while True:
            first = _hidden(f"new {prompt}")
            if _hidden(f"again, {prompt}") == first:
                return first

    def text(self, prompt: str) -> str:
        import click

        typed: str = click.prompt(prompt, err=True)
        return typed

    def yes(self, prompt: str) -> bool:
        import click

        return click.confirm(prompt, default=False, err=True)

    def next(self, prompt: str, about: str = "") -> bool:
        import click

        told = f"{prompt}: {about}" if about else prompt
        click.echo(f"{told}, press Enter", err=True)
        return bool(sys.stdin.readline())


def _hidden(prompt: str) -> Secret:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        raise PinUnavailable(
            "there is no terminal to ask at",
            where=prompt,
            next="give it with --pin-fd, or name a private file in station.toml",
        ) from None
    typed = getpass.getpass(f"{prompt}: ")
    if not typed:
        raise PinUnavailable("nothing was typed", where=prompt, next="run the command again")
    return Secret.text(typed)
