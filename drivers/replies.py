"""Reading what a child process answers: plain values and the types of the ports, whatever bytes it sends.

A lane runs a vendor's module. Should that take the lane over, the pipe is its way to the desk, and pickle
calls whatever the bytes name: here they name types of values and errors only, and no `Secret` (R40).
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import importlib
import io
import pickle
import sys
from typing import Any

from drivers.errors import ToldError

LONGEST = 64_000_000
"""Bytes of one reply; a page or a certificate has some 100,000 at most."""

_ROOMS = frozenset({"batch", "drivers", "layouts", "simulators", "station"})
_PLAIN = frozenset(
    {
        *(("builtins", name) for name in ("bytearray", "complex", "frozenset", "range", "set")),
        *(("datetime", name) for name in ("date", "datetime", "time", "timedelta", "timezone")),
        ("collections", "OrderedDict"),
        ("drivers.errors", "_rebuild"),
        ("pathlib", "Path"),
        ("pathlib", "PosixPath"),
    }
)


def load(data: bytes) -> Any:
    """The value in the bytes of a reply; raises `ValueError` where they hold none or name what is none."""
    try:
        return _Reader(io.BytesIO(data)).load()
    # Bytes made to break pickle break it in any way there is.
    except Exception as error:
        raise ValueError(f"no reply: {type(error).__name__}") from None


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return _value_type(module, name)


@functools.cache
def _value_type(module: str, name: str) -> Any:
    # Of other packages only what is loaded already: naming a module shall not run it.
    ours = module.partition(".")[0] in _ROOMS and "__" not in module
    if not (ours or module in sys.modules or (module, name) in _PLAIN):
        raise pickle.UnpicklingError("a strange module")
    found = getattr(importlib.import_module(module), name)
    if (module, name) in _PLAIN or _is_value(found):
        return found
    raise pickle.UnpicklingError("no value")


def _is_value(found: object) -> bool:
    if not isinstance(found, type):
        return False
    return dataclasses.is_dataclass(found) or issubclass(found, enum.Enum | ToldError)
