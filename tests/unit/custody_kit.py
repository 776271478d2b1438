"""Custody keys in stock, for tests of what takes one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from batch.audit.chain import canonical
from batch.audit.log import log
from batch.model.custody import CustodyKey, Outcome, RoomKeys
from batch.model.events import Event
from batch.people.acting import Actor, sign_together
from batch.people.operators import keep_whole
from batch.people.separation import Act
from batch.people.vouching import outcome_message
from batch.store import custody
from batch.store.database import Records


def in_stock(public_key: bytes) -> Callable[[Records], CustodyKey]:
    """The next key in stock is this one; what officers prove of it is looked at elsewhere."""

    def next_key(records: Records) -> CustodyKey:
        name = f"epoch-{len(custody.keys(records)):012x}"
        with records.transaction():
            custody.add_key(records, name, public_key, None)
            log(records, Event("custody.epochs", "test"))
        found = custody.key(records, name)
        assert found is not None
        return found

    return next_key


def made_by_officers(records: Records, officers: Sequence[Actor]) -> CustodyKey:
    """A key in stock that two officers signed for and a custody process made, as a ceremony leaves it."""
    agreement, signing, made = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    room, name = RoomKeys(_spki(agreement), _spki(signing)), "epoch-0123456789ab"
    about = {"room": room.digest, "task": "epochs"}
    given = sign_together(records, officers, Act.MANAGE_CUSTODY, about, subject=room.digest, where="custody")
    told = {name: hashlib.sha256(_spki(made)).hexdigest()}
    text = canonical({"statement": given.digest, "done": {"keys": told}}).encode()
    signature = signing.sign(outcome_message(text), ec.ECDSA(hashes.SHA256()))
    with records.transaction():
        keep_whole(records, given)
        held = custody.begin(records, "epochs", given.digest, room)
        custody.end(records, held, Outcome(text, signature))
        custody.add_key(records, name, _spki(made), held)
        log(records, Event("custody.epochs", officers[0].name))
    found = custody.key(records, name)
    assert found is not None
    return found


def _spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
