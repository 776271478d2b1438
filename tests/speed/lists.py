"""How fast lists, and what is due, are told of a home with many tokens."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from batch.audit.log import log
from batch.model.events import Event
from batch.store import journal, letters, lives
from batch.store.database import Records, stamp
from station.home import create
from tests.speed.desk import ROOT, environment
from tests.unit.certificate_kit import certificate
from tests.unit.finished_kit import EVIDENCE
from tests.unit.restore_kit import CONFIGURATION

COMMANDS = (
    ("token", "list", "--order", "2026-0002", "--csv"),
    ("token", "list", "--state", "active", "--csv"),
    ("token", "list", "--text", "balie 777", "--csv"),
    ("token", "list", "--json"),
    ("certificate", "list", "--expiring", "60d", "--csv"),
    ("certificate", "list", "--csv"),
    ("due",),
)
_ORDER = 500
_ACTIVE_IN = 100
"""One token in so many is active, all others are acknowledged."""


def measure(count: int, runs: int = 3) -> list[tuple[str, int, float]]:
    """Of each command its words, its lines, and its median time in seconds, over `count` tokens."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        _fill(home, count)
        return [(" ".join(command), *_timed(home, command, runs)) for command in COMMANDS]


def _timed(home: Path, command: tuple[str, ...], runs: int) -> tuple[int, float]:
    station = str(Path(sys.executable).parent / "station")
    taken, lines = [], 0
    for _ in range(runs):
        begun = time.perf_counter()
        done = subprocess.run(
            [station, *command, "--home", str(home)],
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
            check=True,
        )
        taken.append(time.perf_counter() - begun)
        lines = done.stdout.count(b"\n")
    return lines, statistics.median(taken)


def _fill(path: Path, count: int) -> None:
    """A home whose records have that many finished tokens, each with a certificate and a letter that left."""
    home = create(path)
    home.configuration.write_text(CONFIGURATION.replace(', "/elsewhere/layouts"', ""))
    (path / "layouts").mkdir()
    Records.create(home.records).close()
    with closing(Records(home.records)) as records, records.transaction():
        for id_ in range(1, count + 1):
            if id_ % _ORDER == 1:
                _order(records, id_ // _ORDER + 1)
            _token(records, id_)
        log(records, Event("records.filled", "ada"))


def _order(records: Records, id_: int) -> None:
    number, of, at = f"2026-{id_:04d}", f"NTRNL-{id_:08d}", stamp()
    records.insert(
        "INSERT INTO orders VALUES (?, ?, ?, ?, ?, 'closed', 'o.csv', ?, 'ada', ?, 'bob', ?, NULL)",
        (id_, number, f"R-{id_}", f"Gemeente {id_}", of, "00" * 32, at, at),
    )


def _token(records: Records, id_: int) -> None:
    number, at, active = f"{id_:06d}", stamp(), id_ % _ACTIVE_IN == 0
    fields = {"group": f"Balie {id_}", "manager": "Zoë van den Heuvel", "language": "nl", "number": number}
    records.insert(
        "INSERT INTO items (id, order_id, mailer_number, layout, subject_key, fields, state, seat, "
        "token_driver, token_serial, began_at, ended_at) "
        "VALUES (?, ?, ?, 'group-card:p-256', ?, ?, 'produced', 'lane-1', 'piv', ?, ?, ?)",
        (id_, (id_ - 1) // _ORDER + 1, number, f"group:{id_}", json.dumps(fields), f"{id_ * 37:08x}", at, at),
    )
    lives.begin(records, id_)
    state = "active" if active else "acknowledged"
    records.write("UPDATE lives SET state = ? WHERE item_id = ?", (state, id_))
    letters.add(records, number, id_)
    records.write("UPDATE letters SET state = 'sent' WHERE mailer_number = ?", (number,))
    journal.add_key(records, id_, "authentication", "9a")
    journal.set_generated(records, id_, "authentication", b"", EVIDENCE)
    journal.set_certificate(records, id_, "authentication", certificate(serial=id_))
