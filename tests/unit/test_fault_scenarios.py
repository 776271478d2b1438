"""Scenario files are read strictly, and an armed fault happens at its exchange and at no other."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from simulators.bench import BenchError
from simulators.faults.plan import Plan
from simulators.faults.scenario import Fault, Scenario, load

WHOLE = """
[[fault]]
at = "piv-1"
on = 12
of = "47"
when = "during"
do = "power-loss"

[[fault]]
at = "usb-2"
do = "fail"
ckr = "CKR_DEVICE_ERROR"
times = 3

[[fault]]
at = "ca"
of = "issue"
do = "wrong"
wrong = "subject"

[[fault]]
at = "clock"
do = "back"
seconds = 3600
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "scenario.toml"
    path.write_text(text)
    return path


def test_a_scenario_is_read_in_its_order(tmp_path: Path) -> None:
    assert load(written(tmp_path, WHOLE)) == Scenario(
        (
            Fault("piv-1", "power-loss", 12, "47", "during"),
            Fault("usb-2", "fail", times=3, ckr="CKR_DEVICE_ERROR"),
            Fault("ca", "wrong", of="issue", wrong="subject"),
            Fault("clock", "back", seconds=3600),
        )
    )


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('at = "piv-1"\ndo = "pull"\nonn = 3', "'onn' is unknown; allowed: at, do, on, of, when, times, sw"),
        ('at = "piv-1"', "missing required field `do`"),
        ('do = "pull"', "missing required field `at`"),
        (
            'at = "desk"\ndo = "pull"',
            "at = 'desk' is nothing on a bench; allowed: a seat (piv-1, usb-2, operators)",
        ),
        ('at = "piv-0"\ndo = "pull"', "at = 'piv-0' is nothing on a bench"),
        (
            'at = "printer"\ndo = "pull"',
            "nothing printer can do; allowed: paper-out, cover-open, jam, offline, busy",
        ),
        ('at = "piv-1"\ndo = "crash"', "do = 'crash' is nothing piv-1 can do; allowed: pull, answer"),
        ('at = "piv-1"\ndo = "pull"\nwhen = "later"', "Invalid enum value 'later'"),
        ('at = "ca"\ndo = "refuse"\nwhen = "after"', "when = 'after' does not fit refuse; allowed: before"),
        ('at = "piv-1"\ndo = "pull"\non = 0', "on = 0; allowed: 1 or more"),
        ('at = "piv-1"\ndo = "pull"\ntimes = 0', "times = 0; allowed: 1 or more"),
        ('at = "piv-1"\ndo = "pull"\non = "3"', "Expected `int`, got `str` - at `$.on`"),
        ('at = "piv-1"\ndo = "pull"\nof = "C_Sign"', "of = 'C_Sign' does not fit piv-1; allowed: the INS"),
        ('at = "usb-1"\ndo = "pull"\nof = "47"', "of = '47' does not fit usb-1; allowed: the name of a"),
        ('at = "piv-1"\ndo = "answer"', "answer needs sw"),
        ('at = "piv-1"\ndo = "answer"\nsw = "65"', "sw = '65'; allowed: four hex digits"),
        ('at = "piv-1"\ndo = "pull"\nsw = "6581"', "sw does not belong to pull, which takes nothing more"),
        ('at = "piv-1"\ndo = "slow"\nseconds = 0', "seconds = 0.0; allowed: more than 0"),
        ('at = "piv-1"\ndo = "slow"\nseconds = nan', "seconds = nan; allowed: more than 0"),
        ('at = "piv-1"\ndo = "swap"\ncard = "../x"', "card = '../x'; allowed: the name of a card"),
        ('at = "usb-1"\ndo = "fail"\nckr = "5"', "ckr = '5'; allowed: the name of a PKCS#11 error"),
        ('at = "ca"\ndo = "wrong"\nwrong = "all"', "allowed: one of key, subject, expired, usage"),
    ],
)
def test_whatever_is_wrong_is_told_with_the_file_the_fault_and_what_is_allowed(
    tmp_path: Path, lines: str, said: str
) -> None:
    path = written(tmp_path, f'[[fault]]\nat = "printer"\ndo = "jam"\n\n[[fault]]\n{lines}\n')

    with pytest.raises(BenchError) as told:
        load(path)

    assert told.value.where == f"{path}, fault 2"
    assert said in told.value.what
    assert told.value.next is not None
    assert "docs/faults.md" in told.value.next


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no faults in it; allowed: one [[fault]] or more"),
        ("fault = 3", "no faults in it"),
        ("[[faults]]", "'faults' is unknown; allowed: [[fault]]"),
        ("[[fault]", "no TOML"),
    ],
)
def test_a_file_that_is_no_scenario_is_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BenchError, match=r"scenario.toml: ") as told:
        load(written(tmp_path, text))
    assert said in told.value.what


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="No such file"):
        load(tmp_path / "none.toml")


