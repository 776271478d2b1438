"""Writing the log out so that it can be checked without this program."""

from __future__ import annotations

import base64
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from batch.audit.chain import facts_of
from batch.audit.log import log
from batch.audit.merkle import Tree, leaf_hash
from batch.audit.notes import VerifierKey
from batch.model.errors import NotFound, Refused
from batch.model.events import Entry, Event, StoredCheckpoint
from batch.store import audit, checkpoints, items, orders
from batch.store.database import Records

EXPORTED_EVENT = "audit.exported"


@dataclass(frozen=True)
class Selection:
    """Which entries: those about an order and its tokens, those from a number, up to a number; None: all."""

    order: str | None = None
    first: int | None = None
    last: int | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing is left out."""
        return (self.order, self.first, self.last) == (None, None, None)


@dataclass(frozen=True)
class Exported:
    """How much was written, and how many of the entries no checkpoint covers yet."""

    entries: int
    checkpoints: int
    uncovered: int


def export(records: Records, path: Path, selection: Selection, operator: str) -> Exported:
    """Write the entries, their hashes, all checkpoints, the key, proofs for a part, and a checker to `path`.

    A folder, or one file where the name ends in .zip; neither may exist. Raises `Refused`, `NotFound` where
    nothing is selected. The log tells of it first (R37).
    """
    if path.exists():
        raise Refused("is there already, and is not written over", where=str(path), next="name another place")
    chosen = _chooser(records, selection)
    told = {"to": path.name, "from": selection.first, "up to": selection.last}
    detail = {name: value for name, value in told.items() if value is not None}
    with records.transaction():
        log(records, Event(EXPORTED_EVENT, operator, order=chosen.order, detail=detail))
    parent = path.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    # Only what is whole gets the name that was asked for.
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=parent))
    try:
        with records.snapshot():
            done = _write(records, folder, chosen, whole=selection.whole)
        if not done.entries:
            raise NotFound("no entry is selected", where=selection.order, next="see `station audit show`")
        if path.suffix == ".zip":
            _pack(folder, path)
        else:
            folder.rename(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return done


@dataclass(frozen=True)
class _Chooser:
    """Tells which entries are selected."""

    selection: Selection
    order: str | None
    items: frozenset[str]

    def __call__(self, entry: Entry) -> bool:
        first, last = self.selection.first, self.selection.last
        if (first and entry.sequence < first) or (last and entry.sequence > last):
            return False
        if self.order is None:
            return True
        facts = facts_of(entry)
        return facts.get("order") == self.order or facts.get("item") in self.items


def _chooser(records: Records, selection: Selection) -> _Chooser:
    if selection.order is None:
        return _Chooser(selection, None, frozenset())
    order = orders.order(records, selection.order)
    chosen = frozenset(item.mailer_number for item in items.items(records, order))
    return _Chooser(selection, order.number, chosen)


def _write(records: Records, folder: Path, chosen: _Chooser, *, whole: bool) -> Exported:
    stored = checkpoints.every(records)
    leaves, numbers = bytearray(), list[int]()
    with (
        (folder / "entries.jsonl").open("w", encoding="utf-8", newline="\n") as bodies,
        (folder / "hashes.txt").open("w", encoding="ascii", newline="\n") as hashes,
    ):
        for entry in audit.entries(records):
            if not whole:
                leaves += leaf_hash(entry.body.encode())
            if chosen(entry):
                bodies.write(f"{entry.body}\n")
                hashes.write(f"{entry.sequence} {entry.hash.hex()}\n")
                numbers.append(entry.sequence)
    (folder / "checkpoints").mkdir()
    for one in stored:
        (folder / "checkpoints" / f"{one.size:09d}").write_text(one.note, encoding="utf-8")
    covered = stored[-1].size if stored else 0
    if stored:
        keys = dict.fromkeys(one.key for one in reversed(stored))
        (folder / "key.vkey").write_text("".join(f"{key}\n" for key in keys), encoding="utf-8")
        pem = VerifierKey.parse(stored[-1].key).pem()
        (folder / "key.pem").write_text(pem, encoding="ascii")
    if stored and not whole:
        _write_proofs(folder / "proofs", stored[-1], Tree(bytes(leaves)), numbers)
    here = files("batch.audit")
    (folder / "README.md").write_text((here / "bundle.md").read_text("utf-8"), encoding="utf-8")
    (folder / "check.py").write_text((here / "checker.py").read_text("utf-8"), encoding="utf-8")
    return Exported(len(numbers), len(stored), sum(number > covered for number in numbers))


def _write_proofs(folder: Path, checkpoint: StoredCheckpoint, tree: Tree, numbers: list[int]) -> None:
    folder.mkdir()
    if tree.size < checkpoint.size:
        raise Refused(
            f"entries are missing that the checkpoint over {checkpoint.size} entries covers",
            next="run `station audit verify`; the whole log can still be exported",
        )
    for number in numbers:
        if 0 < number <= checkpoint.size:
            path = tree.inclusion(number - 1, checkpoint.size)
            lines = ["c2sp.org/tlog-proof@v1", f"index {number - 1}"]
            lines += [base64.b64encode(part).decode() for part in path]
            proof = "\n".join(lines) + f"\n\n{checkpoint.note}"
            (folder / f"{number:09d}.tlog-proof").write_text(proof, encoding="utf-8")


def _pack(folder: Path, path: Path) -> None:
    try:
        with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as packed:
            for name in _names(folder):
                packed.write(folder / name, Path(path.stem, name))
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise


def _names(folder: Path) -> Iterator[str]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        yield from (os.path.relpath(os.path.join(root, name), folder) for name in sorted(names))
