"""Every edge of every state table is taken, and everything else is refused."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from batch.model.errors import Transition
from batch.model.states import (
    ACKNOWLEDGEMENT,
    FORM,
    ITEM,
    LETTER,
    LIFE,
    LOAN,
    ORDER,
    PARCEL,
    PERSON,
    RENEWAL,
    STEP,
    SUBSCRIBER,
    AcknowledgementState,
    FormState,
    ItemState,
    LetterState,
    LifeState,
    LoanState,
    OrderState,
    ParcelState,
    PersonState,
    RenewalState,
    StepState,
    SubscriberState,
    move,
)

TABLES: list[Mapping[Any, frozenset[Any]]] = [
    ORDER,
    ITEM,
    LETTER,
    FORM,
    LIFE,
    RENEWAL,
    PARCEL,
    LOAN,
    ACKNOWLEDGEMENT,
    STEP,
    SUBSCRIBER,
    PERSON,
]
TYPES: list[type[enum.StrEnum]] = [
    OrderState,
    ItemState,
    LetterState,
    FormState,
    LifeState,
    RenewalState,
    ParcelState,
    LoanState,
    AcknowledgementState,
    StepState,
    SubscriberState,
    PersonState,
]
EDGES = [(now, to) for table in TABLES for now, ways in table.items() for to in sorted(ways)]
NO_EDGES = [
    (now, to) for table in TABLES for now, to in itertools.product(table, table) if to not in table[now]
]


def name(edge: tuple[Any, Any]) -> str:
    return f"{type(edge[0]).__name__}:{edge[0]}->{edge[1]}"


@pytest.mark.parametrize("edge", EDGES, ids=name)
def test_an_edge_of_the_table_is_taken(edge: tuple[Any, Any]) -> None:
    now, to = edge
    assert move(now, to, where="here") is to


@pytest.mark.parametrize("edge", NO_EDGES, ids=name)
def test_what_is_no_edge_is_refused_and_says_what_would_be(edge: tuple[Any, Any]) -> None:
    now, to = edge
    with pytest.raises(Transition, match=rf"^000123: {now} does not lead to {to}; from {now} it can become"):
        move(now, to, where="000123")


@pytest.mark.parametrize(("table", "type_"), list(zip(TABLES, TYPES, strict=True)))
def test_every_state_has_its_line_in_the_table(
    table: Mapping[Any, frozenset[Any]], type_: type[enum.StrEnum]
) -> None:
    assert set(table) == set(type_)


def test_states_of_different_tables_that_share_a_word_are_not_mixed_up() -> None:
    assert move(OrderState.PRODUCED, OrderState.IN_PRODUCTION, where="order") is OrderState.IN_PRODUCTION
    with pytest.raises(Transition):
        move(ItemState.PRODUCED, ItemState.IN_PRODUCTION, where="item")
