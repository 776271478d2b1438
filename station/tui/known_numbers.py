"""Which numbers are shown: a PIN typed where none is asked is digits too, and is never repeated (R40)."""

from __future__ import annotations

from contextlib import suppress

from batch.life.dispatch.quoting import whole
from batch.model.errors import FaultyValue, NotFound
from batch.model.forms import FormNumber
from batch.store import forms, search
from batch.store.database import Records


def begins_known(records: Records, text: str) -> bool:
    """Whether something on record begins like a text, which is so of all that is more than digits."""
    if not (text.isascii() and text.isdecimal()):
        return True
    quoted = whole(text)
    return bool(search.count(records, quoted.partition("-")[0] if quoted else text, 1).number)


def known(records: Records, text: str) -> bool:
    """The same of a whole number, which may be that of a form."""
    if begins_known(records, text):
        return True
    with suppress(FaultyValue, NotFound):
        forms.form(records, FormNumber.read(text))
        return True
    return False
