"""Printed letters as their readers see them: text by pdftotext, codes kept out of sight."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from drivers.secret import Secret
from tests.bench.clients import run

_CODES = {
    "pin": re.compile(r"^ +PIN +(\d{6})(?: {2,}|$)", re.MULTILINE),
    "puk": re.compile(r"^ +PUK +(\d{8})(?: {2,}|$)", re.MULTILINE),
    "revocation": re.compile(r" {4,}((?:[A-Z0-9]{4}-){2}[A-Z0-9]{4})(?: {2,}|$)", re.MULTILINE),
}


@dataclass(frozen=True)
class Page:
    """One letter: its text without the codes, and the codes."""

    text: str = field(repr=False)
    pin: Secret = field(repr=False)
    puk: Secret = field(repr=False)
    revocation: Secret = field(repr=False)

    @property
    def codes(self) -> tuple[Secret, ...]:
        """All three."""
        return (self.pin, self.puk, self.revocation)

    def has(self, *lines: str) -> bool:
        """Whether each of these stands on the page once, as words of its own."""
        return all(len(re.findall(rf"(?<!\S){re.escape(line)}(?!\S)", self.text)) == 1 for line in lines)


def read_page(pdf: Path) -> Page:
    """Read a letter; fails unless it is one page with one PIN, one PUK and one revocation code."""
    sheets = run("pdfinfo", str(pdf)).stdout
    assert re.search(r"^Pages: +1$", sheets, re.MULTILINE), f"{pdf.name} is not one page"
    text = run("pdftotext", "-layout", str(pdf), "-").stdout
    codes = {}
    for name, shape in _CODES.items():
        found = shape.findall(text)
        assert len(found) == 1, f"{pdf.name} shows {len(found)} codes where one {name} is wanted"
        codes[name] = Secret.text(found[0])
        assert len(text.split(found[0])) == 2, f"{pdf.name} shows its {name} more than once"
        text = text.replace(found[0], "")
    return Page(text, **codes)
