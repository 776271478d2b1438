"""The home is private to its owner, or nothing is done in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from station.errors import HomeError
from station.home import create, default_home, enter


def test_a_new_home_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        home = create(tmp_path / "deep" / "home")
    finally:
        os.umask(before)
    assert home.path.stat().st_mode & 0o777 == 0o700
    assert enter(home.path) == home


@pytest.mark.parametrize("mode", [0o710, 0o701, 0o750, 0o770, 0o777])
def test_a_home_others_can_enter_is_refused_with_the_way_to_mend_it(mode: int, tmp_path: Path) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(HomeError, match="open to others") as caught:
        enter(tmp_path)
    assert caught.value.where == str(tmp_path)
    assert f"chmod 0700 {tmp_path}" in (caught.value.next or "")
    with pytest.raises(HomeError, match="open to others"):
        create(tmp_path)


def test_a_home_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o700)
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(HomeError, match="belongs to somebody else"):
        enter(tmp_path)


def test_a_missing_home_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(HomeError) as caught:
        enter(tmp_path / "none")
    assert "station init" in str(caught.value)


def test_a_file_is_no_home(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(HomeError, match="no folder"):
        enter(file)


def test_the_default_ignores_a_relative_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/anna")
    assert default_home() == Path("/home/anna/.local/share/issuance-station")
