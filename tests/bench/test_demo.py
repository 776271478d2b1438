"""The first thing a stranger runs: it works, works again, and leaves nothing running."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.clients import processes_naming
from tests.conftest import need

pytestmark = pytest.mark.bench


def test_the_demo_plays_an_order_to_its_report_where_one_was_before_and_leaves_no_process(
    tmp_path: Path,
) -> None:
    need("softhsm2-util", "pcscd")
    place = tmp_path / "demo"
    for earlier in ("home", "bench"):
        (place / earlier).mkdir(parents=True)
        (place / earlier / "left over").touch()
    (place / ".issuance-station-demo").touch()
    command = [sys.executable, "-m", "station", "demo", "--dir", str(place)]

    played = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    assert played.returncode == 0, played.stderr
    assert re.search(r"order \S+: 24 tokens", played.stdout)
    lanes = re.findall(r"^\W*(?:piv|usb)-\d\D+group-\S+\W+(\d+)\W+(\d+)\W", played.stdout, re.MULTILINE)
    assert sum(int(made) for made, _ in lanes) == 24, played.stdout
    assert len(list((place / "bench" / "printed").glob("*.pdf"))) == 24
    assert "certificates revoked: 2" in played.stderr
    assert len(list((place / "papers").glob("P-*.pdf"))) == 5
    assert "the report holds" in played.stdout + played.stderr
    assert not (place / "home" / "left over").exists()
    assert processes_naming(str(place)) == []
