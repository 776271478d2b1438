"""What a CA here keeps, or this desk of one elsewhere, as files to copy away and to put back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from drivers.authorities.records import Records
from drivers.errors import CaRefused
from drivers.foreign_certificates import load_certificate

_LEDGER = "revoked.jsonl"
_NAMES = re.compile(
    r"ca\.der|crl\.der|revoked\.jsonl|issued/[0-9a-f]{2}/[0-9a-f]{64}\.der|exchanges/[0-9a-f]{64}\.json"
)


def files(directory: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file a CA in `directory` must never forget, while it may be at work."""
    if not (directory / "ca.der").exists():
        return
    # Its own certificate last: a directory with it is whole.
    for path in sorted([*directory.glob("exchanges/*.json"), *directory.glob("issued/*/*.der")]):
        name = path.relative_to(directory).as_posix()
        if _NAMES.fullmatch(name):
            yield name, path.read_bytes()
    for name in ("crl.der", _LEDGER):
        path = directory / name
        if path.exists():
            content = path.read_bytes()
            # The line of a process that writes just now is not whole yet, and nobody was told of it.
            yield name, content[: content.rfind(b"\n") + 1] if name == _LEDGER else content
    yield "ca.der", (directory / "ca.der").read_bytes()


def put_back(directory: Path, name: str, content: bytes) -> bool:
    """Put a file of `files` back where it is missing, on disk when this returns; False where one is there.

    What is there is newer and stays, a shorter ledger of revocations excepted. Raises `CaRefused` where it is
    another CA's.
    """
    if not _NAMES.fullmatch(name):
        raise CaRefused(f"no CA keeps a file {name!r:.80}", where=str(directory))
    records = Records(directory)
    if not (directory / name).parent.is_dir():
        records.prepare()
        (directory / name).parent.mkdir(mode=0o700, exist_ok=True)
    there = (directory / name).read_bytes() if (directory / name).exists() else None
    if there is None or (name == _LEDGER and content.startswith(there) and there != content):
        records.put(name, content)
        if name.startswith("issued/"):
            certificate = load_certificate(content)
            key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            records.link(key, certificate.serial_number, directory / name)
        return True
    moves = name == "crl.der" or name.startswith("exchanges/")
    same = there == content or (name == _LEDGER and there.startswith(content)) or moves
    if not same:
        raise CaRefused(
            f"{name} here is not the backup's: another CA's, or damaged",
            where=str(directory),
            next="use a backup of this station; nothing of the CA was changed",
        )
    return False
