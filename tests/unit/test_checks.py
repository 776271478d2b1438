"""What `doctor` judges about a machine, on machines made up for it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from station.checks.machine import clock, room, swap
from station.checks.model import State

HEAD = "Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n"


def swaps(path: Path, *devices: str) -> Path:
    path.write_text(HEAD + "".join(f"{device} partition 1048572 0 -2\n" for device in devices))
    return path


def test_no_swap_is_well(tmp_path: Path) -> None:
    assert swap(swaps(tmp_path / "swaps"), tmp_path).state is State.OK


def test_swap_on_a_bare_disk_is_warned_of_with_its_name(tmp_path: Path) -> None:
    check = swap(swaps(tmp_path / "swaps", "/dev/sda2"), tmp_path)
    assert check.state is State.WARN
    assert "/dev/sda2" in check.found
    assert "swapoff" in (check.mend or "")


def test_swap_that_is_encrypted_or_in_memory_is_well(tmp_path: Path) -> None:
    uuid = tmp_path / "dm-0" / "dm" / "uuid"
    uuid.parent.mkdir(parents=True)
    uuid.write_text("CRYPT-PLAIN-swap\n")
    assert swap(swaps(tmp_path / "swaps", "/dev/dm-0", "/dev/zram0"), tmp_path).state is State.OK
    uuid.write_text("LVM-abc\n")
    assert swap(swaps(tmp_path / "swaps", "/dev/dm-0", "/dev/zram0"), tmp_path).state is State.WARN


def test_a_system_that_tells_nothing_of_swap_is_warned_of(tmp_path: Path) -> None:
    assert swap(tmp_path / "none", tmp_path).state is State.WARN


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(
    ("free", "state"), [(1 << 20, State.FAIL), (500 << 20, State.WARN), (5 << 30, State.OK)]
)
def test_room_is_judged_before_it_is_used_up(
    free: int, state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1 << 40, 0, free))
    assert room(tmp_path / "not" / "there" / "yet").state is state


def test_a_clock_behind_the_records_fails() -> None:
    assert clock(trail=2_000_000_000.0, now=1_900_000_000.0).state is State.FAIL
    assert clock(trail=1_900_000_000.0, now=2_000_000_000.0).state is not State.FAIL
