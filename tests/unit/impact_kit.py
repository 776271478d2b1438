"""Impact forms for tests: letters with dummy codes, and the blank forms that a layout is for."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from drivers.pages import PageFormat
from layouts.impact_form import Area, ImpactForm
from layouts.impact_page import form_of
from layouts.library import Library
from layouts.mailer import Letter, letter_for, render
from simulators import impact_forms
from tests.unit.letter_kit import CODES, row

if TYPE_CHECKING:
    from simulators.impact_printer import Emulation

LIBRARY = Library()
GROUP = LIBRARY.mailer("group-form")
FORM = form_of(GROUP)
SPEAKS: tuple[Emulation, ...] = ("escp-9", "escp-24", "proprinter")
REST = Fraction(FORM.tear_off, FORM.rows_per_inch)


def page(speaks: Emulation = "escp-24", **changes: str) -> bytes:
    """A group's letter with the codes of `letter_kit`."""
    return render(GROUP, letter(**changes), CODES, PageFormat(speaks))


def letter(**changes: str) -> Letter:
    """To a manager whose name the form's characters have."""
    return letter_for(GROUP, row(GROUP.name, **{"manager": "Zoë van Ås", **changes}))


def stock(form: ImpactForm = FORM) -> impact_forms.Stock:
    """The paper such a form is printed on."""

    def area(given: Area) -> impact_forms.Area:
        down, across = form.rows_per_inch, form.columns_per_inch
        return impact_forms.Area(
            Fraction(given.first_row - 1, down),
            Fraction(given.last_row, down),
            Fraction(given.first_column - 1, across),
            Fraction(given.last_column, across),
        )

    assert form.strip is not None
    return impact_forms.Stock(
        Fraction(form.rows, form.rows_per_inch),
        Fraction(form.columns, form.columns_per_inch),
        area(form.sealed),
        area(form.window),
        area(form.strip),
    )
