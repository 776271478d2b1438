"""The floor of a PIV seat: `python -m tests.speed.floor_piv HOME BENCH SEAT COUNT`."""

from __future__ import annotations

import secrets
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

from cryptography import x509

from batch.production.certificates import build_csr
from drivers.errors import AuthenticationFailed
from drivers.pcsc.reader import Reader
from drivers.piv import attestation, objects, padding
from drivers.piv.applet import Applet
from drivers.piv.ids import (
    FACTORY,
    KEY_ALGORITHMS,
    PIN_POLICIES,
    SLOTS,
    TOUCH_POLICIES,
    ManagementAlgorithm,
    Obj,
    Ref,
)
from drivers.process import Child
from drivers.tokens import KeySpec, SignatureScheme
from drivers.wire import tlv
from drivers.wire.transport import Chaining
from tests.speed.floor import Key, Stopwatch, arguments, check, draw, inserted, issuer, keys

_CODES = (Ref.PIN, Ref.PUK, Ref.MANAGEMENT)
_TDES = ManagementAlgorithm.TDES


def recognise(card: Applet) -> str | None:
    """The serial of a blank card, having read that it is one; nothing is written before."""
    card.select()
    card.version()
    serial = card.serial()
    assert all(found is not None and found.default for found in map(card.code_metadata, _CODES))
    for obj in (Obj.CHUID, *(obj for _, obj in SLOTS.values())):
        assert card.get(obj) is None
    assert not any(card.key_metadata(ref) for ref, _ in SLOTS.values())
    return serial


def sign(card: Applet, spec: KeySpec, scheme: SignatureScheme, text: bytes) -> bytes:
    """One signature; the PIN was shown."""
    algorithm = KEY_ALGORITHMS[spec.algorithm]
    return card.sign(SLOTS[spec.slot][0], algorithm, padding.challenge(spec.algorithm, scheme, text))


def personalise(
    card: Applet, serial: str | None, wanted: tuple[Key, ...], roots: list[x509.Certificate], ca: Child
) -> None:
    """One card, from blank to read back."""
    codes, guid = draw(), secrets.token_bytes(16)
    card.authenticate(_TDES, FACTORY.admin)
    card.put(Obj.CHUID, objects.chuid(guid))
    card.put(Obj.CCC, objects.ccc(guid[:14]))
    maker = objects.certificate_of(card.get(Obj.ATTESTATION) or b"")
    assert maker is not None
    card.verify(FACTORY.pin)
    made = []
    for key in wanted:
        spec, (ref, obj) = key.spec, SLOTS[key.spec.slot]
        policies = [(0xAA, bytes([PIN_POLICIES[spec.pin_policy]]))]
        policies.append((0xAB, bytes([TOUCH_POLICIES[spec.touch_policy]])))
        spki = card.generate(ref, KEY_ALGORITHMS[spec.algorithm], tlv.encode_all(policies))
        leaf = card.attest(ref)
        assert leaf is not None
        attestation.evidence((leaf, maker), spki, serial, roots, card.where)
        csr = build_csr(spki, key.template, key.scheme, partial(sign, card, spec))
        certificate = ca.ask("issue", csr, key.template)
        card.put(obj, objects.certificate(certificate))
        made.append((key, spki, certificate))
    card.set_management_key(_TDES, codes.admin)
    card.change(Ref.PUK, FACTORY.puk, codes.puk)
    card.change(Ref.PIN, FACTORY.pin, codes.pin)
    card.verify(codes.pin)
    for key, spki, certificate in made:
        assert objects.certificate_of(card.get(SLOTS[key.spec.slot][1]) or b"") == certificate
        check(spki, key.scheme, partial(sign, card, key.spec))
    for factory_code in (
        partial(card.authenticate, _TDES, FACTORY.admin),
        partial(card.verify, FACTORY.pin),
        partial(card.change, Ref.PUK, FACTORY.puk, FACTORY.puk),
    ):
        with suppress(AuthenticationFailed):
            factory_code()
            raise AssertionError("a factory code still works")
    card.verify(codes.pin)
    card.change(Ref.PUK, codes.puk, codes.puk)


def main(given: list[str]) -> None:
    """Make the cards and print the run."""
    home, bench, seat, count = arguments(given)
    options = bench.seat_options(seat)["options"]
    roots = x509.load_pem_x509_certificates(Path(options["attestation_roots"][0]).read_bytes())
    wanted, watch, reader = keys("group-card:p-256"), Stopwatch(), Reader(options["reader"])
    with issuer(home) as ca:
        for _ in range(count):
            with inserted(bench, seat):
                reader.await_token(lambda: False)
                link = reader.connect()
                card = Applet(Chaining(link), seat)
                serial = recognise(card)
                with watch.token():
                    personalise(card, serial, wanted, roots, ca)
                link.close()
            reader.await_removal(lambda: False)
    watch.tell()


if __name__ == "__main__":
    main(sys.argv[1:])
