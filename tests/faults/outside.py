"""Tokens read from outside: virtual cards by their files, SoftHSM tokens by a copy of their directories."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_certificate

from drivers.wire import tlv
from simulators.bench import Bench, softhsm_module
from simulators.piv import algorithms, state
from simulators.piv.state import FACTORY_CODES, FACTORY_KEY, PIN, PUK
from tests.bench.pages import Page

_SLOT_OBJECTS = {"9a": 0x5FC105, "9c": 0x5FC10A, "9d": 0x5FC10B}


@dataclass(frozen=True)
class Seen:
    """One token as it is: SPKI and certificate (DER) by slot, tries left, whether a letter's codes are its.

    `locked` are the codes that let nobody in any more, `factory` those that are still the factory's, `spent`
    those that have fewer tries left than they are given.
    """

    name: str
    serial: str | None
    blank: bool
    keys: Mapping[str, bytes] = field(default_factory=dict)
    certificates: Mapping[str, bytes] = field(default_factory=dict)
    locked: tuple[str, ...] = ()
    spent: tuple[str, ...] = ()
    factory: tuple[str, ...] = ()
    opens: bool | None = None


def cards(bench: Bench, pages: Mapping[str, Page]) -> dict[str, Seen]:
    """All cards of a bench; `pages` are letters by the serial of their card."""
    return {
        path.stem: _card(path.stem, state.decode(path.read_bytes()), pages)
        for path in bench.layout.cards.glob("*.json")
    }


def _card(name: str, kept: state.CardState, pages: Mapping[str, Page]) -> Seen:
    serial = str(kept.serial)
    codes = {"PIN": kept.codes[PIN], "PUK": kept.codes[PUK]}
    factory = [label for label, code in codes.items() if code.value in FACTORY_CODES.values()]
    factory += ["management key"] if kept.management.key == FACTORY_KEY else []
    written = kept.keys.keys() - {state.ATTESTATION_SLOT} or kept.objects.keys() - {state.ATTESTATION_OBJECT}
    page = pages.get(serial)
    return Seen(
        name,
        serial,
        blank=not written and len(factory) == 3,
        keys={
            slot: _spki(kept.keys[number].private)
            for slot, number in ((slot, int(slot, 16)) for slot in _SLOT_OBJECTS)
            if number in kept.keys
        },
        certificates={
            slot: tlv.need(kept.objects[tag], 0x70)
            for slot, tag in _SLOT_OBJECTS.items()
            if tag in kept.objects
        },
        locked=tuple(label for label, code in codes.items() if not code.left),
        spent=tuple(label for label, code in codes.items() if code.left < code.tries),
        factory=tuple(factory),
        opens=None
        if page is None
        else [code.value for code in codes.values()]
        == [code.reveal().ljust(8, b"\xff") for code in (page.pin, page.puk)],
    )


def _spki(private: bytes) -> bytes:
    public = algorithms.load(private).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def tokens(bench: Bench, work: Path, pages: Mapping[str, Page]) -> dict[str, Seen]:
    """All USB tokens of a bench, by copies in `work`; `pages` are letters by the serial of their token."""
    shelf = work / "copies"
    shutil.rmtree(shelf, ignore_errors=True)
    shelf.mkdir()
    homes: dict[str, list[str]] = {}
    for token in bench.layout.tokens.iterdir():
        homes[token.name] = [path.name for path in token.iterdir() if path.is_dir()]
        for name in homes[token.name]:
            shutil.copytree(token / name, shelf / name)
    conf = work / "copies.conf"
    conf.write_text(f"directories.tokendir = {shelf}\nobjectstore.backend = file\nlog.level = ERROR\n")
    asked = {
        serial: [page.pin.reveal().decode(), page.puk.reveal().decode()] for serial, page in pages.items()
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.outside", softhsm_module()],
        input=json.dumps(asked),
        env={**os.environ, "SOFTHSM2_CONF": str(conf)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    found = {one["serial"]: one for one in json.loads(done.stdout)}
    seen = {}
    for name, uuids in homes.items():
        here = [found[serial] for serial in map(_serial, uuids) if serial in found]
        assert len(here) <= 1, f"{name} holds {len(here)} tokens"
        seen[name] = _token(name, here[0]) if here else Seen(name, None, blank=True)
    return seen


def _serial(uuid: str) -> str:
    """SoftHSM's serial number: the end of the token's UUID."""
    return uuid.replace("-", "")[16:]


def _token(name: str, told: Mapping[str, object]) -> Seen:
    def by_slot(what: str) -> dict[str, bytes]:
        found = told[what]
        assert isinstance(found, dict)
        return {str(slot): bytes.fromhex(value) for slot, value in found.items()}

    locked, spent, opens = told["locked"], told["spent"], told["opens"]
    assert isinstance(locked, list)
    assert isinstance(spent, list)
    assert opens is None or isinstance(opens, bool)
    return Seen(
        name,
        str(told["serial"]),
        blank=False,
        keys=by_slot("keys"),
        certificates=by_slot("certificates"),
        locked=tuple(locked),
        spent=tuple(spent),
        opens=opens,
    )


def _main(module: str) -> None:
    """Tell of every initialised token what is on it, trying the codes given on standard input by serial."""
    import pkcs11

    asked: dict[str, list[str]] = json.load(sys.stdin)
    found = []
    for slot in pkcs11.lib(module).get_slots(token_present=True):
        token = slot.get_token()
        if token.flags & pkcs11.TokenFlag.TOKEN_INITIALIZED:
            serial = bytes(token.serial).decode().strip()
            found.append({"serial": serial, **_told(token, asked.get(serial))})
    json.dump(found, sys.stdout)


def _told(token: object, codes: list[str] | None) -> dict[str, object]:
    import pkcs11
    from pkcs11 import Attribute, ObjectClass, TokenFlag

    assert isinstance(token, pkcs11.Token)
    locks = {"PIN": TokenFlag.USER_PIN_LOCKED, "SO PIN": TokenFlag.SO_PIN_LOCKED}
    low = {"PIN": TokenFlag.USER_PIN_COUNT_LOW, "SO PIN": TokenFlag.SO_PIN_COUNT_LOW}
    with token.open() as session:
        certificates = {
            one[Attribute.ID].hex(): one[Attribute.VALUE]
            for one in session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE})
        }
    keys: dict[str, bytes] = {}
    opens: bool | None = None
    if codes is not None:
        pin, so_pin = codes
        try:
            with token.open(user_pin=pin) as session:
                keys = _pairs(session, certificates)
            with token.open(rw=True, so_pin=so_pin):
                opens = True
        except pkcs11.PinIncorrect:
            opens = False
    return {
        "keys": {slot: key.hex() for slot, key in keys.items()},
        "certificates": {slot: one.hex() for slot, one in certificates.items()},
        "locked": [name for name, flag in locks.items() if token.flags & flag],
        "spent": [name for name, flag in low.items() if token.flags & flag],
        "opens": opens,
    }


def _pairs(session: object, certificates: Mapping[str, bytes]) -> dict[str, bytes]:
    """SPKI of each pair that is whole and there once, proved by a signature its certificate verifies."""
    import pkcs11
    from pkcs11 import Attribute, ObjectClass

    assert isinstance(session, pkcs11.Session)

    def one(kind: ObjectClass, slot: str) -> Iterable[object]:
        return list(session.get_objects({Attribute.CLASS: kind, Attribute.ID: bytes.fromhex(slot)}))

    proved = {}
    for slot, certificate in certificates.items():
        pair = [one(kind, slot) for kind in (ObjectClass.PRIVATE_KEY, ObjectClass.PUBLIC_KEY)]
        if [len(list(half)) for half in pair] != [1, 1]:
            continue
        (private,), _ = pair
        public = load_der_x509_certificate(certificate).public_key()
        _prove(private, public)
        proved[slot] = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return proved


def _prove(private: object, public: object) -> None:
    import hashlib

    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
    from pkcs11 import Mechanism

    message = os.urandom(32)
    if isinstance(public, rsa.RSAPublicKey):
        signature = private.sign(message, mechanism=Mechanism.SHA256_RSA_PKCS)  # type: ignore[attr-defined]
        public.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        return
    assert isinstance(public, ec.EllipticCurvePublicKey)
    raw = private.sign(hashlib.sha256(message).digest(), mechanism=Mechanism.ECDSA)  # type: ignore[attr-defined]
    r, s = (int.from_bytes(half, "big") for half in (raw[: len(raw) // 2], raw[len(raw) // 2 :]))
    public.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))


if __name__ == "__main__":
    _main(sys.argv[1])
