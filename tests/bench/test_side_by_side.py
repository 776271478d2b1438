"""One production, and everything else beside it in other processes: nobody is kept out, nothing is lost."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from batch.audit.soundness import look, whole_chain
from batch.store.database import Records
from simulators.piv.card import Delays
from station import archive
from station.exit_codes import ExitCode
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk

pytestmark = pytest.mark.bench

CARD = {"kind": "group", "layout": "group-card:p-256"}


@pytest.fixture(scope="module")
def desk(desk_factory: DeskFactory) -> Desk:
    return desk_factory(piv=2, pkcs11=0, delays=Delays(apdu=0.02)).letters_first()


def test_every_command_works_beside_a_production_and_a_second_one_is_refused(
    desk: Desk, tmp_path: Path
) -> None:
    letters = desk.approved({**CARD, "count": "4", "group": "Brieven"})
    desk.run("produce", letters, pins=True)
    order = desk.approved({**CARD, "count": "12", "group": "Reeks"})
    producing = desk.start("produce", order, pins=True)
    producing.wait_until(lambda: bool(desk.tokens(order, "in-production")), "it had begun")
    refused = desk.run("produce", order, pins=True, expect=ExitCode.BUSY)
    assert f"process {producing.process.pid}" in refused.err
    assert "every other command works beside it" in refused.err

    running = producing.process
    files = [desk.file({**CARD, "count": "2", "group": f"Naast {one}"}) for one in range(200)]
    imported: list[str] = []

    def take_in() -> None:
        number = desk.run("order", "import", str(files.pop())).out.strip()
        imported.append(number)
        desk.assess(number)
        desk.run("order", "approve", number, operator="bob", pins=True)

    def back_up() -> None:
        desk.run("backup", str(tmp_path / f"{next(names)}.backup"))

    def read() -> None:
        desk.run("order", "list")
        desk.run("token", "list", "--state", "produced")
        desk.run("audit", "verify")

    def revoke() -> None:
        desk.run("ca", "crl", pins=True)

    def until_it_ends(work: Callable[[], None]) -> int:
        count = 0
        while running.poll() is None or not count:
            work()
            count += 1
        return count

    names = itertools.count()
    with ThreadPoolExecutor(6) as several:
        printed = several.submit(desk.run, "letter", "print", letters, operator="carl", pins=True)
        work = [several.submit(until_it_ends, one) for one in (take_in, take_in, back_up, read, revoke)]
        assert all(done.result() for done in work)
        printed.result()
    assert producing.end().code == ExitCode.OK

    assert len(desk.tokens(order, "produced")) == 12
    assert set(desk.letters(letters).values()) == {"printed"}
    orders = {one["number"]: one for one in desk.listed("order", "list")}
    assert {orders[number]["state"] for number in imported} == {"approved"}
    assert len(set(imported)) == len(imported)
    numbers = [token["number"] for token in desk.listed("token", "list")]
    assert numbers == [f"{one + 1:06d}" for one in range(4 + 12 + 2 * len(imported))]
    assert not any(b"locked" in said for said in desk.said)
    with closing(Records(desk.home / "station.db")) as records:
        look(records, thorough=True)
        whole_chain(records)
    assert all(archive.check(backup).entries for backup in tmp_path.glob("*.backup"))
