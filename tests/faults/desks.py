"""Desks at benches for faults, whose processes are preloaded with what makes disk and clock fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from simulators.bench import Bench
from simulators.faults.model import Fault
from tests.bench.desk import Desk


@contextmanager
def desk_for_faults(
    place: Callable[[str], Path], *, piv: int, pkcs11: int, seconds_old: float = 0.0
) -> Iterator[Desk]:
    """A station at a bench for faults, in folders made by `place`; ended and stopped at the end.

    With `seconds_old` its CA and its log are so old.
    """
    bench = Bench.up(place("bench"), piv=piv, pkcs11=pkcs11, faults=True, tether=True)
    try:
        if seconds_old:
            bench.arm(Fault("clock", "back", seconds=seconds_old))
        desk = Desk.make(bench, place("desk"), **bench.preloaded).letters_first()
        bench.disarm()
        yield desk
        desk.stop()
    finally:
        bench.down()
