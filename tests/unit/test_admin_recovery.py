"""How an admin credential is had again, the layout says; what cannot be so spends no blank (R36)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from batch.production.assignment import LaneFacts
from batch.production.briefing import _check_codes
from drivers.errors import Unsupported
from drivers.piv.driver import PivDriver
from drivers.pkcs11.driver import Pkcs11Driver
from drivers.pkcs11.options import Model
from drivers.tokens import Act
from layouts.errors import FileFault
from layouts.library import Library
from layouts.token import AdminRule, Recovery, TokenLayout

SHIPPED = Path(__file__).parents[2] / "layouts" / "tokens"
CARDS = LaneFacts(PivDriver.sequence, PivDriver.rules)
STICKS = LaneFacts(Pkcs11Driver.sequence, Model(puk="so-pin").rules())


def own(folder: Path, recovery: str) -> Library:
    """The layouts with one more, `own`, that says `recovery`."""
    (folder / "tokens").mkdir()
    text = (SHIPPED / "group-card.toml").read_text()
    (folder / "tokens" / "own.toml").write_text(
        text.replace("[puk]", f"[admin]\nrecovery = {recovery}\n\n[puk]", 1)
    )
    return Library(folder)


def diversified(name: str) -> TokenLayout:
    return replace(Library().token(name), admin=AdminRule(Recovery.DIVERSIFIED))


def test_custody_has_it_unless_the_layout_says_otherwise(tmp_path: Path) -> None:
    assert not any(Library().token(name).diversified for name in Library().names())
    assert own(tmp_path, '"diversified"').token("own").diversified


@pytest.mark.parametrize("recovery", ['"nobody"', "true", '""'])
def test_another_word_is_refused_by_file_and_line(tmp_path: Path, recovery: str) -> None:
    with pytest.raises(FileFault, match=r"own\.toml.*recovery"):
        own(tmp_path, recovery)


def test_a_card_is_diversified_where_its_management_key_is_set() -> None:
    layout = diversified("group-card")
    _check_codes(layout, CARDS, "item 000001")
    kept = tuple(act for act in CARDS.sequence if act is not Act.SET_ADMIN)
    with pytest.raises(Unsupported, match="leaves admin credentials as they are"):
        _check_codes(layout, replace(CARDS, sequence=kept), "item 000001")


def test_an_so_pin_on_the_letter_is_custodys() -> None:
    with pytest.raises(Unsupported, match="stands on the letter"):
        _check_codes(diversified("group-usb"), STICKS, "item 000001")
