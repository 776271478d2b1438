"""The PIV session against virtual cards: what it refuses, what it spends, and what it leaves alone."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from drivers.errors import (
    AuthenticationFailed,
    Blocked,
    DeviceFailed,
    EvidenceMissing,
    TokenLost,
    Unsupported,
)
from drivers.piv.ids import FACTORY, Ins, ManagementAlgorithm, Obj, Ref
from drivers.piv.session import PivSession
from drivers.secret import Secret
from drivers.tokens import (
    UNLIMITED,
    Act,
    Algorithm,
    Code,
    InForce,
    KeySpec,
    PinPolicy,
    SignatureScheme,
    TouchPolicy,
    Tries,
)
from drivers.wire.transport import Chaining
from simulators.piv.card import AttestationRoot, VirtualCard
from tests.unit.piv_cards import GUID, NEW, PLAN, WRONG, Wire, session, set_codes

AUTHENTICATION = KeySpec("9a", Algorithm.P256, "authentication")
SIGNATURE = KeySpec("9c", Algorithm.P256, "signature")

NewCard = Callable[..., Wire]


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> AttestationRoot:
    return AttestationRoot.create(tmp_path_factory.mktemp("root") / "root.pem")


@pytest.fixture
def new_card(tmp_path: Path, root: AttestationRoot) -> NewCard:
    numbers = count(1)

    def make(profile: str = "yubikey", firmware: tuple[int, int, int] = (5, 4, 3)) -> Wire:
        number = next(numbers)
        given = root if profile == "yubikey" else None
        path = tmp_path / f"{number}.card"
        return Wire(
            VirtualCard.create(path, root=given, serial=1000 + number, firmware=firmware, profile=profile)  # type: ignore[arg-type]
        )

    return make


@pytest.fixture(params=["yubikey", "plain"])
def card(request: pytest.FixtureRequest, new_card: NewCard) -> Wire:
    return new_card(request.param)


@pytest.fixture
def yubikey(new_card: NewCard) -> Wire:
    return new_card()


@pytest.fixture
def plain(new_card: NewCard) -> Wire:
    return new_card("plain")


class TestIdentity:
    def test_a_yubikey_has_its_serial_from_the_start(self, yubikey: Wire) -> None:
        identity = session(yubikey).identify()
        assert (identity.serial, identity.firmware) == ("1001", "5.4.3")

    def test_a_plain_card_has_none_until_it_got_a_guid(self, plain: Wire) -> None:
        token = session(plain)
        assert token.identify().serial is None
        assert token.initialise(PLAN, FACTORY, NEW).serial == GUID.hex()
        assert session(plain).identify().serial == GUID.hex()

    def test_errors_name_seat_and_token(self, yubikey: Wire) -> None:
        with pytest.raises(AuthenticationFailed, match=r"^seat 1, token 1001: "):
            session(yubikey).sign(AUTHENTICATION, SignatureScheme.ECDSA_SHA256, b"", NEW)

    def test_a_card_without_piv_is_not_supported(self) -> None:
        class Other:
            def transmit(self, apdu: bytes) -> tuple[bytes, int]:
                return b"", 0x6A82

        with pytest.raises(Unsupported, match="no PIV application"):
            PivSession(Other(), "seat 1")


class TestInspection:
    def test_a_new_card_is_blank(self, card: Wire) -> None:
        state = session(card).inspect()
        assert state.blank
        assert state.tries.pin == 3
        assert state.factory[Code.PIN] is True
        assert [key.slot for key in state.keys] == ["9a", "9c", "9d", "9e"]

    def test_with_metadata_no_try_is_spent(self, yubikey: Wire) -> None:
        session(yubikey).inspect()
        assert yubikey.count(Ins.VERIFY) == 0

    def test_every_code_that_was_changed_is_a_mark(self, yubikey: Wire) -> None:
        for code, new in ((Code.PIN, NEW.pin), (Code.PUK, NEW.puk), (Code.ADMIN, NEW.admin)):
            token = session(yubikey)
            before = len(token.inspect().marks)
            token.set_code(code, FACTORY, new)
            state = token.inspect()
            assert state.factory[code] is False
            assert len(state.marks) == before + 1

    def test_keys_and_certificates_are_marks(self, card: Wire) -> None:
        token = session(card)
        made = token.generate(AUTHENTICATION, FACTORY)
        token.write_certificate("9c", "", b"0\x03\x02\x01\x01", FACTORY)
        state = token.inspect()
        assert "a certificate in slot 9c" in state.marks
        told = state.keys[0].public_key
        assert told == (made.public_key if state.identity.firmware else None)
        assert not state.blank

    def test_a_plain_card_of_another_owner_loses_one_try_at_most(self, plain: Wire) -> None:
        session(plain).set_code(Code.PIN, FACTORY, NEW.pin)
        state = session(plain).inspect()
        assert state.tries.pin == 2
        assert state.factory[Code.PIN] is False
        again = session(plain).inspect()
        assert not again.blank
        assert again.tries.pin == 2
        assert again.factory[Code.PIN] is None

    def test_a_pin_someone_left_verified_hides_no_tries(self, plain: Wire) -> None:
        session(plain).inspect()
        assert PivSession(Chaining(plain), "seat 1").inspect().tries.pin == 3

    def test_old_yubikeys_without_metadata_are_inspected_like_plain_cards(self, new_card: NewCard) -> None:
        state = session(new_card(firmware=(4, 3, 5))).inspect()
        assert state.blank
        assert state.factory == {Code.PIN: True, Code.PUK: None, Code.ADMIN: None}


class TestInitialisation:
    def test_may_be_repeated(self, card: Wire) -> None:
        for _ in range(2):
            identity = session(card).initialise(PLAN, FACTORY, NEW)
            assert identity == session(card).identify()

    def test_sets_the_tries_once(self, yubikey: Wire) -> None:
        plan = replace(PLAN, pin_tries=5, puk_tries=4)
        for _ in range(2):
            session(yubikey).initialise(plan, FACTORY, NEW)
        state = session(yubikey).inspect()
        assert (state.tries.pin, state.tries.puk) == (5, 4)
        assert yubikey.count(Ins.SET_RETRIES) == 1

    @pytest.mark.parametrize("code", [Code.PIN, Code.PUK])
    def test_never_sets_the_tries_once_a_code_was_set(self, yubikey: Wire, code: Code) -> None:
        token = session(yubikey)
        token.set_code(code, FACTORY, NEW.pin if code is Code.PIN else NEW.puk)
        with pytest.raises(Unsupported, match="no longer the factory's"):
            token.initialise(replace(PLAN, pin_tries=5), FACTORY, NEW)
        assert yubikey.count(Ins.SET_RETRIES) == 0

    def test_a_plain_card_has_fixed_tries(self, plain: Wire) -> None:
        with pytest.raises(Unsupported, match="tries are fixed"):
            session(plain).initialise(replace(PLAN, pin_tries=5), FACTORY, NEW)


class TestKeys:
    @pytest.mark.parametrize("firmware", [(4, 2, 0), (4, 3, 4)])
    def test_weak_generators_make_no_rsa_keys(
        self, new_card: NewCard, firmware: tuple[int, int, int]
    ) -> None:
        card = new_card(firmware=firmware)
        token = session(card)
        with pytest.raises(Unsupported, match="R29"):
            token.generate(replace(AUTHENTICATION, algorithm=Algorithm.RSA2048), FACTORY)
        assert card.count(Ins.GENERATE) == 0
        assert token.generate(AUTHENTICATION, FACTORY).public_key

    def test_attestation_is_checked_up_to_the_root(self, yubikey: Wire, root: AttestationRoot) -> None:
        token = session(yubikey, (root.certificate,))
        made = token.generate(
            replace(AUTHENTICATION, pin_policy=PinPolicy.ALWAYS, touch_policy=TouchPolicy.NEVER), FACTORY
        )
        assert made.evidence.kind == "attestation"
        told = made.evidence.attributes
        assert (told["rooted"], told["serial"], told["firmware"]) == (True, "1001", "5.4.3")
        assert (told["pin_policy"], told["touch_policy"]) == ("always", "never")
        leaf, issuer = map(x509.load_der_x509_certificate, made.evidence.chain)
        leaf.verify_directly_issued_by(issuer)
        issuer.verify_directly_issued_by(root.certificate)
        again = token.evidence("9a", FACTORY)
        assert (again.kind, again.attributes, again.chain[1]) == ("attestation", told, made.evidence.chain[1])

    def test_without_roots_the_evidence_says_that_nobody_vouched(self, yubikey: Wire) -> None:
        assert session(yubikey).generate(AUTHENTICATION, FACTORY).evidence.attributes["rooted"] is False

    def test_a_strangers_attestation_is_no_evidence(self, yubikey: Wire, tmp_path: Path) -> None:
        stranger = AttestationRoot.create(tmp_path / "stranger.pem")
        with pytest.raises(EvidenceMissing, match="no attestation root"):
            session(yubikey, (stranger.certificate,)).generate(AUTHENTICATION, FACTORY)

    def test_a_swapped_attestation_certificate_is_no_evidence(
        self, yubikey: Wire, new_card: NewCard, root: AttestationRoot
    ) -> None:
        foreign = session(new_card()).generate(AUTHENTICATION, FACTORY).evidence.chain[1]
        token = session(yubikey, (root.certificate,))
        token._applet.authenticate(ManagementAlgorithm.TDES, FACTORY.admin)
        from drivers.piv import objects

        token._applet.put(Obj.ATTESTATION, objects.certificate(foreign))
        with pytest.raises(EvidenceMissing, match="not signed by"):
            token.generate(AUTHENTICATION, FACTORY)

    def test_a_plain_card_gives_no_evidence_and_tells_no_key(self, plain: Wire) -> None:
        token = session(plain)
        assert token.generate(AUTHENTICATION, FACTORY).evidence.kind == "none"
        assert token.public_key("9a") is None
        assert token.evidence("9a", FACTORY).kind == "none"

    def test_a_yubikey_without_metadata_tells_the_key_by_attestation(self, new_card: NewCard) -> None:
        token = session(new_card(firmware=(4, 3, 5)))
        assert token.public_key("9a") is None
        made = token.generate(AUTHENTICATION, FACTORY)
        assert token.public_key("9a") == made.public_key

    @pytest.mark.parametrize(
        "key",
        [
            replace(AUTHENTICATION, pin_policy=PinPolicy.ALWAYS),
            replace(SIGNATURE, pin_policy=PinPolicy.ONCE),
            replace(AUTHENTICATION, touch_policy=TouchPolicy.ALWAYS),
        ],
    )
    def test_policies_a_plain_card_does_not_have_are_refused(self, plain: Wire, key: KeySpec) -> None:
        with pytest.raises(Unsupported, match="layout"):
            session(plain).generate(key, FACTORY)
        assert plain.count(Ins.GENERATE) == 0

    def test_a_plain_card_takes_the_policies_the_standard_fixes(self, plain: Wire) -> None:
        key = replace(SIGNATURE, pin_policy=PinPolicy.ALWAYS, touch_policy=TouchPolicy.NEVER)
        assert session(plain).generate(key, FACTORY).public_key

    def test_a_type_the_card_does_not_know_is_not_supported(self, yubikey: Wire) -> None:
        with pytest.raises(Unsupported, match="makes no key"):
            session(yubikey).generate(replace(AUTHENTICATION, algorithm=Algorithm.RSA3072), FACTORY)

    def test_a_slot_piv_does_not_know_is_named(self, yubikey: Wire) -> None:
        with pytest.raises(Unsupported, match="'f9'"):
            session(yubikey).generate(replace(AUTHENTICATION, slot="f9"), FACTORY)


class TestSigning:
    @pytest.mark.parametrize(
        ("slot", "policy", "verifies"),
        [
            ("9a", PinPolicy.DEFAULT, 1),
            ("9a", PinPolicy.ONCE, 1),
            ("9a", PinPolicy.ALWAYS, 3),
            ("9a", PinPolicy.NEVER, 0),
            ("9c", PinPolicy.DEFAULT, 3),
            ("9c", PinPolicy.ONCE, 1),
            ("9e", PinPolicy.DEFAULT, 0),
        ],
    )
    def test_the_pin_is_shown_as_often_as_the_policy_asks(
        self, yubikey: Wire, slot: str, policy: PinPolicy, verifies: int
    ) -> None:
        key = KeySpec(slot, Algorithm.P256, "", pin_policy=policy)
        token = session(yubikey)
        token.generate(key, FACTORY)
        for _ in range(3):
            token.sign(key, SignatureScheme.ECDSA_SHA256, b"message", FACTORY)
        assert yubikey.count(Ins.VERIFY) == verifies

    def test_a_pin_once_accepted_does_not_let_another_one_pass(self, card: Wire) -> None:
        token = session(card)
        token.generate(AUTHENTICATION, FACTORY)
        token.sign(AUTHENTICATION, SignatureScheme.ECDSA_SHA256, b"message", FACTORY)
        with pytest.raises(AuthenticationFailed) as refused:
            token.sign(AUTHENTICATION, SignatureScheme.ECDSA_SHA256, b"message", NEW)
        assert refused.value.remaining == 2

    def test_an_empty_slot_does_not_sign(self, card: Wire) -> None:
        with pytest.raises(DeviceFailed, match="no key of this type in slot 9A"):
            session(card).sign(AUTHENTICATION, SignatureScheme.ECDSA_SHA256, b"message", FACTORY)


class TestCertificates:
    @pytest.mark.parametrize("size", [1, 200, 240, 500, 1800, 2900])
    def test_any_length_is_written_and_read_back(self, card: Wire, size: int) -> None:
        der = bytes(byte % 251 for byte in range(size))
        session(card).write_certificate("9d", "", der, FACTORY)
        assert session(card).read_certificate("9d") == der

    def test_an_empty_slot_has_none(self, card: Wire) -> None:
        assert session(card).read_certificate("9a") is None

    def test_a_compressed_one_is_not_guessed_at(self, card: Wire) -> None:
        from drivers.wire import tlv

        token = session(card)
        token.write_certificate("9d", "", b"x", FACTORY)
        token._applet.put(
            Obj.AUTHENTICATION, tlv.encode_all([(0x70, b"\x1f\x8b"), (0x71, b"\1"), (0xFE, b"")])
        )
        with pytest.raises(Unsupported, match="compressed"):
            token.read_certificate("9a")


class TestAdmin:
    def test_one_authentication_serves_a_session(self, yubikey: Wire) -> None:
        token = session(yubikey)
        token.initialise(PLAN, FACTORY, NEW)
        token.generate(AUTHENTICATION, FACTORY)
        token.write_certificate("9a", "", b"x", FACTORY)
        assert yubikey.log.count((Ins.GENERAL_AUTHENTICATE, Ref.MANAGEMENT)) == 2

    def test_a_wrong_key_is_refused(self, card: Wire) -> None:
        token = session(card)
        with pytest.raises(AuthenticationFailed, match="management key"):
            token.write_certificate("9a", "", b"x", NEW)
        token.write_certificate("9a", "", b"x", FACTORY)

    def test_the_key_of_a_new_yubikey_is_aes(self, new_card: NewCard) -> None:
        card = new_card(firmware=(5, 7, 1))
        token = session(card)
        token.set_code(Code.ADMIN, FACTORY, NEW.admin)
        token.write_certificate("9a", "", b"x", replace(FACTORY, admin=NEW.admin))
        with pytest.raises(AuthenticationFailed):
            session(card).write_certificate("9a", "", b"x", FACTORY)

    def test_a_key_of_another_length_is_refused_before_it_is_sent(self, yubikey: Wire) -> None:
        with pytest.raises(Unsupported, match="24 bytes, not 32"):
            session(yubikey).set_code(Code.ADMIN, FACTORY, Secret(bytes(32)))
        assert yubikey.count(Ins.SET_MANAGEMENT_KEY) == 0

    @pytest.mark.parametrize(
        "weak",
        ["0101010101010101" * 3, "0123456789abcdef" * 3, "01fe01fe01fe01fe0123456789abcdef1122334455667788"],
    )
    def test_a_weak_key_is_refused_before_it_is_sent(self, yubikey: Wire, weak: str) -> None:
        with pytest.raises(Unsupported, match="weak"):
            session(yubikey).set_code(Code.ADMIN, FACTORY, Secret(bytes.fromhex(weak)))
        assert yubikey.count(Ins.SET_MANAGEMENT_KEY) == 0

    def test_a_plain_card_cannot_be_given_one(self, plain: Wire) -> None:
        with pytest.raises(Unsupported, match="SP 800-73-4"):
            session(plain).set_code(Code.ADMIN, FACTORY, NEW.admin)

    def test_a_plain_card_whose_key_is_of_another_type_says_which_setting(self, plain: Wire) -> None:
        token = session(plain, management=ManagementAlgorithm.AES192)
        with pytest.raises(Unsupported, match="management_algorithm"):
            token.initialise(PLAN, FACTORY, NEW)

    def test_a_card_that_does_not_know_the_key_is_refused(self, yubikey: Wire) -> None:
        token = session(yubikey)
        transmit = yubikey.transmit

        def forge(apdu: bytes) -> tuple[bytes, int]:
            data, sw = transmit(apdu)
            return (data[:-1] + bytes([data[-1] ^ 1]), sw) if data[2:3] == b"\x82" else (data, sw)

        yubikey.transmit = forge  # type: ignore[method-assign]
        with pytest.raises(AuthenticationFailed, match="does not know"):
            token.initialise(PLAN, FACTORY, NEW)


class TestLostAnswers:
    @pytest.mark.parametrize("code", [Code.PIN, Code.PUK, Code.ADMIN])
    def test_a_code_is_not_sent_again_and_found_by_asking(self, yubikey: Wire, code: Code) -> None:
        new, old = _values(code)
        ins = Ins.SET_MANAGEMENT_KEY if code is Code.ADMIN else Ins.CHANGE_REFERENCE_DATA
        yubikey.lose = lambda sent: sent == ins
        with pytest.raises(TokenLost):
            session(yubikey).set_code(code, FACTORY, new)
        assert yubikey.count(ins) == 1
        yubikey.lose = lambda sent: False
        assert session(yubikey).in_force(code, new, old) is InForce.NEW

    def test_in_force_spends_nothing_where_metadata_know(self, yubikey: Wire) -> None:
        assert session(yubikey).in_force(Code.PIN, NEW.pin, FACTORY.pin) is InForce.OLD
        assert session(yubikey).in_force(Code.PUK, NEW.puk, FACTORY.puk) is InForce.OLD
        state = session(yubikey).inspect()
        assert (state.tries.pin, state.tries.puk) == (3, 3)
        assert yubikey.count(Ins.VERIFY) == yubikey.count(Ins.CHANGE_REFERENCE_DATA) == 0

    def test_in_force_stops_at_two_tries(self, card: Wire) -> None:
        with pytest.raises(AuthenticationFailed):
            session(card).set_code(Code.PIN, NEW, WRONG)
        sent = card.count(Ins.VERIFY) + card.count(Ins.CHANGE_REFERENCE_DATA)
        assert session(card).in_force(Code.PIN, NEW.pin, WRONG) is InForce.UNKNOWN
        assert session(card).inspect().tries.pin == 2
        assert card.count(Ins.CHANGE_REFERENCE_DATA) <= sent

    @pytest.mark.parametrize("ins", [Ins.VERIFY, Ins.CHANGE_REFERENCE_DATA])
    def test_a_look_for_factory_codes_that_was_cut_off_can_be_made_again(self, card: Wire, ins: Ins) -> None:
        sequence = (Act.SET_PUK, Act.SET_PIN)
        codes = set_codes(session(card), FACTORY, NEW, sequence)
        card.lose = lambda sent: sent == ins
        for _ in range(2):
            with pytest.raises(TokenLost):
                session(card).factory_codes(codes)
        card.lose = lambda sent: False
        works = session(card).factory_codes(codes)
        assert (works[Code.PIN], works[Code.PUK]) == (False, False)
        session(card)
        assert card.transmit(bytes([0x00, Ins.VERIFY, 0x00, Ref.PIN])) == (b"", 0x63C3)

    def test_a_plain_card_does_not_tell_the_tries_of_its_puk(self, plain: Wire) -> None:
        assert session(plain).in_force(Code.PUK, NEW.puk, FACTORY.puk) is InForce.UNKNOWN
        assert plain.count(Ins.CHANGE_REFERENCE_DATA) == 0


class TestBlocking:
    def test_a_blocked_pin_is_told_as_such(self, card: Wire) -> None:
        token = session(card)
        token.generate(AUTHENTICATION, FACTORY)
        token.allow(Tries(pin=UNLIMITED))
        for left in (2, 1):
            with pytest.raises(AuthenticationFailed) as refused:
                token.sign(AUTHENTICATION, SignatureScheme.ECDSA_SHA256, b"", NEW)
            assert refused.value.remaining == left
            assert not isinstance(refused.value, Blocked)
        for _ in range(2):
            with pytest.raises(Blocked):
                token.sign(AUTHENTICATION, SignatureScheme.ECDSA_SHA256, b"", NEW)
        state = session(card).inspect()
        assert state.tries.pin == 0
        assert "a key in slot 9a" in state.marks if state.identity.firmware else not state.blank


@pytest.mark.parametrize("length", [5, 9])
def test_codes_of_other_lengths_are_refused_before_they_are_sent(card: Wire, length: int) -> None:
    for code in (Code.PIN, Code.PUK):
        with pytest.raises(Unsupported, match=f"{length} characters"):
            session(card).set_code(code, FACTORY, Secret.text("3" * length))
    assert card.count(Ins.CHANGE_REFERENCE_DATA) == 0


def test_no_code_shows_in_an_error(yubikey: Wire) -> None:
    token = session(yubikey)
    told = []
    for code, new in ((Code.PIN, NEW.pin), (Code.PUK, NEW.puk), (Code.ADMIN, NEW.admin)):
        with pytest.raises(AuthenticationFailed) as refused:
            token.set_code(code, NEW, new)
        told.append(str(refused.value) + repr(refused.value))
    text = " ".join(told)
    for secret in (NEW.pin, NEW.puk):
        assert secret.reveal().decode() not in text
    assert NEW.admin.reveal().hex() not in text


def test_a_certificate_made_elsewhere_is_the_same_bytes_again(yubikey: Wire, root: AttestationRoot) -> None:
    der = root.certificate.public_bytes(Encoding.DER)
    token = session(yubikey)
    token.write_certificate("9a", "", der, FACTORY)
    token.write_certificate("9a", "", der[:-1] + b"\0", FACTORY)
    token.write_certificate("9a", "", der, FACTORY)
    assert session(yubikey).read_certificate("9a") == der


def _values(code: Code) -> tuple[Secret, Secret]:
    return {
        Code.PIN: (NEW.pin, FACTORY.pin),
        Code.PUK: (NEW.puk, FACTORY.puk),
        Code.ADMIN: (NEW.admin, FACTORY.admin),
    }[code]
