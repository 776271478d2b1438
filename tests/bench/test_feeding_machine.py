"""A machine feeds a lane and fails in every way it can: the lane rests, the desk goes on, nothing is lost."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping

import pytest

from simulators.faults.model import Fault
from station.exit_codes import ExitCode
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk

pytestmark = pytest.mark.bench

STICK = {"group": "Balie Noord", "layout": "group-usb:p-256"}


@pytest.fixture(scope="module")
def shared(desk_factory: DeskFactory) -> Desk:
    return desk_factory(piv=0, pkcs11=2, faults=True)


@pytest.fixture
def desk(shared: Desk) -> Iterator[Desk]:
    with shared.cleared():
        yield shared


def feed_by_machine(desk: Desk, seat: str, **more: float) -> None:
    """Have a seat fed by the simulated machine, its commands started as those of a real one."""
    machine = [sys.executable, "-m", "simulators.feeding_machine", str(desk.bench.layout.directory), seat]
    # The machine is no part of the station, which starts it in no particular folder.
    run = ["/usr/bin/env", f"PYTHONPATH={':'.join(path for path in sys.path if path)}", *machine]
    named = ("next", "good", "reject", "status")
    options = [f"{name} = {json.dumps([*run, name])}" for name in named]
    options += [f"{name} = {value}" for name, value in more.items() if name != "jam_minutes"]
    lines = ['feeder = "commands"', f"feeder_options = {{ {', '.join(options)} }}"]
    lines += [f"jam_minutes = {more['jam_minutes']}"] if "jam_minutes" in more else []

    def change(text: str) -> str:
        head, found, rest = text.partition(f'name = "{seat}"')
        assert found, f"no seat {seat}"
        return head + found + rest.replace('feeder = "bench"', "\n".join(lines), 1)

    desk.configure(change)


def logged(desk: Desk, event: str) -> list[Mapping[str, str]]:
    bodies = (json.loads(body) for (body,) in desk.rows("SELECT body FROM audit ORDER BY rowid"))
    return [body["detail"] for body in bodies if body["event"] == event]


def test_every_jam_lets_its_lane_rest_until_it_is_cleared_and_every_token_ends_in_its_tray(
    desk: Desk,
) -> None:
    feed_by_machine(desk, "usb-1", move_seconds=5, reader_seconds=3)
    order = desk.approved(STICK | {"count": "5"})
    desk.bench.arm(
        Fault("feeder", "empty", of="next"),
        Fault("feeder", "jam", of="next", on=2),
        Fault("feeder", "jam", of="next", on=3, when="after"),
        Fault("feeder", "idle", of="good"),
        Fault("feeder", "hang", of="good", on=3),
        Fault("feeder", "jam", of="reject"),
        Fault("usb-1", "fail", of="C_GenerateKeyPair", on=7, times=2, ckr="CKR_DEVICE_ERROR"),
    )

    producing = desk.start("produce", order, "--seat", "usb-1", pins=True)
    jams = (
        "next: jam at the gripper, sensor 3",
        "next: jam at the gripper, sensor 3",
        "good is done, but the reader sees no change",
        "good: not done after 5 s, so it was killed",
        "reject: jam at the gripper, sensor 3",
    )
    for jam in jams:
        producing.hear(f"JAMMED  {jam}")
        producing.hear("next, once it is cleared: station lanes resume usb-1")
        desk.run("lanes", "resume", "usb-9", operator=None, expect=ExitCode.NOT_FOUND)
        desk.run("lanes", "resume", "usb-1", operator=None)
    ended = producing.end()

    assert ended.code == ExitCode.PARTIAL, ended.err
    assert len(desk.bench.fired()) == 7
    assert desk.states(order) == {"produced": 4, "quarantined": 1}
    produced = {f"envelope {token['number']}" for token in desk.tokens(order, "produced")}
    assert set(desk.envelopes()) == produced
    ((aside,),) = [desk.tokens(order, "quarantined")]
    assert [aside["number"] in note for note in desk.envelopes("quarantine")] == [True]
    reasons = [detail["reason"] for detail in logged(desk, "lane.jammed")]
    assert [reason.partition(";")[0] for reason in reasons] == list(jams)
    # Whoever clears a jam at the trays must know where the token belongs.
    assert all(reason.endswith(")") for reason in reasons[2:])
    assert len(logged(desk, "lane.resumed")) == len(jams)


def test_a_jam_that_nobody_clears_stops_its_lane_and_not_the_desk(desk: Desk) -> None:
    feed_by_machine(desk, "usb-1", jam_minutes=0)
    desk.feed_by_hand("usb-2")
    order = desk.approved(STICK)
    desk.bench.arm(Fault("feeder", "jam", of="next"))

    producing = desk.start("produce", order, pins=True)
    producing.hear("LANE STOPPED  next: jam at the gripper, sensor 3; clear the machine")
    desk.bench.insert("usb-2")
    producing.hear("produced")
    ended = producing.end()

    assert ended.code == ExitCode.OK, ended.err
    assert "lane usb-1 stopped: next: jam at the gripper" in ended.err
    assert desk.states(order) == {"produced": 1}


def test_the_doctor_asks_the_machine_and_a_lane_is_not_steered_without_a_production(desk: Desk) -> None:
    feed_by_machine(desk, "usb-1")
    checks = {check["name"]: check for check in json.loads(desk.start("doctor", "--json").end().out)}
    assert checks["feeder of usb-1"]["state"] == "ok"
    ended = desk.start("lanes", "resume", "usb-1", operator=None).end()
    assert ended.code == ExitCode.NOT_FOUND, ended.err
    assert "no production runs here" in ended.err
