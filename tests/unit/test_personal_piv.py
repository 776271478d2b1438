"""Operators' PIV cards of every kind of key, straight on the card."""

from __future__ import annotations

import gzip
import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.errors import (
    AuthenticationFailed,
    Blocked,
    DriverError,
    ReadBackFailed,
    RetryBudget,
    TokenLost,
    Unsupported,
)
from drivers.personal.piv import PersonalPivCard
from drivers.personal.signing import is_signature
from drivers.secret import Secret
from drivers.wire import tlv
from drivers.wire.transport import Chaining
from simulators.piv import algorithms, state
from simulators.piv.algorithms import KeyType, PrivateKey
from simulators.piv.card import VirtualCard
from simulators.piv.keys import ALWAYS, ONCE, TOUCH_NEVER
from simulators.piv.state import StoredKey
from tests.unit.hostile_cards import ANSWERS, MOST_EXCHANGES, Anything, Spoil, Spoilt, spoils
from tests.unit.piv_cards import Wire

PIN, WRONG = Secret(b"271828"), Secret(b"999983")
VERIFY = 0x20


def certificate(key: PrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "olga")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.DER)


def card_with(
    path: Path,
    kind: KeyType = KeyType.P256,
    policy: int = ONCE,
    *,
    extended: bool = True,
    shows: bytes | None = None,
) -> tuple[Wire, PrivateKey]:
    """A card with a key in 9A and 9D, and its certificate or what else it `shows`."""
    profile = "yubikey" if extended else "plain"
    VirtualCard.create(path, root=None, serial=None, profile=profile, firmware=(5, 7, 0))  # type: ignore[arg-type]
    key = algorithms.generate(kind)
    card = state.decode(path.read_bytes())
    card.codes[state.PIN] = state.Reference(PIN.reveal().ljust(8, b"\xff"), 3, 3)
    for slot in (0x9A, 0x9D):
        card.keys[slot] = StoredKey(kind, policy, TOUCH_NEVER, generated=True, private=algorithms.dump(key))
    card.objects[0x5FC105] = tlv.encode_all([(0x70, shows or certificate(key)), (0x71, b"\0"), (0xFE, b"")])
    state.write(path, state.encode(card))
    return Wire(VirtualCard.load(path)), key


def opened(wire: Wire) -> PersonalPivCard:
    return PersonalPivCard(Chaining(wire), "operators' seat", lambda: None)


