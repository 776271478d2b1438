"""A number as it was typed or scanned: what was misread, or belongs into another field, is refused."""

from __future__ import annotations

from batch.model.errors import FaultyValue
from layouts.scans import Kind, parse

_NAMES = {
    Kind.LETTER: "the number of a letter or token",
    Kind.FORM: "the number of a form",
    Kind.TOKEN: "the serial of a token",
}


def plain(text: str, *wanted: Kind) -> str:
    """The number in a scan of a wanted kind; whatever is no bar code of the station, as it stands.

    Raises `FaultyValue` for another kind, and for a check character that does not fit.
    """
    scan = parse(text)
    if scan is None:
        return text
    where = f"scan {text.strip()}"
    if not scan.holds:
        raise FaultyValue("was misread: its check character does not fit", where=where, next="scan it again")
    if scan.kind not in wanted:
        asked = " or ".join(_NAMES[kind] for kind in wanted)
        raise FaultyValue(f"is {_NAMES[scan.kind]}", where=where, next=f"scan {asked} here")
    return scan.number
