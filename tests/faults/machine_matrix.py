"""Kills at commits, a full disk, modules that crash or fail; those that hang are in `tearing`."""

from __future__ import annotations

import itertools
import sys
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

_CALLS = 2
"""Every so many-th PKCS#11 call is one that crashes or fails."""

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
        numbers = range(1, calls.clean_calls(desk) + 1, _CALLS)
        befall = [
            Call(number, do, when, ckr)  # type: ignore[arg-type]
            for number, (do, when, ckr) in zip(numbers, itertools.cycle(_KINDS), strict=False)
        ]
        yield "PKCS#11 call that crashes or fails", _sum(desk, befall[::every], calls.torn_token)


def _sum(desk: Desk, found: Iterable[Point], tear: Callable[[Desk, Point], Row]) -> Row:
    total = Row()
    for point in found:
        row = tear(desk, point)
        if row.lost or row.double:
            sys.stderr.write(f"lost or double at {point}: {row}\n")
        total += row
    return total
