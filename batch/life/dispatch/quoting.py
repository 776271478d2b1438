"""The number by which a token is acknowledged: it goes with the token, and on no other paper.

It is the token's own number, four digits drawn at random, and a check digit, such as `000123-4821-7`: a slip
is told from another token's number, and who never had the parcel cannot make it up.
"""

from __future__ import annotations

import re
import secrets

from stdnum import damm

_DRAWN = 4
_OWN = 6
"""The fewest digits of a token's own number; there are more after the millionth."""

_NUMBER = re.compile(
    rf"(?<![\d-])(\d{{{_OWN},9}})[ \u2010-\u2015-]?(\d{{{_DRAWN}}})[ \u2010-\u2015-]?(\d)(?![\d-])"
)


def draw(number: str) -> str:
    """A new number that acknowledges the token of a mailer number."""
    drawn = f"{secrets.randbelow(10**_DRAWN):0{_DRAWN}d}"
    return f"{number}-{drawn}-{damm.calc_check_digit(number + drawn)}"


def whole(text: str) -> str | None:
    """A number as it is written here, whatever stands between its parts; None where the text is none."""
    found = _NUMBER.fullmatch(text.strip())
    return "-".join(found.groups()) if found else None


def found_in(text: str) -> list[str]:
    """All such numbers in a text, each once, mistyped ones too where their parts are set off.

    Other runs of digits, such as telephone numbers, are none unless their check digit is right.
    """
    found = []
    for one in _NUMBER.finditer(text):
        number = "-".join(one.groups())
        if one[0] != number.replace("-", "") or (holds(number) and one[1] == f"{int(one[1]):06d}"):
            found.append(number)
    return list(dict.fromkeys(found))


def holds(quoted: str) -> bool:
    """Whether the check digit is right: a wrong digit or two swapped ones are always found."""
    return bool(damm.is_valid(quoted.replace("-", "")))


def token_of(quoted: str) -> str:
    """The mailer number of the token that a number acknowledges, or of a number that is one itself."""
    return quoted.partition("-")[0].strip()
