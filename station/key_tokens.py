"""The station's own key tokens, and what of them the log needs: its key, and checkpoints for a witness."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from batch.audit import checkpoints
from batch.audit.checkpoints import Signer
from batch.audit.notes import origin_of
from batch.model.events import StoredCheckpoint
from batch.store.checkpoints import last as last_checkpoint
from batch.store.database import Records
from drivers.pkcs11 import softhsm
from drivers.process import Child
from station.config import Configuration
from station.home import Home

KEYS = ("custody", "bench", "ca")
"""The key tokens every station has."""

PINNED = ("bench", "ca")
"""Those whose PIN somebody knows, in the order in which they are asked for; custody's nobody knows."""

EVERY = (*KEYS, "diversification")
"""All key tokens there may be in a home."""

_PATIENCE = 60.0
_ED25519_LENGTH = 32


@dataclass(frozen=True)
class Made:
    """A checkpoint that was made, where it was written for the witness, why it could not be, and the verifier
    key where the log goes on under another one than before.
    """

    checkpoint: StoredCheckpoint
    written: Path | None
    unwritten: str | None
    new_key: str | None


def settle_keys(home: Home) -> None:
    """Force the key tokens in the home to disk: SoftHSM does not, and a lost custody key is final."""
    for key in EVERY:
        if (home.path / "keys" / key).is_dir():
            softhsm.settle(home.path / "keys" / key)


def make_checkpoint(
    home: Home,
    records: Records,
    bench_keys: Child,
    configuration: Configuration,
    operator: str,
    *,
    new_key: bool = False,
) -> Made:
    """Sign the log as it is with the key in the bench's token, which is made where there is none (R39).

    A token made anew, such as after a restore, gets a new key. The checkpoint also goes to the folder of the
    witness, where one is configured.
    """
    last = last_checkpoint(records)
    spki = bench_keys.ask("log_key", timeout=_PATIENCE)
    if spki is None:
        spki = bench_keys.ask("make_log_key", timeout=_PATIENCE)
        # Before the first checkpoint names it.
        settle_keys(home)
        new_key = True
    signer = Signer(spki[-_ED25519_LENGTH:], signing(bench_keys))
    origin = origin_of(configuration.station.name)
    made = checkpoints.make(records, signer, origin=origin, operator=operator, new_key=new_key)
    other = made.key if last is not None and last.key != made.key else None
    folder = configuration.audit.witness
    if folder is None:
        return Made(made, None, None, other)
    path = Path(folder) / f"{made.note.partition('/')[0]}-{made.size:09d}.checkpoint"
    try:
        _write(path, made.note)
    except OSError as error:
        return Made(made, None, f"{path}: {error.strerror}", other)
    return Made(made, path, None, other)


def signing(bench_keys: Child) -> Callable[[bytes], bytes]:
    """Signs a text with the log's key: 64 bytes."""
    return lambda text: bytes(bench_keys.ask("sign_log", text, timeout=_PATIENCE))


def _write(path: Path, note: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise
