"""Every token has an admin credential of its own, and custody or a diversification key has it again (R36)."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from drivers.secret import Secret
from simulators.piv import state
from station.exit_codes import ExitCode
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk
from tests.bench.holders import other_than
from tests.bench.searching import Hunt
from tests.bench.test_main_job_crash import SLOW, kill_when
from tests.bench.thieves import thief_s

pytestmark = pytest.mark.bench

LAYOUTS = Path(__file__).parents[2] / "layouts" / "tokens"
DIVERSIFIED = '\n[admin]\nrecovery = "diversified"\n[life]\nrelease = "before-hand-over"\n'


@dataclass(frozen=True)
class Aftermath:
    """A desk that made tokens both ways, by their orders; the first of the diversified was cut off twice."""

    desk: Desk
    diversified: str
    rotated: str
    sealed: str
    envelopes: Mapping[str, str]

    def numbers(self, order: str) -> list[str]:
        return [token["number"] for token in self.desk.tokens(order)]

    def put_in(self, number: str) -> str:
        """Put the token of a number into a seat; which."""
        card = self.envelopes[f"envelope {number}"]
        seat = "piv-1" if card.startswith("card") else "usb-1"
        self.desk.bench.eject(seat)
        self.desk.bench.insert(seat, card)
        return seat


@pytest.fixture(scope="module")
def after(desk_factory: DeskFactory) -> Aftermath:
    desk = desk_factory(piv=2, pkcs11=1, delays=SLOW)
    desk.pins["diversification"] = Secret.text(f"{secrets.randbelow(10**10):010d}")
    own = desk.home / "layouts" / "tokens"
    own.mkdir(parents=True)
    for name in ("group-card", "group-usb"):
        # A table ends where the next one begins, and every layout's last ones are its slots.
        head, slots, rest = (LAYOUTS / f"{name}.toml").read_text().partition("\n[[slots]]")
        (own / f"{name}-diversified.toml").write_text(head + DIVERSIFIED + slots + rest)
    desk.configure(lambda text: text + '\n[layouts]\ndirectories = ["layouts"]\n')
    row = {"group": "Groep 1", "layout": "group-card-diversified:p-256"}

    order = desk.approved({**row, "count": "2"})
    refused = desk.run("produce", order, pins=True, expect=ExitCode.CONFIGURATION)
    assert "station diversification new" in refused.err
    assert {token["state"] for token in desk.tokens(order)} == {"planned"}

    desk.run("diversification", "new", pins=True)
    for step in ("seal", "set-admin"):
        kill_when(desk, order, step, 1)
    desk.run("produce", order, pins=True)
    desk.run("diversification", "new", pins=True)
    rotated = desk.produced({**row, "group": "Groep 2"})
    plain = {"group": "Groep 3"}
    sealed = desk.produced({**plain, "layout": "group-card:p-256"}, {**plain, "layout": "group-usb:p-256"})
    return Aftermath(desk, order, rotated, sealed, desk.envelopes())


ADMIN = ("token", "admin")


def management_keys(desk: Desk) -> dict[str, bytes]:
    """The management key of every card that was made, by its name."""
    cards = ((path.stem, state.decode(path.read_bytes())) for path in desk.bench.layout.cards.glob("*.json"))
    return {name: card.management.key for name, card in cards if card.management.key != state.FACTORY_KEY}


def test_no_two_tokens_share_an_admin_credential(after: Aftermath) -> None:
    keys = management_keys(after.desk)

    assert len(keys) == 4
    assert len(set(keys.values())) == 4


def test_each_is_had_again_the_way_its_layout_says_and_shown_to_nobody(after: Aftermath) -> None:
    desk = after.desk
    first, last = [one["key"] for one in desk.listed_with_pins("diversification", "list")]
    for order, key in ((after.diversified, first), (after.rotated, last), (after.sealed, None)):
        for number in after.numbers(order):
            told = desk.listed_with_pins(*ADMIN, number, "--seat", after.put_in(number), operator="carl")
            assert told["accepted"] is True
            assert told["diversified_from"] == key
            assert told["recovery"] == ("diversified" if key else "custody")
    events = desk.rows("SELECT body FROM audit WHERE body LIKE '%token.admin-recovered%'")
    assert len(events) == 5


def test_a_token_that_has_another_one_is_told(after: Aftermath) -> None:
    desk = after.desk
    number = after.numbers(after.sealed)[0]
    seat = after.put_in(number)
    desk.bench.eject(seat)
    name = after.envelopes[f"envelope {number}"]
    path = desk.bench.layout.cards / f"{name}.json"
    card = state.decode(path.read_bytes())
    other = replace(card.management, key=secrets.token_bytes(24))
    state.write(path, state.encode(replace(card, management=other)))
    desk.bench.insert(seat, name)
    try:
        command = (*ADMIN, number, "--seat", seat)
        told = desk.run(*command, operator="carl", pins=True, expect=ExitCode.CHECK_FAILED)
        assert f"token {number} refuses its admin credential" in told.err
    finally:
        desk.bench.eject(seat)
        state.write(path, state.encode(card))


def test_another_token_is_not_tried(after: Aftermath) -> None:
    desk = after.desk
    one, other = after.numbers(after.diversified)[:2]
    seat = after.put_in(one)

    told = desk.run(*ADMIN, other, "--seat", seat, operator="carl", pins=True, expect=ExitCode.DEVICE)

    assert "on record" in told.err


def test_a_copy_of_the_home_yields_none_without_the_pin_of_its_token(
    after: Aftermath, tmp_path: Path
) -> None:
    desk = after.desk
    number = after.numbers(after.diversified)[0]
    command = (*ADMIN, number, "--seat", after.put_in(number))
    keys = {f"management key of {name}": Secret(key) for name, key in management_keys(desk).items()}
    stolen, _ = thief_s(desk.home, desk, tmp_path)
    assert Hunt(keys).through(desk.home, stolen.home) == []

    guessed = {**desk.pins, "diversification": other_than(desk.pins["diversification"])}
    told = replace(stolen, pins=guessed).run(*command, operator="carl", pins=True, expect=ExitCode.DEVICE)

    assert "its PIN was refused" in told.err
    # The PIN is all that was missing.
    stolen.run(*command, operator="carl", pins=True)


def test_a_diversification_token_that_was_lost_is_brought_back_by_the_backup_of_keys(
    after: Aftermath, tmp_path: Path
) -> None:
    desk = after.desk
    number = after.numbers(after.diversified)[0]
    seat = after.put_in(number)
    backup = tmp_path / "keys.backup"
    desk.run("backup", "--keys", str(backup))
    shutil.rmtree(desk.home / "keys" / "diversification")
    desk.run(*ADMIN, number, "--seat", seat, operator="carl", pins=True, expect=ExitCode.DEVICE)

    put_back = desk.run("restore", "--keys", str(backup))

    assert "put back: diversification" in put_back.err
    desk.run(*ADMIN, number, "--seat", seat, operator="carl", pins=True)


def test_an_so_pin_that_stands_on_the_letter_is_not_diversified(after: Aftermath) -> None:
    desk = after.desk
    order = desk.approved({"group": "Groep 4", "layout": "group-usb-diversified:p-256"})

    told = desk.run("produce", order, "--seat", "usb-1", pins=True, expect=ExitCode.PARTIAL)

    assert "stands on the letter as PUK" in told.err
    assert {token["state"] for token in desk.tokens(order)} == {"planned"}
