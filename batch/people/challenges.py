"""Login challenges: what an operator's token signs to show that it is there, once and soon."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from batch.model.errors import Refused

_DOMAIN = b"issuance-station/login/1\n"
"""Begins every challenge and no statement, so that a signature over the one never serves as the other's."""

LIFETIME = timedelta(minutes=2)
"""How long a challenge may be answered: as long as a PIN takes to type, and a token to be touched."""


class StaleChallenge(Refused):
    """The challenge was answered before, is too old, or was never asked."""


@dataclass(frozen=True)
class Challenge:
    """32 random bytes, bound to a station, an operator and a time (UTC)."""

    station: str
    operator: str
    at: datetime
    nonce: bytes

    @property
    def text(self) -> bytes:
        """What is signed."""
        bound = {
            "at": self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "nonce": self.nonce.hex(),
            "operator": self.operator,
            "purpose": "login",
            "station": self.station,
        }
        return _DOMAIN + json.dumps(bound, ensure_ascii=True, separators=(",", ":")).encode()


def is_challenge(text: bytes) -> bool:
    """Whether a text is a login challenge by how it begins."""
    return text.startswith(_DOMAIN)


class Challenges:
    """The challenges of one station that wait for an answer."""

    def __init__(self, station: str) -> None:
        self._station = station
        self._open: dict[bytes, Challenge] = {}

    def ask(self, operator: str, at: datetime) -> Challenge:
        """A new challenge for one operator."""
        made = Challenge(self._station, operator, at, secrets.token_bytes(32))
        self._open[made.nonce] = made
        return made

    def take(self, challenge: Challenge, at: datetime) -> None:
        """Use a challenge up; raises `StaleChallenge` where it is used, too old or none of these."""
        where = f"operator {challenge.operator}"
        known = self._open.pop(challenge.nonce, None)
        if known != challenge:
            raise StaleChallenge(
                "this login challenge was answered before, or nobody asked it",
                where=where,
                next="log in again",
            )
        if not timedelta(0) <= at - challenge.at <= LIFETIME:
            raise StaleChallenge(
                f"the login challenge was not answered within {LIFETIME.seconds} seconds",
                where=where,
                next="log in again",
            )
