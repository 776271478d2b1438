"""Simulated operators' tokens: PIV cards and SoftHSM tokens with keys and certificates of an employer.

PINs lie in clear beside them: it is pretence.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding

from drivers.wire import tlv
from simulators.bench.employer import Condition, Employer, Pair
from simulators.bench.errors import BenchError
from simulators.bench.layout import Layout
from simulators.bench.usb_tokens import Content
from simulators.piv import algorithms, state
from simulators.piv.algorithms import KeyType
from simulators.piv.card import VirtualCard
from simulators.piv.keys import ONCE, TOUCH_NEVER
from simulators.piv.state import ManagementKey, Reference, StoredKey

_PREFIX = "operator-"
_PIN_TRIES = 5
_PAIRS = ((0x9A, 0x5FC105), (0x9D, 0x5FC10B))
"""Slot and certificate object of the key that signs and of the one that agrees."""


def token_name(operator: str) -> str:
    """What the token of an operator is called on the shelf."""
    return _PREFIX + operator


def make_card(layout: Layout, operator: str, condition: Condition) -> None:
    """A PIV card with keys and certificates in 9A and 9D; raises `BenchError` where there is one."""
    path = layout.cards / f"{token_name(operator)}.json"
    pin, pairs = _begin(layout, operator, condition, path)
    VirtualCard.create(path, root=None, serial=secrets.choice(range(10_000_000, 100_000_000)))
    card = state.decode(path.read_bytes())
    card.codes[state.PIN] = Reference(pin.ljust(8, b"\xff"), _PIN_TRIES, _PIN_TRIES)
    puk = _digits(8)
    card.codes[state.PUK] = Reference(puk)
    card.management = ManagementKey(card.management.cipher, secrets.token_bytes(24))
    for (slot, tag), pair in zip(_PAIRS, pairs, strict=True):
        card.keys[slot] = StoredKey(
            KeyType.P256, ONCE, TOUCH_NEVER, generated=False, private=algorithms.dump(pair.key)
        )
        der = pair.certificate.public_bytes(Encoding.DER)
        card.objects[tag] = tlv.encode_all([(0x70, der), (0x71, b"\0"), (0xFE, b"")])
    state.write(path, state.encode(card))


def make_usb_token(layout: Layout, operator: str, condition: Condition, module: str) -> None:
    """A SoftHSM token with two key pairs and their certificates; raises `BenchError` where there is one."""
    directory = layout.tokens / token_name(operator)
    pin, pairs = _begin(layout, operator, condition, directory)
    directory.mkdir(mode=0o700)
    configuration = layout.operators / f"{operator}.conf"
    configuration.write_text(f"directories.tokendir = {directory}\nobjectstore.backend = file\n")
    content = Content(module, operator, pin.decode(), _digits(8).decode(), [_usb(pair) for pair in pairs])
    try:
        subprocess.run(
            [sys.executable, "-m", "simulators.bench.usb_tokens"],
            input=msgspec.json.encode(content),
            env={**os.environ, "SOFTHSM2_CONF": str(configuration)},
            check=True,
            capture_output=True,
        )
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise BenchError(f"no token for {operator}: {said[-1]}", where=str(directory)) from None
    finally:
        configuration.unlink()


def _begin(layout: Layout, operator: str, condition: Condition, path: Path) -> tuple[bytes, list[Pair]]:
    if path.exists():
        raise BenchError(f"{operator} has such a token already", where=str(path), next="choose another name")
    layout.operators.mkdir(mode=0o700, exist_ok=True)
    employer = Employer(layout.operators, "employer")
    issuer = Employer(layout.operators, "stranger") if condition == "stranger" else employer
    pairs = [issuer.issue(operator, condition, agrees=agrees) for agrees in (False, True)]
    pin = layout.operators / f"{operator}.pin"
    if pin.exists():  # a card and a USB token of one operator have the same
        return pin.read_bytes().strip(), pairs
    value = _digits(6)
    descriptor = os.open(pin, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(value + b"\n")
    return value, pairs


def _usb(pair: Pair) -> tuple[bytes, bytes, bytes, bytes, bytes, bytes]:
    from cryptography.hazmat.primitives.serialization import PublicFormat

    numbers = pair.key.private_numbers()
    point = pair.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    certificate = pair.certificate
    serial = certificate.serial_number
    return (
        numbers.private_value.to_bytes(32, "big"),
        tlv.encode(0x04, point),
        certificate.public_bytes(Encoding.DER),
        certificate.subject.public_bytes(),
        certificate.issuer.public_bytes(),
        tlv.encode(0x02, serial.to_bytes(serial.bit_length() // 8 + 1, "big")),
    )


def _digits(length: int) -> bytes:
    # A first half no factory code begins with.
    return b"97" + "".join(secrets.choice("0123456789") for _ in range(length - 2)).encode()
