"""Letters of a finished order and forms to print them on, for tests of what becomes of both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from batch.audit.log import log
from batch.letters import stock
from batch.model.events import Event
from batch.model.forms import FormNumber
from batch.model.orders import Item, Order
from batch.model.states import FormState, ItemState, LetterState, LifeState
from batch.orders.decisions import receive
from batch.store import forms, items, letters, lives
from batch.store.clock import now
from batch.store.database import Records
from tests.unit.warrant_kit import draft

PRINTER = "device"


def form(text: str) -> FormNumber:
    return FormNumber.read(text)


@dataclass
class LetterDesk:
    """An order of finished tokens with their letters, and a printer with forms A-0001 to A-0100."""

    records: Records
    order: Order

    def item(self, number: str) -> Item:
        return items.item(self.records, number)

    def printed(self, *numbers: str) -> None:
        """A printer took these letters, one after the other."""
        for number in numbers:
            for state in (LetterState.PRINTING, LetterState.PRINTED):
                self.letter(number, state)

    def letter(self, number: str, state: LetterState) -> None:
        with self.records.transaction():
            letters.set_state(self.records, number, state, printer=PRINTER, operator="carl")
            log(self.records, Event(f"letter.{state}", "carl", item=number))

    def token(self, number: str, *states: LifeState) -> None:
        with self.records.transaction():
            for state in states:
                lives.set_state(self.records, self.item(number).id, state)
            log(self.records, Event("token.moved", "emil", item=number))

    def state(self, number: str) -> LetterState | None:
        return letters.state_of(self.records, number)

    def form(self, text: str) -> FormState:
        return forms.form(self.records, form(text)).state


def finish(records: Records, order: Order) -> None:
    """Every token of an order is finished, every letter sealed."""
    with records.transaction():
        for item in list(items.items(records, order)):
            items.begin_item(records, replace(item, began_at=now()), "usb-1", "pkcs11", None)
            items.end_item(records, item.id, ItemState.PRODUCED)
            letters.add(records, item.mailer_number, item.id)
            lives.begin(records, item.id)
            log(records, Event("item.produced", "pia", item=item.mailer_number))


@contextmanager
def letter_desk(path: Path) -> Iterator[LetterDesk]:
    """A desk whose three letters are sealed."""
    Records.create(path / "station.db").close()
    with closing(Records(path / "station.db")) as records:
        order = receive(records, draft(), "ada")
        finish(records, order)
        stock.receive(records, PRINTER, form("A-0001"), form("A-0100"), "carl")
        yield LetterDesk(records, order)
