"""A session ends unused, and at its end; a screen that slept through its time is locked when it wakes."""

from __future__ import annotations

from station.tui.session import Session, Use, names_others

SESSION = Session(until=36_000.0, idle=900.0, token=True)


class Clock:
    at = 1000.0

    def __call__(self) -> float:
        return self.at


def used(clock: Clock) -> Use:
    use = Use(clock, clock)
    use.begin(SESSION)
    return use


def test_keys_keep_a_session_and_their_absence_ends_it() -> None:
    clock = Clock()
    use = used(clock)
    for _ in range(5):
        clock.at += 899.0
        use.touch()
        assert not use.over
    clock.at += 900.0
    assert use.over


def test_no_key_brings_a_session_back_that_was_unused_for_too_long() -> None:
    clock = Clock()
    use = used(clock)
    clock.at += 5000.0
    use.touch()
    assert use.over
    assert not use.renewal_due(30.0)


def test_a_session_ends_at_its_end_however_busy() -> None:
    clock = Clock()
    use = used(clock)
    while clock.at < SESSION.until - 100:
        clock.at += 100.0
        use.touch()
    assert not use.over
    clock.at = SESSION.until
    assert use.over


def test_the_terminal_is_told_now_and_then_that_somebody_is_there() -> None:
    clock = Clock()
    use = used(clock)
    clock.at += 40.0
    assert not use.renewal_due(30.0), "nobody touched a key"
    use.touch()
    assert use.renewal_due(30.0)
    assert not use.renewal_due(30.0)


def test_a_clock_that_is_put_back_makes_no_session_longer() -> None:
    passed, clock = Clock(), Clock()
    use = Use(passed, clock)
    use.begin(SESSION)
    clock.at -= 500_000.0
    passed.at += 899.0
    use.touch()
    assert not use.over
    passed.at += 900.0
    assert use.over
    busy = Use(passed, clock := Clock())
    busy.begin(SESSION)
    clock.at -= 500_000.0
    for _ in range(40):
        passed.at += 890.0
        busy.touch()
    assert busy.over


def test_without_a_session_nothing_is_over() -> None:
    assert not Use(Clock()).over


def test_commands_in_which_others_show_their_token_are_known() -> None:
    assert names_others(["letter", "print", "2026-0001", "--with", "carla"])
    assert names_others(["quarantine", "destroy", "000001", "--witness", "ben"])
    assert names_others(["renew", "carry-out", "R-000001", "--officer", "carla"])
    assert names_others(["--as", "dora", "letter", "reprint", "000001"])
    assert not names_others(["order", "import", "with.csv"])
