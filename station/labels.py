"""The label printer of this desk, and sheets for a desk that has none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from drivers.printers.port import Printer
from drivers.registry import find
from layouts.errors import LayoutError
from layouts.label import Label, LabelLayout
from layouts.label_sheets import draw_sheets
from layouts.zpl import to_zpl
from station.errors import ConfigurationError
from station.wiring import Desk


class LabelsPrinter:
    """Prints labels one by one; raises `PrinterFailed` by the number whose label may not have come."""

    def __init__(self, printer: Printer, dots_per_mm: int) -> None:
        self._printer, self._dots = printer, dots_per_mm

    @classmethod
    @contextmanager
    def of(cls, desk: Desk) -> Iterator[LabelsPrinter]:
        """The one in the desk's configuration; raises `ConfigurationError` where there is none."""
        told = desk.configuration.labels
        if told is None:
            raise ConfigurationError(
                "no label printer is configured",
                where=str(desk.home.configuration),
                next="add a [labels] table, or draw the labels on sheets with --pdf FILE",
            )
        printer: Printer = find("station.label_printers", told.driver)(told.options)
        try:
            yield cls(printer, told.dots_per_mm)
        finally:
            printer.close()

    def print(self, label: Label, number: str) -> None:
        """One label; `number` is what it is of."""
        self._printer.print_page(to_zpl(label, self._dots), number)


def sheets(layout: LabelLayout, labels: Sequence[Label], first: int) -> bytes:
    """Sheets of labels (PDF), from place `first` on; raises `LayoutError` where a sheet has no such place."""
    try:
        return draw_sheets(layout, labels, first)
    except ValueError as error:
        raise LayoutError(str(error), where="--from", next="count the places in rows from the left") from None
