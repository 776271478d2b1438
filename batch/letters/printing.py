"""The print process: opens one letter's codes, renders it, checks it and streams it to the printer.

Codes of finished tokens are in clear here only, for as long as one page takes (R7, R40). The process gets
a letter by pipe and hands nothing back but how much of it left for the printer.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batch.custody.sealing import open_codes, unwrap_in_custody
from batch.letters.inspection import Grounds, LetterInspector
from batch.model.codes import Binding, SealedCodes
from batch.model.errors import BatchError, Refused
from batch.people.custody_room import PRINTING, CustodyRoom
from batch.people.register import NOTE, Trust
from batch.people.warrants import Warrant
from drivers.errors import DriverError, PrinterFailed
from drivers.printers.port import Printer, Sent, takes
from drivers.registry import find
from drivers.tokens import Code
from layouts.errors import LayoutError
from layouts.mailer import Letter, check, render
from layouts.token import TokenLayout

_ON_LETTERS = (Code.PIN, Code.PUK, Code.REVOCATION)


@dataclass(frozen=True)
class PrintJob:
    """One letter under seal: whose it is, the custody key that opens it, its token's layout and its address.

    `order` is the number of its order.
    """

    order: str
    binding: Binding
    key_name: str
    sealed: SealedCodes
    layout: TokenLayout
    letter: Letter
    grounds: Grounds


class PrintRoom(CustodyRoom):
    """The custody token and one printer, for one session of printing; served by `drivers.process`.

    The token is opened by officers who signed for printing the letters of one order, and for no other.
    When the desk is gone a page that is being written is written to its end, and none is begun.
    """

    def __init__(self, module: str, label: str, printer: str, options: Mapping[str, Any]) -> None:
        super().__init__(module, label)
        self.unbroken = threading.Lock()
        self._printer: Printer = find("station.printers", printer)(options)
        self._inspector: LetterInspector | None = None

    def admit(self, warrant: Warrant) -> None:
        """Verify an order's statements by what the custody token keeps of the register.

        Letters of no other are printed then, and none before. Raises `DriverError` telling what fails.
        """
        note = self.vault.note(NOTE)
        if note is None:
            raise DriverError("the custody token knows no register of operators", where="print room")
        try:
            self._inspector = LetterInspector(warrant, Trust.of_note(note))
        except BatchError as error:
            raise DriverError(error.what, where=error.where, next=error.next) from None

    def ready(self) -> str | None:
        """None when a letter may be sent, else what keeps the printer from printing."""
        return self._printer.ready()

    def print_letter(self, job: PrintJob) -> Sent | None:
        """Print one letter, having found every code on the page exactly once (R18); returns what left.

        Raises `PrinterFailed`, with `sent` 0 where nothing left for the printer.
        """
        number = job.binding.mailer_number
        try:
            self.need_opened_for(PRINTING, order=job.order)
            self._inspect(job)
            key = self.vault.agreement_key(job.key_name)
            data_key = unwrap_in_custody(job.sealed, key, job.binding)
            codes = open_codes(job.sealed, data_key, job.binding)
            shown = {code: codes[code] for code in _ON_LETTERS}
            wanted = takes(self._printer)
            page = render(job.layout.mailer, job.letter, shown, wanted)
            check(page, job.layout.mailer, job.letter, shown, wanted)
        except (BatchError, LayoutError, DriverError) as error:
            raise PrinterFailed(
                f"the letter cannot be made: {error.what}",
                sent=0,
                where=f"letter {number}",
                next=error.next,
            ) from None
        with self.unbroken:
            return self._printer.print_page(page, number)

    def _inspect(self, job: PrintJob) -> None:
        """Raise unless two officers let this letter be printed, as it was approved."""
        if self._inspector is None:
            raise Refused("its order was not verified", where=f"letter {job.binding.mailer_number}")
        custody = self.vault.public_key(job.key_name)
        self._inspector.check_production(job.sealed.ordered, job.binding)
        self._inspector.check(job.grounds, job.binding, job.layout, job.letter, custody)

    def close(self) -> None:
        """Log out of the custody token and let go of the printer."""
        super().close()
        self._printer.close()
