"""Tokens are found while somebody types, over twenty thousand of them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from batch.store import items
from batch.store.database import Records
from station.home import Home
from station.tui.widgets.paged_table import PagedTable
from tests.speed import large
from tests.tui.conftest import PEOPLE
from tests.tui.playing import Player, playing
from tests.unit.login_kit import log_in, staffed

COUNT = 20_000
WANTED = "012345"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = large.home(tmp_path_factory.mktemp("large") / "home", COUNT)
    staffed(made, otto=PEOPLE["otto"])
    log_in(made, "otto")
    return made.path


async def searched(player: Player, text: str) -> None:
    """Every letter is typed as fast as the screen takes it; what was begun before is cut off."""
    await player.press("escape", "slash")
    await player.type(text)


async def test_the_right_token_is_shown_by_number_serial_certificate_and_words(home: Path) -> None:
    with closing(Records(Home(home).records)) as records:
        item = items.item(records, WANTED)
        certificate = records.row("SELECT serial FROM keys WHERE item_id = ?", (item.id,))
    assert certificate is not None
    ways = (WANTED, str(item.token_serial), str(certificate[0]), item.fields["group"].casefold())
    async with playing(home) as player:
        await player.until(lambda: player.app.operator is not None, "the session")
        await player.press("f6")
        await player.sees("1,000+ tokens")
        for text in ways:
            await searched(player, text)
            await player.sees("1 token", f"{WANTED} · {item.fields['group']}")
        await searched(player, "balie")
        await player.sees("1,000+ tokens", "Balie")
        await player.press("enter", "end")
        table = player.app.screen.query_one("#tokens", PagedTable)
        await player.until(lambda: table.page.has_before and not table.page.has_after, "the last page")
        assert table.cursor_row == len(table.page.rows) - 1
        await player.sees("✗ expired")
        await player.press("home")
        await player.until(lambda: table.page.has_after and not table.page.has_before, "the first page")
