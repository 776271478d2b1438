"""The multi-part form of a letter for an impact printer, as data: rows and columns of characters.

Rows and columns are counted from 1, rows from the perforation above the form. The printer has no ribbon:
what it strikes shows on the inner ply, and on the outer one only where that is coated, in window and strip.
"""

from __future__ import annotations

import itertools
from typing import Annotated, Literal

import msgspec

from layouts.strict import Wrong

# Ten would look like a line feed in the command that sets the length of a form.
Rows = Annotated[int, msgspec.Meta(ge=12, le=127)]
Row = Annotated[int, msgspec.Meta(ge=1, le=127)]
Column = Annotated[int, msgspec.Meta(ge=1, le=163)]
What = Literal[
    "sender",
    "address",
    "number_label",
    "number",
    "certificate_label",
    "certificate",
    "token_label",
    "token",
    "pin_label",
    "pin",
    "puk_label",
    "puk",
    "revocation_label",
    "revocation",
    "revoke",
    "help",
]
CODES: tuple[What, ...] = ("pin", "puk", "revocation")


class Area(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rectangle of the form, its edges included."""

    first_row: Row
    last_row: Row
    first_column: Column
    last_column: Column

    def __post_init__(self) -> None:
        if self.last_row < self.first_row:
            raise Wrong("last_row", "is above first_row")
        if self.last_column < self.first_column:
            raise Wrong("last_column", "is left of first_column")

    def holds(self, other: Area) -> bool:
        """Whether the other lies wholly inside."""
        return (
            self.first_row <= other.first_row
            and other.last_row <= self.last_row
            and self.first_column <= other.first_column
            and other.last_column <= self.last_column
        )

    def meets(self, other: Area) -> bool:
        """Whether both have a place in common."""
        return not (
            self.last_row < other.first_row
            or other.last_row < self.first_row
            or self.last_column < other.first_column
            or other.last_column < self.first_column
        )


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where something stands: `width` characters from a column on, over `rows` rows."""

    what: What
    row: Row
    column: Column
    width: Column
    rows: Row = 1

    @property
    def area(self) -> Area:
        """All it may take."""
        return Area(self.row, self.row + self.rows - 1, self.column, self.column + self.width - 1)


class ImpactForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A form of `rows` by `columns`; at rest `tear_off` rows of it are beyond the print head.

    `sealed` shows on the inner ply only; `window`, with the address, on the outer ply too; `strip`, where
    there is one, is torn off and stays at the desk. Codes are struck nowhere but in `sealed` (R15).
    """

    rows: Rows
    columns: Column
    sealed: Area
    window: Area
    places: Annotated[tuple[Place, ...], msgspec.Meta(max_length=40)]
    strip: Area | None = None
    tear_off: Annotated[int, msgspec.Meta(ge=0, le=126)] = 0
    rows_per_inch: Literal[6, 8] = 6
    columns_per_inch: Literal[10, 12] = 10
    code_page: Literal["cp437", "cp850"] = "cp437"

    def __post_init__(self) -> None:
        self._check_areas()
        for index, place in enumerate(self.places):
            self._check_place(index, place)
        taken = [place.what for place in self.places]
        for what in CODES:
            if taken.count(what) != 1:
                raise Wrong("places", f"{what} has {taken.count(what)} places instead of one")
        seen = [place.what for place in self.places if not self.sealed.holds(place.area)]
        if seen.count("address") != 1 or ("address" in taken and taken.count("address") != 1):
            raise Wrong("places", "the address needs one place, in the window")
        if "number" not in seen:
            raise Wrong(
                "places", "the number needs a place outside the sealed area, so that forms can be told"
            )

    def _check_areas(self) -> None:
        areas = {"sealed": self.sealed, "window": self.window, "strip": self.strip}
        given = {name: area for name, area in areas.items() if area is not None}
        whole = Area(1, self.rows, 1, self.columns)
        for name, area in given.items():
            if not whole.holds(area):
                raise Wrong(name, "reaches over the edge of the form")
        for (_, one), (name, other) in itertools.combinations(given.items(), 2):
            if one.meets(other):
                raise Wrong(name, "overlaps another area")

    def _check_place(self, index: int, place: Place) -> None:
        area = place.area
        if area.first_row <= self.tear_off:
            raise Wrong(
                ("places", index, "row"), "is beyond the print head when the form is at rest (tear_off)"
            )
        if place.what in CODES:
            if not self.sealed.holds(area):
                raise Wrong(
                    ("places", index), f"the {place.what} would be struck outside the sealed area (R15)"
                )
        elif place.what == "address" and not self.window.holds(area):
            raise Wrong(("places", index), "the address is not in the window")
        elif not any(one and one.holds(area) for one in (self.sealed, self.window, self.strip)):
            raise Wrong(("places", index), "is neither wholly in sealed, nor in window, nor in strip")
        for other in self.places[:index]:
            if area.meets(other.area):
                raise Wrong(("places", index), f"overlaps the place of {other.what}")
