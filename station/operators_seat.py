"""The operators' seat at this desk: whose token is in it, and the proof that they are who they say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.x509 import Certificate, CertificateRevocationList

from batch.people.anchors import read_anchors, read_crls
from batch.people.challenges import Challenges
from batch.people.proof import check_certificate, check_login
from drivers.process import Child
from drivers.secret import Secret
from station.config import Operators


class OperatorsSeat:
    """One operator's token in the seat, which is served in a process of its own.

    Every method raises `DriverError`: `TokenLost` once the token is pulled, and `ProcessDied` where it hangs.
    """

    def __init__(self, operators: Operators, child: Child) -> None:
        self._operators, self._child = operators, child
        self.holder: str | None = None
        """The operator whose token was logged in to last, until another is looked for."""

    def wait(self, seconds: float) -> bytes | None:
        """The certificate (DER) of the token in the seat, waiting for one so long; None without."""
        self.holder = None
        found: bytes | None = self._child.ask(
            "wait", seconds, timeout=seconds + self._operators.answer_seconds
        )
        return found

    def wait_for_removal(self, seconds: float) -> bool:
        """Whether the seat is empty within so many seconds."""
        timeout = seconds + self._operators.answer_seconds
        return bool(self._child.ask("wait_for_removal", seconds, timeout=timeout))

    def present(self) -> bool:
        """Whether the token that `wait` found is still there."""
        return bool(self._ask("present"))

    def check(self, certificate: bytes, at: datetime) -> None:
        """Raise `NotProven` where the certificate of the token does not hold at `at`."""
        check_certificate(certificate, self._anchors, at, self._crls, online=self._operators.online)

    def log_in(
        self, station: str, operator: str, certificate: bytes, pin: Secret, clock: Callable[[], datetime]
    ) -> None:
        """Have the token in the seat answer a fresh challenge of `station` to `operator`.

        Raises `NotProven`, `AuthenticationFailed`, `Blocked`, `RetryBudget`. That `certificate` is the one
        this operator is registered with is for the caller to see.
        """
        self._ask("login", pin)
        challenges = Challenges(station)
        challenge = challenges.ask(operator, clock())
        answer = self._ask("answer", challenge.text)
        check_login(
            challenges,
            challenge,
            answer,
            certificate,
            self._anchors,
            clock(),
            self._crls,
            online=self._operators.online,
        )
        self.holder = operator

    def sign(self, message: bytes) -> bytes:
        """The signature over the message of a statement; after `log_in`."""
        signature: bytes = self._ask("sign", message)
        return signature

    def agreement_key(self) -> bytes | None:
        """The P-256 key (SPKI, DER) that what is for this operator is sealed to; None without."""
        key: bytes | None = self._ask("agreement_key")
        return key

    def reseal(self, sealed: bytes, context: bytes, recipient: bytes, new_context: bytes) -> bytes:
        """What is sealed to this operator, sealed to `recipient` (SPKI, DER); after `log_in`."""
        resealed: bytes = self._ask("reseal", sealed, context, recipient, new_context)
        return resealed

    @cached_property
    def _anchors(self) -> tuple[Certificate, ...]:
        return anchors(self._operators)

    @cached_property
    def _crls(self) -> tuple[CertificateRevocationList, ...] | None:
        """None where the configuration names no list, so that none is asked for."""
        return read_crls([Path(place) for place in self._operators.crl]) if self._operators.crl else None

    def _ask(self, method: str, *arguments: Any) -> Any:
        return self._child.ask(method, *arguments, timeout=self._operators.answer_seconds)


def anchors(operators: Operators) -> tuple[Certificate, ...]:
    """The certificates of the CAs that operators' tokens are from."""
    return read_anchors([Path(place) for place in operators.anchors])


def operators_process(operators: Operators) -> Child:
    """The process of the operators' seat, which has a driver; the caller closes it."""
    return Child(
        "operators' seat",
        "batch.people.seat:OperatorSeat",
        (operators.driver, operators.options),
        environment=operators.environment,
    )
