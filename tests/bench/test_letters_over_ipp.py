"""Letters on a real IPP printer: what it tells decides each of them, and no page rests on the way (R10)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drivers.secret import Secret
from simulators.faults.model import Fault
from station.exit_codes import ExitCode
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk
from tests.bench.pages import read_page
from tests.bench.searching import Hunt
from tests.conftest import need

pytestmark = pytest.mark.bench


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where whatever a command keeps for itself would lie."""
    return tmp_path_factory.mktemp("tmp")


@pytest.fixture(scope="module")
def desk(desk_factory: DeskFactory, temporary: Path) -> Desk:
    need("ippeveprinter", "dbus-daemon", "avahi-daemon")
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME"), str(temporary))
    return desk_factory(places, piv=0, pkcs11=1, faults=True, printer="ipp").letters_first()


def printing(desk: Desk, order: str, expect: int, *faults: Fault) -> str:
    desk.bench.disarm()
    desk.bench.arm(*faults)
    return desk.run("letter", "print", order, operator="carl", pins=True, expect=expect).err


def checked(desk: Desk) -> tuple[str, str]:
    """How `station doctor` finds the printer."""
    checks = {check["name"]: check for check in json.loads(desk.start("doctor", "--json").end().out)}
    return checks["printer"]["state"], checks["printer"]["found"]


def test_letters_follow_what_the_printer_tells(desk: Desk, temporary: Path) -> None:
    order = desk.approved({"group": "Balie", "layout": "group-usb:p-256", "count": "4"})
    desk.run("produce", order, pins=True)
    first, second, third, fourth = desk.letters(order)
    assert checked(desk) == ("ok", "ready")

    # It takes nothing: every letter stays sealed.
    said = printing(desk, order, ExitCode.REFUSED_BY_RULE, Fault("printer", "busy"))
    assert "the printer is not ready: localhost: it is busy with another's page; wait for that" in said
    desk.bench.arm(Fault("printer", "offline"))
    state, found = checked(desk)
    assert (state, "check that it is on" in found) == ("warn", True)
    assert set(desk.letters(order).values()) == {"sealed"}

    # It takes a page that somebody cancels at its panel: only a person can say what became of it (R12).
    said = printing(desk, order, ExitCode.PARTIAL, Fault("printer", "cancel", 2))
    assert f"{second}: localhost: the job was cancelled on somebody's word" in said
    assert "look whether the sheet came out, then account for the form" in said
    assert desk.letters(order) == {first: "printed", second: "unknown", third: "sealed", fourth: "sealed"}
    desk.run("letter", "settle", second, "--void", "--no-form", "--reason", "none came", operator="carl")

    # The line breaks in the middle of a page; the next session goes on with those that never left.
    said = printing(desk, order, ExitCode.PARTIAL, Fault("printer", "cut", when="during"))
    assert "bytes of the page had been passed on" in said
    assert desk.letters(order) == {first: "printed", second: "void", third: "unknown", fourth: "sealed"}
    printing(desk, order, ExitCode.OK)
    assert desk.letters(order) == {first: "printed", second: "void", third: "unknown", fourth: "printed"}
    assert set(desk.printed()) == {f"{first}.pdf", f"{fourth}.pdf"}
    desk.run("audit", "verify")

    # On this side nothing of a page is left.
    secrets: dict[str, Secret] = {}
    for number in (first, fourth):
        page = read_page(desk.bench.layout.printed / f"{number}.pdf")
        assert page.has(number)
        secrets |= {f"code {place} of {number}": code for place, code in enumerate(page.codes)}
    left = desk.work / "said"
    left.write_bytes(b"\n".join(desk.said))
    assert Hunt(secrets).through(desk.home, desk.work, temporary) == []
    assert not any(b"%PDF" in path.read_bytes() for path in temporary.rglob("*") if path.is_file())
    assert Hunt(secrets).through(desk.bench.layout.directory, but=[desk.bench.layout.printed]) == []
