"""`station bench`, as a QA engineer types it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.bench import Bench
from station.exit_codes import ExitCode
from tests.bench.clients import SELECT_PIV, run, station
from tests.conftest import BenchFactory, need

pytestmark = pytest.mark.bench

GET_METADATA = "00F7008000"


@pytest.fixture
def here(bench_factory: BenchFactory, tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment that names a bench directory; what runs there is stopped after the test."""
    environment = {"STATION_BENCH": str(tmp_path / "b")}
    yield environment
    station("bench", "down", environment=environment)


def test_what_up_prints_makes_a_shell_see_the_readers(here: dict[str, str]) -> None:
    need("opensc-tool")
    started = station("bench", "up", "--piv", "1", "--pkcs11", "1", environment=here)

    listed = run("sh", "-c", f"{started.stdout}\nopensc-tool --list-readers").stdout

    assert "Bench piv-1 00 00" in listed
    assert (
        f"# usb-1: export SOFTHSM2_CONF={here['STATION_BENCH']}/seats/usb-1/softhsm2.conf" in started.stdout
    )
    assert "1 PIV and 1 USB seats" in started.stderr
    assert "next: station bench insert piv-1" in started.stderr


def test_a_token_is_put_in_by_the_number_on_its_envelope(here: dict[str, str]) -> None:
    station("bench", "up", "--piv", "0", "--pkcs11", "1", environment=here)
    bench = Bench(Path(here["STATION_BENCH"]))
    bench.insert("usb-1")
    bench.take("usb-1", "good", "envelope 000001")

    put_in = station("bench", "insert", "usb-1", "--envelope", "000001", environment=here)
    assert put_in.stdout == "token-1\n"
    both = station("bench", "insert", "usb-1", "token-1", "--envelope", "000001", environment=here, ok=False)
    assert both.returncode == ExitCode.USAGE


def test_the_way_of_a_card_can_be_followed(here: dict[str, str]) -> None:
    station("bench", "up", "--piv", "2", "--pkcs11", "1", environment=here)

    assert station("bench", "insert", "piv-1", environment=here).stdout == "card-1\n"
    assert station("bench", "eject", "piv-1", environment=here).stdout == "card-1\n"
    assert station("bench", "insert", "piv-2", "card-1", environment=here).stdout == "card-1\n"
    assert station("bench", "insert", "piv-1", environment=here).stdout == "card-2\n"
    assert station("bench", "eject", "piv-1", environment=here).stdout == "card-2\n"
    again = station("bench", "eject", "piv-1", environment=here)
    assert (again.stdout, again.stderr) == ("", "piv-1 is empty\n")

    told = json.loads(station("bench", "status", "--json", environment=here).stdout)
    assert {seat["seat"]: seat["inserted"] for seat in told["seats"]} == {
        "piv-1": None,
        "piv-2": "card-1",
        "usb-1": None,
    }
    assert [kept["name"] for kept in told["kept"]] == ["card-2"]
    shown = station("bench", "status", environment=here).stdout
    assert "Bench piv-1 piv-2 00 01" in shown
    assert "card-2" in shown


def test_mistakes_are_told_with_what_to_do_next(here: dict[str, str]) -> None:
    missing = station("bench", "status", environment=here, ok=False)
    assert missing.returncode == 7
    assert "no bench is running here" in missing.stderr
    assert "next: start one with `station bench up`" in missing.stderr

    station("bench", "up", "--piv", "0", "--pkcs11", "1", environment=here)
    twice = station("bench", "up", environment=here, ok=False)
    assert twice.returncode == 7
    assert "a bench is running here already" in twice.stderr
    unknown = station("bench", "insert", "usb-4", environment=here, ok=False)
    assert "no seat 'usb-4'" in unknown.stderr
    assert "there are: usb-1" in unknown.stderr


def test_down_says_whether_there_was_anything_to_stop(here: dict[str, str]) -> None:
    station("bench", "up", "--piv", "1", "--pkcs11", "0", environment=here)

    assert "is stopped" in station("bench", "down", environment=here).stderr
    assert "was not running" in station("bench", "down", environment=here).stderr


def test_slow_and_plain_cards_can_be_asked_for(here: dict[str, str]) -> None:
    asked = ("--key-seconds", "2", "--apdu-ms", "15", "--plain")
    station("bench", "up", "--piv", "1", "--pkcs11", "0", *asked, environment=here)
    station("bench", "insert", "piv-1", environment=here)

    card = json.loads((Path(here["STATION_BENCH"]) / "cards" / "card-1.json").read_text())

    assert card["profile"] == "plain"
    assert card["delays"]["apdu"] == pytest.approx(0.015)
    assert card["delays"]["rsa2048"] == card["delays"]["p256"] == 2


def test_a_bench_goes_wrong_as_its_scenario_says(here: dict[str, str], tmp_path: Path) -> None:
    need("opensc-tool")
    scenario = tmp_path / "scenario.toml"
    scenario.write_text('[[fault]]\nat = "piv-1"\nof = "F7"\ndo = "answer"\nsw = "6581"\n')
    up = ("bench", "up", "--piv", "1", "--pkcs11", "0", "--scenario", str(scenario))
    started = station(*up, environment=here)
    station("bench", "insert", "piv-1", environment=here)
    ask = f"opensc-tool --send-apdu {SELECT_PIV} --send-apdu {GET_METADATA}"
    (readers, *_) = started.stdout.splitlines()

    first, second = (run("sh", "-c", f"{readers}\n{ask}").stdout for _ in range(2))

    assert "(SW1=0x65, SW2=0x81)" in first
    assert "(SW1=0x65, SW2=0x81)" not in second


def test_a_scenario_that_is_wrong_starts_no_bench(here: dict[str, str], tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.toml"
    scenario.write_text('[[fault]]\nat = "piv-1"\ndo = "explode"\n')

    refused = station("bench", "up", "--scenario", str(scenario), environment=here, ok=False)

    assert refused.returncode == ExitCode.DEVICE
    assert f"station: {scenario}, fault 1: do = 'explode' is nothing piv-1 can do" in refused.stderr
    assert station("bench", "status", environment=here, ok=False).returncode == ExitCode.DEVICE
