"""A driver's options, as they stand in station.toml, into its own frozen type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from drivers.errors import Unsupported

T = TypeVar("T", bound=msgspec.Struct)


def typed(options: Mapping[str, Any], type_: type[T], where: str) -> T:
    """`options` as `type_`; raises `Unsupported` naming the key that is wrong, unknown or missing."""
    try:
        return msgspec.convert(dict(options), type_)
    except msgspec.ValidationError as error:
        raise Unsupported(f"its options: {error}", where=where, next="correct station.toml") from None
