"""A file may have any name: the order in it is taken, and its name kept and shown without harm."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from batch.model.people import Role
from batch.store.database import Records
from station.config import example
from station.exit_codes import ExitCode
from station.home import create
from tests.unit.cli import Cli
from tests.unit.login_kit import passphrase, pin_fd, staffed

SAMPLES = Path(__file__).parents[2] / "station/samples"


@pytest.mark.parametrize("name", [b"caf\xe9\x1b[2J.csv", b"line\nbreak.csv", "\u202eorder.csv".encode()])
def test_an_order_file_of_any_name_is_taken(
    name: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = create(tmp_path / "home")
    home.configuration.write_text(example())
    Records.create(home.records).close()
    staffed(home, anna=(Role.ORDER_OFFICER,))
    file = tmp_path / os.fsdecode(name)
    file.write_bytes((SAMPLES / "demo-order.csv").read_bytes())
    cli, fd = Cli(capsys), ("--pin-fd", pin_fd(anna=passphrase("anna")))
    done = cli("--home", str(home.path), "--as", "anna", *fd, "order", "import", str(file), "--json")
    assert done.code == ExitCode.OK, done.err
    source = json.loads(done.out)["source"]
    assert source.replace("\n", "").isprintable()
