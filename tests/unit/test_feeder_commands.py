"""A feeding machine is driven by its maker's commands, and none of its failures passes for a success."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from drivers.errors import FeederEmpty, FeederFailed, Unsupported
from drivers.feeders.commands import CommandFeeder
from drivers.feeders.port import Feeder, Tray
from drivers.registry import find
from station import probes
from station.checks.desk import _feeder as told
from station.checks.model import State
from station.config import Seat

LONG = 600.0
"""Seconds nothing here ever takes, on whatever machine."""


def shell(text: str) -> list[str]:
    return ["/bin/sh", "-c", text]


def feeder(**options: Any) -> Feeder:
    """A machine that does nothing, but for what `options` say."""
    idle = {"next": shell("true"), "good": shell("true"), "reject": shell("true")}
    made: Feeder = CommandFeeder({**idle, "move_seconds": LONG, "reader_seconds": LONG, **options})
    return made


def come_to_rest(machine: Feeder) -> None:
    while machine.moving("piv-1"):
        os.sched_yield()


def test_a_token_is_brought_once_however_often_it_is_asked_for(tmp_path: Path) -> None:
    machine = feeder(next=shell(f"echo next >>{tmp_path}/moves"))
    for _ in range(3):
        machine.feed("piv-1")
        assert machine.moving("piv-1"), "the reader has not told of it yet"
    machine.settled("piv-1")
    come_to_rest(machine)
    assert (tmp_path / "moves").read_text() == "next\n"

    machine.feed("piv-1")
    machine.settled("piv-1")
    come_to_rest(machine)
    assert (tmp_path / "moves").read_text() == "next\n" * 2


def test_a_token_goes_to_its_tray_and_the_note_is_the_command_s_input(tmp_path: Path) -> None:
    machine = feeder(good=shell(f"cat >{tmp_path}/good"), reject=shell(f"cat >{tmp_path}/reject"))
    long = "000007: verify: " + "it does not sign; " * 1000
    for tray, note in ((Tray.GOOD, "envelope 000007"), (Tray.QUARANTINE, f"{long}\nrm -rf /")):
        machine.take("piv-1", tray, note)
        machine.settled("piv-1")
        come_to_rest(machine)

    assert (tmp_path / "good").read_text() == "envelope 000007\n"
    assert (tmp_path / "reject").read_text() == f"{long[:200]}\n"


def test_a_jam_is_told_once_in_the_machine_s_own_words() -> None:
    said = "echo >&2; echo 'card \033[2Jstuck at gate 2' >&2; echo more >&2; exit 3"
    machine = feeder(good=shell(said))
    machine.take("piv-1", Tray.GOOD, "envelope 000007")
    machine.settled("piv-1")

    with pytest.raises(FeederFailed, match=r"piv-1: good: card .*stuck at gate 2") as failed:
        come_to_rest(machine)

    assert "\033" not in str(failed.value)
    assert failed.value.next
    assert not machine.moving("piv-1")


def test_a_machine_that_says_nothing_is_told_by_how_it_ended() -> None:
    for text, how in (("exit 3", "ended with 3"), ("kill -9 $$", "was killed by signal 9")):
        machine = feeder(next=shell(text))
        machine.feed("piv-1")
        with pytest.raises(FeederFailed, match=f"next: {how}"):
            come_to_rest(machine)


def test_an_empty_feeder_is_no_jam() -> None:
    machine = feeder(next=shell("exit 75"))
    machine.feed("piv-1")
    with pytest.raises(FeederEmpty, match="piv-1: the feeder has no blank token left; load"):
        come_to_rest(machine)

    machine = feeder(next=shell("exit 4"), good=shell("exit 4"), empty_status=4)
    machine.feed("piv-1")
    with pytest.raises(FeederEmpty):
        come_to_rest(machine)
    machine.take("piv-1", Tray.GOOD, "")
    with pytest.raises(FeederFailed):
        come_to_rest(machine)


def test_a_machine_that_takes_too_long_is_killed_with_all_it_started(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "alive")
    alive = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    machine = feeder(next=shell(f"exec >{tmp_path}/alive; echo up; sleep 600 & wait"), move_seconds=0.2)
    machine.feed("piv-1")

    with pytest.raises(FeederFailed, match=r"next: not done after 0.2 s, so it was killed"):
        come_to_rest(machine)

    # The end of the last process that can write there is the end of the file.
    os.set_blocking(alive, True)
    while os.read(alive, 100):
        pass
    os.close(alive)


def test_a_machine_that_says_done_is_not_believed_before_the_reader_tells() -> None:
    machine = feeder(reader_seconds=0.1)
    machine.feed("piv-1")
    with pytest.raises(FeederFailed, match="next is done, but the reader sees no change"):
        come_to_rest(machine)
    machine.take("piv-1", Tray.GOOD, "")
    with pytest.raises(FeederFailed, match="good is done, but the reader sees no change"):
        come_to_rest(machine)


def test_a_machine_that_talks_without_end_is_no_harm() -> None:
    machine = feeder(next=shell("yes | head -c 3000000 | tr -d '\\n' >&2; exit 1"))
    machine.feed("piv-1")
    with pytest.raises(FeederFailed) as failed:
        come_to_rest(machine)
    assert len(failed.value.what) < 300


def test_a_program_that_is_not_there_is_named() -> None:
    machine = feeder(next=["/nowhere/machine", "next"])
    with pytest.raises(FeederFailed, match="piv-1: next: /nowhere/machine cannot be started: No such file"):
        machine.feed("piv-1")
    assert machine.ready() == ("next: there is no program /nowhere/machine; install it, or correct the seat")


def test_what_the_machine_says_of_itself_keeps_it_from_being_ready() -> None:
    assert feeder().ready() is None
    assert feeder(status=shell("true")).ready() is None
    assert feeder(status=shell("echo cover open >&2; exit 1")).ready() == "status: cover open"
    slow = feeder(status=shell("sleep 600"), move_seconds=0.1)
    assert slow.ready() == "status: not done after 0.1 s, so it was killed"


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"good": []}, "length"),
        ({"good": "move good"}, "array"),
        ({"eject": shell("true")}, "eject"),
        ({"move_seconds": 0}, "move_seconds"),
        ({"empty_status": 0}, "empty_status"),
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(options: dict[str, Any], wrong: str) -> None:
    with pytest.raises(Unsupported, match=wrong):
        feeder(**options)


def test_hands_take_no_options() -> None:
    with pytest.raises(Unsupported, match="next"):
        find("station.feeders", "hands")({"next": shell("true")})


def test_the_doctor_asks_the_machine_and_moves_nothing(tmp_path: Path) -> None:
    moves = shell(f"touch {tmp_path}/moved")
    options = {"next": moves, "good": moves, "reject": moves, "status": shell("echo power off >&2; exit 1")}
    seat = Seat("piv-1", "piv", feeder="commands", feeder_options=options)
    probe = probes.feeder_probe(seat, options)
    with probes.several({"feeder": probe}):
        check = told("piv-1", probes.ask(probe, "ready"))

    assert (check.state, check.name, check.found) == (State.FAIL, "feeder of piv-1", "status: power off")
    assert check.mend
    assert not (tmp_path / "moved").exists()
