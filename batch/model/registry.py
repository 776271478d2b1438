"""Subscribers and their people, as the registry holds them."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from batch.model.states import PersonState, SubscriberState


class Function(enum.StrEnum):
    """What a person is to a subscriber."""

    REPRESENTATIVE = "representative"
    CONTACT = "contact"
    MANAGER = "manager"


class Document(enum.StrEnum):
    """The kind of document somebody was identified with; its number is kept nowhere."""

    PASSPORT = "passport"
    IDENTITY_CARD = "identity-card"
    DRIVING_LICENCE = "driving-licence"
    RESIDENCE_PERMIT = "residence-permit"


@dataclass(frozen=True)
class Subscriber:
    """Who may order: `organisation` is the organizationIdentifier (EN 319 412-1 §5.1.4), as of orders.

    `visiting` and `postal` are address lines, `postal` empty where it is the same. `language`: BCP 47.
    `email` gets notices. `quota`: most tokens under way or valid at one time, None for any number.
    """

    organisation: str
    name: str
    visiting: tuple[str, ...]
    country: str
    language: str
    email: str
    postal: tuple[str, ...] = ()
    quota: int | None = None
    state: SubscriberState = SubscriberState.ACTIVE

    def facts(self) -> Mapping[str, object]:
        """All of it as plain values."""
        return _plain(self)


@dataclass(frozen=True)
class Identification:
    """That somebody was identified: by whom, on which day, with what kind of document."""

    by: str
    on: date
    document: Document


@dataclass(frozen=True)
class Terms:
    """That somebody signed the terms: on which day, and the SHA-256 (hexadecimal) of what was signed (R6)."""

    on: date
    sha256: str


@dataclass(frozen=True)
class Person:
    """One person of a subscriber, `number` being what the log calls them.

    `valid_from` and `valid_until` (last day) bound the functions, None for no bound. `certificate` (DER)
    verifies orders this manager signs. `ended_on`: the last day of a person who ended. `forgotten`: all but
    number, organisation, state and functions is gone for good.
    """

    number: str
    organisation: str
    functions: tuple[Function, ...]
    name: str
    email: str
    phone: str = ""
    language: str = ""
    state: PersonState = PersonState.NAMED
    since: date = date.min
    valid_from: date | None = None
    valid_until: date | None = None
    identified: Identification | None = None
    terms: Terms | None = None
    certificate: bytes | None = None
    registered_on: date | None = None
    ended_on: date | None = None
    forgotten: datetime | None = None

    @property
    def manager(self) -> bool:
        """Whether they are, or were, a certificate manager."""
        return Function.MANAGER in self.functions

    def valid(self, on: date) -> bool:
        """Whether their functions hold on a day."""
        return self.state is not PersonState.ENDED and (self.valid_from or date.min) <= on <= (
            self.valid_until or date.max
        )

    def facts(self) -> Mapping[str, object]:
        """All of it as plain values."""
        return _plain(self)


def _plain(value: Subscriber | Person) -> Mapping[str, object]:
    return {name: _bare(one) for name, one in vars(value).items()}


def _bare(value: object) -> object:
    match value:
        case Identification() | Terms():
            return {name: _bare(one) for name, one in vars(value).items()}
        case date():
            return value.isoformat()
        case bytes():
            return value.hex()
        case tuple():
            return [_bare(one) for one in value]
        case enum.StrEnum():
            return str(value)
        case _:
            return value
