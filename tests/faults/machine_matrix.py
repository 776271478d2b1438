"""The matrix of kills, a full disk and failing modules; `python -m tests.faults.machine_matrix` prints it.

`rows` is for whoever prints more than that. Modules that hang or lose their token are `tearing`'s.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from tests.bench.desk import Desk
from tests.faults import calls, commits, disk
from tests.faults.calls import Call
from tests.faults.commits import Row
from tests.faults.desks import desk_for_faults

Point = TypeVar("Point")

_ORDER_COMMITS = 3
"""Syncs of the log's header and of the entries, and one more when the command closes the records."""

_WRITES = 25
"""Every so many-th write of a production the disk is full from: an entry of the log takes about as many."""

_KINDS = (
    ("crash", "before", None),
    ("crash", "after", None),
    ("fail", "before", "CKR_DEVICE_ERROR"),
    ("fail", "after", "CKR_GENERAL_ERROR"),
    ("fail", "before", "CKR_DEVICE_MEMORY"),
    ("fail", "after", "CKR_FUNCTION_FAILED"),
)
"""What befalls one call after another, in turn."""


def rows(place: Callable[[str], Path], every: int = 1) -> Iterator[tuple[str, Row]]:
    """The rows of the table with their names; of all points one in `every`. Folders are made by `place`."""
    with desk_for_faults(place, piv=1, pkcs11=1) as desk:
        found = commits.points(commits.clean_production(desk))
        torn = _sum(desk, found[::every], commits.torn_production)
        yield "kill -9 at every journal commit", replace(torn, double=torn.double + commits.codes_twice(desk))
        orders = commits.points(_ORDER_COMMITS)[::every]
        yield (
            "kill -9 at commits of an order",
            _sum(desk, orders, lambda there, point: commits.torn_order(there, point, point)),
        )
        writes = range(1, disk.clean_writes(desk) + 1, _WRITES)
        yield "disk full from a write on", _sum(desk, writes[::every], disk.production_without_room)
    with desk_for_faults(place, piv=0, pkcs11=1) as desk:
        calls.impatient(desk)
        numbers = range(1, calls.clean_calls(desk) + 1)
        befall = [
            Call(number, do, when, ckr)  # type: ignore[arg-type]
            for number, (do, when, ckr) in zip(numbers, itertools.cycle(_KINDS), strict=False)
        ]
        yield "every PKCS#11 call crashes or fails", _sum(desk, befall[::every], calls.torn_token)


def _sum(desk: Desk, found: Iterable[Point], tear: Callable[[Desk, Point], Row]) -> Row:
    total = Row()
    for point in found:
        row = tear(desk, point)
        if row.lost or row.double:
            sys.stderr.write(f"lost or double at {point}: {row}\n")
        total += row
    return total


def main() -> int:
    """Print the table; 1 where anything was lost or is there twice."""
    every = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    bad = 0
    say = sys.stdout.write
    say(f"{'':40}{'points':>8}{'produced':>10}{'quarantined':>13}{'lost':>6}{'double':>8}{'seconds':>9}\n")
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        begun = time.monotonic()
        for name, row in rows(lambda kind: Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=folder)), every):
            taken, begun = time.monotonic() - begun, time.monotonic()
            say(
                f"{name:40}{row.points:8}{row.produced:10}{row.quarantined:13}{row.lost:6}{row.double:8}"
                f"{taken:9.0f}\n"
            )
            sys.stdout.flush()
            bad += row.lost + row.double
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
