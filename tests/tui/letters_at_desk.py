"""A home where letters were printed on numbered forms, for tests of the screen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from batch.letters import stock
from batch.model.states import LifeState
from batch.store import letters, orders
from batch.store.database import Records
from station.home import Home
from tests.unit.forms_kit import PRINTER, LetterDesk, form

ORDER = "2026-0002"
NUMBERED = f"""
[printer]
driver = "{PRINTER}"
numbered_forms = true
[printer.options]
device = "/dev/null"
"""


@contextmanager
def letters_at(home: Path) -> Iterator[LetterDesk]:
    """The letters of the home's order."""
    with closing(Records(Home(home).records)) as records:
        yield LetterDesk(records, orders.order(records, ORDER))


def numbered_forms(home: Path, first: str = "A-0001", last: str = "A-0100") -> None:
    """The printer has numbered forms, and some are in stock."""
    configuration = Home(home).configuration
    configuration.write_text(configuration.read_text() + NUMBERED)
    with letters_at(home) as desk:
        stock.receive(desk.records, PRINTER, form(first), form(last), "pim")


def acknowledged(home: Path, *numbers: str) -> None:
    """Tokens left long ago, and came."""
    with letters_at(home) as desk:
        for number in numbers:
            desk.token(number, LifeState.DISPATCHED, LifeState.ACKNOWLEDGED)


def printed(home: Path, *numbers: str) -> None:
    """A printer took these letters."""
    with letters_at(home) as desk:
        desk.printed(*numbers)


def states(home: Path) -> dict[str, str]:
    """The letters by number, and where they stand."""
    with letters_at(home) as desk:
        return {one.mailer_number: str(one.state) for one in letters.letters(desk.records)}
