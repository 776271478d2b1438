"""The demo order in a real terminal, from its file to its letters, by keys only."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from batch.model.states import LetterState
from batch.store import letters
from batch.store.database import Records
from batch.store.items import items
from batch.store.orders import order
from batch.store.parcels import packed, parcels
from simulators.bench import Bench
from station import demo_hands as hands
from station.simulated_desk import REGISTRY, SAMPLE
from tests.conftest import need
from tests.tui.tmux import Tmux, terminal

ORDER = "2026-0001"
STATION = (sys.executable, "-m", "station")


@dataclass
class Desk:
    """A simulated desk and somebody at its screen."""

    told: dict[str, Any]
    tmux: Tmux
    folder: Path

    @property
    def home(self) -> Path:
        return Path(self.told["home"])

    @property
    def bench(self) -> Bench:
        return Bench(Path(self.told["bench"]["directory"]))

    def pin(self, name: str) -> str:
        """The PIN of somebody's token, or of a key token."""
        people = {one["name"]: one["pin"] for one in self.told["people"]}
        return str((people | self.told["keys"])[name])

    def log_in(self, name: str) -> None:
        """Choose one's name and type one's PIN."""
        self.tmux.sees("choose your name", "ben")
        self.tmux.type(name)
        self.tmux.press("Enter")
        self.give_pin(name)
        self.tmux.sees("[F2Bench]", f"{name} (")

    def give_pin(self, name: str) -> None:
        """Type somebody's PIN when it is asked for."""
        self.tmux.sees(f"PIN of {'the ' if name in self.told['keys'] else ''}{name}")
        self.tmux.type(self.pin(name))
        self.tmux.press("Enter")

    def change_over(self, name: str) -> None:
        """Somebody else comes to the screen."""
        self.tmux.press("C-l")
        self.log_in(name)

    def pick(self, path: Path) -> None:
        """Paste a path into the file picker."""
        self.tmux.sees("^a shows all files")
        self.tmux.paste(str(path))
        self.tmux.sees(path.name)
        self.tmux.press("Enter")

    def read_out(self, title: str, *texts: str) -> None:
        """Read what a command said once it ended, and close its dialog."""
        self.tmux.sees(title, *texts, "  Close    │")
        self.tmux.press("Enter")
        self.tmux.sees_no(title)

    def choose(self, button: str, place: int) -> None:
        """Go from the safe button to another, and press it."""
        self.tmux.sees(button)
        self.tmux.press(*["Right"] * place, "Enter")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk as `station demo --prepare` founds it, its screen opened in a terminal of 100 by 30."""
    need("tmux")
    prepare = [*STATION, "demo", "--prepare", "--dir", str(tmp_path / "desk"), "--pace", "fast", "--json"]
    told = json.loads(subprocess.run(prepare, capture_output=True, check=True, text=True).stdout)
    with terminal(tmp_path) as tmux:
        made = Desk(told, tmux, tmp_path)
        try:
            tmux.start(STATION, {"LANG": "C.UTF-8", **told["environment"]}, 100, 30)
            yield made
        finally:
            made.bench.down()


def test_the_demo_order_goes_from_its_file_to_its_letters_by_keys(desk: Desk) -> None:
    tmux = desk.tmux
    take_in_and_approve(desk)

    desk.change_over("olga")
    tmux.press("s")
    tmux.sees("Which order?", ORDER)
    tmux.press("Enter")
    tmux.sees("which seats?", "piv-1", "usb-2")
    tmux.press("Enter")
    desk.give_pin("olga")
    for name in ("bench", "ca"):
        desk.give_pin(name)
    tmux.sees("The production has ended", "24 produced")
    tmux.press("Enter")
    tmux.sees_no("The production has ended")

    send_tokens(desk)
    acknowledge(desk)
    print_letters(desk)

    with closing(Records(desk.home / "station.db")) as records:
        states = [
            letters.letter(records, one.mailer_number).state for one in items(records, order(records, ORDER))
        ]
    assert states == [LetterState.PRINTED] * 24
    printed = sorted(path.stem for path in (desk.bench.layout.directory / "printed").glob("*.pdf"))
    assert printed == [f"{number:06d}" for number in range(1, 25)]
    tmux.press("C-q")
    desk.choose("Leave the screen?", 1)
    tmux.sees("ended 0")


def take_in_and_approve(desk: Desk) -> None:
    """The registry and the order come in by one person; another approves."""
    tmux = desk.tmux
    desk.log_in("olga")
    tmux.press("F9")
    tmux.sees("No subscribers yet")
    tmux.press("i")
    desk.pick(REGISTRY)
    desk.choose("Take it in", 1)
    tmux.sees("✓ active")
    tmux.press("F3")
    tmux.sees("No orders yet")
    tmux.press("i")
    desk.pick(SAMPLE)
    tmux.sees("no faults", "24 tokens")
    tmux.press("Right", "Right", "Enter")
    desk.give_pin("olga")
    tmux.sees("· received")
    tmux.press("a")
    tmux.sees("Nothing refuses it")
    tmux.press("Enter")
    tmux.sees_no("Nothing refuses it")
    tmux.sees("· assessed")
    tmux.press("y")
    tmux.sees("Not for you to do", "olga is no approver")

    desk.change_over("bert")
    tmux.press("F3")
    tmux.sees(ORDER)
    tmux.press("y")
    tmux.sees(f"Approve order {ORDER}?")
    tmux.press("Right", "Enter")
    desk.give_pin("bert")
    tmux.sees("✓ approved")


def send_tokens(desk: Desk) -> None:
    """A parcel for every address; each token is read once more; papers are written, parcels sent."""
    tmux = desk.tmux
    desk.change_over("dirk")
    tmux.press("F5")
    tmux.sees("No parcel is under way")
    tmux.press("n")
    tmux.sees("Choose the order to be packed", ORDER)
    tmux.press("n")
    tmux.sees("A parcel for every address")
    tmux.press("Enter")
    tmux.sees("[Parcels 5]", "P-000001")
    (desk.folder / "papers").mkdir()
    for number, tokens in reversed(packed_in(desk).items()):
        # The newest parcel is at the top, as they were begun.
        for kind, seat in (("card", "piv-1"), ("usb", "usb-1")):
            if mine := [token for token, layout in tokens if kind in layout]:
                read_again(desk, seat, mine)
        tmux.press("c")
        tmux.sees(f"Close parcel {number}")
        tmux.paste(str(desk.folder / "papers" / f"{number}.pdf"))
        tmux.press("Enter")
        tmux.sees(f"{number}  {ORDER}  ✓ closed")
        tmux.press("s")
        # The courier of the parcel before stands there already.
        if "Demo Courier" not in tmux.sees(f"Send parcel {number}", "Courier"):
            tmux.type("Demo Courier")
        tmux.press("Enter")
        tmux.type(f"DC-{number}")
        tmux.press("Enter", "Enter")
        tmux.sees_no(f"{number}  {ORDER}")


def read_again(desk: Desk, seat: str, tokens: Sequence[str]) -> None:
    """Hands put one token after the other into the first seat that is offered for them."""
    tmux = desk.tmux
    desk.bench.eject(seat)
    desk.bench.open_envelope(seat, tokens[0])
    tmux.press("k")
    tmux.sees("Which seat?", seat)
    tmux.press("Enter")
    tmux.sees(f"Put token {tokens[0]} into seat {seat}")
    tmux.press("Right", "Enter")
    if tmux.either("PIN of dirk", f"token {tokens[0]} is right") == "PIN of dirk":
        desk.give_pin("dirk")
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        tmux.sees(f"token {token} is right")
        if following is not None:
            tmux.sees("Done, go on")
            desk.bench.open_envelope(seat, following)
            tmux.press("Enter")
    desk.read_out("Read the tokens of parcel", "is right")


def acknowledge(desk: Desk) -> None:
    """Every manager writes a mail with the names and numbers of the accompanying letter (R3)."""
    tmux, mails = desk.tmux, []
    with closing(Records(desk.home / "station.db")) as records:
        sender = {
            one.mailer_number: one.fields["manager_email"] for one in items(records, order(records, ORDER))
        }
        numbers = [one.number for one in parcels(records)]
    for number in numbers:
        show = [*STATION, "dispatch", "show", number, "--json", "--home", str(desk.home)]
        shown = json.loads(subprocess.run(show, capture_output=True, check=True, text=True).stdout)
        mails.append(desk.folder / f"{number}.eml")
        hands.write_mail(mails[-1], shown, sender[shown["tokens"][0]["number"]])
    desk.change_over("olga")
    tmux.press("F5")
    for mail in mails:
        tmux.sees("Parcels")
        tmux.press("e")
        desk.pick(mail)
        desk.read_out("An e-mail with acknowledgements", "is accepted")


def print_letters(desk: Desk) -> None:
    """Two officers print what may be printed."""
    tmux = desk.tmux
    desk.change_over("pim")
    tmux.press("F4")
    tmux.sees("[4Lettr]", ORDER, "24 sealed")
    tmux.press("p")
    tmux.sees("Who does this with you?", "carla")
    tmux.press("Enter")
    # With one seat both change places, for what they sign and for the share of each.
    while (asked := tmux.either("PIN of carla", "PIN of pim", "  Close    │")).startswith("PIN"):
        desk.give_pin(asked.removeprefix("PIN of "))
        tmux.sees_no(asked)
    desk.read_out(f"Print the letters of {ORDER}", "24 letters printed")


def packed_in(desk: Desk) -> dict[str, list[tuple[str, str]]]:
    """The tokens of every parcel, with their layouts, as they lie on the desk."""
    with closing(Records(desk.home / "station.db")) as records:
        made = {one.id: one for one in items(records, order(records, ORDER))}
        inside = {one.number: packed(records, one) for one in parcels(records)}
    return {
        number: [(made[one.item_id].mailer_number, made[one.item_id].layout) for one in found]
        for number, found in inside.items()
    }
