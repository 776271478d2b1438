"""The pages of a report show all of it, however much, in whatever script, and are the same each time."""

from __future__ import annotations

import io
from typing import Any

import pytest
from pypdf import PdfReader

from layouts.order_report import render
from layouts.report_texts import report_texts
from tests.unit.letter_kit import seen

HEAD: dict[str, Any] = {
    "station": "Testbureau",
    "made": {"at": "2026-11-22T10:00:00+00:00", "by": "ada"},
    "balance": {"told": "500 ordered = 500 produced"},
    "open": [{"what": "1 token (000001)", "why": "finished, and still at the desk", "next": "station due"}],
    "people": [{"operator": "ada", "event": "order.received", "times": 1}],
    "acts": [{"n": 1, "at": "2026-11-22T09:00:00+00:00", "event": "order.received", "operator": "ada"}],
    "order": {
        "number": "2026-0001",
        "reference": "MVV-1",
        "subscriber": "Ministerie",
        "organisation": "NTRNL-90001234",
        "state": "closed",
        "source": "order.csv",
        "sha256": "00" * 32,
        "received": {"at": "2026-11-22T09:00:00+00:00", "by": "ada"},
    },
}
NOTE = "order report\n2026-0001 closed\n\n— desk/audit AAAA\n"


def token(number: int, **more: Any) -> dict[str, Any]:
    certificate = {
        "key": "authentication",
        "sha256": f"{number:064x}",
        "serial": f"{number:x}",
        "state": "valid",
        "until": "2029-11-22",
        "evidence": {"kind": "attributes", "holds": True},
    }
    told = {"number": f"{number:06d}", "layout": "group-card", "state": "produced", "life": "active"}
    return {**told, "certificates": [certificate], **more}


def drawn(*tokens: dict[str, Any], language: str = "en", **head: Any) -> bytes:
    file = io.BytesIO()
    whole = {**HEAD, **head}
    render(file, whole, [], tokens, digest="ab" * 32, note=NOTE, language=language)
    return file.getvalue()


def test_five_hundred_tokens_are_all_there_on_numbered_pages() -> None:
    pages = drawn(*map(token, range(1, 501)))
    count = len(PdfReader(io.BytesIO(pages)).pages)
    text = seen(pages, "-layout")
    assert all(f"{number:06d}" in text for number in range(1, 501))
    assert all(f"{number:064x}" in text for number in range(1, 501))
    assert f"page {count}\n" in text
    assert f"page {count + 1}" not in text
    # The headings of a table stand on every page it goes on to.
    assert text.count("Layout, token") >= count - 2


def test_equal_reports_give_equal_pages() -> None:
    assert drawn(token(1)) == drawn(token(1))


@pytest.mark.parametrize("language", ["en", "nl", "it"])
def test_headings_are_in_the_subscribers_language(language: str) -> None:
    texts = report_texts()[language]
    text = seen(drawn(token(1), language=language), "-layout")
    for heading in (texts.title, texts.balance, texts.open, texts.signature, texts.people, texts.acts):
        assert heading in text
    assert "1 token (000001)" in text


def test_a_language_without_texts_gets_english() -> None:
    assert report_texts()["en"].balance in seen(drawn(token(1), language="fy"), "-layout")


def test_nothing_is_cut_and_what_no_font_shows_is_marked() -> None:
    long = "x" * 400
    text = seen(drawn(token(1, group=long, serial="שלום")))
    assert "".join(text.split()).count("x") >= 400
    assert "????" in text


def test_every_language_tells_the_same_facts() -> None:
    texts = report_texts()
    assert {"en", "nl", "it"} <= set(texts)
    for one in texts.values():
        assert set(one.facts) == set(texts["en"].facts)
        assert len(one.act_columns) == 5
        assert (len(one.total_columns), len(one.open_columns), len(one.people_columns)) == (3, 3, 3)
        assert len(one.token_columns) == 4
