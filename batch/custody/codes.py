"""Drawing codes from the system's random generator (R17, R19, R20, R21)."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from itertools import pairwise

from stdnum.iso7064 import mod_37_36

from drivers.secret import Secret

REVOCATION_ALPHABET = "234679ACDEFGHJKMNPQRTVWXYZ"
"""Leaves out what is mistaken for one another: 0/O, 1/I/L, 5/S, 8/B (R17), and U/V.

Of even size: only then the check character of ISO/IEC 7064's hybrid systems finds every wrong character.
"""

_KEYPAD = ("147258369", "963852741", "123456789", "321654987", "159", "951", "357", "753", "2580", "0852")


def digits(length: int) -> Secret:
    """A PIN or PUK of so many digits, drawn again while it is trivial (R19)."""
    while True:
        value = "".join(secrets.choice("0123456789") for _ in range(length))
        if not trivial(value):
            return Secret.text(value)


def trivial(value: str) -> bool:
    """Whether a code is one that people try first: repeats, runs, dates, lines on a keypad (R19)."""
    half = len(value) // 2
    return (
        len(set(value)) <= 2
        or _is_run(value)
        or (len(value) % 2 == 0 and value[:half] == value[half:])
        or value == value[::-1]
        or any(_is_date(value, form) for form in _DATES.get(len(value), ()))
        or _is_keypad_line(value)
    )


def revocation_code(groups: int, size: int) -> Secret:
    """A revocation code such as `7KQM-X2DA-9TRH`, its last character a check over all before (R17, R21).

    Raises `ValueError` where fewer than 40 bits of it would be random.
    """
    free = groups * size - 1
    if len(REVOCATION_ALPHABET) ** free < 2**40:
        raise ValueError(f"{groups} groups of {size} characters carry less than 40 bits")
    body = "".join(secrets.choice(REVOCATION_ALPHABET) for _ in range(free))
    whole = body + mod_37_36.calc_check_digit(body, REVOCATION_ALPHABET)
    return Secret.text("-".join(whole[at : at + size] for at in range(0, len(whole), size)))


def plausible_revocation_code(text: str) -> bool:
    """Whether the check character fits; spots a slip of the pen before a try is counted."""
    plain = re.sub(r"[\s-]", "", text).upper()
    return set(plain) <= set(REVOCATION_ALPHABET) and mod_37_36.is_valid(plain, REVOCATION_ALPHABET)


def random_bytes(length: int) -> Secret:
    """A management key of so many bytes (R36)."""
    return Secret(secrets.token_bytes(length))


_DATES = {6: ("%d%m%y", "%y%m%d", "%m%d%y"), 8: ("%d%m%Y", "%Y%m%d", "%m%d%Y"), 4: ("%d%m", "%m%d")}


def _is_run(value: str) -> bool:
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(value)}
    return len(steps) == 1


def _is_date(value: str, form: str) -> bool:
    try:
        when = datetime.strptime(value, form)
    except ValueError:
        return False
    return len(value) < 8 or 1900 <= when.year <= 2099


def _is_keypad_line(value: str) -> bool:
    return any(value in line * 2 or (line in value and len(line) * 2 >= len(value)) for line in _KEYPAD)
