"""The operators' seat under test: one bench with tokens of every sort, and the seat's process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from batch.people.anchors import read_anchors, read_crls
from batch.people.challenges import Challenge, Challenges
from batch.people.proof import check_login
from drivers.process import Child
from drivers.secret import Secret
from simulators.bench import Bench
from simulators.bench.model import OPERATORS, PKCS11

STATION = "Certificate desk"
WITHIN = 30.0
"""Seconds after which a call counts as hung."""


@dataclass(frozen=True)
class Door:
    """One kind of operators' seat: who is asked, and what stands before it."""

    bench: Bench
    driver: str
    challenges: Challenges

    @property
    def seat_name(self) -> str:
        return OPERATORS[self.driver]

    @contextmanager
    def seat(self, **more: Any) -> Iterator[Child]:
        """The seat's process; `more` are further options of the driver."""
        table: Mapping[str, Any] = self.bench.people.table(self.driver)
        child = Child(
            "operators",
            "batch.people.seat:OperatorSeat",
            (self.driver, {**table["options"], **more}),
            environment=table["environment"],
        )
        try:
            yield child
        finally:
            child.close()

    def present(self, operator: str | None) -> None:
        self.bench.people.present(operator, usb=None if operator is None else self.driver == PKCS11)

    def pin(self, operator: str) -> Secret:
        return Secret(self.bench.people.pin_file(operator).read_bytes().strip())

    def enter(self, seat: Child, operator: str) -> bytes:
        """Present an operator's token and give its PIN; its certificate (DER)."""
        self.present(operator)
        certificate: bytes = seat.ask("wait", WITHIN, timeout=2 * WITHIN)
        seat.ask("login", self.pin(operator), timeout=WITHIN)
        return certificate

    def check(
        self, challenge: Challenge, signature: bytes, certificate: bytes, at: datetime | None = None
    ) -> x509.Certificate:
        people = self.bench.people
        return check_login(
            self.challenges,
            challenge,
            signature,
            certificate,
            read_anchors([people.anchor]),
            at or datetime.now(UTC),
            read_crls([people.crl]),
        )
