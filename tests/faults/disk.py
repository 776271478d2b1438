"""The disk of the desk full from the n-th write of a production on, until there is room again."""

from __future__ import annotations

from simulators.faults.model import Fault
from station.exit_codes import ExitCode
from tests.bench.desk import Desk
from tests.bench.test_main_job_crash import no_key_has_two_certificates
from tests.faults.commits import CARD, STICK, Row, outcome

TOLD = (ExitCode.CONFIGURATION, ExitCode.PARTIAL, ExitCode.DEVICE)
"""The records are shut; or only the CA or the bench's keys found no room, and the lanes stopped."""


def clean_writes(desk: Desk) -> int:
    """How many writes the production of a card and a USB token makes."""
    order = desk.approved(CARD, STICK)
    desk.bench.disarm()
    desk.run("produce", order, pins=True)
    return desk.bench.exchanges("disk")


def production_without_room(desk: Desk, write: int) -> Row:
    """Make a card and a USB token with a disk that is full from this write on, and again with room."""
    for seat in desk.bench.seats:
        desk.bench.eject(seat)
    order = desk.approved(CARD, STICK)
    desk.bench.disarm()
    desk.bench.arm(Fault("disk", "full", on=write))
    ended = desk.start("produce", order, pins=True).end()
    struck = desk.bench.fired(0, seconds=0)
    desk.bench.disarm()
    if struck:
        assert ended.code in TOLD, ended.err
        assert "report this as a bug" not in ended.err
        desk.run("produce", order, pins=True)
    else:
        assert ended.code == ExitCode.OK, ended.err
    desk.run("audit", "verify")
    no_key_has_two_certificates(desk)
    return outcome(desk, order)
