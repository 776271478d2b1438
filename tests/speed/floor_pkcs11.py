"""The floor of a PKCS#11 seat: `python -m tests.speed.floor_pkcs11 HOME BENCH SEAT COUNT`."""

from __future__ import annotations

import sys
from functools import partial

from pkcs11 import Attribute, ObjectClass

from batch.production.certificates import build_csr
from drivers.pkcs11 import objects
from drivers.pkcs11.module import SO, USER, Module
from drivers.process import Child
from tests.speed.floor import Key, Stopwatch, arguments, check, draw, inserted, issuer, keys

_EVIDENCE = (
    Attribute.LOCAL,
    Attribute.ALWAYS_SENSITIVE,
    Attribute.NEVER_EXTRACTABLE,
    Attribute.KEY_GEN_MECHANISM,
)


def personalise(module: Module, wanted: tuple[Key, ...], ca: Child) -> None:
    """One token, from blank to read back."""
    codes = draw()
    (slot,) = module.slots()
    module.init_token(slot, codes.puk, "Measured 000001")
    session = slot.get_token().open(rw=True)
    module.login(session, SO, codes.puk)
    module.init_pin(session, codes.pin)
    module.logout(session)
    module.login(session, USER, codes.pin)
    made = []
    for key in wanted:
        spec, key_id = key.spec, bytes.fromhex(key.spec.slot)
        public, private = objects.generate(
            session, spec.algorithm, key_id=key_id, label=spec.label, decrypts=spec.decrypts
        )
        for attribute in _EVIDENCE:
            assert private[attribute]
        spki = objects.spki(public)
        csr = build_csr(spki, key.template, key.scheme, partial(objects.sign, private))
        certificate = ca.ask("issue", csr, key.template)
        objects.store_certificate(session, key_id, spec.label, certificate)
        made.append((key, key_id, private, spki, certificate))
    for key, key_id, private, spki, certificate in made:
        (found,) = objects.find(session, ObjectClass.CERTIFICATE, {Attribute.ID: key_id})
        assert found[Attribute.VALUE] == certificate
        check(spki, key.scheme, partial(objects.sign, private))
    session.close()


def main(given: list[str]) -> None:
    """Make the tokens and print the run."""
    home, bench, seat, count = arguments(given)
    wanted, watch = keys("group-usb:p-256"), Stopwatch()
    module = Module(bench.seat_options(seat)["options"]["module"], seat)
    with issuer(home) as ca:
        for _ in range(count):
            with inserted(bench, seat):
                module.start()
                with watch.token():
                    personalise(module, wanted, ca)
                module.close()
    watch.tell()


if __name__ == "__main__":
    main(sys.argv[1:])
