"""Statements: what operators sign, as canonical text (R35).

A statement tells one act: what is approved, released, enrolled. Its digest names it. What is signed is the
text behind a first line of its own, so that no signature given for something else is one over a statement.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from batch.audit.chain import canonical, moment_of
from batch.model.errors import NotTrusted
from batch.model.people import Signed
from batch.people.separation import Act
from drivers.errors import Unsupported
from drivers.personal.signing import is_signature

_DOMAIN = b"issuance-station/statement/1\n"


@dataclass(frozen=True)
class Statement:
    """One act: `about` names all that it is about by plain JSON values, digests in hexadecimal.

    `station` is the digest of the founding of the desk it holds at, "" for the founding itself. It holds
    from `at`, and where `until` is given to then.
    """

    act: Act
    station: str
    about: Mapping[str, Any]
    at: datetime
    until: datetime | None = None

    def text(self) -> bytes:
        """The canonical text: JSON with sorted names and no spaces, UTF-8."""
        facts: dict[str, object] = {
            "act": str(self.act),
            "station": self.station,
            "about": self.about,
            "at": self.at.astimezone(UTC).isoformat(timespec="microseconds"),
        }
        if self.until is not None:
            facts["until"] = self.until.astimezone(UTC).isoformat(timespec="microseconds")
        return canonical(facts).encode()


def message(text: bytes) -> bytes:
    """What is signed of a statement's text."""
    return _DOMAIN + text


def digest(text: bytes) -> str:
    """SHA-256 of a statement's text, hexadecimal: its name."""
    return hashlib.sha256(text).hexdigest()


def read(signed: Signed) -> Statement:
    """The statement of a text; raises `NotTrusted` where it is none or not canonical."""
    try:
        facts = json.loads(signed.text)
        at, until = moment_of(facts["at"]), facts.get("until")
        end = moment_of(until) if until is not None else None
        if at is None or (until is not None and end is None) or not isinstance(facts["about"], dict):
            raise ValueError
        statement = Statement(Act(facts["act"]), str(facts["station"]), facts["about"], at, end)
        if statement.text() != signed.text:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise NotTrusted(
            "is no statement that this station makes",
            where=f"statement {digest(signed.text)[:16]}",
            next="see with `station audit verify` what became of the records",
        ) from None
    return statement


def is_message(data: bytes) -> bool:
    """Whether bytes are what is signed of a statement, by how they begin."""
    return data.startswith(_DOMAIN)


def signature_holds(key: bytes, text: bytes, value: bytes) -> bool:
    """Whether a signature over a statement was made with a key (SPKI, DER), in the scheme of its kind."""
    try:
        return is_signature(key, message(text), value)
    except Unsupported:
        return False
