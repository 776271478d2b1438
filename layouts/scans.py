"""What the bar codes of the station hold, in Code 128, QR or Data Matrix alike.

The letter of its kind, the number, a check character (ISO 7064, MOD 37,36) over kind and number, and the
letter again, such as `M000123BM`: letters, digits and the number's own characters only, which a keyboard
wedge types the same on most keyboards. No number of a form or an order ends like that.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from stdnum.iso7064 import mod_37_36

_LONGEST = 64
"""Characters of a number; more is none."""


class Kind(enum.StrEnum):
    """What a number is of; none of the letters stands in a hexadecimal serial."""

    LETTER = "M"
    FORM = "S"
    TOKEN = "T"  # noqa: S105


@dataclass(frozen=True)
class Scan:
    """What a bar code said; `holds`: its check character fits."""

    kind: Kind
    number: str
    holds: bool


_SCAN = re.compile(rf"(?P<kind>[{''.join(Kind)}])(?P<number>.{{1,{_LONGEST}}})(?P<check>[0-9A-Z])(?P=kind)")


def content(kind: Kind, number: str) -> str:
    """What the bar code of a number holds."""
    return f"{kind}{number}{_check(kind, number)}{kind}"


def parse(text: str) -> Scan | None:
    """What was scanned, None for what is no content of a bar code of the station."""
    found = _SCAN.fullmatch(text.strip()) if text.isascii() else None
    if found is None:
        return None
    kind, number = Kind(found["kind"]), found["number"]
    return Scan(kind, number, found["check"] == _check(kind, number))


def _check(kind: Kind, number: str) -> str:
    counted = "".join(char for char in number.upper() if char.isalnum())
    return str(mod_37_36.calc_check_digit(f"{kind}{counted}"))
