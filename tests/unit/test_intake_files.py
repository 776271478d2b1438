"""Order files as spreadsheets, editors and people with bad luck write them."""

from __future__ import annotations

import codecs
import hashlib

import pytest

from batch.orders import columns, intake
from tests.unit.intake_kit import GROUP_ROW, PERSON_ROW, faults_of, read, text_of

TWO_ROWS = (
    GROUP_ROW,
    {**GROUP_ROW, "group": "Officiële Bekendmakingen", "layout": "group-usb", "count": "2"},
)
TEXT = text_of(TWO_ROWS)


def as_tuples(file: bytes | str) -> list[tuple[object, ...]]:
    return [(row.line, row.layout, row.kind, row.count, row.fields) for row in read(file).rows]


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        TEXT.encode("utf-16"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.encode("cp1252"),
    ],
    ids=["utf-8", "utf-8 with mark", "utf-16 le", "utf-16 be", "windows-1252"],
)
def test_every_encoding_a_spreadsheet_writes_gives_the_same_order(data: bytes) -> None:
    assert as_tuples(data) == as_tuples(TEXT)
    assert read(data).rows[1].fields["group"] == "Officiële Bekendmakingen"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found_though_addresses_hold_others(delimiter: str) -> None:
    row = {
        **GROUP_ROW,
        "address_1": "Kamer 3, vleugel B; ingang \t1".replace("\t", ""),
        "address_3": "x,y,z,a,b,c;d;e;f",
    }
    assert read(text_of([row], delimiter=delimiter)).rows[0].fields["address_3"] == "x,y,z,a,b,c;d;e;f"


@pytest.mark.parametrize("first", ["sep=;\r\n", '"sep=;"\r\n', "SEP=;\r\n"])
def test_excels_sep_line_is_obeyed_and_counted(first: str) -> None:
    assert [row.line for row in read(first + TEXT).rows] == [3, 4]


def test_a_sep_line_with_another_delimiter_is_refused() -> None:
    (fault,) = faults_of("sep=|\r\n" + TEXT.replace(";", "|"))
    assert (fault.line, fault.value, fault.right) == (1, "|", "use comma, semicolon or tab")


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_an_editor_does(ending: str) -> None:
    text = text_of([GROUP_ROW, {**GROUP_ROW, "language": "xx"}], ending=ending)
    blank = text.replace(ending, f"{ending}{ending};;;{ending}", 1)
    (fault,) = faults_of(blank)
    assert str(fault) == "line 5, language: 'xx' is no language of this desk; use nl, en or it"


def test_line_breaks_in_quotes_are_counted_and_refused() -> None:
    rows = [{**GROUP_ROW, "address_1": "een\ntwee", "language": "xx"}, {**GROUP_ROW, "language": "yy"}]
    found = [(fault.line, fault.column) for fault in faults_of(text_of(rows))]
    assert found == [(2, "address_1"), (3, "language"), (4, "language")]


def test_column_names_may_come_in_any_case_order_and_three_languages() -> None:
    english = text_of([PERSON_ROW], [*reversed([*PERSON_ROW])])
    dutch = english
    for name, other in (
        ("order\r", "Bestelnummer\r"),
        ("subscriber_number", "KvK-nummer"),
        ("given_name", "VOORNAMEN"),
        ("person_number", "Matricola"),
        ("count", "Quantità"),
        ("address_1", "Indirizzo 1"),
        ("language", " Taal "),
    ):
        assert name in english
        dutch = dutch.replace(name, other, 1)
    assert as_tuples(dutch) == as_tuples(english)


def test_no_column_name_means_two_columns() -> None:
    names = [name for column in columns.COLUMNS for name in (column.name, *column.synonyms)]
    assert len(set(names)) == len(names)
    for column in columns.COLUMNS:
        assert all(columns.ORDER.find(name) is column for name in (column.name, *column.synonyms))


def test_an_unknown_column_is_named_with_the_nearest_known_one() -> None:
    (fault,) = faults_of(TEXT.replace("language", "langauge", 1))
    assert str(fault) == "line 1, langauge: is no column of an order; did you mean language?"
    (strange,) = faults_of(TEXT.replace("address_4", "shoe size", 1))
    assert (strange.column, "address_4" in strange.right) == ("shoe size", True)


