"""Writing the station.toml of a new station, and adding to that of another."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from station.config import KeyToken, Operators, PrinterSeat, Seat, parse


def compose(
    name: str,
    country: str,
    tokens: Mapping[str, KeyToken],
    authority: Mapping[str, Any],
    bench: Path | None,
    seats: Sequence[Seat],
    operators: Operators | None = None,
    printer: PrinterSeat | None = None,
) -> str:
    """The text of a station.toml; `authority` are the options of the embedded CA, `operators`
    and `printer` those tables.

    With `bench`, its seats, and a CA that goes wrong when told there.
    """
    parts = [
        "# Configuration of this issuance station; docs/configuration.md explains every key.",
        table("station", {"name": name, "country": country}),
    ]
    parts += _authority(authority, bench)
    parts += [key_entry(key, token) for key, token in tokens.items()]
    if bench is not None:
        parts.append(table("bench", {"directory": str(bench)}))
    if printer is not None:
        parts.append(
            table("printer", {"driver": printer.driver}) + "\n" + table("printer.options", printer.options)
        )
    if operators is not None:
        parts.append(operators_table(operators))
    return "\n\n".join([*parts, *(seat_entry(seat).rstrip() for seat in seats)]) + "\n"


def key_entry(key: str, token: KeyToken) -> str:
    """A key token as tables of station.toml."""
    plain = {"module": token.module, "token": token.token, "pin": token.pin}
    return table(f"keys.{key}", plain) + "\n" + table(f"keys.{key}.environment", token.environment)


def extend(path: Path, entry: str) -> None:
    """Put an entry at the end of a station.toml, all or nothing; raises `layouts.errors.FileFault`."""
    text = f"{path.read_text('utf-8').rstrip()}\n\n{entry.rstrip()}\n"
    parse(text, str(path))
    descriptor, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except BaseException:
        os.unlink(fresh)
        raise


def _authority(options: Mapping[str, Any], bench: Path | None) -> list[str]:
    if bench is None:
        return [table("authority", {"driver": "embedded"}), table("authority.options", options)]
    return [
        table("authority", {"driver": "simulated"}),
        table("authority.options", {"bench": str(bench), "driver": "embedded"}),
        table("authority.options.options", options),
    ]


def operators_table(operators: Operators) -> str:
    """The `[operators]` table."""
    told = {
        "driver": operators.driver,
        "feeder": operators.feeder,
        "anchors": operators.anchors,
        "crl": operators.crl,
        "passphrases": operators.passphrases,
        "answer_seconds": operators.answer_seconds,
    }
    parts = {
        "": {name: value for name, value in told.items() if value is not None},
        ".options": operators.options,
        ".environment": operators.environment,
    }
    return "\n".join(table(f"operators{name}", values) for name, values in parts.items() if values)


def table(name: str, values: Mapping[str, Any]) -> str:
    """A TOML table of texts, numbers and lists of them, which TOML writes as JSON does."""
    lines = [f"{key} = {_value(value)}" for key, value in values.items()]
    return "\n".join([f"[{name}]", *lines])


def seat_entry(seat: Seat) -> str:
    """A seat as a `[[seat]]` entry for the end of station.toml."""
    lines = ["[[seat]]", f"name = {_value(seat.name)}", f"driver = {_value(seat.driver)}"]
    made = Seat(seat.name, seat.driver)
    for key in ("feeder", "answer_seconds", "key_seconds", "jam_minutes"):
        if (value := getattr(seat, key)) != getattr(made, key):
            lines.append(f"{key} = {_value(value)}")
    for title in ("feeder_options", "options", "environment"):
        table: Mapping[str, Any] = getattr(seat, title)
        if table:
            lines += [f"[seat.{title}]", *(f"{key} = {_value(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    """A value as TOML has it: as JSON does, but for tables."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(one)}" for key, one in value.items()) + " }"
    return msgspec.json.encode(value).decode()
