"""Tokens at the screen: found while somebody types, shown whole, and what is done with one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from batch.model.states import LifeState
from batch.store import items, lives
from batch.store.database import Records
from station.home import Home
from tests.tui.playing import SIZES, playing
from tests.unit.finished_kit import THERE, moved


@contextmanager
def records(home: Path) -> Iterator[Records]:
    with closing(Records(Home(home).records)) as found:
        yield found


def at(home: Path, number: str) -> LifeState:
    with records(home) as found:
        return lives.life(found, items.item(found, number).id).state


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_tokens_and_all_of_one(home: Path, size: tuple[int, int], picture: Any) -> None:
    with records(home) as found:
        moved(found, "000005", *THERE, LifeState.LOST)
    async with playing(home, size) as player:
        await player.log_in("olga")
        await player.press("f6")
        await player.settled()
        await player.sees("000006", "✗ lost", "Keys and certificates")
        assert player.picture == picture
