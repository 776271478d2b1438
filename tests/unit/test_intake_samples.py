"""The sample orders do what they are there for, with the layouts that are shipped."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from batch.orders import intake
from batch.orders.catalogue import LibraryLayouts
from batch.orders.draft import OrderDraft
from batch.tables.faults import TableFaults
from layouts.library import Library
from tests.unit.intake_kit import FakeKnown

SAMPLES = Path(__file__).parents[2] / "station" / "samples"


def read(name: str) -> OrderDraft:
    data = (SAMPLES / name).read_bytes()
    return intake.read(data, source=name, layouts=LibraryLayouts(Library()), known=FakeKnown())


def test_the_demo_order_has_24_tokens_of_two_layouts_and_three_languages() -> None:
    draft = read("demo-order.csv")
    tokens = Counter[str]()
    for row in draft.rows:
        tokens[row.layout] += row.count
    assert tokens == {"group-card": 12, "group-usb": 12}
    assert {row.fields["language"] for row in draft.rows} == {"nl", "en", "it"}


def test_the_order_for_persons_is_taken() -> None:
    assert {row.kind for row in read("persons-order.csv").rows} == {"person"}


def test_the_faulty_order_shows_every_sort_of_fault() -> None:
    with pytest.raises(TableFaults) as refused:
        read("faulty-order.csv")
    said = str(refused.value)
    assert "line 4, language: 'xx' is no language of this desk; use nl, en or it" in said
    assert len(refused.value.faults) == 13


def test_what_a_certificate_or_letter_has_no_room_for_is_a_fault_of_its_line() -> None:
    text = (SAMPLES / "persons-order.csv").read_text()
    long = text.replace("Zoë,Voorbeeld", f"{'Zoë ' * 10},{'Voorbeeld' * 5}").replace("Bureau", "局", 1)
    with pytest.raises(TableFaults) as refused:
        intake.read(long.encode(), source="x", layouts=LibraryLayouts(Library()), known=FakeKnown())
    assert {fault.line for fault in refused.value.faults} == {2}
    assert any("characters, 64 are allowed" in fault.wrong for fault in refused.value.faults)
    assert any("U+5C40" in fault.wrong for fault in refused.value.faults)
