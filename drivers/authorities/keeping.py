"""What a CA here keeps, or this desk of one elsewhere, as files to copy away and to put back."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from drivers.authorities.offline.requests import FOLDER, Requests
from drivers.authorities.records import Records
from drivers.errors import CaRefused
from drivers.foreign_certificates import load_certificate

_LEDGERS = ("revoked.jsonl", "bundles.jsonl")
_ISSUED = r"issued/[0-9a-f]{2}/[0-9a-f]{64}\.der"
_NAMES = re.compile(
    rf"ca\.der|crl\.der|revoked\.jsonl|exchanges/[0-9a-f]{{64}}\.(?:json|key)|{_ISSUED}|"
    rf"{FOLDER}/(?:signer\.der|crl\.der|revoked\.jsonl|bundles\.jsonl|asked/[0-9a-f]{{64}}\.json|{_ISSUED})"
)


def files(directory: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file a CA in `directory` must never forget, while it may be at work."""
    offline = directory / FOLDER
    if offline.is_dir():
        for name, content in _kept(offline, "issued/*/*.der", "asked/*.json"):
            yield f"{FOLDER}/{name}", content
    # Its own certificate last: a directory with it is whole.
    if (directory / "ca.der").exists():
        yield from _kept(directory, "exchanges/*", "issued/*/*.der")
        yield "ca.der", (directory / "ca.der").read_bytes()


def _kept(root: Path, *patterns: str) -> Iterator[tuple[str, bytes]]:
    prefix = f"{FOLDER}/" if root.name == FOLDER else ""
    for path in itertools.chain.from_iterable(sorted(root.glob(pattern)) for pattern in patterns):
        name = path.relative_to(root).as_posix()
        if _NAMES.fullmatch(prefix + name):
            yield name, path.read_bytes()
    for name in ("signer.der", "crl.der", *_LEDGERS):
        path = root / name
        if path.exists():
            content = path.read_bytes()
            # The line of a process that writes just now is not whole yet, and nobody was told of it.
            yield name, content[: content.rfind(b"\n") + 1] if name in _LEDGERS else content


def put_back(directory: Path, name: str, content: bytes) -> bool:
    """Put a file of `files` back where it is missing, on disk when this returns; False where one is there.

    What is there is newer and stays, a shorter ledger of revocations excepted. Raises `CaRefused` where it is
    another CA's.
    """
    if not _NAMES.fullmatch(name):
        raise CaRefused(f"no CA keeps a file {name!r:.80}", where=str(directory))
    inner = name.removeprefix(f"{FOLDER}/")
    offline = Requests(directory / FOLDER) if inner != name else None
    records = offline or Records(directory)
    if not (directory / name).parent.is_dir():
        records.prepare()
        (directory / name).parent.mkdir(mode=0o700, exist_ok=True)
    there = (directory / name).read_bytes() if (directory / name).exists() else None
    if there is None or (inner in _LEDGERS and content.startswith(there) and there != content):
        records.put(inner, content)
        if inner.startswith("issued/"):
            certificate = load_certificate(content)
            key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            records.link(key, certificate.serial_number, directory / name)
        elif inner.startswith("asked/") and offline is not None:
            # What was answered is not waited for, whatever stands there.
            offline.wait_again(inner)
        return True
    moves = inner == "crl.der" or name.startswith("exchanges/")
    same = there == content or (inner in _LEDGERS and there.startswith(content)) or moves
    if not same:
        raise CaRefused(
            f"{name} here is not the backup's: another CA's, or damaged",
            where=str(directory),
            next="use a backup of this station; nothing of the CA was changed",
        )
    return False
