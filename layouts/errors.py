"""What can be wrong with a layout or with what is laid out, as one tree.

LayoutError
├── FileFault        a TOML file is refused: file, line, what, and what would be right
├── UnknownLayout    there is no token layout, profile or mailer of that name
├── FieldFault       a column of the order is missing, empty, or unfit for where it is to stand
├── TextFault        a text does not fit its place on the letter, or the fonts lack a character of it
├── CodeFault        the codes for a letter are missing, too many, or of a shape no letter carries
└── PageFault        a finished page does not say what it was meant to say (R18)

No message ever contains a code.
"""

from __future__ import annotations

from drivers.errors import ToldError


class LayoutError(ToldError):
    """Base of all errors of layouts; `where` is a file, a layout or a field."""


class FileFault(LayoutError):
    """A TOML file is refused; `file` and `line` (counted from 1) say where."""

    def __init__(self, what: str, *, file: str, line: int, next: str | None = None) -> None:
        super().__init__(what, where=f"{file}:{line}", next=next)
        self.file, self.line = file, line


class UnknownLayout(LayoutError):
    """There is no layout of that name, or it does not offer that algorithm or language."""


class FieldFault(LayoutError):
    """A field of the order is missing, empty or unfit for its place; `field` is its column."""

    def __init__(self, what: str, *, field: str, where: str | None = None, next: str | None = None) -> None:
        super().__init__(what, where=where, next=next)
        self.field = field


class TextFault(LayoutError):
    """A text cannot be printed whole; `field` is its place on the letter, `mailer` the layout's name."""

    def __init__(self, what: str, *, field: str, mailer: str, next: str | None = None) -> None:
        super().__init__(what, where=f"mailer {mailer}, {field}", next=next)
        self.field, self.mailer = field, mailer


class CodeFault(LayoutError):
    """Codes are missing, too many, or of a shape no letter carries; names their kind, never a value."""


class PageFault(LayoutError):
    """A finished page does not carry what was meant, exactly once; do not print it (R18)."""
