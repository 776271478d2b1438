"""Whether the registry says what the log tells of it, without the log telling whom it is about."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from batch.audit.chain import canonical
from batch.audit.findings import Finding, Kind
from batch.model.registry import Person, Subscriber
from batch.store import registry
from batch.store.database import Records

FORGOTTEN = "person.forgotten"


def commitment(entry: Person | Subscriber, salt: bytes) -> str:
    """SHA-256, hexadecimal, over a salt and all that the registry holds of somebody.

    Without the salt nobody can tell by trying whom it is about.
    """
    return hashlib.sha256(salt + canonical(dict(entry.facts())).encode("utf-8", "replace")).hexdigest()


class RegistryAgreement:
    """Hears every entry of the log, then compares."""

    def __init__(self) -> None:
        self._told: dict[str, bytes] = {}
        """By subscriber or person, what was told last; no octets of who is forgotten."""

    def hear(self, facts: Mapping[str, object]) -> None:
        """What one entry tells."""
        event, detail = str(facts.get("event")), facts.get("detail")
        if not event.startswith(("subscriber.", "person.")) or not isinstance(detail, dict):
            return
        name, content = str(detail.get("person") or detail.get("subscriber")), detail.get("content")
        if event == FORGOTTEN:
            self._told[name] = b""
        elif isinstance(content, str):
            self._told[name] = content.encode()

    def findings(self, records: Records) -> Iterator[Finding]:
        """Where the registry disagrees with what was heard."""
        missing = set(self._told)
        of_subscribers = registry.salts(records, "subscribers", "organisation")
        for subscriber in registry.subscribers(records):
            missing.discard(subscriber.organisation)
            told = self._told.get(subscriber.organisation, b"")
            yield from _compare(subscriber.organisation, subscriber, of_subscribers, told)
        of_persons = registry.salts(records, "persons", "number")
        for person in registry.persons(records):
            missing.discard(person.number)
            if person.number in self._told and not self._told[person.number]:
                if person.forgotten is None:
                    yield _disagree(f"person {person.number} is forgotten, as the log tells, but on record")
                continue
            told = self._told.get(person.number, b"")
            if person.forgotten is not None:
                yield _disagree(f"person {person.number} is forgotten, but the log does not tell of it")
            else:
                yield from _compare(f"person {person.number}", person, of_persons, told)
        for name in sorted(missing):
            yield _disagree(f"{name} is in the registry, as the log tells, but is not on record")


def _compare(
    name: str, entry: Person | Subscriber, salts: Mapping[str, bytes | None], told: bytes
) -> Iterator[Finding]:
    key = entry.number if isinstance(entry, Person) else entry.organisation
    if not told:
        yield _disagree(f"{name} is in the registry, but the log does not tell of it")
    elif commitment(entry, salts.get(key) or b"").encode() != told:
        yield _disagree(f"{name} stands otherwise in the registry than the log tells")


def _disagree(what: str) -> Finding:
    return Finding(Kind.FACT, None, None, what)
