"""Labels of parcels and tokens: nothing is cut, and a scanner reads them from sheets and from dots."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from pypdf import PdfReader

from layouts.errors import FileFault, LayoutError, TextFault
from layouts.label import Label, LabelFile, LabelLayout, compose
from layouts.label_sheets import draw_sheets
from layouts.library import SHIPPED, Library
from layouts.scans import Kind, content
from layouts.strict import loads
from layouts.zpl import DENSITIES, draw, to_zpl
from tests.conftest import need

PARCEL: Mapping[str, str | tuple[str, ...]] = {
    "parcel": "P-000017",
    "order": "2026-0001",
    "subscriber": "Ministerie van Voorbeeldzaken",
    "manager": "Noëlle van der Testen",
    "address": ("Dienst Voorbeelden", "Verzonnenlaan 12", "9999 XX Nergenshuizen"),
}
TOKEN: Mapping[str, str] = {
    "number": "000123",
    "order": "2026-0001",
    "subscriber": "Ministerie van Voorbeeldzaken",
    "certificate": "Coördinatiepunt Zeehavens",
    "serial": "0123456789ABCDEF",
}
TEXT = (SHIPPED / "labels" / "token.toml").read_text()


def layout(of: str) -> LabelLayout:
    return Library().label(of)


def label(of: str, **changes: str | tuple[str, ...]) -> Label:
    return compose(layout(of), {**(PARCEL if of == "parcel" else TOKEN), **changes})


def changed(old: str, new: str) -> LabelLayout:
    assert old in TEXT
    return LabelLayout("own", loads(TEXT.replace(old, new), "own.toml", LabelFile), layout("token").fonts)


def scanned(*pictures: Path) -> list[str]:
    need("zbarimg")
    done = subprocess.run(
        ["zbarimg", "-q", "--nodbus", *pictures], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize(("of", "number"), [("parcel", "P-000017"), ("token", "M000123BM")])
def test_a_scanner_reads_the_number_from_every_print_head(
    of: str, number: str, density: int, tmp_path: Path
) -> None:
    draw(label(of), density).save(tmp_path / "label.png")
    assert scanned(tmp_path / "label.png") == [f"CODE-128:{number}"]


def test_a_sheet_bears_every_label_in_its_place_and_is_the_same_each_time(tmp_path: Path) -> None:
    need("pdftoppm")
    numbers = [f"{number:06}" for number in range(1, 26)]
    labels = [label("token", number=number) for number in numbers]
    sheets = draw_sheets(layout("token"), labels, first=23)
    assert sheets == draw_sheets(layout("token"), labels, first=23)
    (tmp_path / "sheets.pdf").write_bytes(sheets)
    subprocess.run(["pdftoppm", "-r", "200", "-png", "sheets.pdf", "sheet"], cwd=tmp_path, check=True)
    pages = sorted(tmp_path.glob("sheet*.png"))
    assert [len(scanned(page)) for page in pages] == [2, 23]
    assert sorted(scanned(*pages)) == sorted(f"CODE-128:{content(Kind.LETTER, number)}" for number in numbers)
    words = PdfReader(tmp_path / "sheets.pdf").pages[0].extract_text()
    assert "Coördinatiepunt Zeehavens" in words


def test_a_serial_is_told_apart_from_a_number_and_what_has_no_room_is_coded_bare(tmp_path: Path) -> None:
    text = '[barcode]\ntext = "{number}"'
    own = changed(text, text.replace("number", "serial"))
    draw(compose(own, {**TOKEN, "serial": "9A1B"}), 12).save(tmp_path / "label.png")
    assert scanned(tmp_path / "label.png") == [f"CODE-128:{content(Kind.TOKEN, '9A1B')}"]
    wide = changed("module = 0.25", "module = 0.55")
    draw(compose(wide, TOKEN), 12).save(tmp_path / "wide.png")
    assert scanned(tmp_path / "wide.png") == [f"CODE-128:{TOKEN['number']}"]


def test_a_sheet_has_no_place_beyond_its_last() -> None:
    with pytest.raises(ValueError, match="places 1 to 24"):
        draw_sheets(layout("token"), [label("token")], first=25)


def test_every_line_of_an_address_is_on_the_label_and_an_empty_one_takes_no_room() -> None:
    said = [text.text for text in label("parcel", address=("One", "", "Three")).texts]
    assert said[-4:] == ["Noëlle van der Testen", "One", "Three", "P-000017"]


def test_a_name_too_long_is_broken_and_an_address_too_long_is_refused() -> None:
    long = "Directoraat-generaal Voorbeeldvoorziening en Uitzonderingen van het Ministerie"
    said = [text.text for text in label("parcel", subscriber=long).texts]
    assert long not in said
    assert long in " ".join(said)
    with pytest.raises(TextFault, match="does not fit above the bar code"):
        label("parcel", address=tuple(f"Line {number}" for number in range(20)))


def test_what_the_fonts_cannot_show_is_refused() -> None:
    with pytest.raises(TextFault, match=r"has U\+4E2D"):
        label("token", certificate="中")


def test_a_bar_narrower_than_a_dot_or_wider_than_the_label_is_refused() -> None:
    narrow = compose(changed("module = 0.25", "module = 0.19"), TOKEN)
    assert to_zpl(narrow, 12)
    with pytest.raises(LayoutError, match="bar code of"):
        compose(changed("module = 0.25", "module = 1.0"), TOKEN)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{serial}", "{pin}", "names 'pin'"),
        ("pitch_x = 66", "pitch_x = 60", "overlap"),
        ("columns = 3", "columns = 4", "beyond its edge"),
        ("margin = 3", "margin = 12", "no room"),
    ],
)
def test_a_layout_that_cannot_be_is_refused_by_its_line(old: str, new: str, said: str) -> None:
    with pytest.raises(FileFault, match=said) as error:
        changed(old, new)
    assert error.value.line > 0


def test_a_format_is_ascii_and_of_the_size_of_its_label() -> None:
    made = to_zpl(label("parcel"), 8)
    assert made.startswith(b"^XA^PW800^LL542^LH0,0^FO0,0^GFA,54200,54200,100,:Z64:")
    assert made.endswith(b"^FS^PQ1^XZ\n")
    assert made.isascii()