def test_missing_doubled_and_nameless_columns_are_all_told_once() -> None:
    names = [name for name in GROUP_ROW if name not in ("manager", "group")]
    rows = [{**row, "address_3": "nl"} for row in TWO_ROWS]
    text = text_of(rows, names).replace("address_3", "taal", 1).replace("address_4", "", 1)
    assert [(fault.line, fault.column, fault.wrong) for fault in faults_of(text)] == [
        (1, "language", "stands here twice, as 'taal' and 'language'"),
        (1, "", "column 9 has no name"),
        (1, "manager", "this column is missing"),
        (1, "group", "this column is missing"),
    ]


def test_a_column_only_one_layout_needs_may_be_missing_for_others() -> None:
    names = [name for name in GROUP_ROW if name not in ("address_2", "email", "given_name", "surname")]
    assert read(text_of([GROUP_ROW], names)).count == 3
    (fault,) = faults_of(text_of(TWO_ROWS, names))
    assert (fault.line, fault.column) == (1, "address_2")
    assert "layout group-usb needs it" in fault.right


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "holds no rows"),
        (b"\xef\xbb\xbf \r\n\r\n", "holds no rows"),
        (text_of([]).encode(), "no row follows the column names"),
        (b"hello\nworld\n", "no row of column names"),
        (b"PK\x03\x04....", "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel workbook"),
        (TEXT.encode("utf-16-le"), "UTF-16 without its mark"),
        (TEXT.encode().replace(b"nl", b"n\0", 1), "zero byte"),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le") + b"x", "is not UTF-16-LE here"),
        (codecs.BOM_UTF16_LE + TEXT.replace("nl", "n\0").encode("utf-16-le"), "zero character"),
        (TEXT.encode("utf-32"), "zero character"),
    ],
)
def test_what_is_no_order_file_at_all_is_told_in_one_sentence(data: bytes, words: str) -> None:
    (fault,) = faults_of(data)
    assert words in str(fault)


def test_bytes_of_no_known_encoding_are_found_by_line() -> None:
    (fault,) = faults_of(TEXT.encode("cp1252") + b"\r\n\x81")
    assert (fault.line, fault.wrong) == (5, "byte 0x81 is neither UTF-8 nor Windows-1252")


def test_a_name_that_was_converted_twice_is_found_with_what_it_was() -> None:
    (fault,) = faults_of(text_of([{**GROUP_ROW, "group": "FinanciÃ«n"}]))
    assert fault.wrong == "was converted to UTF-8 twice"
    assert "'Financiën'" in fault.right


def test_rows_with_too_few_or_too_many_cells_are_found_and_trailing_delimiters_forgiven() -> None:
    head, first, second = TEXT.splitlines()
    assert read(f"{head};;\n{first};;;\n{second}\n").count == 5
    faults = faults_of(f"{head}\n{first};extra\n{second.rpartition(';')[0]}\n")
    assert [(fault.line, fault.wrong) for fault in faults] == [
        (2, "has 20 cells under 19 column names"),
        (3, "has 18 cells under 19 column names"),
    ]


def test_a_quote_that_is_never_closed_hides_no_other_fault() -> None:
    rows = [GROUP_ROW, *({**GROUP_ROW, "group": f"Group {number}", "language": "xx"} for number in range(30))]
    text = text_of(rows).replace("Verzonnenlaan 12", '"Verzonnenlaan 12', 1)
    faults = faults_of(text)
    assert (faults[0].line, "is not closed" in faults[0].wrong) == (2, True)
    assert [fault.line for fault in faults[1:]] == [*range(3, 33)]


def test_text_after_a_closing_quote_is_refused_by_line() -> None:
    faults = faults_of(TEXT.replace("Verzonnenlaan 12", '"Verzonnen"laan 12', 1))
    assert [(fault.line, "closing quote" in fault.wrong) for fault in faults] == [(2, True)]


def test_a_file_too_large_is_not_even_read() -> None:
    (fault,) = faults_of(b"x" * (intake.LARGEST_FILE + 1))
    assert "50,000,001 bytes" in fault.wrong


def test_the_draft_carries_the_files_hash_and_source() -> None:
    draft = read(b"sep=;\n" + TEXT.encode())
    assert draft.sha256 == hashlib.sha256(b"sep=;\n" + TEXT.encode()).hexdigest()
    assert (draft.source, draft.reference, draft.organisation) == ("order.csv", "VB-1", "NTRNL-90001234")
