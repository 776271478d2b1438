"""The registry at the screen: subscribers, their people, who works here, what is to be forgotten."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import DataTable, Input

from batch.audit.log import log
from batch.model.registry import Person
from batch.model.states import PersonState, SubscriberState
from batch.people import registry
from batch.store import registry as stored
from batch.store.clock import now
from batch.store.database import Records
from station.home import Home
from tests.tui.playing import NORMAL, SIZES, Player, button, in_area, pick
from tests.tui.test_orders_screen import SAMPLES
from tests.unit.registry_kit import MANAGER, ORGANISATION, certificate, pem

OTHER = "NTRNL-90005678"


@contextmanager
def records(home: Path) -> Iterator[Records]:
    with closing(Records(Home(home).records)) as found:
        yield found


def people(home: Path, organisation: str = ORGANISATION) -> list[Person]:
    with records(home) as found:
        return stored.people_of(found, organisation)


def at_the_registry(
    home: Path, who: str = "olga", size: tuple[int, int] = NORMAL
) -> AbstractAsyncContextManager[Player]:
    """Somebody who is logged in looks at the area."""
    return in_area(home, who, "f9", ORGANISATION, size=size)


async def fill(player: Player, **values: str) -> None:
    """Write into the fields of the form that is open, and go to its button."""
    await player.until(lambda: player.app.screen.query_one("#field-name"), "the form")
    for name, value in values.items():
        player.app.screen.query_one(f"#field-{name}", Input).value = value
    await button(player, "Save")


def at_cursor(player: Player) -> str:
    """The words of the row under the cursor of the table that has the focus."""
    table = player.app.focused
    assert isinstance(table, DataTable)
    return " ".join(str(cell) for cell in table.get_row_at(table.cursor_row))


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_subscribers_and_their_people(home: Path, size: tuple[int, int], picture: Any) -> None:
    async with at_the_registry(home, size=size) as player:
        await player.sees("aanvragen@example.org", "Verzonnenlaan 12")
        await player.forget_told()
        assert player.picture == picture
        await player.press("enter")
        await player.sees("Noëlle van der Testen", "✓ registered")
        await player.press("escape")
        await player.sees("Verzonnenlaan 12")


async def test_a_subscriber_is_added_changed_and_closed(home: Path, picture: Any) -> None:
    async with at_the_registry(home) as player:
        await player.press("a")
        await fill(player, organisation=ORGANISATION, name="Gemeente", visiting="Weg 1; Stad", language="nl")
        # A number that is taken is refused; what was typed stands there still.
        await button(player, "Close")
        await player.sees("Add a subscriber", "Gemeente")
        await player.forget_told()
        assert player.picture == picture
        await fill(player, organisation=OTHER, email="post@example.org", quota="20")
        await player.settled()
        await player.sees(OTHER)
        with records(home) as found:
            added = registry.require_subscriber(found, OTHER)
        assert (added.visiting, added.quota) == (("Weg 1", "Stad"), 20)
        await player.press("down", "c")
        await fill(player, name="Gemeente Nergenshuizen", quota="")
        await player.settled()
        await player.sees("Gemeente Nergenshuizen", "any number")
        await player.press("x")
        await player.sees("orders no more")
        await player.type(OTHER)
        await player.press("enter", "enter")
        await player.settled()
    with records(home) as found:
        closed = registry.require_subscriber(found, OTHER)
    assert (closed.state, closed.quota) == (SubscriberState.CLOSED, None)


async def test_a_person_is_added_identified_certified_and_ended(
    home: Path, tmp_path: Path, picture: Any
) -> None:
    own, terms = tmp_path / "own.pem", tmp_path / "terms.pdf"
    own.write_bytes(pem(certificate()))
    terms.write_bytes(b"signed")
    async with at_the_registry(home) as player:
        await player.press("enter")
        await player.sees("Noëlle van der Testen")
        await player.press("a")
        await fill(player, name="Ann Example", email="ann@example.org")
        await player.settled()
        await player.sees("Ann Example")
        (number,) = (one.number for one in people(home) if one.name == "Ann Example")
        await player.press("slash")
        await player.type("ann")
        await player.press("enter")
        await player.sees(f"Person      {number}", "! not yet")
        await player.press("i")
        await player.sees("Its number is kept nowhere")
        await player.press("enter")
        await player.settled()
        await player.sees("identified", ", olga, passport")
        await player.press("c")
        await fill(player, phone="+31 70 123 4567", until="2020-01-01", **{"from": "2021-01-01"})
        # What is refused is told, and may be mended in the form.
        await button(player, "Close")
        await player.sees("Change", "+31 70 123 4567")
        await fill(player, until="2039-12-31")
        await player.settled()
        await player.sees("Telephone   +31 70 123 4567", "2021-01-01 – 2039-12-31")
        await player.press("k")
        await pick(player, terms)
        await button(player, "Close")
        assert not [one for one in people(home) if one.number == number and one.certificate]
        await player.press("k")
        await pick(player, own)
        await player.settled()
        await player.sees("Certificate until")
        await player.press("t")
        await pick(player, terms)
        await player.settled()
        await player.sees("SHA-256")
        await player.press("x")
        await player.sees("end today, for good")
        await player.type(number)
        await player.press("enter", "enter")
        await player.settled()
        await player.sees("✗ ended")
        await player.press("i")
        await player.sees("Its number is kept nowhere")
        await player.press("enter")
        await player.sees("Close", "ended")
        await player.press("enter")
        await player.settled()
    (ended,) = (one for one in people(home) if one.number == number)
    assert ended.state is PersonState.ENDED
    assert ended.identified is not None
    assert ended.certificate is not None
    assert ended.terms is not None


async def test_a_file_is_looked_at_taken_in_and_written_again(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "registry.csv"
    text = (SAMPLES / "demo-registry.csv").read_text(encoding="utf-8")
    file.write_text(text.replace(";500;", ";many;"), encoding="utf-8")
    async with at_the_registry(home) as player:
        await player.press("i")
        await pick(player, file)
        await player.sees("nothing was taken", "row 2, quota", "is no number of tokens")
        shutil.copy(SAMPLES / "demo-registry.csv", file)
        await button(player, "Look again")
        await player.sees("1 subscriber is changed", "persons are new")
        assert " 0 " not in player.text
        await player.press("enter")
        await player.is_told("Nothing was taken in.")
        await player.press("i")
        await pick(player, file)
        await player.sees("1 subscriber is changed")
        before = len(people(home))
        await button(player, "Take it in")
        await player.settled()
        await player.sees("500")
        assert len(people(home)) > before
        await player.press("e")
        await pick(player, file)
        await player.sees("is not written over")
        await pick(player, tmp_path / "again.csv")
        await player.settled()
        await player.is_told("personal data, to be kept as such")
    assert "d.proefkonijn" in (tmp_path / "again.csv").read_text(encoding="utf-8-sig")


async def test_who_works_here_and_who_may_change_that(home: Path, picture: Any) -> None:
    async with at_the_registry(home) as player:
        await player.press("o")
        await player.sees("bert", "revocation officer", "w Complete")
        await player.forget_told()
        assert player.picture == picture
        await player.press("e")
        await player.is_told("olga is no administrator")
        for key in ("c", "x"):
            await player.forget_told()
            await player.press(key)
            await player.is_told("olga is no administrator")
        await player.press("w")
        await player.is_told("Nothing waits for a second administrator")
        await player.press("escape")
        await player.sees("Verzonnenlaan")


async def test_an_administrator_enrols_with_another(home: Path) -> None:
    async with at_the_registry(home, "ann") as player:
        await player.press("o")
        await player.sees("bert")
        await player.press("e")
        await player.sees("Their name, without spaces")
        await player.type("eva")
        await player.press("enter")
        await player.sees("Space marks", "personaliser")
        await player.press("space")
        await button(player, "Save")
        await player.sees("Another administrator is here")
        await player.press("enter")
        await player.sees("Who does this with you?", "ben")
        assert "ann" not in player.text.split("Who does this")[1].split("Back")[0]
        await player.press("enter")
        await player.sees("Enrol somebody")
        await player.until(lambda: player.app.focused and player.app.focused.id == "secret", "a question")
        await player.sees("passphrase")
        await player.press("escape")
        await player.settled()
        assert "eva" not in player.text


async def test_what_is_over_is_forgotten_once_its_number_was_typed(home: Path, picture: Any) -> None:
    long_ago = now().date() - timedelta(days=3 * 366)
    gone = replace(
        MANAGER,
        number="P12345678",
        name="Left Longago",
        email="left@example.org",
        state=PersonState.ENDED,
        since=long_ago,
        ended_on=long_ago,
    )
    with records(home) as found, found.transaction():
        log(found, registry.put_person(found, gone, "person.added", "olga"))
    async with at_the_registry(home, "otto") as player:
        await player.press("d")
        await player.sees("P12345678")
        await player.press("f")
        await player.is_told("otto is no administrator or order officer")
        await player.press("escape", "ctrl+l")
        await player.log_in("olga")
        await player.press("f7")
        await player.sees("P12345678")
        await player.settled()
        for _ in range(20):
            if "P12345678" in at_cursor(player):
                break
            await player.press("down")
        await player.press("enter")
        await player.sees("May be forgotten from", "P12345678")
        await player.forget_told()
        await player.press("f")
        await player.sees("All words about persons of P12345678")
        await player.forget_told()
        assert player.picture == picture
        await player.type("P12345678")
        await player.press("enter", "enter")
        await player.sees("Nothing is due to be forgotten")
    with records(home) as found:
        kept = stored.person(found, "P12345678")
    assert kept is not None
    assert kept.forgotten is not None


async def test_who_may_not_keep_the_registry_is_told_why(home: Path) -> None:
    async with at_the_registry(home, "dirk") as player:
        for key in ("a", "c", "x", "i", "e"):
            await player.forget_told()
            await player.press(key)
            await player.is_told("dirk is no order officer")
            assert not player.app.screen.is_modal
        await player.press("enter")
        await player.sees("Noëlle")
        for key in ("a", "c", "i", "k", "t", "x"):
            await player.forget_told()
            await player.press(key)
            await player.is_told("dirk is no order officer")
            assert not player.app.screen.is_modal


async def test_people_are_found_wherever_they_belong(home: Path) -> None:
    (number,) = (one.number for one in people(home))
    async with at_the_registry(home) as player:
        await player.press("p")
        await player.sees("People of all subscribers", "Noëlle")
        await player.press("slash")
        await player.type("nobody")
        await player.sees("Nobody is found")
        await player.press("enter", "escape")
        await player.sees("Verzonnenlaan")
        await player.press(*number, "enter")
        await player.sees(f"Person      {number}")
        assert player.app.screen.query_one("#sought", Input).display
