"""One plain instruction for the hands, whatever happens on a lane."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from textual.geometry import Size

from batch.model.quarantine import Cause
from batch.production.events import (
    Awaited,
    Delay,
    Feeding,
    Missing,
    Refusal,
    Removal,
    StepPlace,
    Trouble,
    What,
)
from batch.production.plan import Kind
from batch.production.wishes import Will
from drivers.feeders.port import Tray
from station.feed.messages import Lane
from station.tui.instructions import CAUSES, REFUSALS, happened, idle, instruction, step_in_words
from station.tui.widgets.lane_panel import PanelFacts, columns, lines, told_time
from station.tui.widgets.large_text import largest

OUT = Removal(Tray.GOOD)
BY_MACHINE = Removal(Tray.GOOD, by_machine=True)
ASIDE = Removal(Tray.QUARANTINE, Trouble("verify: it does not sign", Cause.READ_BACK, "verify"))
AWAITED = Awaited("000007", "AB12", "piv-1")


@pytest.mark.parametrize(
    ("lane", "text", "needed"),
    [
        (Lane("piv-1"), "wait", False),
        (Lane("piv-1", What.WAITING), "insert a blank card", True),
        (Lane("piv-1", What.BEGUN, item="000007"), "working, do not remove", False),
        (Lane("piv-1", What.REMOVE, item="000007", removal=OUT), "take out, put in envelope 000007", True),
        (
            Lane("piv-1", What.REMOVE, item="000007", removal=Removal(Tray.WAITING)),
            "take out, keep it safe: 000007 waits for the CA",
            True,
        ),
        (Lane("piv-1", What.REMOVE, removal=ASIDE), "quarantine tray: read-back failed", True),
        (
            Lane(
                "piv-1",
                What.REMOVE,
                removal=Removal(Tray.QUARANTINE, Trouble("x", refusal=Refusal.NOT_BLANK)),
            ),
            "quarantine tray: not blank",
            True,
        ),
        (Lane("piv-1", What.MISSING, missing=Missing((AWAITED,))), "put back card 000007", True),
        (
            Lane("piv-1", What.MISSING, missing=Missing((), "piv-2")),
            "take it out: seat piv-2 works on it",
            True,
        ),
        (Lane("piv-1", What.WAITING, feeding=Feeding()), "the feeder brings a card, wait", False),
        (Lane("piv-1", What.WAITING, feeding=Feeding(empty=True)), "load blank cards into the feeder", True),
        (
            Lane("piv-1", What.REMOVE, item="000007", removal=BY_MACHINE),
            "the feeder takes it out, wait",
            False,
        ),
        (Lane("piv-1", What.LANE_ENDED, item="000007", removal=BY_MACHINE), "ended", False),
        (Lane("piv-1", What.JAMMED, text="stuck"), "clear the feeder, then r lets it go on", True),
        (
            Lane("piv-1", What.JAMMED, item="000007", removal=BY_MACHINE, text="stuck"),
            "clear the feeder, envelope 000007, then r",
            True,
        ),
        (Lane("piv-1", What.PAUSED), "paused; r lets it go on", False),
        (Lane("piv-1", What.DELAYED, delay=Delay(4, "away")), "wait, do not remove", False),
        (Lane("piv-1", What.LANE_STOPPED, text="no reader"), "stopped: see why, then start again", True),
        (
            Lane("piv-1", What.LANE_STOPPED, text="x", item="000007", removal=OUT),
            "take out, put in envelope 000007",
            True,
        ),
        (Lane("piv-1", What.LANE_ENDED), "ended", False),
        (
            Lane("piv-1", What.LANE_ENDED, item="000007", removal=OUT),
            "take out, put in envelope 000007",
            True,
        ),
        (
            Lane("piv-1", What.LANE_ENDED, item="000007", step=StepPlace("verify", 1, 2)),
            "keep 000007 here, it is unfinished",
            False,
        ),
    ],
)
def test_the_hands_are_told(lane: Lane, text: str, needed: bool) -> None:
    told = instruction(lane, "piv")
    assert (told.text, told.needed) == (text, needed)


def test_what_is_no_card_is_called_a_token() -> None:
    assert instruction(Lane("usb-1", What.WAITING), "pkcs11").text == "insert a blank token"
    missing = Lane("usb-1", What.MISSING, missing=Missing((AWAITED,)))
    assert instruction(missing, "pkcs11").text == "put back token 000007"
    assert idle("pkcs11", "token", None).state == "a token is in it"


def test_a_key_that_an_instruction_names_looks_like_the_key() -> None:
    small = Size(60, 4)
    told = idle("piv", "empty", None)
    assert told.keyed
    assert instruction(Lane("piv-1", What.PAUSED), "piv").keyed
    assert largest(told.text, small, as_written=True) == told.text
    assert largest(told.text, small) == largest(told.text.upper(), small) != told.text
    assert largest(told.text, Size(160, 20), as_written=True) != told.text


def test_who_waits_is_told_when_there_is_no_answer_and_what_is_done_about_it() -> None:
    lane = Lane("piv-1", What.STEP, step=StepPlace("verify", 11, 12))
    assert instruction(lane, "piv", waited=20).state == "working"
    silent = instruction(lane, "piv", waited=40)
    assert (silent.state, silent.detail) == ("no answer", "after 60 s without an answer it is asked anew")
    key = Lane("piv-1", What.STEP, step=StepPlace("generate:signature", 2, 12))
    assert instruction(key, "piv", waited=40).state == "working"
    at_ca = Lane("piv-1", What.STEP, step=StepPlace("certify:signature", 3, 12))
    assert instruction(at_ca, "piv", waited=40).state == "waits for the CA"


def test_a_wish_is_told_until_it_is_carried_out() -> None:
    states = [instruction(Lane("piv-1", What.BEGUN, wish=will), "piv").state for will in Will]
    assert states == ["working", "working, then pauses", "working, then ends"]


@pytest.mark.parametrize("what", list(What))
def test_everything_that_may_happen_has_a_sign_a_word_and_a_short_form(what: What) -> None:
    lane = Lane("piv-1", what, item="000007", text="because")
    told = instruction(lane, "piv")
    assert told.sign
    assert told.state
    assert cell_len(told.short) <= 18
    assert all(happened(lane))


def test_all_steps_causes_and_refusals_have_words() -> None:
    assert set(CAUSES) == set(Cause)
    assert set(REFUSALS) == set(Refusal)
    assert all(":" not in step_in_words(f"{kind}:signature") for kind in Kind)


@pytest.mark.parametrize("size", [(18, 2), (18, 1), (36, 6), (76, 14), (114, 40), (1, 1), (0, 0)])
def test_a_panel_keeps_to_its_room_and_never_leaves_the_instruction_out(size: tuple[int, int]) -> None:
    told = instruction(Lane("piv-1", What.REMOVE, item="000007", removal=ASIDE), "piv")
    facts = PanelFacts("piv-1", told, "000007", "Balie Noord", "reading back", 12, 3, 12)
    above, below = lines(facts, Size(*size))
    wide, high = size
    assert len(above) + len(below) <= high
    assert all(cell_len(line) <= wide for line in (*above, *below))
    assert bool(above) == bool(wide and high)


def test_lanes_share_the_room() -> None:
    assert columns(1, Size(80, 16)) == 1
    assert columns(2, Size(80, 16)) == 2
    assert columns(4, Size(80, 16)) == 2
    assert columns(16, Size(80, 16)) == 4


def test_time_under_way_is_told_in_what_a_person_counts_in() -> None:
    assert [told_time(seconds) for seconds in (-1, 0.5, 59, 61, 3725)] == [
        "0 s",
        "0 s",
        "59 s",
        "1:01",
        "1:02:05",
    ]
