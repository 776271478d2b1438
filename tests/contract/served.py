"""A token driver in a process of its own, and the two ends of the pipe to it.

Which readers a process sees is fixed when it first asks (PCSCLITE_CSOCK_NAME, SOFTHSM2_CONF), and PKCS#11
modules crash: so every driver under test runs where the station runs it, in a child.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drivers import registry
from drivers.errors import DriverError
from drivers.pcsc.readers import ReaderInfo, bind_reader, readers
from drivers.process import Child
from drivers.secret import Secret
from drivers.tokens import Act, CodeRules, Credentials, TokenDriver, TokenSession

WITHIN = 60.0
"""Seconds after which a call counts as hung."""


@dataclass(frozen=True)
class Facts:
    """What a driver says of itself."""

    sequence: tuple[Act, ...]
    rules: CodeRules
    factory: tuple[bytes, ...] | None


class Server:
    """The child's end: one driver and the session it has open."""

    def __init__(self, driver: str, seat: str, options: Mapping[str, Any]) -> None:
        self._driver: TokenDriver = registry.find("station.tokens", driver)(seat, options)
        self._session: TokenSession | None = None

    def facts(self) -> Facts:
        factory = self._driver.factory
        # As bytes: no secret leaves a child, and these are in every manual.
        parts = (factory.pin, factory.puk, factory.admin) if factory else ()
        codes = tuple(code.reveal() for code in parts) or None
        return Facts(tuple(self._driver.sequence), self._driver.rules, codes)

    def wait(self, method: str, seconds: float) -> bool:
        """`await_token` or `await_removal`, cancelled after some seconds."""
        until = time.monotonic() + seconds
        answered: bool = getattr(self._driver, method)(lambda: time.monotonic() > until)
        return answered

    def connect(self) -> None:
        self._session = self._driver.connect()

    def session(self, method: str, arguments: tuple[Any, ...]) -> Any:
        return getattr(self._session, method)(*arguments)

    def disconnect(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def close(self) -> None:
        try:
            self.disconnect()
        finally:
            self._driver.close()


class Lane:
    """The test's end; a `TokenSession` by every method it does not have itself."""

    def __init__(
        self, driver: str, seat: str, options: Mapping[str, Any], environment: Mapping[str, str]
    ) -> None:
        self._child = Child(
            seat, "tests.contract.served:Server", (driver, seat, options), environment=environment
        )
        self._lock = threading.Lock()
        try:
            self.facts: Facts = self._ask("facts")
        except DriverError:
            self._child.close()
            raise

    @property
    def factory(self) -> Credentials | None:
        """The codes a blank comes with, None where it has none."""
        codes = self.facts.factory
        return Credentials(*map(Secret, codes)) if codes else None

    def await_token(self, seconds: float) -> bool:
        answered: bool = self._ask("wait", "await_token", seconds)
        return answered

    def await_removal(self, seconds: float) -> bool:
        answered: bool = self._ask("wait", "await_removal", seconds)
        return answered

    def connect(self) -> None:
        self._ask("connect")

    def disconnect(self) -> None:
        self._ask("disconnect")

    def reconnect(self) -> None:
        """Let go of the token and take it again, so that nothing is remembered."""
        self.disconnect()
        self.connect()

    def __getattr__(self, method: str) -> Any:
        if method.startswith("_"):
            raise AttributeError(method)
        return lambda *arguments: self._ask("session", method, arguments)

    def close(self) -> None:
        self._child.close()

    def _ask(self, method: str, *arguments: Any) -> Any:
        with self._lock:
            return self._child.ask(method, *arguments, timeout=WITHIN)


class Readers:
    """The child's end for what `station lanes` and the binding of seats ask of PC/SC."""

    def readers(self) -> tuple[ReaderInfo, ...]:
        return readers()

    def bind(self, seconds: float) -> ReaderInfo | None:
        until = time.monotonic() + seconds
        return bind_reader(lambda: time.monotonic() > until)
