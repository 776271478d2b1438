"""What every token driver promises, in the order of a token's way through the desk."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from drivers.errors import AuthenticationFailed, RetryBudget, Unsupported
from drivers.secret import Secret
from drivers.tokens import (
    Act,
    Algorithm,
    Code,
    Credentials,
    InForce,
    Initialisation,
    KeySpec,
    KeyState,
    Shown,
    SignatureScheme,
    Tries,
)
from tests.contract.certificates import certificate_for
from tests.contract.codes import another
from tests.contract.conftest import Desk

pytestmark = pytest.mark.bench

PLAN = Initialisation(label="Contract", guid=bytes(range(100, 116)))
PSS = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
MESSAGE = b"what is to be signed"


def keys(desk: Desk) -> list[KeySpec]:
    """One key of each common type, in the first two slots of this kind of token."""
    first, second = desk.seat.slots
    return [
        KeySpec(first, Algorithm.P256, "Authentication"),
        KeySpec(second, Algorithm.RSA2048, "Signature"),
    ]


def prepare(desk: Desk) -> None:
    """Personalise up to the keys: every act that this kind of token wants before them."""
    for act in desk.sequence[: desk.sequence.index(Act.KEYS)]:
        carry_out(desk, act)


def carry_out(desk: Desk, act: Act) -> None:
    match act:
        case Act.INITIALISE:
            desk.lane.initialise(PLAN, desk.codes, desk.new)
        case Act.KEYS:
            for key in keys(desk):
                made = desk.lane.generate(key, desk.codes)
                certificate = certificate_for(made.public_key, "first")
                desk.lane.write_certificate(key.slot, key.label, certificate, desk.codes)
        case Act.SET_ADMIN | Act.SET_PUK | Act.SET_PIN:
            desk.set_code(Code(act.value.removeprefix("set-")))


@pytest.fixture
def finished(desk: Desk) -> Desk:
    """A token personalised in its driver's own order, in a fresh session."""
    for act in desk.sequence:
        carry_out(desk, act)
    desk.lane.reconnect()
    return desk


def tells_puk_tries(desk: Desk) -> bool:
    """A real token is not known to, before it is tried."""
    return desk.seat.kind is not None and desk.seat.kind.tells_puk_tries


def signs(desk: Desk, key: KeySpec) -> None:
    """The key makes signatures that its certificate verifies, by every scheme of its type."""
    der = desk.lane.read_certificate(key.slot)
    assert der is not None
    public = x509.load_der_x509_certificate(der).public_key()
    for scheme in SignatureScheme:
        if scheme.startswith("ecdsa") == key.algorithm.startswith("p-"):
            verify(public, scheme, desk.lane.sign(key, scheme, MESSAGE, desk.codes))


def signs_with(desk: Desk, key: KeySpec, codes: Credentials) -> bytes:
    """A signature made with the codes given."""
    scheme = SignatureScheme.ECDSA_SHA256 if key.algorithm == "p-256" else SignatureScheme.RSA_PSS_SHA256
    signature: bytes = desk.lane.sign(key, scheme, MESSAGE, codes)
    return signature


def verify(public: object, scheme: SignatureScheme, signature: bytes) -> None:
    """Raises `InvalidSignature`."""
    digest = hashes.SHA384() if scheme is SignatureScheme.ECDSA_SHA384 else hashes.SHA256()
    if isinstance(public, ec.EllipticCurvePublicKey):
        public.verify(signature, MESSAGE, ec.ECDSA(digest))
    else:
        assert isinstance(public, rsa.RSAPublicKey)
        pad = PSS if scheme is SignatureScheme.RSA_PSS_SHA256 else padding.PKCS1v15()
        public.verify(signature, MESSAGE, pad, digest)


