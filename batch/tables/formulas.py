"""Cells that a spreadsheet might run as a formula, made harmless and back."""

from __future__ import annotations

_FORMULA = ("=", "+", "-", "@")


def harmless(value: str) -> str:
    """A value that no spreadsheet runs as a formula: behind an apostrophe where it begins like one."""
    return f"'{value}" if value.lstrip("'").startswith(_FORMULA) else value


def undone(value: str) -> str:
    """A value as it was before `harmless`."""
    return value[1:] if value.startswith("'") and value.lstrip("'").startswith(_FORMULA) else value
