"""Of any handful of edits each one is named, nothing else is, whether entries kept their numbers or not."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from batch.audit.chain import append, canonical, facts_of
from batch.audit.diagnosis import diagnose
from batch.audit.findings import Finding, Kind
from batch.audit.merkle import leaf_hash
from batch.model.events import Entry, Event

SIZE = 60
WHEN = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
NUMBERS = st.sets(st.integers(1, SIZE), max_size=8)


def written() -> list[Entry]:
    entries: list[Entry] = []
    for number in range(SIZE + 5):
        entries.append(append(entries[-1] if entries else None, Event("step", "ada", item=str(number)), WHEN))
    return entries


LOG = written()
LEAVES = b"".join(leaf_hash(entry.body.encode()) for entry in LOG[:SIZE])
"""Five entries more are in the log than were signed."""


def placed(bodies: list[str], *, renumber: bool) -> list[Entry]:
    if not renumber:
        return [Entry(place, body, b"") for place, body in enumerate(bodies, 1)]
    return [
        Entry(place, canonical({**facts_of(Entry(0, body, b"")), "n": place}), b"")
        for place, body in enumerate(bodies, 1)
    ]


def named(findings: list[Finding]) -> dict[Kind, set[int]]:
    found: dict[Kind, set[int]] = {}
    for one in findings:
        assert one.first is not None
        assert one.last is not None
        found.setdefault(one.kind, set()).update(range(one.first, one.last + 1))
    return found


def expected(**kinds: set[int]) -> dict[Kind, set[int]]:
    return {Kind(kind): numbers for kind, numbers in kinds.items() if numbers}


def edited(number: int) -> str:
    return LOG[number - 1].body.replace("ada", "eve")


@given(NUMBERS)
def test_changed_entries_are_named(changed: set[int]) -> None:
    bodies = [edited(entry.sequence) if entry.sequence in changed else entry.body for entry in LOG]
    for renumber in (False, True):
        found = diagnose(lambda: placed(bodies, renumber=renumber), LEAVES)  # noqa: B023
        assert named(found) == expected(changed=changed)


@given(NUMBERS, st.booleans())
def test_missing_entries_are_named(gone: set[int], renumber: bool) -> None:
    # Whether the last one signed was taken out or replaced by the one behind it, nobody can tell.
    gone = gone - {SIZE} if renumber else gone
    left = [entry for entry in LOG if entry.sequence not in gone]
    entries = placed([entry.body for entry in left], renumber=True) if renumber else left
    assert named(diagnose(lambda: entries, LEAVES)) == expected(missing=gone)


@given(st.sets(st.integers(1, SIZE), max_size=4), st.booleans())
def test_added_entries_are_named(before: set[int], renumber: bool) -> None:
    bodies: list[str] = []
    places = set()
    for entry in LOG:
        if entry.sequence in before:
            bodies.append(canonical({"n": 0, "event": f"forged {entry.sequence}"}))
            places.add(len(bodies))
        bodies.append(entry.body)
    found = diagnose(lambda: placed(bodies, renumber=renumber), LEAVES)
    assert named(found) == expected(added=places)


@given(st.integers(1, SIZE), st.integers(1, SIZE), st.booleans())
def test_an_entry_put_elsewhere_is_named(source: int, target: int, renumber: bool) -> None:
    # Under another number it is found again near its place; else it counts as missing there and added here.
    target = max(source - 30, min(source + 30, target)) if renumber else target
    bodies = [entry.body for entry in LOG]
    bodies.insert(target - 1, bodies.pop(source - 1))
    found = named(diagnose(lambda: placed(bodies, renumber=renumber), LEAVES))
    if abs(source - target) > 1:
        assert found == expected(moved={source})
    else:
        assert found in (expected(), expected(moved={source}), expected(moved={target}))


@given(st.integers(1, SIZE))
def test_a_copy_is_named_as_added_and_never_the_entry_itself(source: int) -> None:
    copied = [*LOG[:SIZE], *LOG[SIZE:], Entry(0, LOG[source - 1].body, b"")]
    entries = sorted(copied, key=lambda entry: entry.sequence)
    assert named(diagnose(lambda: entries, LEAVES)) == expected(added={0})
