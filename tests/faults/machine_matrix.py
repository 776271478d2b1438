"""Kills at commits, a full disk, modules that crash or fail; those that hang are in `tearing`."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
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

_SHARES = 3
"""Desks that share the PKCS#11 calls, which are most of all points."""

_KINDS = (
    ("crash", "before", None),
    ("crash", "after", None),
    ("fail", "before", "CKR_DEVICE_ERROR"),
    ("fail", "after", "CKR_GENERAL_ERROR"),
    ("fail", "before", "CKR_DEVICE_MEMORY"),
    ("fail", "after", "CKR_FUNCTION_FAILED"),
)
"""What befalls one call after another, in turn."""


Job = Callable[[Callable[[str], Path], int], Row]
"""Makes one row or a share of it on a desk of its own: where its folders are made, one point in how many."""


def jobs() -> Sequence[tuple[str, Job]]:
    """What makes each row, long ones first; shares of one row have its name and are added up."""
    shares = [("PKCS#11 call that crashes or fails", partial(_calls, share)) for share in range(_SHARES)]
    return (
        *shares,
        ("kill -9 at every journal commit", _commits),
        ("disk full from a write on", _disk),
        ("kill -9 at commits of an order", _order_commits),
    )


def _commits(place: Callable[[str], Path], every: int) -> Row:
    with desk_for_faults(place, piv=1, pkcs11=1) as desk:
        found = commits.points(commits.clean_production(desk))
        torn = _sum(desk, found[::every], commits.torn_production)
        return replace(torn, double=torn.double + commits.codes_twice(desk))


def _order_commits(place: Callable[[str], Path], every: int) -> Row:
    with desk_for_faults(place, piv=1, pkcs11=1) as desk:
        found = commits.points(_ORDER_COMMITS)[::every]
        return _sum(desk, found, lambda there, point: commits.torn_order(there, point, point))


def _disk(place: Callable[[str], Path], every: int) -> Row:
    with desk_for_faults(place, piv=1, pkcs11=1) as desk:
        found = range(1, disk.clean_writes(desk) + 1, _WRITES)
        return _sum(desk, found[::every], disk.production_without_room)


def _calls(share: int, place: Callable[[str], Path], every: int) -> Row:
    with desk_for_faults(place, piv=0, pkcs11=1) as desk:
        calls.impatient(desk)
        numbers = range(1, calls.clean_calls(desk) + 1, _CALLS)
        found = [
            Call(number, do, when, ckr)  # type: ignore[arg-type]
            for number, (do, when, ckr) in zip(numbers, itertools.cycle(_KINDS), strict=False)
        ]
        return _sum(desk, found[::every][share::_SHARES], calls.torn_token)


def _sum(desk: Desk, found: Iterable[Point], tear: Callable[[Desk, Point], Row]) -> Row:
    total = Row()
    for point in found:
        row = tear(desk, point)
        if row.lost or row.double:
            sys.stderr.write(f"lost or double at {point}: {row}\n")
        total += row
    return total
