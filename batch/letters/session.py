"""A session of printing: which letters may be printed, and what became of each (R12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from batch.audit.log import log
from batch.letters.accounting import doubt
from batch.letters.inspection import Grounds
from batch.letters.policy import Layouts, May, had_token
from batch.letters.printing import PrintJob
from batch.letters.releasing import Releases, printable, produced_by
from batch.model.codes import Binding
from batch.model.errors import NotTrusted, Refused
from batch.model.events import Event
from batch.model.orders import Epoch, Item, Order
from batch.model.states import LetterState
from batch.orders.epochs import need_open
from batch.people.acting import Actor
from batch.people.ceremonies import Room, open_for
from batch.people.custody_room import PRINTING
from batch.people.evidence import Proofs, receipts_of, warrant_of
from batch.people.separation import Act, apart
from batch.store import codes, items, letters, restores, statements
from batch.store.clock import now
from batch.store.database import Records
from drivers.errors import DriverError, PrinterFailed
from drivers.printers.port import Sent
from layouts.errors import LayoutError
from layouts.mailer import letter_for
from layouts.token import TokenLayout

_PAGE_SECONDS = 120.0


@dataclass(frozen=True)
class Printed:
    """How a session ended: letters printed, and why it stopped before the last, None where it did not.

    `held` are those that may not be printed yet, with the reason.
    """

    printed: tuple[str, ...]
    left: int
    stopped: str | None
    held: Mapping[str, May]


def begin(records: Records, operator: str) -> Sequence[str]:
    """Letters that were being printed when an earlier session died: their state is unknown (R12).

    Raises `Refused` after a restore, until it is known which letters were printed.
    """
    restores.refuse_open(records)
    with records.transaction():
        return doubt(records, operator)


def open_to_print(
    records: Records, order: Order, room: Room, officers: Sequence[Actor], layouts: Layouts
) -> None:
    """Officers open custody together for printing the letters of an order, and for nothing else.

    Raises `Refused` where nothing can be printed, or for who produced one of the tokens or had it in hand,
    whoever released its letter; before anybody signs.
    """
    need_open(records, order)
    may, _ = printable(records, order, layouts, now().date())
    tokens = [items.item(records, number) for number in may]
    before = {**produced_by(records, order), **had_token(records, *tokens)}
    for officer in officers:
        apart(Act.RELEASE, officer.name, where=order.number, before=before)
    if reason := room.ask("ready", timeout=60):
        raise Refused(
            f"the printer is not ready: {reason}", where=order.number, next="mend it, then print again"
        )
    if may:
        open_for(records, room, officers, PRINTING, {"order": order.number}, order=order.number)


def print_letters(
    records: Records,
    order: Order,
    room: Room,
    *,
    layouts: Layouts,
    printer: str,
    operator: str,
    tell: Callable[[str, int, int], None],
    stopping: Callable[[], bool] = lambda: False,
) -> Printed:
    """Print what may be printed of an order, one letter after the other; stops at the first that fails.

    Nothing is reprinted by itself (R12), and what its layout does not let be printed yet is left (R2).
    `tell` gets each number printed, how many are done and how many there are. Raises `Refused` where the
    printer is not ready.
    """
    epoch = codes.epoch(records, order.id)
    waiting, held = printable(records, order, layouts, now().date())
    if reason := room.ask("ready", timeout=60):
        raise Refused(
            f"the printer is not ready: {reason}", where=order.number, next="mend it, then print again"
        )
    if not waiting:
        return Printed((), 0, None, held)
    admission = _Admission(records, order, room)
    done: list[str] = []

    def stopped(why: str) -> Printed:
        return Printed(tuple(done), len(waiting) - len(done), why, held)

    for number in waiting:
        if stopping():
            return stopped("stopped by the operator")
        assert epoch is not None, "an order with letters has an epoch"
        item = items.item(records, number)
        try:
            job = _job(records, order, epoch, item, layouts(item.layout), admission.grounds(item))
        except (LayoutError, NotTrusted, Refused) as error:
            return stopped(str(error))
        _record(records, order, item, LetterState.PRINTING, printer, operator)
        try:
            sent = room.ask("print_letter", job, timeout=_PAGE_SECONDS)
        except DriverError as error:
            # Only a printer that took nothing leaves the letter as it was; all else a person accounts for.
            untouched = isinstance(error, PrinterFailed) and error.sent == 0
            state = LetterState.SEALED if untouched else LetterState.UNKNOWN
            left = {"bytes": error.sent} if isinstance(error, PrinterFailed) and error.sent else {}
            _record(records, order, item, state, printer, operator, {"reason": str(error), **left})
            return stopped(str(error))
        counted = {"bytes": sent.octets, "lines": sent.lines} if isinstance(sent, Sent) else {}
        _record(records, order, item, LetterState.PRINTED, printer, operator, counted)
        done.append(item.mailer_number)
        tell(item.mailer_number, len(done), len(waiting))
    return Printed(tuple(done), 0, None, held)


class _Admission:
    """Gives the print room what it verifies: the order's statements, then the grounds of every letter."""

    def __init__(self, records: Records, order: Order, room: Room) -> None:
        ordered = statements.of_subject(records, Act.PRODUCE, order.number)
        room.ask("admit", warrant_of(records, order, *ordered), timeout=60)
        self._releases, self._proofs = Releases(records, order, now()), Proofs(records, order)
        sealed = letters.letters(records, order.id, LetterState.SEALED)
        self._receipts = receipts_of(records, {one.mailer_number for one in sealed})

    def grounds(self, item: Item) -> Grounds:
        """Raises `Refused` for a letter that nobody lets be printed, `NotTrusted` for one not approved."""
        if (release := self._releases.of(item)) is None:
            raise Refused(
                "nobody has let it be printed now",
                where=f"letter {item.mailer_number}",
                next="two PIN officers release it: `station letter release`",
            )
        receipts = self._receipts.get(item.mailer_number, ())
        return Grounds(item, self._proofs.of(item), release, tuple(receipts))


def _job(
    records: Records, order: Order, epoch: Epoch, item: Item, layout: TokenLayout, grounds: Grounds
) -> PrintJob:
    sealed = codes.sealed(records, item.id)
    assert sealed is not None, "a produced item has sealed codes"
    return PrintJob(
        order.number,
        Binding(item.id, item.mailer_number),
        epoch.key_name,
        sealed,
        layout,
        letter_for(layout.mailer, item.fields, item.token_serial),
        grounds,
    )


def _record(
    records: Records,
    order: Order,
    item: Item,
    state: LetterState,
    printer: str,
    operator: str,
    more: Mapping[str, str | int] = MappingProxyType({}),
) -> None:
    with records.transaction():
        letters.set_state(records, item.mailer_number, state, printer=printer, operator=operator)
        log(
            records,
            Event(
                f"letter.{state}",
                operator,
                order=order.number,
                item=item.mailer_number,
                token=item.token_serial,
                detail={"printer": printer, **more},
            ),
        )
