"""Reads the bytes for an impact printer back as characters on a form, and holds them against what was meant.

It knows no more commands than a letter needs: any other is a fault of the page (R18).
"""

from __future__ import annotations

from collections import Counter

from drivers.pages import PageFormat
from layouts.errors import PageFault
from layouts.impact_form import CODES, Area, ImpactForm
from layouts.impact_page import Run

_ARGUMENTS = {
    PageFormat.ESCP_9: {b"@": 0, b"P": 0, b"M": 0, b"0": 0, b"2": 0, b"R": 1, b"t": 1},
    PageFormat.PROPRINTER: {b"5": 1, b":": 0, b"0": 0, b"A": 1, b"2": 0},
}
_ARGUMENTS[PageFormat.ESCP_24] = _ARGUMENTS[PageFormat.ESCP_9]
_ALWAYS = {b"6": 0, b"C": 1, b"O": 0, b"G": 0}
_TABLE_BYTES = 7
"""After `ESC (`: `t`, a length of two bytes, three bytes of arguments; with the parenthesis itself."""

Grid = dict[tuple[int, int], str]


def check_impact(
    page: bytes, form: ImpactForm, meant: tuple[Run, ...], format: PageFormat, where: str
) -> None:
    """Raise `PageFault` unless the page strikes exactly what was meant, and every code where it is sealed.

    The error never holds a character of the page (R18, R15).
    """
    again = "do not print this page; void the letter"
    found = _Reader(page, form, format, where).grid()
    for run in meant:
        if run.what in CODES and (count := _places_of(found, form, run.text)) != [run.row]:
            what = f"the {run.what} is on the form {len(count)} times instead of once"
            raise PageFault(what, where=where, next=again)
    for run in meant:
        if run.what in CODES and not form.sealed.holds(_area(run)):
            raise PageFault(f"the {run.what} is outside the sealed area", where=where, next=again)
    wanted: Grid = {
        (run.row, run.column + index): character
        for run in meant
        for index, character in enumerate(run.text)
        if character != " "
    }
    if found != wanted:
        lost = (Counter(wanted.items()) - Counter(found.items())).total()
        added = (Counter(found.items()) - Counter(wanted.items())).total()
        what = f"{lost} characters are missing from the form and {added} are on it that were not meant"
        raise PageFault(what, where=where, next=again)


def _area(run: Run) -> Area:
    return Area(run.row, run.row, run.column, run.column + len(run.text) - 1)


def _places_of(found: Grid, form: ImpactForm, word: str) -> list[int]:
    """The rows a word is on, once for each time."""
    rows = []
    for row in range(1, form.rows + 1):
        text = "".join(found.get((row, column), " ") for column in range(1, form.columns + 1))
        rows += [row] * text.split().count(word)
    return rows


class _Reader:
    def __init__(self, page: bytes, form: ImpactForm, format: PageFormat, where: str) -> None:
        self._page, self._form, self._where = page, form, where
        self._arguments = {**_ARGUMENTS[format], **_ALWAYS}
        self._at = 0
        self._row, self._column = form.tear_off + 1, 1
        self._long = self._fed = False

    def grid(self) -> Grid:
        """Every character but spaces by row and column; raises `PageFault`."""
        found: Grid = {}
        while self._at < len(self._page):
            if self._fed:
                raise self._fault("the page goes on after its form")
            byte = self._page[self._at]
            self._at += 1
            match byte:
                case 0x0D:
                    self._column = 1
                case 0x0A:
                    self._row += 1
                case 0x0C:
                    self._fed = True
                case 0x12 | 0x18:
                    pass
                case 0x1B:
                    self._command()
                case _:
                    self._strike(found, byte)
        if not (self._fed and self._long):
            raise self._fault("the page does not end its form, or tells no length of it")
        return found

    def _strike(self, found: Grid, byte: int) -> None:
        if byte < 0x20 or byte == 0x7F:
            raise self._fault(f"has the command {byte:02X}, which no letter needs")
        place = (self._row, self._column)
        if self._row > self._form.rows or self._column > self._form.columns or place in found:
            raise self._fault("strikes beside the form, or twice at one place")
        if byte != 0x20:
            found[place] = bytes([byte]).decode(self._form.code_page)
        self._column += 1

    def _command(self) -> None:
        name = self._page[self._at : self._at + 1]
        if name == b"(" and b"R" in self._arguments:
            self._at += _TABLE_BYTES
            return
        if name not in self._arguments:
            raise self._fault("has a command that no letter needs")
        argument = self._page[self._at + 1 : self._at + 1 + self._arguments[name]]
        self._at += 1 + self._arguments[name]
        if name == b"C":
            self._long = argument == bytes([self._form.rows])

    def _fault(self, what: str) -> PageFault:
        return PageFault(what, where=self._where, next="do not print this page; void the letter")
