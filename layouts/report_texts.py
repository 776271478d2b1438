"""The headings of the report on an order, in each language."""

from __future__ import annotations

from functools import cache
from typing import Annotated

import msgspec

from layouts.forms import Name, Words
from layouts.library import SHIPPED
from layouts.strict import load

_Two = Annotated[tuple[Words, ...], msgspec.Meta(min_length=2, max_length=5)]


class ReportTexts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All headings in one language."""

    title: Words
    order: Words
    facts: dict[str, Words]
    balance: Words
    totals: Words
    total_columns: _Two
    open: Words
    open_columns: _Two
    signature: Words
    verify: Words
    people: Words
    people_columns: _Two
    acts: Words
    act_columns: _Two
    tokens: Words
    token_columns: _Two
    page: Words


class ReportFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`reports/order-report.toml`."""

    title: Name
    texts: dict[str, ReportTexts]


@cache
def report_texts() -> dict[str, ReportTexts]:
    """The headings by language; English is always among them."""
    return load(SHIPPED / "reports" / "order-report.toml", ReportFile).texts
