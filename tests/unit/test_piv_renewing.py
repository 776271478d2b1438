"""Renewing a key on a card that is pulled out at any moment: nothing is lost, and going on finishes it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from drivers.errors import TokenLost, Unsupported
from drivers.piv import objects
from drivers.piv.ids import FACTORY, Obj
from drivers.piv.session import PivSession
from drivers.tokens import Algorithm, Beside, KeySpec, Renewed, SignatureScheme
from simulators.piv.card import VirtualCard
from tests.contract.certificates import certificate_for
from tests.unit.piv_cards import PLAN, Wire, session

SIGNATURE = KeySpec("9c", Algorithm.P256, "signature")
MESSAGE = b"what is to be signed"


@dataclass
class Renewing:
    """A card with a key and its certificate, and a new one made beside it."""

    wire: Wire
    places: Beside
    old: Renewed
    new: Renewed

    def session(self) -> PivSession:
        self.wire.lose = lambda ins: False
        return session(self.wire)

    def take_place(self, token: PivSession) -> str:
        return token.take_place(SIGNATURE, self.places, self.old, self.new, FACTORY)


def renewing(path: Path, firmware: tuple[int, int, int] = (5, 7, 0)) -> Renewing:
    wire = Wire(VirtualCard.create(path, root=None, serial=1001, firmware=firmware))
    token = session(wire)
    token.initialise(PLAN, FACTORY, FACTORY)
    public = token.generate(SIGNATURE, FACTORY).public_key
    old = Renewed(public, certificate_for(public, "old"))
    token.write_certificate("9c", "signature", old.certificate, FACTORY)
    places = token.beside("9c", (), FACTORY)
    public = token.generate_beside(SIGNATURE, places.made_at, FACTORY).public_key
    new = Renewed(public, certificate_for(public, "new"))
    token.write_certificate(places.made_at, "signature", new.certificate, FACTORY)
    return Renewing(wire, places, old, new)


def signs(token: PivSession, slot: str, public_key: bytes) -> None:
    key = KeySpec(slot, Algorithm.P256, "signature")
    public = load_der_public_key(public_key)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    for _ in range(2):
        made = token.sign(key, SignatureScheme.ECDSA_SHA256, MESSAGE, FACTORY)
        public.verify(made, MESSAGE, ec.ECDSA(SHA256()))


def test_a_card_pulled_out_at_any_exchange_keeps_both_keys_and_goes_on(tmp_path: Path) -> None:
    whole = renewing(tmp_path / "whole.card")
    token = whole.session()
    whole.wire.log.clear()
    whole.take_place(token)
    exchanges = len(whole.wire.log)
    assert exchanges > 8
    for lost in range(exchanges):
        card = renewing(tmp_path / f"{lost}.card")
        token, seen = card.session(), count()
        card.wire.lose = lambda ins, seen=seen, lost=lost: next(seen) >= lost  # type: ignore[misc]
        with pytest.raises(TokenLost):
            card.take_place(token)
        token = card.session()
        slots = ("9c", card.places.made_at, card.places.kept_at)
        there = [token.public_key(slot) for slot in slots]
        assert there.count(card.old.public_key) == 1
        assert there.count(card.new.public_key) == 1
        assert card.take_place(token) == "9c"
        assert token.public_key("9c") == card.new.public_key
        assert token.read_certificate("9c") == card.new.certificate
        assert token.read_certificate(card.places.kept_at) == card.old.certificate
        signs(token, "9c", card.new.public_key)
        signs(token, card.places.kept_at, card.old.public_key)


def test_a_key_made_beside_has_the_policy_of_the_slot_it_is_for(tmp_path: Path) -> None:
    """A signature key wants its PIN before each signature wherever it is; the retired slots' own is once."""
    card = renewing(tmp_path / "card")
    token = card.session()
    card.take_place(token)
    keys = card.wire.card._applet.state.keys
    assert keys[0x9C].pin_policy == keys[0x82].pin_policy == 3


def test_old_keys_fill_the_retired_slots_in_order_and_the_key_history_counts_them(tmp_path: Path) -> None:
    """SP 800-73-4 part 1 §3.3.3: hosts look for as many retired keys as the key history tells."""
    card = renewing(tmp_path / "card")
    for number in range(1, 4):
        token = card.session()
        assert card.places.kept_at == f"{0x81 + number:02x}"
        card.take_place(token)
        history = card.wire.card._applet.state.objects[Obj.KEY_HISTORY]
        assert objects.retired_keys(history) == number
        slots = {key.slot for key in token.inspect().keys if key.public_key}
        assert slots == {"9c", *(f"{0x82 + at:02x}" for at in range(number))}
        places = token.beside("9c", (), FACTORY)
        public = token.generate_beside(SIGNATURE, places.made_at, FACTORY).public_key
        card.places, card.old = places, card.new
        card.new = Renewed(public, certificate_for(public, f"new {number}"))
        token.write_certificate(places.made_at, "signature", card.new.certificate, FACTORY)


@pytest.mark.parametrize("firmware", [(4, 3, 5), (5, 4, 3), (5, 6, 9)])
def test_a_card_that_moves_no_keys_says_so_and_nothing_is_sent(
    tmp_path: Path, firmware: tuple[int, int, int]
) -> None:
    wire = Wire(VirtualCard.create(tmp_path / "card", root=None, serial=1, firmware=firmware))
    token = session(wire)
    wire.log.clear()
    told = token.keeps_old_key()
    assert told is not None
    assert "5.7" in told
    with pytest.raises(Unsupported, match="renew on a new token"):
        token.generate_beside(SIGNATURE, "95", FACTORY)
    assert wire.log == []
    assert token.keeps_old_key() == told
