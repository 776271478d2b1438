"""A strict file is refused by the name of the key and the line it stands on."""

from __future__ import annotations

import enum
import pickle
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from layouts.errors import FileFault
from layouts.strict import Wrong, load, loads, read


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class Seat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reader: str
    colour: Colour = Colour.RED
    side: Literal["left", "right"] = "left"

    def __post_init__(self) -> None:
        if not self.reader:
            raise Wrong("reader", "is empty")


class Desk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    seats: tuple[Seat, ...] = ()
    lanes: dict[str, Seat] = {}
    main: Seat | None = None


GOOD = """\
name = '''
[seats]
name = 1
'''

[[seats]]
reader = "a"

[[seats]]
# a comment
reader = "b"
colour = "blue"

[lanes.first]
reader = "c"

[lanes."the second"]
reader = "d"
side = "right"

[main]
reader = "e"
"""


def fault(text: str) -> FileFault:
    with pytest.raises(FileFault) as refused:
        loads(text, "desk.toml", Desk)
    return refused.value


def changed(old: str, new: str) -> FileFault:
    assert GOOD.count(old) == 1
    return fault(GOOD.replace(old, new))


def test_a_good_file_is_read() -> None:
    desk = loads(GOOD, "desk.toml", Desk)
    assert [seat.colour for seat in desk.seats] == [Colour.RED, Colour.BLUE]
    assert desk.lanes["the second"].side == "right"


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        (
            'colour = "blue"',
            'color = "blue"',
            12,
            ["unknown key 'color' in seats[2]", "known here: reader, colour"],
        ),
        ('colour = "blue"', 'colour = "green"', 12, ["seats[2].colour", "'green'", "one of: red, blue"]),
        ('reader = "b"', "reader = 7", 11, ["seats[2].reader: expected `str`, got `int`"]),
        ('reader = "b"', 'reader = ""', 11, ["seats[2].reader: is empty"]),
        ('reader = "c"', "", 14, ["key 'reader' is missing in lanes.first"]),
        ('side = "right"', 'side = "top"', 19, ["lanes.the second.side", "one of: left, right"]),
        ('side = "right"', "sides = 1", 19, ["unknown key 'sides' in lanes.the second"]),
        ('reader = "e"', 'reader = "e"\nwidth = 3', 23, ["unknown key 'width' in main"]),
        ("[main]", "[mains]", 21, ["unknown key 'mains'", "known here: name, seats, lanes, main"]),
        ("[main]", "[main", 21, ["is not TOML"]),
    ],
)
def test_what_is_wrong_is_told_with_its_line(old: str, new: str, line: int, words: list[str]) -> None:
    error = changed(old, new)
    assert (error.file, error.line) == ("desk.toml", line)
    assert str(error).startswith(f"desk.toml:{line}: ")
    assert all(word in str(error) for word in words), str(error)


def test_a_missing_key_of_the_file_itself_is_told_on_line_one() -> None:
    assert str(fault("[main]\nreader = 'a'\n")) == "desk.toml:1: key 'name' is missing"


def test_elements_of_an_array_over_several_lines_have_lines_of_their_own() -> None:
    text = 'name = "x"\nseats = [\n  { reader = "a" },\n  # next\n  { reader = "b", side = "up" },\n]\n'
    assert fault(text).line == 5


def test_inline_tables_and_dotted_keys_are_found() -> None:
    assert fault('name = "x"\nmain = { reader = "a", x = 1 }').line == 2
    assert fault('name = "x"\n\nmain.reader = 4').line == 3


def test_a_file_names_itself(tmp_path: Path) -> None:
    file = tmp_path / "desk.toml"
    file.write_text('name = "x"\nnames = "y"\n')
    with pytest.raises(FileFault, match=f"{file}:2"):
        load(file, Desk)


def test_a_file_that_is_absent_or_no_text_is_a_fault_too(tmp_path: Path) -> None:
    with pytest.raises(FileFault, match="cannot be read"):
        load(tmp_path / "none.toml", Desk)
    (tmp_path / "latin.toml").write_bytes('name = "x"\n# caf\xe9\n'.encode("latin-1"))
    with pytest.raises(FileFault, match=r"latin.toml:2: is not UTF-8"):
        load(tmp_path / "latin.toml", Desk)


def test_a_document_finds_the_line_of_a_value_that_is_wrong_for_others(tmp_path: Path) -> None:
    file = tmp_path / "desk.toml"
    file.write_text(GOOD)
    error = read(file, Desk).fault("seats", 1, "colour", what="no such paint", next="buy it")
    assert str(error) == f"{file}:12: seats[2].colour: no such paint; buy it"


def test_a_fault_crosses_a_process_border_whole() -> None:
    error = changed('reader = "b"', "reader = 7")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.line) == (str(error), error.line)