def test_a_real_token_keeps_the_same_promises(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--real-token", default=None):
        pytest.skip("give a real token to destroy: pytest tests/contract --real-token SEAT.toml")


def test_personalisation_sets_every_code_and_begins_with_initialisation(desk: Desk) -> None:
    assert desk.sequence[0] is Act.INITIALISE
    assert desk.sequence.count(Act.KEYS) == 1
    assert Code.PIN in desk.changed


def test_a_blank_token_is_seen_as_blank(desk: Desk) -> None:
    state = desk.lane.inspect()
    assert state.marks == ()
    assert state.blank
    assert state.identity.driver == desk.seat.driver
    assert state.identity.model
    assert False not in state.factory.values()
    assert not any(key.certificate or key.public_key for key in state.keys)


def test_looking_at_a_blank_token_changes_nothing(desk: Desk) -> None:
    before = desk.lane.inspect()
    desk.lane.identify()
    desk.lane.reconnect()
    assert desk.lane.inspect() == before


def test_initialisation_may_be_repeated(desk: Desk) -> None:
    for _ in range(3):
        identity = desk.lane.initialise(PLAN, desk.codes, desk.new)
        assert identity.serial
        desk.lane.reconnect()
        assert desk.lane.identify() == identity


@pytest.mark.parametrize("algorithm", [Algorithm.P256, Algorithm.RSA2048])
def test_a_key_is_made_on_the_token_with_evidence_and_signs(desk: Desk, algorithm: Algorithm) -> None:
    prepare(desk)
    key = KeySpec(desk.seat.slots[0], algorithm, "Key")
    made = desk.lane.generate(key, desk.codes)
    public = serialization.load_der_public_key(made.public_key)
    if algorithm is Algorithm.P256:
        assert isinstance(public, ec.EllipticCurvePublicKey)
        assert public.curve.name == "secp256r1"
    else:
        assert isinstance(public, rsa.RSAPublicKey)
        assert public.key_size == 2048
    for scheme in SignatureScheme:
        if scheme.startswith("ecdsa") == algorithm.startswith("p-"):
            verify(public, scheme, desk.lane.sign(key, scheme, MESSAGE, desk.codes))
    again = desk.lane.evidence(key.slot, desk.codes)
    assert made.evidence.kind == again.kind
    assert made.evidence.attributes == again.attributes
    if desk.seat.kind:
        assert made.evidence.kind == desk.seat.kind.evidence
    if made.evidence.kind == "attestation":
        leaf, issuer = map(x509.load_der_x509_certificate, made.evidence.chain)
        leaf.verify_directly_issued_by(issuer)
        assert leaf.public_key() == public
        assert made.evidence.attributes["rooted"] is (desk.seat.options.get("attestation_roots") is not None)


def test_the_token_tells_the_key_it_holds_or_says_that_it_cannot(desk: Desk) -> None:
    prepare(desk)
    key = keys(desk)[0]
    assert desk.lane.public_key(key.slot) is None
    first = desk.lane.generate(key, desk.codes).public_key
    desk.lane.reconnect()
    told = desk.lane.public_key(key.slot)
    second = desk.lane.generate(key, desk.codes).public_key
    assert first != second
    if desk.seat.kind is None or desk.seat.kind.tells_keys:
        assert told == first
        assert desk.lane.public_key(key.slot) == second
        assert KeyState(key.slot, second) in desk.lane.inspect().keys
    else:
        assert told is None


def test_certificates_are_written_read_back_and_replaced(desk: Desk) -> None:
    prepare(desk)
    for key in keys(desk):
        public = desk.lane.generate(key, desk.codes).public_key
        assert desk.lane.read_certificate(key.slot) is None
        for name in ("a", "another, which is a good deal longer than the first", "b"):
            certificate = certificate_for(public, name)
            desk.lane.write_certificate(key.slot, key.label, certificate, desk.codes)
            assert desk.lane.read_certificate(key.slot) == certificate
        desk.lane.reconnect()
        assert desk.lane.read_certificate(key.slot) == certificate


def test_a_finished_token_works_with_its_new_codes_only(finished: Desk) -> None:
    desk = finished
    for key in keys(desk):
        with pytest.raises(AuthenticationFailed):
            signs_with(desk, key, replace(desk.codes, pin=another(desk.codes.pin)))
        signs(desk, key)


def test_a_finished_token_is_not_blank(finished: Desk) -> None:
    state = finished.lane.inspect()
    assert not state.blank
    assert state.marks
    written = {key.slot for key in state.keys if key.certificate}
    assert written == {key.slot for key in keys(finished)}


def test_no_factory_code_works_on_a_finished_token(finished: Desk) -> None:
    desk = finished
    works = desk.lane.factory_codes(desk.codes)
    assert not any(works.get(code, False) for code in desk.changed)
    if desk.lane.factory is not None:
        assert set(desk.changed) <= set(works)
    for key in keys(desk):
        signs(desk, key)
    # asked again at once, as the counters were restored
    assert desk.lane.factory_codes(desk.codes) == works


def test_a_blank_tokens_factory_codes_work(desk: Desk) -> None:
    if desk.lane.factory is None:
        pytest.skip("a blank of this kind has no codes")
    assert all(desk.lane.factory_codes(desk.codes).values())
    assert desk.lane.inspect().blank


def test_the_token_says_which_of_two_codes_is_in_force(finished: Desk) -> None:
    desk = finished
    for code in desk.changed:
        value = getattr(desk.codes, code.value)
        answers = {
            desk.lane.in_force(code, value, another(value)),
            desk.lane.in_force(code, another(value), value),
        }
        if code is Code.PUK and answers == {InForce.UNKNOWN}:
            assert not tells_puk_tries(desk)
        else:
            assert answers == {InForce.NEW, InForce.OLD}
    signs(desk, keys(desk)[0])


def test_before_a_code_is_set_the_old_one_is_in_force(desk: Desk) -> None:
    if desk.lane.factory is None:
        pytest.skip("a blank of this kind has no codes")
    desk.lane.initialise(PLAN, desk.codes, desk.new)
    for code in desk.changed:
        new, old = getattr(desk.new, code.value), getattr(desk.codes, code.value)
        answer = desk.lane.in_force(code, new, old)
        unknown = code is Code.PUK and not tells_puk_tries(desk)
        assert answer is InForce.OLD or (unknown and answer is InForce.UNKNOWN)


def test_asking_for_the_code_in_force_never_takes_the_last_tries(finished: Desk) -> None:
    desk = finished
    wrong = another(desk.codes.pin), another(another(desk.codes.pin))
    assert desk.lane.in_force(Code.PIN, *wrong) is InForce.NEITHER
    left = desk.lane.inspect().tries.pin
    if left is not None and left < 3:
        for _ in range(3):
            assert desk.lane.in_force(Code.PIN, *wrong) is InForce.UNKNOWN
        assert desk.lane.inspect().tries.pin == left
    desk.lane.reconnect()
    signs(desk, keys(desk)[0])


def test_the_last_try_of_a_code_is_never_made(finished: Desk) -> None:
    """Whatever the token tells: what the desk reckons with holds as well."""
    desk = finished
    wrong = replace(desk.codes, pin=another(desk.codes.pin))
    before = desk.lane.inspect().tries
    for left in (0, 1):
        desk.lane.allow(Tries(pin=left))
        for codes in (wrong, desk.codes):
            with pytest.raises(RetryBudget):
                signs_with(desk, keys(desk)[0], codes)
        assert desk.lane.in_force(Code.PIN, desk.codes.pin, wrong.pin) is InForce.UNKNOWN
        assert desk.lane.shown() == {}
    assert desk.lane.inspect().tries == before


def test_a_code_is_shown_once_and_never_as_its_last_try(finished: Desk) -> None:
    desk = finished
    for code in {Code.PIN, *desk.changed}:
        right = getattr(desk.codes, code.value)
        desk.lane.allow(Tries())
        desk.lane.prove(code, right)
        with pytest.raises(AuthenticationFailed):
            desk.lane.prove(code, another(right))
        desk.lane.allow(Tries(pin=1, puk=1, admin=1))
        for value in (right, another(right)):
            with pytest.raises(RetryBudget):
                desk.lane.prove(code, value)
        assert desk.lane.shown() == {}
        desk.lane.allow(Tries())
        desk.lane.prove(code, right)


def test_what_became_of_the_tries_is_told(finished: Desk) -> None:
    desk = finished
    wrong = replace(desk.codes, pin=another(desk.codes.pin))
    desk.lane.allow(Tries(pin=2, admin=2, puk=2))
    with pytest.raises(AuthenticationFailed):
        signs_with(desk, keys(desk)[0], wrong)
    assert desk.lane.shown() == {Code.PIN: Shown(refused=1)}
    with pytest.raises(RetryBudget):
        signs_with(desk, keys(desk)[0], wrong)
    desk.lane.allow(Tries(pin=2))
    signs(desk, keys(desk)[0])
    assert desk.lane.shown() == {Code.PIN: Shown(accepted=True)}


def test_setting_a_code_from_a_wrong_one_is_refused(finished: Desk) -> None:
    desk = finished
    for code in desk.changed:
        value = getattr(desk.codes, code.value)
        wrong = replace(desk.codes, **{code.value: another(value)})
        if code is Code.PIN and desk.seat.driver == "pkcs11":
            wrong = replace(desk.codes, admin=another(desk.codes.admin))  # C_InitPIN goes by the SO PIN
        with pytest.raises(AuthenticationFailed):
            desk.lane.set_code(code, wrong, another(another(value)))
    for key in keys(desk):
        signs(desk, key)


def test_a_reset_makes_a_blank_or_tells_why_it_cannot_and_then_changes_nothing(finished: Desk) -> None:
    lane = finished.lane
    before = lane.inspect()
    if (reason := lane.no_reset()) is not None:
        with pytest.raises(Unsupported, match=re.escape(reason)):
            lane.reset(finished.codes)
        assert lane.inspect() == before
        return
    for _ in range(2):  # as after one that was cut off
        lane.reset(None)
        lane.reconnect()
        state = lane.inspect()
        assert state.blank
        assert state.identity.serial == before.identity.serial
        assert False not in state.factory.values()
    assert (state.tries.pin, state.tries.puk) == (3, 3)


def unblocking(desk: Desk) -> tuple[Code, Secret]:
    """The code by which this kind of token is unblocked, and its value."""
    code = desk.lane.facts.rules.unblocked_by
    return code, getattr(desk.codes, code.value)


def test_a_blocked_pin_is_unblocked_by_the_code_its_driver_names(finished: Desk) -> None:
    desk = finished
    if desk.seat.driver == "piv":  # SoftHSM never locks
        for value in (another(desk.codes.pin), another(another(desk.codes.pin))) * 2:
            with suppress(AuthenticationFailed):
                desk.lane.prove(Code.PIN, value)
            desk.lane.allow(Tries())
        assert desk.lane.inspect().tries.pin == 0
    _, right = unblocking(desk)
    new = another(desk.codes.pin)
    desk.lane.allow(Tries())
    desk.lane.unblock(right, new)
    assert desk.lane.shown()[Code.PIN] == Shown(accepted=True)
    assert desk.lane.shown()[desk.lane.facts.rules.unblocking_counts] == Shown(accepted=True)
    desk.lane.reconnect()
    desk.codes = replace(desk.codes, pin=new)
    signs(desk, keys(desk)[0])


def test_a_wrong_code_unblocks_nothing_and_its_last_try_is_never_made(finished: Desk) -> None:
    desk = finished
    _, right = unblocking(desk)
    counted = desk.lane.facts.rules.unblocking_counts
    desk.lane.allow(Tries())
    with pytest.raises(AuthenticationFailed):
        desk.lane.unblock(another(right), another(desk.codes.pin))
    assert desk.lane.shown()[counted].refused == 1
    desk.lane.allow(Tries(pin=1, puk=1, admin=1))
    for value in (right, another(right)):
        with pytest.raises(RetryBudget):
            desk.lane.unblock(value, another(desk.codes.pin))
    assert desk.lane.shown() == {}
    desk.lane.reconnect()
    signs(desk, keys(desk)[0])
