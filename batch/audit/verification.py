"""Verifying the log: its chain, its signed checkpoints, checkpoints kept outside, and the records (R38)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from batch.audit.agreement import Agreement
from batch.audit.chain import Chain, facts_of
from batch.audit.checkpoints import KEY_EVENT, MADE_EVENT
from batch.audit.diagnosis import diagnose
from batch.audit.findings import Finding, Kind
from batch.audit.log import log
from batch.audit.merkle import SIZE, Frontier, leaf_hash
from batch.audit.notes import Note, VerifierKey
from batch.model.errors import FaultyNote
from batch.model.events import Entry, Event, StoredCheckpoint
from batch.store import audit, checkpoints
from batch.store.database import Records

VERIFIED_EVENT = "audit.verified"


@dataclass(frozen=True)
class Report:
    """What a verification saw: the last entry, how many checkpoints there are, how many entries the largest
    that holds covers, the keys that signed them, and what is wrong.
    """

    head: Entry | None
    checkpoints: int
    covered: int
    keys: Sequence[VerifierKey]
    findings: Sequence[Finding]

    @property
    def entries(self) -> int:
        """The number of the last entry."""
        return self.head.sequence if self.head else 0


def verify(
    records: Records, *, outside: Mapping[str, Note] | None = None, keys: Sequence[VerifierKey] = ()
) -> Report:
    """Verify the whole log and the checkpoints from `outside`, by their names.

    `keys`, known from elsewhere, are the only ones trusted where given; else the records' own are. Reads
    one moment's state, beside whoever writes.
    """
    with records.snapshot():
        return _Verification(records, outside or {}, keys).report()


def note_verified(records: Records, report: Report, operator: str) -> None:
    """Put on record that the log was found to hold."""
    detail = {"entries": report.entries, "head": report.head.hash.hex() if report.head else ""}
    with records.transaction():
        checkpoints.add_verification(records, operator, report.entries)
        log(records, Event(VERIFIED_EVENT, operator, detail=detail))


class _Verification:
    def __init__(self, records: Records, outside: Mapping[str, Note], trusted: Sequence[VerifierKey]) -> None:
        self._records, self._outside, self._trusted = records, outside, trusted
        self._stored = checkpoints.every(records)
        self._keys: dict[str, VerifierKey] = {}
        self._findings: list[Finding] = []
        self._roots: list[tuple[int, bytes, str]] = []
        """Sizes and signed roots still to be compared with those of the entries, and who has them."""

    def report(self) -> Report:
        """Everything, the gravest first."""
        covered = self._signed_leaves()
        for name, note in self._outside.items():
            self._outside_note(name, note)
        about_entries = self._entries(covered)
        head = audit.head(self._records)
        findings = [*about_entries, *self._findings]
        return Report(head, len(self._stored), covered, tuple(self._keys.values()), findings)

    def _signed_leaves(self) -> int:
        """Hold every stored checkpoint to its signature; how many leaf hashes one that holds covers."""
        frontier, covered, whole = Frontier(), 0, True
        leaves = checkpoints.leaves(self._records)
        for stored, (_, added) in zip(self._stored, leaves, strict=True):
            note = self._stored_note(stored)
            if whole and len(added) == (stored.size - frontier.size) * SIZE:
                for at in range(0, len(added), SIZE):
                    frontier.add(added[at : at + SIZE])
            else:
                whole = False
            if note is None:
                continue
            if whole and frontier.root() == note.checkpoint.root:
                covered = stored.size
                if stored.frontier != frontier.peaks:
                    self._about(f"what the tree goes on from after entry {stored.size} was changed")
            else:
                self._about(
                    f"the leaf hashes kept with the checkpoint over {stored.size} entries were changed"
                )
                self._roots.append((stored.size, note.checkpoint.root, "a stored checkpoint"))
        return covered

    def _stored_note(self, stored: StoredCheckpoint) -> Note | None:
        name = f"the checkpoint over {stored.size} entries"
        try:
            note, key = Note.parse(stored.note, name), VerifierKey.parse(stored.key)
        except FaultyNote:
            self._about(f"{name} was changed: it cannot be read")
            return None
        if self._trusted and key not in self._trusted:
            self._about(f"{name} is signed with another key than the given: {key}")
            return None
        self._keys[str(key)] = key
        if note.checkpoint.size != stored.size or not note.verified_by(key):
            self._about(f"{name} was changed: its signature does not hold")
            return None
        return note

    def _outside_note(self, name: str, note: Note) -> None:
        keys = self._trusted or tuple(self._keys.values())
        if any(note.verified_by(key) for key in keys):
            self._roots.append((note.checkpoint.size, note.checkpoint.root, name))
        else:
            self._about(f"{name} bears no good signature of this log's key")

    def _entries(self, covered: int) -> list[Finding]:
        """Go through all entries once; again only where those that are covered do not hold."""
        chain, frontier, agreement = Chain(), Frontier(), Agreement()
        signed = self._leaves(covered)
        told_keys: set[str] = set()
        told_sizes: set[str] = set()
        intact, roots = True, {0: frontier.root()}
        wanted = {size for size, _, _ in self._roots}
        for entry in audit.entries(self._records):
            facts = facts_of(entry)
            chain.add(entry, facts.get("n"))
            agreement.hear(facts)
            detail = facts.get("detail")
            if isinstance(detail, dict):
                if facts.get("event") == KEY_EVENT:
                    told_keys.add(str(detail.get("key")))
                elif facts.get("event") == MADE_EVENT:
                    told_sizes.add(str(detail.get("size")))
            leaf = leaf_hash(entry.body.encode("utf-8", "replace"))
            if frontier.size < covered:
                intact = intact and leaf == next(signed)
            frontier.add(leaf)
            if frontier.size in wanted:
                roots[frontier.size] = frontier.root()
        intact = intact and frontier.size >= covered
        found = self._judged(chain, covered, intact)
        found += self._compared(roots, frontier.size, covered if intact else 0)
        self._untold(told_keys, told_sizes)
        try:
            self._findings += agreement.findings(self._records)
        except ValueError:
            what = "a record of an order, a token or a letter was changed: it cannot be read"
            self._findings.append(Finding(Kind.FACT, None, None, what))
        return found

    def _judged(self, chain: Chain, covered: int, intact: bool) -> list[Finding]:
        """Signed leaves know better than the chain which entries were changed; it has a say on the rest."""
        if intact:
            return [
                Finding(Kind.HASH, one.first, one.last) if (one.last or 0) <= covered else one
                for one in chain.findings
            ]
        leaves = b"".join(self._leaves(covered))
        found = diagnose(lambda: audit.entries(self._records), leaves)
        return [*found, *(one for one in chain.findings if (one.first or 0) > covered)]

    def _compared(self, roots: Mapping[int, bytes], size: int, holds: int) -> list[Finding]:
        """The roots signed by others than the stored leaves, against those of the entries there are."""
        found = []
        for signed_size, root, name in sorted(self._roots):
            if signed_size > size:
                more = f"{name} was signed over {signed_size} entries: the log was cut back"
                found.append(Finding(Kind.MISSING, size + 1, signed_size, more))
            elif roots[signed_size] == root:
                holds = max(holds, signed_size)
            elif signed_size <= holds:
                self._about(f"{name} is signed over another history of the same {signed_size} entries")
            else:
                more = f"{name} was signed over others"
                found.append(Finding(Kind.REWRITTEN, holds + 1, signed_size, more))
        return found

    def _untold(self, keys: set[str], sizes: set[str]) -> None:
        """Keys and checkpoints the log does not tell of, and those it tells of that are not there."""
        for key in sorted(set(self._keys) - keys):
            self._about(f"the log does not tell of the key of its checkpoints: {key}")
        stored = {str(one.size) for one in self._stored}
        for size in sorted(stored - sizes):
            self._about(f"the log does not tell of the checkpoint over {size} entries")
        for size in sorted(sizes - stored):
            self._about(f"the checkpoint over {size} entries is missing, of which the log tells")

    def _leaves(self, covered: int) -> Iterator[bytes]:
        for size, added in checkpoints.leaves(self._records):
            if size <= covered:
                yield from (added[at : at + SIZE] for at in range(0, len(added), SIZE))

    def _about(self, what: str) -> None:
        self._findings.append(Finding(Kind.CHECKPOINT, None, None, what))
