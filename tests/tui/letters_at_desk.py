"""A home where letters were printed on numbered forms, for tests of the screen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

from batch.audit.log import log
from batch.letters import stock
from batch.letters.accounting import Seen, confirm, in_print_order
from batch.model.events import Event
from batch.model.states import LifeState
from batch.store import letters, lives, orders, parcels
from batch.store.clock import now
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


def acknowledged(home: Path, *numbers: str, days: int = 0) -> None:
    """Tokens left some days ago, and came."""
    then = now() - timedelta(days=days)
    with letters_at(home) as desk, desk.records.transaction():
        for number in numbers:
            for state in (LifeState.DISPATCHED, LifeState.ACKNOWLEDGED):
                lives.set_state(desk.records, desk.item(number).id, state, then)
            log(desk.records, Event("token.moved", "emil", item=number))


def handled(home: Path, number: str, by: str) -> None:
    """Somebody had a token in hand to dispatch it."""
    with letters_at(home) as desk, desk.records.transaction():
        parcels.handle(desk.records, desk.item(number).id, by)
        log(desk.records, Event("token.moved", by, item=number))


def confirmed(home: Path, *forms: str) -> None:
    """Somebody has the printed letters in hand, on these forms."""
    with letters_at(home) as desk:
        seen = [Seen(one.letter, form(on)) for one, on in zip(_printed(desk), forms, strict=True)]
        confirm(desk.records, seen, "carla", numbered=True)


def _printed(desk: LetterDesk) -> list[Seen]:
    return in_print_order(desk.records, desk.order.id, None)


def printed(home: Path, *numbers: str) -> None:
    """A printer took these letters."""
    with letters_at(home) as desk:
        desk.printed(*numbers)


def states(home: Path) -> dict[str, str]:
    """The letters by number, and where they stand."""
    with letters_at(home) as desk:
        return {one.mailer_number: str(one.state) for one in letters.letters(desk.records)}
