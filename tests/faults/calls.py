"""A module that crashes, hangs, fails or loses its token at the n-th PKCS#11 call of making one USB token."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from simulators.faults.model import Fault
from simulators.native.table import Table
from tests.bench.desk import Desk
from tests.faults.commits import Row, outcome

SEAT = "usb-1"
STICK = {"group": "Balie Noord", "layout": "group-usb:p-256"}


@dataclass(frozen=True)
class Call:
    """One call of the module, counted from 1 with a blank in the seat, and what befalls it."""

    number: int
    do: Literal["crash", "pull", "hang", "fail"]
    when: Literal["before", "after"] = "before"
    ckr: str | None = None
    of: str | None = None
    times: int = 1

    @property
    def fault(self) -> Fault:
        return Fault(SEAT, self.do, self.number, self.of, self.when, times=self.times, ckr=self.ckr)


def impatient(desk: Desk, seconds: float = 3.0) -> None:
    """Let the station take a token for hung after so many seconds."""
    limits = f"answer_seconds = {seconds}\nkey_seconds = {seconds}\n"
    desk.configure(lambda text: text.replace("[seat.options]", limits + "[seat.options]"))


def clean_calls(desk: Desk) -> int:
    """How many calls making one USB token takes."""
    prepare(desk)
    order = desk.approved(STICK)
    desk.bench.disarm()
    desk.run("produce", order, pins=True)
    return desk.bench.exchanges(SEAT)


def torn_token(desk: Desk, call: Call) -> Row:
    """Make a USB token through one fault; one that was pulled comes back, and the command is given again."""
    token = prepare(desk)
    order = desk.approved(STICK)
    desk.bench.disarm()
    desk.bench.arm(call.fault)
    desk.start("produce", order, "--patience", "0", pins=True).end()
    desk.bench.disarm()
    unfinished = [one for one in desk.tokens(order) if one["state"] in ("planned", "in-production")]
    if unfinished:
        if unfinished[0]["state"] == "in-production":
            desk.bench.eject(SEAT)
            desk.bench.insert(SEAT, token)
        desk.start("produce", order, pins=True).end()
    row = outcome(desk, order)
    desk.run("audit", "verify")
    return replace(row, double=row.double + refused(desk))


def prepare(desk: Desk) -> str:
    """A blank in the seat, its name."""
    desk.bench.eject(SEAT)
    return desk.bench.insert(SEAT)


def refused(desk: Desk) -> int:
    """How many codes the token found wrong since the faults were last disarmed."""
    return Table(desk.bench.layout.seats / SEAT / "faults").refused
