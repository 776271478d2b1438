"""Making a signed checkpoint of the log (R39): the tree goes on from where the last checkpoint left it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from batch.audit.chain import follows
from batch.audit.log import log
from batch.audit.merkle import Frontier, leaf_hash
from batch.audit.notes import Checkpoint, Note, VerifierKey
from batch.model.errors import FaultyNote, RecordsDamaged, Refused
from batch.model.events import Event, StoredCheckpoint
from batch.store import audit, checkpoints
from batch.store.database import Records, stamp

KEY_EVENT, MADE_EVENT = "audit.key", "checkpoint.made"


@dataclass(frozen=True)
class Signer:
    """The log's key: its public half (32 bytes), and what signs a text with the private one (64 bytes)."""

    public: bytes
    sign: Callable[[bytes], bytes]


def make(
    records: Records, signer: Signer, *, origin: str, operator: str, new_key: bool = False
) -> StoredCheckpoint:
    """Sign the log as it is and keep the checkpoint; `origin` counts for the first one only.

    Only entries since the last checkpoint are read. Raises `Refused` where the last one was signed with
    another key, unless `new_key` is wanted; `RecordsDamaged` where it, or an entry since, does not hold:
    what was altered is never signed.
    """
    last = checkpoints.last(records)
    frontier, known = _going_on(records, last) if last else (Frontier(), None)
    key = VerifierKey(known.name if known else origin, signer.public)
    if known not in (None, key) and not new_key:
        raise Refused(
            "the last checkpoint was signed with another key than the bench's token holds",
            where=str(records.path),
            next="where the token was replaced on purpose: `station audit checkpoint --new-key`",
        )
    if known != key:
        with records.transaction():
            log(records, Event(KEY_EVENT, operator, detail={"key": str(key)}))
    leaves = _extend(records, frontier, last)
    checkpoint = Checkpoint(key.name, frontier.size, frontier.root())
    note = checkpoint.signed(key, signer.sign(checkpoint.text().encode()))
    made = StoredCheckpoint(frontier.size, note, str(key), frontier.peaks, stamp())
    if not Note.parse(note, "the new checkpoint").verified_by(key):
        raise RecordsDamaged(
            "the bench's token gave a signature that does not verify",
            where=str(records.path),
            next="look at the bench's key token with `station doctor`",
        )
    with records.transaction():
        if checkpoints.last(records) != last:
            raise Refused(
                "another command made a checkpoint meanwhile", where=str(records.path), next="that one counts"
            )
        checkpoints.add(records, made, leaves)
        log(records, Event(MADE_EVENT, operator, detail={"size": made.size, "root": checkpoint.root.hex()}))
    return made


def _going_on(records: Records, last: StoredCheckpoint) -> tuple[Frontier, VerifierKey]:
    """The tree and the key of the last checkpoint, both held to its signature."""
    try:
        note, key = Note.parse(last.note, "the last checkpoint"), VerifierKey.parse(last.key)
        frontier = Frontier(last.size, last.frontier)
        if note.verified_by(key) and note.checkpoint == Checkpoint(key.name, last.size, frontier.root()):
            return frontier, key
    except (FaultyNote, ValueError):
        pass
    raise _damaged(records, f"the checkpoint over {last.size} entries was changed")


def _extend(records: Records, frontier: Frontier, last: StoredCheckpoint | None) -> bytes:
    """Add every entry since the last checkpoint to its tree; their leaf hashes."""
    leaves = bytearray()
    previous = audit.entry(records, last.size) if last else None
    if last is not None and previous is None:
        raise _damaged(records, f"entry {last.size} is missing")
    for entry in audit.entries(records, after=previous.sequence if previous else None):
        if not follows(previous, entry):
            raise _damaged(records, f"entry {entry.sequence} does not follow the one before it")
        leaf = leaf_hash(entry.body.encode())
        frontier.add(leaf)
        leaves += leaf
        previous = entry
    return bytes(leaves)


def _damaged(records: Records, what: str) -> RecordsDamaged:
    return RecordsDamaged(
        f"the audit log does not hold: {what}", where=str(records.path), next="run `station audit verify`"
    )
