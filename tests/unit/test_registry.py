"""A token driver is a package of its own: installed, it is found by its name, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch.production.lane import Lane
from drivers.errors import Unsupported
from drivers.registry import find
from drivers.tokens import Act

DRIVER = """
from drivers.tokens import Act, CodeRules


class ThirdDriver:
    sequence = (Act.INITIALISE, Act.SET_PIN, Act.KEYS)
    rules = CodeRules(pin=range(6, 9), puk=range(0), admin=8)
    factory = None

    def __init__(self, seat, options):
        self.place = f"third {options['port']}"

    def await_token(self, cancel):
        return False

    def close(self):
        pass
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pip leaves behind of a package with one entry point."""
    (tmp_path / "third_token.py").write_text(DRIVER)
    about = tmp_path / "third_token-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: third-token\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[station.tokens]\nthird = third_token:ThirdDriver\n")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("installed")
def test_a_driver_of_another_package_serves_a_lane(tmp_path: Path) -> None:
    assert find("station.tokens", "third").__module__ == "third_token"
    lane = Lane("lane-1", "third", {"port": 1}, tmp_path / "lock")
    assert lane.describe().sequence == (Act.INITIALISE, Act.SET_PIN, Act.KEYS)
    assert lane.look(0) is None
    lane.close()


@pytest.mark.usefixtures("installed")
def test_a_name_nobody_announced_is_told_with_those_there_are() -> None:
    with pytest.raises(Unsupported, match=r"no driver .fourth. .*; there are: piv, pkcs11, third"):
        find("station.tokens", "fourth")
