"""The operators' tokens of a bench, and their seats: making them and putting them in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulators.bench.errors import BenchError
from simulators.bench.model import OPERATORS, PIV, PKCS11
from simulators.bench.softhsm import softhsm_module

if TYPE_CHECKING:
    from simulators.bench.client import Bench
    from simulators.bench.employer import Condition

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")


class People:
    """The operators of one bench; every method raises `BenchError`."""

    def __init__(self, bench: Bench) -> None:
        self._bench, self._layout = bench, bench.layout

    def add(self, operator: str, *, usb: bool = False, condition: Condition = "good") -> None:
        """Make the token of an operator: a PIV card, or a USB token."""
        from simulators.bench.operators import make_card, make_usb_token

        if not _NAME.fullmatch(operator) or operator == "none":
            raise BenchError(
                f"{operator!r} is no name of at most 32 letters, digits, '.', '-' and '_'",
                next="choose another",
            )
        if usb:
            make_usb_token(self._layout, operator, condition, softhsm_module())
        else:
            make_card(self._layout, operator, condition)

    def has(self, operator: str, *, usb: bool | None = None) -> bool:
        """Whether there is a token of this operator, of any kind or a USB token or card."""
        return bool(self._kinds(operator, usb))

    def present(self, operator: str | None, *, usb: bool | None = None) -> None:
        """Put an operator's token in its seat and take out the other's, once the reader has seen it.

        None takes out what is there. `usb` chooses where an operator has a card and a USB token.
        """
        there = {seat.name: seat for seat in self._bench.status().seats}
        seats = [there[name] for name in OPERATORS.values() if name in there]
        if not seats:
            raise BenchError(
                "this bench has no operators' seat",
                where=str(self._layout.directory),
                next="start it with --operators",
            )
        kinds = [] if operator is None else self._kinds(operator, usb)
        if operator is not None and not kinds:
            raise BenchError(
                f"there is no such token of operator {operator!r}",
                next="make one with `station bench operator add`",
            )
        wanted = {OPERATORS[kinds[0]]: f"operator-{operator}"} if kinds else {}
        for seat in seats:
            if seat.inserted and seat.inserted != wanted.get(seat.name):
                self._bench.eject(seat.name)
        for seat in seats:
            if seat.name in wanted and seat.inserted != wanted[seat.name]:
                self._bench.insert(seat.name, wanted[seat.name])

    def pin_file(self, operator: str) -> Path:
        """The file (0600) with the PIN of an operator's token."""
        return self._layout.operators / f"{operator}.pin"

    @property
    def anchor(self) -> Path:
        """The certificate (PEM) of the simulated employer's CA."""
        return self._layout.operators / "employer-ca.pem"

    @property
    def crl(self) -> Path:
        """Its revocation list (PEM)."""
        return self._layout.operators / "employer-crl.pem"

    def table(self, driver: str = PIV) -> dict[str, Any]:
        """The `[operators]` table of station.toml for the seat of one kind of token."""
        options: dict[str, Any] = {"module": str(self._layout.module), "tries": "unlimited"}
        if driver != PKCS11:
            options = {"reader": self._bench.seat_options(OPERATORS[PIV])["options"]["reader"]}
        return {
            "driver": driver,
            "feeder": "bench",
            "anchors": (str(self.anchor),),
            "crl": (str(self.crl),),
            "options": options,
            "environment": self._bench.seat_environment(OPERATORS[driver]),
        }

    def best_table(self) -> dict[str, Any] | None:
        """The table for the seat of cards, or of USB tokens where there are no cards; None without both."""
        cards = any(self._layout.cards.glob("operator-*.json"))
        usb = any(self._layout.tokens.glob("operator-*"))
        if not any(seat.name in OPERATORS.values() for seat in self._bench.status().seats):
            return None
        return self.table(PKCS11 if usb and not cards else PIV)

    def _kinds(self, operator: str, usb: bool | None) -> list[str]:
        name = f"operator-{operator}"
        places = {PIV: self._layout.cards / f"{name}.json", PKCS11: self._layout.tokens / name}
        return [kind for kind in places if usb in (None, kind == PKCS11) and places[kind].exists()]
