"""The port of operators' own tokens: one key pair signs, another agrees on secrets (ECDH)."""

from __future__ import annotations

from typing import Protocol

from drivers.secret import Secret
from drivers.tokens import Cancel


class PersonalToken(Protocol):
    """One operator's token, from insertion to removal; every method raises `TokenLost` once it is pulled."""

    def certificate(self) -> bytes:
        """The authentication certificate (DER), readable before login.

        Raises `Unsupported` where the token has none, or several and none is named.
        """
        ...

    def agreement_certificate(self) -> bytes | None:
        """The certificate (DER) of the P-256 key that agrees on secrets, None where the token has none."""
        ...

    def login(self, pin: Secret) -> None:
        """Show the PIN; raises `AuthenticationFailed` with the tries left, or `Blocked`.

        Never the last try: `RetryBudget` where the token tells that one is left.
        """
        ...

    def sign(self, message: bytes) -> bytes:
        """The authentication key's signature: ECDSA (DER) with its curve's SHA-2, or PKCS #1 v1.5.

        Raises `AuthenticationFailed` before `login`, `ReadBackFailed` where the certificate is another key's.
        """
        ...

    def exchange(self, peer: bytes) -> bytes:
        """The x coordinate (32 bytes) shared with `peer` (SPKI, DER, P-256); raises as `sign`."""
        ...

    def present(self) -> bool:
        """Whether this very token is still there."""
        ...

    def close(self) -> None:
        """Let go of the token, logged out."""
        ...


class PersonalDriver(Protocol):
    """Serves the operators' seat; `place` names the reader or slot, which no lane may have."""

    place: str

    def await_token(self, cancel: Cancel) -> bool:
        """Block until a token is in the seat; False when cancelled."""
        ...

    def await_removal(self, cancel: Cancel) -> bool:
        """Block until the seat is empty; False when cancelled."""
        ...

    def connect(self) -> PersonalToken:
        """The token in the seat; raises `NoToken`, or `Unsupported` for one that is none of a person."""
        ...

    def close(self) -> None:
        """Let go of the reader or module."""
        ...
