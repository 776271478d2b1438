"""Short texts that somebody types into the records, held to what a line of a list or a letter takes."""

from __future__ import annotations

from batch.model.errors import FaultyValue

LONGEST = 254
"""Characters; as many as an e-mail address has."""


def checked(value: str, what: str, *, ascii_only: bool = False) -> str:
    """A text without blanks around it; raises `FaultyValue` for none, an overlong or an unprintable one."""
    text = value.strip()
    if not 0 < len(text) <= LONGEST or not text.isprintable() or (ascii_only and not text.isascii()):
        raise FaultyValue(f"is no {what}", where=what, next=f"give 1 to {LONGEST} characters of one line")
    return text
