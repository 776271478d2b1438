"""The tries spent on the codes of every token, kept across crashes, orders and items."""

from __future__ import annotations

from dataclasses import dataclass

from batch.store.database import Records, stamp
from drivers.tokens import Code

_TRIES = "open, refused, full, told"


@dataclass(frozen=True)
class CodeTries:
    """One code of one token.

    `open` tries were booked and never answered, `refused` ones were; both since the code was last accepted.
    `full`: the most tries the token ever told, None where it told nothing and never accepted the code;
    `told`: what it told last, less the refusals since, None where it tells nothing.
    """

    open: int = 0
    refused: int = 0
    full: int | None = None
    told: int | None = None


def tries(records: Records, driver: str, token: str) -> dict[Code, CodeTries]:
    """What is on record of a token's codes; nothing of one that was never shown."""
    rows = records.rows(f"SELECT code, {_TRIES} FROM tries WHERE driver = ? AND token = ?", (driver, token))
    return {Code(code): CodeTries(open_, refused, full, told) for code, open_, refused, full, told in rows}


def keep(records: Records, driver: str, token: str, code: Code, one: CodeTries) -> None:
    """Put the tries of one code on record."""
    records.write(
        f"INSERT OR REPLACE INTO tries (driver, token, code, {_TRIES}, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (driver, token, code, one.open, one.refused, one.full, one.told, stamp()),
    )


def move(records: Records, driver: str, token: str, to: str) -> None:
    """A token is known by another name from here on."""
    records.write("UPDATE OR REPLACE tries SET token = ? WHERE driver = ? AND token = ?", (to, driver, token))


def forget(records: Records, driver: str, token: str) -> None:
    """A token was made blank: its counters are as the factory set them."""
    records.write("DELETE FROM tries WHERE driver = ? AND token = ?", (driver, token))
