"""Making a station: its home, its key tokens, its CA, its records."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from batch.audit.log import log
from batch.model.events import Event
from batch.store.database import Records
from drivers.authorities.port import Provision
from drivers.pkcs11 import softhsm
from drivers.process import Child
from drivers.secret import Secret
from station.config import KeyToken, Operators, PrinterSeat, Seat, load
from station.configuring import compose, extend, key_entry
from station.errors import HomeError
from station.home import Home, create
from station.key_tokens import KEYS, make_checkpoint, settle_keys

_CREATE = {
    "bench": "batch.custody.keeper:BenchKeys.create",
    "diversification": "batch.custody.diversification:DiversificationKeys.create",
}
"""What makes each of the tokens that the desk itself serves, in a process of its own."""

Found = Callable[[Home, Records, Child], None]
"""Founds the register of operators; gets the bench's keys to keep what vouches for it."""

_CA_DAYS = 3652
"""Ten years, longer than any certificate of the shipped profiles."""


def make(
    path: Path,
    *,
    name: str,
    country: str,
    operator: str,
    pins: Mapping[str, Secret],
    bench: Path | None,
    seats: tuple[Seat, ...] = (),
    operators: Operators | None = None,
    printer: PrinterSeat | None = None,
    found: Found | None = None,
) -> Home:
    """A new station in `path`: SoftHSM key tokens under the given PINs, an embedded CA, empty records.

    With `bench`, its seats become the configuration; `operators` and `printer` are the tables of those
    names. `found` founds the register of operators. Raises `HomeError` where a station is there
    already; nothing of it is touched then.
    The custody token is made by its officers, not here.
    """
    home = create(path)
    if home.configuration.exists() or home.records.exists():
        raise HomeError("there is a station here already", where=str(path), next="name another with --home")
    if any(path.iterdir()):
        raise HomeError(
            "the folder is not empty",
            where=str(path),
            next="name another with --home, or remove what an earlier `station init` left that was cut off",
        )
    module = softhsm.module()
    tokens: dict[str, KeyToken] = {
        key: KeyToken(module, key, environment=softhsm.prepare(home.path / "keys" / key)) for key in KEYS
    }
    authority = {
        "key": "issuing",
        "subject": [["2.5.4.6", country], ["2.5.4.10", name], ["2.5.4.3", f"{name} Issuing CA"]],
    }
    with _new_token("bench", tokens["bench"], pins["bench"]) as bench_keys:
        _make_ca(home, tokens["ca"], authority, pins["ca"])
        settle_keys(home)
        configuration = compose(name, country, tokens, authority, bench, seats, operators, printer)
        Records.create(home.records).close()
        _write_private(home.configuration, configuration)
        with closing(Records(home.records)) as records:
            with records.transaction():
                log(records, Event("station.made", operator, detail={"name": name, "country": country}))
            if found is not None:
                found(home, records, bench_keys)
                settle_keys(home)
            make_checkpoint(home, records, bench_keys, load(home.configuration), operator)
    return home


def provision(home: Home, token: KeyToken, pin: Secret) -> Provision:
    """What this desk gives its CA driver: the key token of `[keys.ca]` and a directory in the home."""
    return Provision(token.module, token.token, pin, home.path / "ca")


def make_token(name: str, token: KeyToken, pin: Secret, note: tuple[str, bytes] | None = None) -> None:
    """Make a key token of the station under a PIN, with a note; raises `NotBlank` where there is one."""
    with _new_token(name, token, pin) as child:
        if note is not None:
            child.ask("keep_note", *note, timeout=60)


@contextmanager
def diversification_token(home: Home, pin: Secret) -> Iterator[Child]:
    """The token of diversification keys, made in the home with SoftHSM, and in station.toml at the end."""
    folder = home.path / "keys" / "diversification"
    token = KeyToken(softhsm.module(), "diversification", environment=softhsm.prepare(folder))
    with _new_token("diversification", token, pin) as child:
        yield child
        extend(home.configuration, key_entry("diversification", token))


@contextmanager
def _new_token(name: str, token: KeyToken, pin: Secret) -> Iterator[Child]:
    # Nobody keeps this SO PIN: whoever had it could give the token a new user PIN and open everything.
    arguments = (token.module, token.token, _nobodys_pin(), pin)
    child = Child(f"{name} token", _CREATE[name], arguments, environment=token.environment)
    try:
        child.ask("ready", timeout=60)
        yield child
    finally:
        child.close()


def _make_ca(home: Home, token: KeyToken, authority: Mapping[str, Any], pin: Secret) -> None:
    begin = datetime.now(UTC).replace(microsecond=0)
    arguments = (
        authority,
        provision(home, token, pin),
        _nobodys_pin(),
        begin,
        begin + timedelta(days=_CA_DAYS),
    )
    factory = "drivers.authorities.embedded:EmbeddedCa.create"
    child = Child("ca", factory, arguments, environment=token.environment)
    try:
        child.ask("chain", timeout=60)
    finally:
        child.close()


def _nobodys_pin() -> Secret:
    return Secret.text(secrets.token_hex(16))


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
