"""Homes for the screen, at which people with passphrases work, and snapshots of it as text."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from batch.model.people import Role
from batch.store.database import Records
from station.tui.words import speak
from tests.unit.dispatch_kit import ready
from tests.unit.login_kit import staffed
from tests.unit.restore_kit import home_of

PEOPLE = {
    "olga": (Role.ORDER_OFFICER, Role.PERSONALISER),
    "bert": (Role.APPROVER,),
    "pim": (Role.PIN_OFFICER,),
    "carla": (Role.PIN_OFFICER,),
    "dirk": (Role.DISPATCHER,),
    "rosa": (Role.REVOCATION_OFFICER,),
    "otto": (Role.AUDITOR,),
}
"""Who works at the desks of these tests beside the administrators ann and ben."""


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """No test leaves another's screen in the language of its operator."""
    yield
    speak("en")


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an order of three finished tokens, made once."""
    home = home_of(tmp_path_factory.mktemp("desk") / "home")
    (home.path / "layouts" / "tokens" / "own.toml").unlink()
    with closing(Records(home.records)) as records:
        ready(records, 3)
    staffed(home, **PEOPLE)
    return home.path


@pytest.fixture
def home(furnished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it for one test."""
    monkeypatch.setenv("LANG", "C.UTF-8")
    return Path(shutil.copytree(furnished, tmp_path / "home"))


class Picture(SingleFileSnapshotExtension):
    """The text of a screen, in a file of its own that a person can read."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.fixture
def picture(snapshot: SnapshotAssertion) -> Any:
    """`player.picture == picture` holds where the screen looks as it did; --snapshot-update renews it."""
    return snapshot.use_extension(Picture)
