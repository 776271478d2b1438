"""What an order asks for and what a token holds, each as a digest that the log can tell without the words."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping

from batch.audit.chain import canonical
from batch.model.orders import Item, KeyRecord


class Asked:
    """Hears items in the order of their ids and digests those that each order came with; not replacements.

    `committed` is over a salted digest of each, which stays when its words are forgotten; `of`, which early
    entries tell, is over the words.
    """

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self._digests = defaultdict[int, "hashlib._Hash"](hashlib.sha256)
        self._committed = defaultdict[int, "hashlib._Hash"](hashlib.sha256)
        for item in items:
            self.hear(item)

    def hear(self, item: Item) -> None:
        """The next item."""
        if item.replaces is None:
            self._digests[item.order_id].update(_line(item))
            self._committed[item.order_id].update(f"{commitment(item)}\n".encode())

    def of(self, order_id: int) -> str:
        """SHA-256, hexadecimal, over a line of canonical JSON for each item of an order."""
        return self._digests[order_id].hexdigest()

    def committed(self, order_id: int) -> str:
        """SHA-256, hexadecimal, over a line of the commitment of each item of an order."""
        return self._committed[order_id].hexdigest()


def commitment(item: Item) -> str:
    """SHA-256, hexadecimal, over an item's salt and what it was ordered with; kept when that is forgotten."""
    return item.forgotten or commitment_of_words(item)


def commitment_of_words(item: Item) -> str:
    """The same over the words that are there, whatever is on record of forgotten ones."""
    return hashlib.sha256((item.salt or b"") + _line(item)).hexdigest()


def _line(item: Item) -> bytes:
    facts: dict[str, object] = {
        "number": item.mailer_number,
        "layout": item.layout,
        "subject": item.subject_key,
        "fields": item.fields,
    }
    return f"{canonical(facts)}\n".encode("utf-8", "replace")


def fingerprints(keys: Mapping[str, KeyRecord]) -> dict[str, str]:
    """SHA-256, hexadecimal, of each key's certificate (DER), by the keys' names."""
    return {
        name: hashlib.sha256(key.certificate).hexdigest()
        for name, key in sorted(keys.items())
        if key.certificate is not None
    }
