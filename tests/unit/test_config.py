"""station.toml: what is written is what is meant, or it is refused by name and line."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import pytest

from layouts.errors import FileFault
from station.config import Seat, example, load, parse
from station.configuring import seat_entry
from station.errors import ConfigurationError

DOCS = Path(__file__).parents[2] / "docs"


def line_of(text: str, part: str) -> int:
    """The number, from 1, of the line that holds `part`."""
    return text[: text.index(part)].count("\n") + 1


def test_the_example_loads_and_says_what_it_seems_to_say(tmp_path: Path) -> None:
    file = tmp_path / "station.toml"
    file.write_text(example())
    found = load(file)
    assert (found.station.name, found.station.country) == ("Certificate desk", "NL")
    assert [seat.name for seat in found.seats] == ["lane-1", "lane-2", "lane-3"]
    assert found.seat("lane-2").environment == {
        "SOFTHSM2_CONF": "/var/lib/issuance-station/lane-2/softhsm2.conf"
    }
    assert found.printer is not None
    assert found.printer.options == {"device": "/dev/usb/lp0"}
    assert set(found.keys.named()) == {"custody", "bench", "ca", "diversification"}
    assert set(found.keys.pins().values()) == {"prompt"}
    assert found.layout_folders(tmp_path) == (tmp_path / "layouts",)


def test_the_documentation_shows_this_example() -> None:
    assert f"```toml\n{example()}```" in (DOCS / "configuration.md").read_text()


@pytest.mark.parametrize(
    ("here", "instead", "at", "said"),
    [
        ("[layouts]", "[layout]", "[layout]", "unknown key 'layout'"),
        ('feeder = "hands" ', 'feader = "hands"', "feader", "unknown key 'feader' in seat[1]"),
        ('device = "/dev/usb/lp0"', "", "[printer.options]", None),
        ('country = "NL"', "", "[station]", "key 'country' is missing in station"),
        ('country = "NL"', 'country = "Netherlands"', "country", "no country code"),
        ('name = "Certificate desk" ', 'name = " "', 'name = " "', "is empty"),
        ('token = "custody"', "token = 7", "token = 7", "keys.custody.token"),
        ('name = "lane-1"', 'name = "lane 1"', "lane 1", "no name of at most 32"),
        ('name = "lane-2"', 'name = "lane-1"', None, "a second seat 'lane-1'"),
        ('driver = "device"', "", "[printer]", "key 'driver' is missing in printer"),
        ("[keys.ca] ", "[keys.can] ", "[keys.", None),
        ('"/srv/crl/station.crl"', '"station.crl"', "crl_file", "is no absolute path"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    here: str, instead: str, at: str | None, said: str | None, tmp_path: Path
) -> None:
    text = example().replace(here, instead, 1)
    if said is None and at == "[printer.options]":
        assert parse(text, "station.toml").printer is not None, "what options hold is the driver's to judge"
        return
    with pytest.raises(FileFault) as caught:
        parse(text, "station.toml")
    assert caught.value.file == "station.toml"
    if at is not None and said is not None:
        assert caught.value.line == line_of(text, at)
    if said is not None:
        assert said in str(caught.value)


@pytest.mark.parametrize("pin", ["482913", "file:relative", "env:PIN", "/run/pin"])
def test_a_pin_in_the_configuration_is_refused_without_showing_it(pin: str) -> None:
    text = example().replace('pin = "prompt"', f'pin = "{pin}"', 1)
    with pytest.raises(FileFault, match=r"keys\.custody\.pin") as caught:
        parse(text, "station.toml")
    assert pin not in str(caught.value)


def test_a_module_is_named_by_its_whole_path() -> None:
    text = example().replace('module = "/usr/lib/softhsm/libsofthsm2.so"\ntoken', 'module = "x.so"\ntoken', 1)
    with pytest.raises(FileFault, match="no absolute path"):
        parse(text, "station.toml")


def test_without_a_configuration_the_command_that_makes_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path / "station.toml")
    assert "station init" in str(caught.value)


def test_a_seat_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(ConfigurationError, match="lane-1, lane-2, lane-3"):
        parse(example(), "station.toml").seat("lane-4")


def test_a_configuration_cannot_be_changed() -> None:
    found = parse(example(), "station.toml")
    with pytest.raises((AttributeError, dataclasses.FrozenInstanceError)):
        found.station.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    "seat",
    [
        Seat("a", "piv", options={"reader": 'Odd "Reader" \\ [x] 00 00', "serial": "0815"}),
        Seat("b", "pkcs11", "bench", {"module": "/m.so", "slot": 3}, {"SOFTHSM2_CONF": "/é.conf"}),
        Seat("c", "piv"),
    ],
)
def test_a_seat_entry_reads_back_as_the_seat(seat: Seat) -> None:
    text = f"{example()}\n{seat_entry(seat)}"
    assert tomllib.loads(text)
    assert parse(text, "station.toml").seat(seat.name) == seat


READER = {"reader": "Example Reader 01 00"}


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (Seat("a", "piv", options=READER), Seat("b", "piv", options=READER), True),
        (Seat("a", "piv", options=READER), Seat("b", "piv", options={**READER, "serial": "7"}), False),
        (
            Seat("a", "piv", options={**READER, "serial": "7"}),
            Seat("b", "piv", options={"reader": "Example Reader 02 00", "serial": "7"}),
            True,
        ),
        (
            Seat("a", "pkcs11", options={"module": "/m.so", "slot": 1}),
            Seat("b", "pkcs11", options={"module": "/m.so", "slot": 1, "rescan": "events"}),
            True,
        ),
        (
            Seat("a", "pkcs11", options={"module": "/m.so"}, environment={"SOFTHSM2_CONF": "/1"}),
            Seat("b", "pkcs11", options={"module": "/m.so"}, environment={"SOFTHSM2_CONF": "/2"}),
            False,
        ),
        (Seat("a", "other", options={"port": 1}), Seat("b", "other", options={"port": 1}), True),
    ],
)
def test_two_seats_never_have_one_reader_or_slot(first: Seat, second: Seat, same: bool) -> None:
    text = f"{example()}\n{seat_entry(first)}\n{seat_entry(second)}"
    if not same:
        assert parse(text, "station.toml").seat("b") == second
        return
    with pytest.raises(FileFault, match="seat 'b' has the reader or slot of seat 'a'"):
        parse(text, "station.toml")