def spki(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("policy", [ONCE, ALWAYS])
@pytest.mark.parametrize("kind", list(KeyType))
def test_every_kind_of_key_signs_as_often_as_it_is_asked(kind: KeyType, policy: int, tmp_path: Path) -> None:
    wire, key = card_with(tmp_path / "card.json", kind, policy)
    token = opened(wire)
    token.login(PIN)
    for text in (b"one", b"two" * 1000):
        assert is_signature(spki(key), text, token.sign(text))


def test_a_plain_card_tells_its_tries_and_keeps_the_last(tmp_path: Path) -> None:
    wire, _ = card_with(tmp_path / "card.json", extended=False)
    for left in (2, 1):
        with pytest.raises(AuthenticationFailed, match=f"tries left: {left}") as refused:
            opened(wire).login(WRONG)
        assert refused.value.remaining == left
    shown = wire.count(VERIFY)
    with pytest.raises(RetryBudget, match="could be its last") as kept:
        opened(wire).login(PIN)
    assert "PUK" in str(kept.value.next)
    # One empty VERIFY asks for the tries; none shows a PIN.
    assert wire.count(VERIFY) == shown + 1
    assert state.decode((tmp_path / "card.json").read_bytes()).codes[state.PIN].left == 1


def test_a_blocked_card_is_told_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    card_with(path)
    card = state.decode(path.read_bytes())
    card.codes[state.PIN] = state.Reference(card.codes[state.PIN].value, 3, 0)
    state.write(path, state.encode(card))
    with pytest.raises((Blocked, RetryBudget)) as refused:
        opened(Wire(VirtualCard.load(path))).login(PIN)
    assert "unblock" in str(refused.value.next)


def test_a_certificate_of_another_key_is_told_before_anyone_is_refused_for_it(tmp_path: Path) -> None:
    stranger = ec.generate_private_key(ec.SECP256R1())
    wire, _ = card_with(tmp_path / "card.json", shows=certificate(stranger))
    token = opened(wire)
    token.login(PIN)
    with pytest.raises(ReadBackFailed, match="not its key's"):
        token.sign(b"text")


def test_what_is_no_certificate_is_told(tmp_path: Path) -> None:
    wire, _ = card_with(tmp_path / "card.json", shows=b"\x30\x03\x02\x01\x00")
    with pytest.raises(Unsupported, match="no certificate"):
        opened(wire).certificate()


def test_a_compressed_certificate_is_expanded_as_far_as_it_may_be(tmp_path: Path) -> None:
    wire, key = card_with(tmp_path / "card.json")
    whole = opened(wire).certificate()

    def showing(content: bytes) -> PersonalPivCard:
        card = state.decode((tmp_path / "card.json").read_bytes())
        card.objects[0x5FC105] = tlv.encode_all([(0x70, content), (0x71, b"\1"), (0xFE, b"")])
        state.write(tmp_path / "card.json", state.encode(card))
        return opened(Wire(VirtualCard.load(tmp_path / "card.json")))

    token = showing(gzip.compress(whole))
    assert token.certificate() == whole
    token.login(PIN)
    assert is_signature(spki(key), b"text", token.sign(b"text"))
    for bad, said in ((whole, "not by gzip"), (gzip.compress(bytes(10_000_000)), "at most")):
        with pytest.raises(Unsupported, match=said):
            showing(bad).certificate()


def test_agreeing_takes_a_p256_key_on_both_sides(tmp_path: Path) -> None:
    wire, key = card_with(tmp_path / "card.json")
    token, other = opened(wire), ec.generate_private_key(ec.SECP256R1())
    token.login(PIN)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert token.exchange(spki(other)) == other.exchange(ec.ECDH(), key.public_key())
    for peer in (spki(ec.generate_private_key(ec.SECP384R1())), b"no key"):
        with pytest.raises(Unsupported, match="P-256"):
            token.exchange(peer)


def try_all(token: PersonalPivCard) -> None:
    """All that is asked of a token, each whatever became of the one before."""
    other = spki(ec.generate_private_key(ec.SECP256R1()))
    for step in (
        token.certificate,
        token.agreement_certificate,
        lambda: token.login(WRONG),
        lambda: token.login(PIN),
        lambda: token.sign(b"text"),
        lambda: token.exchange(other),
        token.present,
        lambda: token.login(WRONG),
        lambda: token.login(WRONG),
        token.close,
    ):
        with suppress(DriverError):
            step()


@settings(max_examples=100)
@given(st.lists(ANSWERS, min_size=1, max_size=12))
def test_a_card_may_answer_anything(answers: list[tuple[bytes, int]]) -> None:
    card = Anything(answers)
    with suppress(DriverError):
        try_all(PersonalPivCard(Chaining(card), "operators' seat", lambda: None))
    assert card.sent < 10 * MOST_EXCHANGES


@settings(max_examples=60)
@given(st.dictionaries(st.integers(0, 40), spoils(), min_size=1, max_size=4), st.booleans())
def test_a_card_may_lie_now_and_then_and_loses_no_more_tries_for_it(
    spoilt: dict[int, Spoil], extended: bool
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        wire, _ = card_with(Path(directory) / "card.json", extended=extended)
        lying = Spoilt(wire.card, spoilt)
        with suppress(DriverError):
            try_all(PersonalPivCard(Chaining(lying), "operators' seat", lambda: None))
        assert sum(lying.wrong.values()) <= 3


def test_a_card_that_goes_away_is_lost_and_not_there(tmp_path: Path) -> None:
    wire, _ = card_with(tmp_path / "card.json")
    token = opened(wire)
    token.login(PIN)
    assert token.present()
    wire.lose = lambda ins: True
    assert not token.present()
    with pytest.raises(TokenLost):
        token.sign(b"text")
