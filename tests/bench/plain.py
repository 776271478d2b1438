"""A desk whose cards keep to SP 800-73-4: no serial, no metadata, no attestation, tries of the PIN alone."""

from __future__ import annotations

from pathlib import Path

import layouts
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk


def plain_desk(desk_factory: DeskFactory, **settings: object) -> Desk:
    """One reader fed by hand, and the layout `plain-card`."""
    desk = desk_factory(piv=1, pkcs11=0, profile="plain", faults=True, **settings)
    desk.feed_by_hand("piv-1")
    shipped = (Path(layouts.__file__).parent / "tokens" / "group-card.toml").read_text()
    text = shipped.replace('attestation = "require"', 'attestation = "ignore"').replace("tries = 3\n", "")
    folder = desk.home / "plain" / "tokens"
    folder.mkdir(parents=True)
    (folder / "plain-card.toml").write_text(text)

    def change(text: str) -> str:
        text = text.replace("[seat.options]\n", '[seat.options]\nadmin = "keep"\n', 1)
        return f'{text}\n[layouts]\ndirectories = ["plain"]\n'

    desk.configure(change)
    return desk
