"""The `Layouts` of intake, from the layouts of the station."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from layouts.errors import LayoutError
from layouts.library import Library
from layouts.mailer import letter_for, rehearse
from layouts.token import TokenLayout

# The station gives the number and the token its serial later; these are as wide as any.
_ANY_NUMBER = "0" * 9
_ANY_SERIAL = "0" * 16


class LibraryLayouts:
    """Every token layout of a library, by name and by `name:algorithm`."""

    def __init__(self, library: Library) -> None:
        self._tokens: dict[str, OrderedLayout] = {}
        for name in library.names():
            layout = library.token(name)
            for ref in (name, *(f"{name}:{algorithm}" for algorithm in layout.algorithms)):
                self._tokens[ref] = OrderedLayout(library.token(ref))

    def find(self, reference: str) -> OrderedLayout | None:
        """The layout behind a reference; None where there is none."""
        return self._tokens.get(reference)

    def references(self) -> Sequence[str]:
        """All references, those without an algorithm too."""
        return tuple(self._tokens)


class OrderedLayout:
    """A token layout that tries its certificates and its letter on a row, each letter once."""

    def __init__(self, token: TokenLayout) -> None:
        self._token = token
        self.name, self.kind, self.columns = token.name, token.kind, token.columns
        self._on_letter = sorted((token.mailer.columns | token.mailer.optional_columns) - {"number"})
        self._letters: dict[tuple[str, ...], tuple[LayoutError, ...]] = {}

    def faults(self, fields: Mapping[str, str]) -> Sequence[LayoutError]:
        """All that keeps a row from being made: what no certificate has room for, what no letter can show."""
        said = tuple(fields.get(name, "") for name in self._on_letter)
        if said not in self._letters:
            self._letters[said] = self._letter_faults(fields)
        return (*self._token.faults(fields), *self._letters[said])

    def _letter_faults(self, fields: Mapping[str, str]) -> tuple[LayoutError, ...]:
        mailer = self._token.mailer
        try:
            rehearse(self._token, letter_for(mailer, {**fields, "number": _ANY_NUMBER}, _ANY_SERIAL))
        except LayoutError as error:
            return (error,)
        return ()