def happens(plan: Plan, at: str, *names: str) -> list[str | None]:
    return [fault.do if (fault := plan.exchange(at, name)) else None for name in names]


def test_a_fault_happens_at_its_exchange_and_as_often_as_it_says() -> None:
    plan = Plan()
    plan.arm([Fault("piv-1", "slow", on=2, times=2, seconds=1)])

    assert happens(plan, "piv-2", "A4", "A4", "A4") == [None, None, None]
    assert happens(plan, "piv-1", "A4", "A4", "A4", "A4") == [None, "slow", "slow", None]
    assert plan.exchanges("piv-1") == 4


def test_a_fault_of_one_kind_of_exchange_counts_no_others() -> None:
    plan = Plan()
    plan.arm([Fault("piv-1", "pull", on=2, of="cb")])

    assert happens(plan, "piv-1", "CB", "A4", "20", "CB", "CB") == [None, None, None, "pull", None]


def test_each_fault_counts_from_when_it_was_armed_and_disarming_forgets_all() -> None:
    plan = Plan()
    plan.arm([Fault("printer", "jam", on=2)])
    assert happens(plan, "printer", "page") == [None]
    plan.arm([Fault("printer", "busy", on=2)])

    assert happens(plan, "printer", "page", "page", "page") == ["jam", "busy", None]
    plan.arm([Fault("printer", "busy")])
    plan.disarm()
    assert happens(plan, "printer", "page") == [None]
    assert plan.exchanges("printer") == 1


def test_of_two_faults_that_are_due_one_happens_after_the_other() -> None:
    plan = Plan()
    plan.arm([Fault("ca", "refuse", on=2), Fault("ca", "twice", on=2)])

    assert happens(plan, "ca", "issue", "issue", "issue") == [None, "refuse", "twice"]


def test_who_waits_for_faults_is_told_which_have_happened() -> None:
    plan = Plan()
    first, second = Fault("piv-1", "pull"), Fault("piv-2", "pull")
    plan.arm([first, second])
    assert plan.fired(None, 0.001) == ()

    threading.Thread(target=plan.exchange, args=("piv-2", "A4")).start()
    assert plan.fired(1, 60) == (second,)
    threading.Thread(target=plan.exchange, args=("piv-1", "A4")).start()
    assert plan.fired(None, 60) == (first, second)


def test_what_is_asked_beforehand_counts_only_where_the_answer_is_a_fault() -> None:
    """As a printer that is asked whether it is ready, before the page that runs out of paper."""
    plan = Plan()
    plan.arm([Fault("printer", "jam", 1), Fault("printer", "paper-out", 2, times=2)])
    assert plan.exchange("printer", "page", ("paper-out",)) is None
    assert plan.exchanges("printer") == 0
    assert plan.exchange("printer", "page") == Fault("printer", "jam", 1)
    out = Fault("printer", "paper-out", 2, times=2)
    assert [plan.exchange("printer", "page", ("paper-out",)) for _ in range(3)] == [out, out, None]
    assert plan.exchanges("printer") == 3
