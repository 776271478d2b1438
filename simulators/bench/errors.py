"""What can go wrong on the simulated bench, as one error."""

from __future__ import annotations

from drivers.errors import ToldError


class BenchError(ToldError):
    """The bench cannot do what was asked; `where` is a seat or a path."""
