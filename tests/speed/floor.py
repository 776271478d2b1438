"""What the two floors share: codes, the CA, and how a run is told.

A floor makes the same tokens as the station with the same calls to the device, one after the other in one
loop: no journal, no sealing, no audit log, no desk, no second thread. Nothing that cares for safety is in it.
"""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from batch.custody.codes import digits, random_bytes, revocation_code
from batch.custody.sealing import hash_revocation_code
from batch.production.certificates import verify_signature
from drivers.authorities import certificates
from drivers.authorities.embedded import parse
from drivers.authorities.port import CertificateTemplate, Provision
from drivers.keys import Sign
from drivers.pkcs11.vault import Vault
from drivers.process import Child
from drivers.secret import Secret
from drivers.tokens import KeySpec, SignatureScheme
from layouts.library import Library
from simulators.bench import Bench
from station.config import load
from station.home import Home
from station.setup import provision
from tests.speed.desk import PINS, SUBJECT


class Issuer:
    """The CA's key and nothing else: no record of what it issued. Lives in a process of its own."""

    def __init__(self, options: dict[str, Any], provision: Provision) -> None:
        read = parse(options)
        self._scheme = read.signature()
        self._certificate = x509.load_der_x509_certificate((provision.directory / "ca.der").read_bytes())
        self._vault = Vault(provision.module, provision.token, provision.pin)
        self._key = self._vault.signing_key(read.key)

    def issue(self, csr: bytes, template: CertificateTemplate) -> bytes:
        """A certificate (DER) for a CSR that proves possession."""
        asked = certificates.requested(csr, template)
        made = certificates.leaf(asked, template, self._certificate, self._key, self._scheme)
        return made.public_bytes(Encoding.DER)

    def ready(self) -> None:
        """Answer when the key is open."""

    def close(self) -> None:
        """Log out."""
        self._vault.close()


@contextmanager
def issuer(home: Path) -> Iterator[Child]:
    """The CA of the station in `home`, without its records."""
    configuration = load(Home(home).configuration)
    token = configuration.keys.ca
    given = provision(Home(home), token, Secret.text(PINS["ca"]))
    arguments = (dict(configuration.authority.options["options"]), given)
    child = Child("issuer", "tests.speed.floor:Issuer", arguments, environment=token.environment)
    try:
        child.ask("ready")
        yield child
    finally:
        child.close()


@dataclass(frozen=True)
class Key:
    """One key of the layout and what its certificate shall say."""

    spec: KeySpec
    scheme: SignatureScheme
    template: CertificateTemplate


def keys(layout: str) -> tuple[Key, ...]:
    """The keys of a layout; every token gets the same subject."""
    found = Library().token(layout)
    now = datetime.now(UTC).replace(microsecond=0)
    return tuple(
        Key(
            slot.key(found.algorithm),
            slot.profile.scheme(found.algorithm),
            slot.profile.template({**SUBJECT, "number": "000001"}, now, found.algorithm),
        )
        for slot in found.slots
    )


@dataclass(frozen=True)
class Codes:
    """The codes of one token, drawn as the station draws them; `hashed` is R21's."""

    pin: Secret
    puk: Secret
    admin: Secret
    hashed: str


def draw() -> Codes:
    """New codes."""
    return Codes(digits(6), digits(8), random_bytes(24), hash_revocation_code(revocation_code(3, 4)))


def check(public_key: bytes, scheme: SignatureScheme, sign: Sign) -> None:
    """A signature over a fresh challenge, verified."""
    challenge = secrets.token_bytes(32)
    assert verify_signature(public_key, scheme, challenge, sign(scheme, challenge))


class Stopwatch:
    """Notes for each token when it was ready to be written to and when it was finished."""

    def __init__(self) -> None:
        self._spans: list[tuple[float, float]] = []

    @contextmanager
    def token(self) -> Iterator[None]:
        """Around the work on one token, insertion not included."""
        begun = time.time()
        yield
        self._spans.append((begun, time.time()))

    def tell(self) -> None:
        """Print the run as JSON, as `tests.speed.desk.Run` reads it."""
        sys.stdout.write(json.dumps(self._spans))


@contextmanager
def inserted(bench: Bench, seat: str) -> Iterator[None]:
    """A blank put in by the bench, and taken out by it, as the station's feeder does it."""
    bench.feed(seat)
    yield
    bench.take(seat, "good", "measured")


def arguments(given: Sequence[str]) -> tuple[Path, Bench, str, int]:
    """Home, bench, seat and how many tokens, from the command line of a floor."""
    home, bench, seat, count = given
    return Path(home), Bench(Path(bench)), seat, int(count)
