"""Checks an exported audit log with nothing but Python's standard library and openssl.

    python3 check.py [FOLDER] [--key VKEY]

Independent of the program that wrote the log. Ends with 0 where everything holds, else with 1.
"""

import argparse
import base64
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

Checkpoint = tuple[int, bytes]
Entry = tuple[int, str, bytes]

SPKI = bytes.fromhex("302a300506032b6570032100")
"""What stands before an Ed25519 key in DER (RFC 8410)."""


def sha256(data: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(data).digest()


def leaf_hash(body: str) -> bytes:
    """The leaf of an entry (RFC 6962, 2.1)."""
    return sha256(b"\x00" + body.encode())


def node_hash(left: bytes, right: bytes) -> bytes:
    """An inner node (RFC 6962, 2.1)."""
    return sha256(b"\x01" + left + right)


def roots(leaves: list[bytes], sizes: set[int]) -> dict[int, bytes]:
    """The roots over the first so many leaves, for each size that is asked for."""
    found: dict[int, bytes] = {}
    peaks: list[tuple[int, bytes]] = []
    for size, leaf in enumerate(leaves, 1):
        peaks.append((1, leaf))
        while len(peaks) > 1 and peaks[-1][0] == peaks[-2][0]:
            (width, left), (_, right) = peaks[-2:]
            peaks[-2:] = [(2 * width, node_hash(left, right))]
        if size in sizes:
            root = peaks[-1][1]
            for _, peak in reversed(peaks[:-1]):
                root = node_hash(peak, root)
            found[size] = root
    return found


def root_from_proof(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes | None:
    """The root that an inclusion proof leads to (RFC 9162, 2.1.3.2); None where it cannot be one."""
    at, last, root = index, size - 1, leaf
    if index >= size:
        return None
    for part in proof:
        if last == 0:
            return None
        if at & 1 or at == last:
            root = node_hash(part, root)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            root = node_hash(root, part)
        at, last = at >> 1, last >> 1
    return root if last == 0 else None


def read_keys(text: str) -> dict[tuple[str, bytes], bytes]:
    """Ed25519 keys (C2SP signed-note) by name and id."""
    keys = {}
    for line in text.splitlines():
        name, id_, encoded = line.split("+", 2)
        value = base64.b64decode(encoded, validate=True)
        if value[:1] != b"\x01" or sha256(name.encode() + b"\n" + value)[:4].hex() != id_:
            raise ValueError(f"no verifier key: {line}")
        keys[name, bytes.fromhex(id_)] = value[1:]
    return keys


def read_note(text: str, keys: dict[tuple[str, bytes], bytes]) -> Checkpoint | None:
    """Size and root of a signed checkpoint (C2SP tlog-checkpoint); None without a good signature."""
    body, _, signatures = text.rpartition("\n\n")
    body += "\n"
    for line in signatures.splitlines():
        dash, name, encoded = line.split(" ", 2)
        value = base64.b64decode(encoded, validate=True)
        key = keys.get((name, value[:4]))
        if dash == "\u2014" and key is not None and verifies(key, body.encode(), value[4:]):
            _, size, root = body.split("\n")[:3]
            return int(size), base64.b64decode(root, validate=True)
    return None


def verifies(key: bytes, text: bytes, signature: bytes) -> bool:
    """Whether openssl finds an Ed25519 signature good."""
    with tempfile.TemporaryDirectory() as folder:
        public, told, sig = (Path(folder, name) for name in ("key.der", "text", "sig"))
        public.write_bytes(SPKI + key)
        told.write_bytes(text)
        sig.write_bytes(signature)
        command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER"]
        places = ["-inkey", str(public), "-in", str(told), "-sigfile", str(sig)]
        done = subprocess.run([*command, *places], capture_output=True, check=False)
    return done.returncode == 0


def read_entries(folder: Path) -> list[Entry]:
    """Number, text and hash of each entry, in the order of the files."""
    bodies = (folder / "entries.jsonl").read_bytes().decode().split("\n")[:-1]
    hashes = [line.split() for line in (folder / "hashes.txt").read_text().splitlines()]
    if len(bodies) != len(hashes):
        raise ValueError("entries.jsonl and hashes.txt have not the same number of lines")
    return [
        (int(number), body, bytes.fromhex(value))
        for body, (number, value) in zip(bodies, hashes, strict=True)
    ]


def check_chain(entries: list[Entry]) -> Iterator[str]:
    """Every entry carries its number; each is linked to the one before, where that is here."""
    before: tuple[int, bytes] = (0, bytes(32))
    for number, body, value in entries:
        if json.loads(body).get("n") != number or number <= before[0]:
            yield f"entry {number} stands in another's place"
        if number == before[0] + 1 and sha256(before[1] + body.encode()) != value:
            yield f"entry {number}, or the hash of entry {before[0]}, was changed"
        before = (number, value)


def check_proofs(folder: Path, leaves: dict[int, bytes], notes: dict[str, Checkpoint]) -> Iterator[str]:
    """The inclusion proofs (C2SP tlog-proof) of a part of a log: one for each entry that is covered."""
    proven = set()
    for path in sorted(folder.glob("*.tlog-proof")):
        head, _, note = path.read_bytes().decode().partition("\n\n")
        kind, index, *parts = head.split("\n")
        number = int(index.removeprefix("index ")) + 1
        proof = [base64.b64decode(part, validate=True) for part in parts]
        proven.add(number)
        if kind != "c2sp.org/tlog-proof@v1" or note not in notes or number not in leaves:
            yield f"{path.name}: is no proof for an entry and a checkpoint that are here"
            continue
        size, root = notes[note]
        if root_from_proof(leaves[number], number - 1, size, proof) != root:
            yield f"{path.name}: entry {number} is not the one that was signed"
    covered = max((size for size, _ in notes.values()), default=0)
    for number in sorted(set(leaves) - proven):
        if number <= covered:
            yield f"entry {number} has no proof"


def check_roots(leaves: dict[int, bytes], notes: dict[str, Checkpoint]) -> Iterator[str]:
    """The roots over all entries of a whole log."""
    found = roots(list(leaves.values()), {size for size, _ in notes.values()})
    held = 0
    for size, root in sorted(notes.values()):
        if size > len(leaves):
            yield f"entries {len(leaves) + 1} to {size} are missing, which a checkpoint covers"
        elif found[size] != root:
            yield f"entries {held + 1} to {size} are not the ones that were signed"
            return
        held = size


def check(folder: Path, trusted: str | None) -> tuple[list[str], str]:
    """All that is wrong, and what was checked."""
    faults: list[str] = []
    entries = read_entries(folder)
    leaves = {number: leaf_hash(body) for number, body, _ in entries}
    faults += check_chain(entries)
    notes: dict[str, Checkpoint] = {}
    keys = (folder / "key.vkey").read_text("utf-8") if (folder / "key.vkey").exists() else ""
    if trusted and keys.splitlines()[:1] != [trusted.strip()]:
        faults.append("the key in key.vkey is not the one given with --key")
    for path in sorted(folder.glob("checkpoints/*")):
        text = path.read_bytes().decode()
        if (checkpoint := read_note(text, read_keys(keys))) is None:
            faults.append(f"{path.name}: bears no good signature of the key in key.vkey")
        else:
            notes[text] = checkpoint
    if not any(folder.glob("checkpoints/*")):
        faults.append("no checkpoint is here: nothing of it is signed")
    part = (folder / "proofs").is_dir()
    if not part and list(leaves) != list(range(1, len(leaves) + 1)):
        faults.append("entries are missing in between")
    faults += check_proofs(folder / "proofs", leaves, notes) if part else check_roots(leaves, notes)
    kind = "a part of a log" if part else "a whole log"
    held = (counted(len(entries), "entry", "entries"), counted(len(notes), "checkpoint", "checkpoints"))
    return faults, ", ".join((kind, *held))


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun."""
    return f"{number} {one if number == 1 else many}"


def main() -> int:
    """Check the folder named on the command line, this file's own by default."""
    parser = argparse.ArgumentParser(description="Check an exported audit log.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument("--key", help="the verifier key as it was kept elsewhere")
    given = parser.parse_args()
    try:
        faults, told = check(given.folder, given.key)
    except (OSError, ValueError, AttributeError, KeyError) as error:
        faults, told = [f"cannot be read: {error}"], "nothing checked"
    sys.stdout.write("".join(f"FAULT {fault}\n" for fault in faults))
    sys.stdout.write(f"{told}: {'FAULTY' if faults else 'all hold'}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
