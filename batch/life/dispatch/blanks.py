"""Blank tokens in stock: received = used + spoiled + returned + written off + in stock (R14)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from batch.audit.log import log
from batch.life.wording import checked
from batch.model.dispatch import Delivery, Departure
from batch.model.errors import FaultyValue, Refused
from batch.model.events import Event
from batch.store import blanks
from batch.store.blanks import Counts
from batch.store.database import Records

MOST = 100_000
"""Blanks of one delivery."""

_NUMBERED = re.compile(r"([\x21-\x7e]{0,60}?)([0-9]{1,18})")


@dataclass(frozen=True)
class Line:
    """What became of the blanks of one listed lot, or of all of a driver that came by count (`lot` None).

    `discrepancies` say in words what does not reconcile.
    """

    driver: str
    model: str
    lot: str | None
    counts: Counts
    discrepancies: tuple[str, ...]


def receive(
    records: Records, driver: str, model: str, lot: str, serials: Sequence[str], count: int | None, by: str
) -> Delivery:
    """Blanks came in: by their serials, or `count` of them; raises `Refused` for what came in already."""
    driver, model, lot = checked(driver, "driver"), checked(model, "model"), checked(lot, "lot")
    serials = [checked(one, "serial", ascii_only=True) for one in serials]
    number = len(serials) if count is None else count
    with records.transaction():
        where = f"lot {lot}"
        if not 0 < number <= MOST or (serials and number != len(serials)):
            raise Refused(f"{number} blanks, and {len(serials)} serials are listed", where=where)
        if any(one.driver == driver and one.lot == lot for one in blanks.deliveries(records)):
            raise Refused("a lot of that name came in already", where=where, next="name this one otherwise")
        if len(set(serials)) != len(serials):
            raise Refused("the list has a serial twice", where=where, next="count the delivery again")
        if known := next(blanks.known(records, driver, serials), None):
            raise Refused(f"the blank {known} came in already", where=where)
        found = blanks.receive(
            records, driver=driver, model=model, lot=lot, count=number, serials=serials, by=by
        )
        detail = {"driver": driver, "model": model, "lot": lot, "count": number, "listed": bool(serials)}
        log(records, Event("blanks.received", by, detail=detail))
    return found


def between(first: str, last: str) -> list[str]:
    """The serials from one to another, alike but for the digits at their end; raises `FaultyValue`."""
    begin, end = _NUMBERED.fullmatch(first.strip()), _NUMBERED.fullmatch(last.strip())
    if begin is None or end is None or begin[1] != end[1] or len(begin[2]) != len(end[2]):
        raise FaultyValue(
            "differ in more than the digits at their end",
            where=f"serials {first} to {last}",
            next="read the first and the last again; else list them in a file",
        )
    count = int(end[2]) - int(begin[2]) + 1
    if not 0 < count <= MOST:
        raise FaultyValue(
            f"are {count}; 1 to {MOST} are taken in at once",
            where=f"serials {first} to {last}",
            next="give the lowest, then the highest",
        )
    return [f"{begin[1]}{int(begin[2]) + more:0{len(begin[2])}d}" for more in range(count)]


def leave(
    records: Records,
    driver: str,
    lot: str,
    how: Departure,
    *,
    serials: Sequence[str],
    count: int | None,
    reason: str,
    by: str,
) -> None:
    """Blanks of a lot leave the stock unused: they go back to their maker, or are written off.

    Raises `Refused` for a listed lot without serials, and for what is not in stock.
    """
    with records.transaction():
        found, where = blanks.delivery(records, driver, lot), f"lot {lot}"
        number = len(serials) if serials else count or 0
        if found.listed != bool(serials) or number < 1:
            said = "name the serials: --serial" if found.listed else "say how many: --count"
            raise Refused(
                f"its blanks are {'listed' if found.listed else 'only counted'}", where=where, next=said
            )
        for serial in dict.fromkeys(serials):
            there = blanks.delivery_of(records, driver, serial) == found.id
            state = blanks.state_of(records, driver, serial) if there else "not of this lot"
            if state != "in-stock":
                raise Refused(f"the blank {serial} is {state}", where=where)
        if not found.listed and number > (left := blanks.of_counted(records, driver).in_stock):
            raise Refused(f"{left} are in stock", where=where, next="count them: station stock blanks count")
        blanks.leave(records, found, how, number, tuple(dict.fromkeys(serials)), reason, by)
        detail = {"driver": driver, "lot": lot, "count": number, "serials": list(serials), "reason": reason}
        log(records, Event(f"blanks.{how}", by, detail=detail))


def count(records: Records, driver: str, counted: int, by: str) -> int:
    """Somebody counted the blanks of a driver; returns how many there should be. Raises `Refused`."""
    with records.transaction():
        of_driver = [one for one in lines(records) if one.driver == driver]
        if not of_driver:
            raise Refused(
                "no blanks of this driver came in", where=driver, next="station stock blanks receive"
            )
        expected = sum(one.counts.in_stock for one in of_driver)
        blanks.count(records, driver, counted, expected, by)
        detail = {"driver": driver, "counted": counted, "expected": expected}
        log(records, Event("blanks.counted", by, detail=detail))
    return expected


def lines(records: Records) -> list[Line]:
    """The whole stock: a line for every listed lot, and one per driver for what was only counted."""
    every = blanks.deliveries(records)
    found = [_listed(records, one) for one in every if one.listed]
    for driver in dict.fromkeys(one.driver for one in every if not one.listed):
        lots = [one for one in every if one.driver == driver and not one.listed]
        models = ", ".join(dict.fromkeys(one.model for one in lots))
        counts = blanks.of_counted(records, driver)
        wrong = (f"{-counts.in_stock} more were used than came in",) if counts.in_stock < 0 else ()
        found.append(Line(driver, models, None, counts, wrong))
    return found


def miscounts(records: Records) -> Iterator[str]:
    """Where the last count of a driver's blanks was not what there should have been."""
    for driver in dict.fromkeys(one.driver for one in blanks.deliveries(records)):
        last = blanks.last_count(records, driver)
        if last is not None and last[0] != last[1]:
            counted, expected, by, at = last
            yield f"{driver}: {by} counted {counted} on {at[:10]}, and there should have been {expected}"


def _listed(records: Records, found: Delivery) -> Line:
    counts = blanks.of_listed(records, found)
    wrong = [
        f"{serial} had left the stock and was used" for serial in blanks.used_though_gone(records, found)
    ]
    return Line(found.driver, found.model, found.lot, counts, tuple(wrong))
