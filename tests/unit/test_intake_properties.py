"""What holds for every order and for every file, however it came about."""

from __future__ import annotations

import codecs
import random
import time
from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.orders.draft import OrderDraft
from batch.tables.faults import TableFaults
from tests.unit.intake_kit import GROUP_ROW, PERSON_ROW, faults_of, read, text_of
from tests.unit.limits import within

# Letters of Windows-1252 with the marks that make quoting hard; a letter first, so that no formula begins.
TEXT = st.from_regex(r"\A[A-Zé][A-Za-zë0-9,;'\" .&]{0,30}[a-z]\Z")
PERSON_NAME = st.from_regex(r"\A[A-ZÉ][a-zàëøß]{0,12}([ '-][A-Z][a-zü]{1,12})?\Z")
SLOW = 20
"""Seconds of processor time for the largest hostile file; a quadratic reader would take minutes."""


@st.composite
def orders(draw: st.DrawFn) -> list[Mapping[str, str]]:
    """The rows of a good order for groups and persons."""
    shared = {
        "order": draw(TEXT),
        "subscriber": draw(TEXT),
        "subscriber_number": draw(st.from_regex(r"\A[0-9]{8}\Z")),
    }
    rows: list[Mapping[str, str]] = []
    names = draw(st.lists(TEXT, max_size=4, unique_by=lambda name: " ".join(name.casefold().split())))
    for name in names:
        count = str(draw(st.integers(1, 10_000)))
        rows.append({**GROUP_ROW, **shared, "group": name, "count": count, "address_1": draw(TEXT)})
    for number in range(draw(st.integers(0 if rows else 1, 4))):
        person = {
            "given_name": draw(PERSON_NAME),
            "surname": draw(PERSON_NAME),
            "person_number": f"P{number}",
        }
        person |= {"email": f"p{number}@example.org", "language": draw(st.sampled_from(["nl", "en", "it"]))}
        rows.append({**PERSON_ROW, **shared, **person, "manager": draw(TEXT)})
    return draw(st.permutations(rows))


def what_was_ordered(draft: OrderDraft) -> list[tuple[object, ...]]:
    return [(row.layout, row.kind, row.count, row.fields, row.subject_key) for row in draft.rows]


@given(
    rows=orders(),
    delimiter=st.sampled_from(",;\t"),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    columns=st.permutations([*GROUP_ROW]),
)
@settings(deadline=None)
def test_a_good_order_is_read_the_same_however_it_was_written(
    rows: Sequence[Mapping[str, str]], delimiter: str, ending: str, encoding: str, columns: Sequence[str]
) -> None:
    draft = read(text_of(rows, columns, delimiter, ending).encode(encoding))
    assert what_was_ordered(draft) == what_was_ordered(read(text_of(rows)))
    assert [row.line for row in draft.rows] == [*range(2, len(rows) + 2)]
    for row, said in zip(draft.rows, rows, strict=True):
        assert {**row.fields, "count": ""} == {**said, "count": ""}
        assert row.count == int(said["count"] or 1)


@given(
    rows=orders(),
    column=st.sampled_from(["language", "manager_email", "country", "layout", "kind", "address_1"]),
    data=st.data(),
)
@settings(deadline=None)
def test_one_bad_cell_anywhere_is_named_and_nothing_is_taken(
    rows: Sequence[Mapping[str, str]], column: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(rows) - 1))
    bad = [{**row, column: "=\u202e"} if index == at else row for index, row in enumerate(rows)]
    assert [(fault.line, fault.column) for fault in faults_of(text_of(bad))] == [(at + 2, column)]


def outcome(data: bytes) -> OrderDraft | TableFaults:
    try:
        return read(data)
    except TableFaults as refused:
        return refused


