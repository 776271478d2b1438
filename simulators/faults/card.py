"""A virtual card to which faults happen: stands between the reader and the card, and asks at every APDU."""

from __future__ import annotations

import os
import threading
from typing import Protocol

from simulators.bench import vpcd
from simulators.faults.model import Fault
from simulators.faults.plan import Due, Plan

_OK = bytes.fromhex("9000")


class PowerlessCard(vpcd.Card, Protocol):
    """A card whose power can go in the middle of a command."""

    def lose_power(self, apdu: bytes) -> None:
        """Carry out as much of an APDU as is done when power goes in the middle of it."""
        ...


class FaultyCard:
    """A card in the seat `seat`, as its reader sees it while a plan's faults happen to it.

    `pulled` is set by who takes the card out, which ends what hangs or lingers.
    """

    def __init__(self, card: PowerlessCard, seat: str, plan: Plan) -> None:
        self._card, self._seat, self._plan = card, seat, plan
        self.pulled = threading.Event()
        self.left: Due | None = None
        """By which fault the card has left its reader; whoever has seen to that says so to the plan."""
        self.owes = False
        """Whether an APDU is unanswered, be it that the card is gone."""

    @property
    def atr(self) -> bytes:
        """The card's."""
        return self._card.atr

    def power_on(self) -> None:
        """As the card does."""
        self._card.power_on()

    def power_off(self) -> None:
        """As the card does."""
        self._card.power_off()

    def reset(self) -> None:
        """As the card does."""
        self._card.reset()

    def transmit(self, apdu: bytes) -> bytes:
        """What the reader gets for an APDU; raises `vpcd.Gone` where the card leaves it in the middle."""
        self.owes = True
        due = self._plan.due(self._seat, apdu[1:2].hex())
        answer = self._card.transmit(apdu) if due is None else self._amiss(apdu, due)
        self.owes = self.pulled.is_set()
        return answer

    def _amiss(self, apdu: bytes, due: Due) -> bytes:
        fault = due.fault
        if fault.do in {"pull", "power-loss", "swap"}:
            self._reach(apdu, fault)
            self.left = due
            raise vpcd.Gone
        if fault.do in {"slow", "hang"}:
            return self._late(apdu, due)
        answer = self._reach(apdu, fault)
        if fault.do == "reset":
            self._card.reset()
            answer = self.atr[:1]  # how a new answer to reset begins: none the reader waits for
        elif fault.do == "answer":
            answer = bytes.fromhex(fault.sw or "")
        else:
            size = len(answer) - len(_OK) if len(answer) > len(_OK) else 16
            answer = os.urandom(size) + (bytes.fromhex(fault.sw) if fault.sw else _OK)
        due.happened()
        return answer

    def _reach(self, apdu: bytes, fault: Fault) -> bytes:
        """Let the card do what it does in spite of the fault; its answer, which nobody need get."""
        match fault.when:
            case "before":
                return b""
            case "during":
                self._card.lose_power(apdu)
                return b""
            case "after":
                return self._card.transmit(apdu)

    def _late(self, apdu: bytes, due: Due) -> bytes:
        answer = self._reach(apdu, due.fault)
        due.happened()
        seconds = due.fault.seconds if due.fault.do == "slow" else None
        if self.pulled.wait(seconds):
            raise vpcd.Gone
        return answer if due.fault.when == "after" else self._card.transmit(apdu)
