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


class LayoutError(Exception):
    """Base of all errors of layouts: `what` is wrong, `where` (file, layout, field), what to do `next`."""

    def __init__(self, what: str, *, where: str | None = None, next: str | None = None) -> None:
        super().__init__(what, where, next)
        self.what, self.where, self.next = what, where, next

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}; {self.next}" if self.next else text

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.__dict__.copy())


def _rebuild(kind: type[LayoutError], state: dict[str, object]) -> LayoutError:
    error = kind.__new__(kind)
    Exception.__init__(error, state.get("what"), state.get("where"), state.get("next"))
    error.__dict__.update(state)
    return error


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
