"""Scenario files: the faults of a bench as QA writes them (TOML), read strictly."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from simulators.bench.errors import BenchError
from simulators.faults.model import Fault, complaint

__all__ = ["Fault", "Scenario", "load"]

_KEYS = tuple(Fault.__struct_fields__)


@dataclass(frozen=True)
class Scenario:
    """The faults of a scenario file, in its order."""

    faults: tuple[Fault, ...]


def load(path: Path) -> Scenario:
    """The scenario in a file; `BenchError` names the file, the fault by its number and what is allowed."""
    where = str(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BenchError(error.strerror or str(error), where=where, next="name a scenario file") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BenchError(f"no TOML: {error}", where=where, next="correct the file") from error
    if unknown := sorted(content.keys() - {"fault"}):
        raise _wrong(where, f"{unknown[0]!r} is unknown; allowed: [[fault]]")
    tables = content.get("fault", [])
    if not isinstance(tables, list) or not tables:
        raise _wrong(where, "no faults in it; allowed: one [[fault]] or more")
    return Scenario(tuple(_fault(table, f"{where}, fault {n}") for n, table in enumerate(tables, start=1)))


def _fault(table: object, where: str) -> Fault:
    if isinstance(table, dict) and (unknown := [key for key in table if key not in _KEYS]):
        raise _wrong(where, f"{unknown[0]!r} is unknown; allowed: {', '.join(_KEYS)}")
    try:
        fault = msgspec.convert(table, Fault)
    except msgspec.ValidationError as error:
        raise _wrong(where, str(error)) from None
    if wrong := complaint(fault):
        raise _wrong(where, wrong)
    return fault


def _wrong(where: str, what: str) -> BenchError:
    return BenchError(what, where=where, next="correct the scenario; docs/faults.md tells what there is")
