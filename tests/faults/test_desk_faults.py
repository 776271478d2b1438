"""Killed at a commit, out of disk, with a clock put back: the desk says so, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from simulators.faults.model import Fault
from station.exit_codes import ExitCode
from tests.bench.desk import Desk
from tests.bench.pages import read_page
from tests.faults.commits import (
    CARD,
    STICK,
    Point,
    clean_production,
    codes_twice,
    points,
    torn_order,
    torn_production,
)
from tests.faults.desks import desk_for_faults
from tests.faults.disk import production_without_room

pytestmark = pytest.mark.bench

JUMP = 3600


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk_for_faults(tmp_path_factory.mktemp, piv=1, pkcs11=1) as desk:
        yield desk


@pytest.fixture
def desk(shared: Desk) -> Iterator[Desk]:
    with shared.cleared():
        yield shared


def test_killed_at_any_commit_the_same_command_finishes_every_token_once(desk: Desk) -> None:
    """A sample; `make faults` takes every commit."""
    every = points(clean_production(desk))
    for point in every[7 :: len(every) // 3]:
        row = torn_production(desk, point)
        assert (row.produced, row.lost, row.double) == (2, 0, 0), point
    assert codes_twice(desk) == 0


def test_an_order_killed_at_any_commit_came_in_wholly_or_not_at_all(desk: Desk) -> None:
    for commit in (1, 3):
        torn_order(desk, Point(commit, "before"), Point(4 - commit, "after"))


@pytest.mark.parametrize("write", [1, 400])
def test_a_full_disk_stops_production_with_advice_and_loses_nothing(desk: Desk, write: int) -> None:
    row = production_without_room(desk, write)
    assert (row.produced, row.lost, row.double) == (2, 0, 0)


def test_on_a_full_disk_nothing_is_written_down_and_nothing_done_without_being_written_down(
    desk: Desk,
) -> None:
    order = desk.approved(CARD, STICK)
    desk.run("produce", order, pins=True)
    file = desk.file(CARD)
    entries = desk.rows("SELECT max(sequence) FROM audit")
    pages = desk.printed()
    desk.bench.arm(Fault("disk", "full"))
    for command, operator in (
        (("order", "import", str(file)), "ada"),
        (("letter", "print", order), "carl"),
        (("produce", order), "ada"),
    ):
        ended = desk.start(*command, operator=operator, pins=command[0] != "order").end()
        assert ended.code in (ExitCode.CONFIGURATION, ExitCode.REFUSED_BY_RULE), (command, ended.err)
        if ended.code == ExitCode.CONFIGURATION:
            assert "disk" in ended.err, ended.err
            assert "next: " in ended.err
    assert desk.printed() == pages
    desk.bench.disarm()

    assert desk.rows("SELECT max(sequence) FROM audit") == entries
    desk.run("audit", "verify")
    assert len(desk.letters(order)) == 2
    assert set(desk.letters(order).values()) == {"sealed"}
    desk.run("letter", "print", order, operator="carl", pins=True)
    printed = [read_page(desk.bench.layout.printed / f"{number}.pdf") for number in desk.letters(order)]
    assert printed[0].pin != printed[1].pin
    desk.run("order", "import", str(file))


def test_a_clock_put_back_is_told_and_moves_nothing_on_record(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with desk_for_faults(tmp_path_factory.mktemp, piv=0, pkcs11=1, seconds_old=2 * JUMP) as desk:
        order = desk.approved(STICK | {"count": "2"})
        began = datetime.now(UTC)
        desk.bench.arm(Fault("clock", "back", on=150, seconds=JUMP))
        made = desk.run("produce", order, pins=True)
        assert f"the clock was put back by {JUMP} s meanwhile" in made.err
        assert len(desk.bench.fired(1)) == 1
        desk.run("audit", "verify")

        stamps = desk.rows(
            "SELECT began_at, ended_at FROM steps UNION ALL SELECT began_at, ended_at FROM items"
        )
        for first, last in stamps:
            assert (
                began - timedelta(seconds=60) < datetime.fromisoformat(first) <= datetime.fromisoformat(last)
            )
        for (der,) in desk.rows("SELECT certificate FROM keys"):
            valid_from = x509.load_der_x509_certificate(der).not_valid_before_utc
            assert abs(valid_from - began) < timedelta(minutes=5)

        # The next command reads the clock as it is: an hour behind the log.
        other = desk.approved(STICK)
        refused = desk.run("produce", other, pins=True, expect=ExitCode.REFUSED_BY_RULE)
        assert "but the log knows" in refused.err
        assert "next: set the clock" in refused.err
        assert "but the log knows" in desk.start("doctor").end().out
        assert [token["state"] for token in desk.tokens(other)] == ["planned"]
        verified = desk.run("audit", "verify")
        assert "entries hold" in verified.err
        assert " s before that of the entry before" in verified.err
        told = desk.listed("audit", "verify")
        assert (len(told["remarks"]), told["findings"]) == (1, [])

        # Somebody answers for it: the log was ahead, not the clock behind.
        desk.run("produce", other, "--clock-is-right", pins=True)
        assert [token["state"] for token in desk.tokens(other)] == ["produced"]
        desk.run("produce", desk.approved(STICK), pins=True)

        desk.bench.disarm()
        desk.run("produce", desk.approved(STICK), pins=True)
        desk.run("letter", "print", order, operator="carl", pins=True)
        desk.run("audit", "verify")
