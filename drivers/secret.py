"""The type that carries every code and key in clear."""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """Bytes that never show themselves: no repr, no str, no format, no hash, no JSON (R40).

    `reveal()` is the only way to the value; a search for it finds every place that sees a code.
    Pickling is allowed, because a secret crosses a private pipe to the process that needs it.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = bytes(value)

    @classmethod
    def text(cls, value: str) -> Secret:
        """A secret from characters, encoded as UTF-8."""
        return cls(value.encode())

    def reveal(self) -> bytes:
        """The value in clear; call it as late as can be."""
        return self._value

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    def __repr__(self) -> str:
        return "Secret(•)"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __hash__(self) -> NoReturn:
        raise TypeError("a Secret has no hash: it is no key of a mapping")
