"""The words that tokens are looked for by: of group, manager, holder and subscriber, without case or accents.

A plain table and no full-text index, so that what is forgotten is overwritten where it stood (secure_delete);
SQLite's FTS5 learned to do so in 3.42 only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from batch.store.database import Records
from batch.store.id_sets import IdSet, Indexed, Listed, any_of
from batch.tables.values import folded, unaccented

FIELDS = ("group", "manager", "given_name", "surname", "person_number")
"""Fields of items whose words are looked for."""

_WORD = re.compile(r"[^\W_]+")
_SHORT = 3
"""Beginnings up to this length are kept as if they were words, so that few letters find as fast as many."""

HIGHEST = "\U0010ffff"
"""What stands behind every word in the order of the records."""

_LONGEST = 40
_ALIKE = 50
"""So many words are read side by side without much ado."""

_FEW = 20_000
"""So many ids are sorted in a few milliseconds."""


def sought(text: str) -> str:
    """A text as it is looked for: without case, accents and doubled spaces."""
    if text.isascii():
        return " ".join(text.casefold().split())
    return folded(unaccented(text))


def words_of(text: str) -> list[str]:
    """The words of a text as they are looked for."""
    return [word[:_LONGEST] for word in _WORD.findall(sought(text))]


def put(
    records: Records, item_id: int, fields: Mapping[str, str], subscriber: str, organisation: str
) -> None:
    """Let an item be found by the words of its fields and of its subscriber's name and number."""
    rows = rows_of(item_id, fields, subscriber, organisation)
    records.write_many("INSERT INTO item_words VALUES (?, ?)", rows)


def rows_of(
    item_id: int, fields: Mapping[str, str], subscriber: str, organisation: str
) -> list[tuple[str, int]]:
    """The rows of the table by which an item is found."""
    return [(word, item_id) for word in sorted(kept(fields, subscriber, organisation))]


def replace(
    records: Records,
    item_id: int,
    old: Mapping[str, str],
    new: Mapping[str, str],
    subscriber: str,
    number: str,
) -> None:
    """Let an item whose fields were `old` be found by the `new` ones only."""
    stay = kept(new, subscriber, number)
    gone = kept(old, subscriber, number) - stay
    records.write_many(
        "DELETE FROM item_words WHERE word = ? AND item_id = ?", [(word, item_id) for word in gone]
    )


def kept(fields: Mapping[str, str], subscriber: str, organisation: str) -> set[str]:
    """What is kept of an item: words, their beginnings, and the whole number of its subscriber."""
    texts = [subscriber, organisation, *(fields.get(name, "") for name in FIELDS)]
    found = {_whole(organisation)}
    for word in {word for text in texts for word in words_of(text)}:
        found.add(word)
        found.update(word[:length] for length in range(1, min(_SHORT, len(word)) + 1))
    return found


def of_organisations(organisations: Iterable[str]) -> IdSet:
    """Items whose subscriber has one of these numbers."""
    found = [_exactly(_whole(one)) for one in organisations]
    return any_of(found) if found else Listed(())


def beginning_with(records: Records, text: str) -> list[IdSet]:
    """For each word of a text the items that have one beginning with it."""
    return [_beginning(records, word) for word in sorted(set(words_of(text)), key=len, reverse=True)]


def _beginning(records: Records, word: str) -> IdSet:
    if len(word) <= _SHORT:
        return _exactly(word)
    upto = word + HIGHEST
    alike = list(islice(_between(records, word, upto), _ALIKE + 1))
    if 0 < len(alike) <= _ALIKE:
        return any_of([_exactly(one) for one in alike])
    between = "SELECT item_id FROM item_words WHERE word >= ? AND word < ? LIMIT ?"
    ids = [row[0] for row in records.rows(between, (word, upto, _FEW + 1))]
    if len(ids) <= _FEW:
        return Listed(tuple(sorted(set(ids))))
    return any_of([_exactly(one) for one in _between(records, word, upto)])


def _between(records: Records, word: str, upto: str) -> Iterator[str]:
    # One look-up a word: to read them as they stand would read them for every item that has them.
    found = records.row("SELECT min(word) FROM item_words WHERE word >= ? AND word < ?", (word, upto))
    while found is not None and found[0] is not None:
        yield found[0]
        found = records.row("SELECT min(word) FROM item_words WHERE word > ? AND word < ?", (found[0], upto))


def _exactly(word: str) -> IdSet:
    return Indexed("item_id", "item_words", "word = ?", (word,))


def _whole(organisation: str) -> str:
    # No word has this sign, so that a whole number is never taken for the beginning of another.
    return f"={sought(organisation)}"