def check_any(data: bytes) -> None:
    """A file is taken or refused with faults that stand in it and can be shown; nothing else can happen."""
    found = outcome(data)
    if isinstance(found, TableFaults):
        assert found.faults
        last = data.count(b"\n") + data.count(b"\r") + 1
        assert all(0 <= fault.line <= last for fault in found.faults)
        assert all(line.isprintable() for line in str(found).split("\n"))
    else:
        assert found.rows
        assert all(1 <= row.count <= 10_000 for row in found.rows)
        assert all(value.isprintable() for row in found.rows for value in row.fields.values())


@given(st.binary(max_size=400))
@settings(deadline=None)
def test_no_bytes_break_intake(data: bytes) -> None:
    for mark in (b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE):
        check_any(mark + data)


@given(st.text(alphabet='\r\n\t ,;"\u2028\x0b\x1c\x85\ufeffaé=x', max_size=200))
@settings(deadline=None)
def test_no_text_below_a_good_header_breaks_intake(text: str) -> None:
    check_any((text_of([GROUP_ROW]) + text).encode())


@given(orders(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_no_damage_to_a_good_file_breaks_intake(
    rows: Sequence[Mapping[str, str]], chance: random.Random
) -> None:
    data = bytearray(text_of(rows).encode())
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data))
        data[at : at + chance.randint(0, 3)] = chance.choice(
            [b"", b'"', b";", b"\r", b"\n", b"\xff", b"\0", b"\xe2\x80\xae"]
        )
    check_any(bytes(data))


HEAD = text_of([])
ROW = text_of([GROUP_ROW]).splitlines()[1]

HOSTILE: Mapping[str, Callable[[], str]] = {
    "one long line": lambda: "x" * 40_000_000,
    "one long row": lambda: HEAD + ";" * 40_000_000,
    "many columns": lambda: ";".join(f"c{number}" for number in range(9_000)) + "\n" + ROW,
    "quotes that open and never close": lambda: HEAD + 'a";"x\n' * 249_000,
    "wide quotes that never close": lambda: HEAD + (f'a"{"x" * 60_000};"x\n' * 800),
    "quotes doubled for ever": lambda: HEAD + '"' * 40_000_000,
    "a quote on every line": lambda: HEAD + '"\n' * 249_000,
    "blank lines": lambda: HEAD + "\n" * 45_000_000,
    "rows without end": lambda: HEAD + f"{ROW}\n" * 200_000,
    "lines without end": lambda: HEAD + "a;b\n" * 10_000_000,
    "broken rows": lambda: HEAD + "a;b\n" * 240_000,
    "faults without end": lambda: HEAD + f"{ROW}\n".replace("nl", "xx") * 200_000,
    "marks without end": lambda: HEAD + f"{ROW}\n".replace("nl", "a" + "\u0300\u0327" * 30_000) * 150,
    "marks in the header": lambda: ";".join(["a" + "\u0300\u0327" * 30_000] * 2) + "\n" + ROW,
    "cells wider than any value": lambda: HEAD + f"{ROW}\n".replace("nl", "é" * 60_000) * 300,
    "layouts to guess": lambda: (
        HEAD + "".join(f"{ROW}\n".replace("group-card", f"group-{n:058}") for n in range(20_000))
    ),
    "e-mail addresses to choke on": lambda: (
        HEAD + f"{ROW}\n".replace("@example.org", f"@{'a-' * 110}!") * 10_000
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_in_bounded_time_and_memory(kind: str) -> None:
    within(f"{__name__}:import_hostile", kind, seconds=SLOW, megabytes=1_000)


def import_hostile(kind: str) -> None:
    """Read one of `HOSTILE`."""
    assert faults_of(HOSTILE[kind]().encode())


def test_ten_thousand_rows_take_about_a_second() -> None:
    rows = [{**PERSON_ROW, "person_number": f"P-{n}", "email": f"p{n}@example.org"} for n in range(10_000)]
    data = text_of(rows).encode()
    start = time.process_time()
    assert read(data).count == 10_000
    assert time.process_time() - start < 3.0
