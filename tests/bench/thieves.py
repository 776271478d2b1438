"""What somebody tries who has a copy of a home."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from Crypto.Protocol.SecretSharing import Shamir
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from batch.custody.sealing import open_codes, open_with, unwrap
from batch.custody.shares import context
from batch.model.codes import Binding
from batch.model.custody import SetState
from batch.people.acting import register_of
from batch.people.passphrase import PassphraseKeys
from batch.store import codes as stored_codes
from batch.store import custody, items, logins
from batch.store.database import Records
from drivers.process import Child
from drivers.secret import Secret
from drivers.tokens import Code
from simulators.bench import softhsm_module
from tests.bench.desk import Desk


def thief_s(copy: Path, desk: Desk, work: Path) -> tuple[Desk, Path]:
    """A copied home made to work where it lies now, and the tray of its printer."""
    home, tray = work / "home", work / "tray"
    shutil.copytree(copy, home)
    for path in (home / "station.toml", *home.glob("keys/*/softhsm2.conf")):
        path.write_text(path.read_text().replace(str(desk.home), str(home)))
    moved = replace(desk, home=home, work=work, environment={**desk.environment, "STATION_HOME": str(home)})
    moved.configure(lambda text: text.replace(str(desk.bench.layout.printed), str(tray)))
    return moved, tray


def ask(desk: Desk, token: str, factory: str, pin: Secret, method: str, *arguments: object) -> Any:
    """What one of the station's own tokens answers to who has this PIN."""
    environment = {"SOFTHSM2_CONF": str(desk.home / "keys" / token / "softhsm2.conf")}
    child = Child(token, factory, (softhsm_module(), token, pin), environment=environment)
    try:
        return child.ask(method, *arguments)
    finally:
        child.close()


def guesses(desk: Desk, officer: str) -> list[Secret]:
    """PINs of the custody token that one officer's share and all that is on record might seem to give."""
    records, mine = Records(desk.home / "station.db"), ec.generate_private_key(ec.SECP256R1())
    try:
        ((_, shares),) = custody.sets(records, SetState.CURRENT)
        sealed_keys = logins.sealed_keys(records, register_of(records).operator(officer).key)
    finally:
        records.close()
    assert sealed_keys is not None
    keys = PassphraseKeys(sealed_keys, officer)
    keys.login(desk.pins[officer])
    (share,) = [one for one in shares.shares if one.officer == officer]
    bound = context(shares.station, shares.name, officer, share.place)
    public = mine.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    part = open_with(keys.reseal(share.sealed, bound, public, b"mine"), mine, b"mine").reveal()
    others = [one for one in shares.shares if one.officer != officer]
    joined = [
        Shamir.combine([(share.place, part), (one.place, guess)])
        for one in others
        for guess in (bytes(16), part)
    ]
    found = [part, bytes(16), shares.check[:16], bytes.fromhex(shares.name).ljust(16, b"\0"), *joined]
    return [Secret.text(one.hex()) for one in found]


def opened_by_bench(desk: Desk, number: str, older: Desk | None = None) -> Mapping[Code, Secret]:
    """The codes of a token by what the bench's token and the records give, or the records of `older`."""
    records, mine = Records((older or desk).home / "station.db"), ec.generate_private_key(ec.SECP256R1())
    try:
        item = items.item(records, number)
        sealed = stored_codes.sealed(records, item.id)
    finally:
        records.close()
    assert sealed is not None
    binding = Binding(item.id, number)
    public = mine.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    factory = "batch.custody.keeper:BenchKeys"
    wrapped = ask(desk, "bench", factory, desk.pins["bench"], "rewrap", binding, sealed.for_resume, public)
    return open_codes(sealed, unwrap(wrapped, mine, binding, "lane"), binding)
