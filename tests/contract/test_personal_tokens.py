"""What both drivers of operators' tokens promise, on real PC/SC and SoftHSM, in the seat's own process."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import load_der_x509_certificate
from cryptography.x509.oid import NameOID

from batch.custody.sealing import open_with, seal_to
from batch.people.challenges import Challenges, StaleChallenge
from batch.people.proof import Fault, NotProven
from batch.people.statements import message
from drivers import errors
from drivers.foreign_certificates import load_certificate, spki
from drivers.personal.signing import is_signature
from drivers.process import Child
from drivers.secret import Secret
from simulators.bench import Bench, softhsm_module
from simulators.faults import model as faults
from simulators.piv import state
from tests.conftest import need
from tests.contract.codes import another
from tests.contract.people import STATION, WITHIN, Door

pytestmark = pytest.mark.bench

TEXT = message(b'{"act":"order.approved"}')

BAD = {
    "late": ("expired", Fault.EXPIRED),
    "stranger": ("stranger", Fault.ANOTHER_CA),
    "barred": ("revoked", Fault.REVOKED),
}
"""Operators whose certificates do not hold, how they are made, and what they are refused for."""


@pytest.fixture(scope="module")
def peopled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    both = ("olga", "pim")
    directory = tmp_path_factory.mktemp("bench") / "people"
    bench = Bench.up(directory, piv=0, pkcs11=0, operators=both, usb_operators=both, tether=True)
    for name, (condition, _) in BAD.items():
        for usb in (False, True):
            bench.people.add(name, usb=usb, condition=condition)  # type: ignore[arg-type]
    yield bench
    bench.down()


@pytest.fixture(params=["piv", "pkcs11"])
def door(request: pytest.FixtureRequest, peopled: Bench) -> Iterator[Door]:
    """An empty operators' seat for each kind of token."""
    peopled.people.present(None)
    yield Door(peopled, request.param, Challenges(STATION))
    for seat in peopled.status().seats:
        if seat.inserted:
            peopled.eject(seat.name)


@pytest.fixture
def process(door: Door) -> Iterator[Child]:
    with door.seat() as child:
        yield child


def now() -> datetime:
    return datetime.now(UTC)


def test_who_has_the_token_and_its_pin_is_let_in(door: Door, process: Child) -> None:
    assert process.ask("ready") is False
    assert process.ask("wait", 0.05) is None
    door.present("olga")
    assert process.ask("ready") is True
    certificate = process.ask("wait", WITHIN)
    challenge = door.challenges.ask("olga", now())
    with pytest.raises(errors.AuthenticationFailed, match="nobody is logged in"):
        process.ask("answer", challenge.text)
    process.ask("login", door.pin("olga"))
    found = door.check(challenge, process.ask("answer", challenge.text), certificate)
    assert found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "olga"
    assert process.ask("present") is True


def test_an_answer_serves_once(door: Door, process: Child) -> None:
    certificate = door.enter(process, "olga")
    first = door.challenges.ask("olga", now())
    answer = process.ask("answer", first.text)
    door.check(first, answer, certificate)
    with pytest.raises(StaleChallenge, match="answered before"):
        door.check(first, answer, certificate)
    again = door.challenges.ask("olga", now())
    with pytest.raises(NotProven) as refused:
        door.check(again, answer, certificate)
    assert refused.value.fault is Fault.WRONG_SIGNATURE


@pytest.mark.parametrize("operator", BAD)
def test_a_certificate_that_does_not_hold_lets_nobody_in(door: Door, process: Child, operator: str) -> None:
    certificate = door.enter(process, operator)
    challenge = door.challenges.ask(operator, now())
    with pytest.raises(NotProven) as refused:
        door.check(challenge, process.ask("answer", challenge.text), certificate)
    assert refused.value.fault is BAD[operator][1]


def test_the_key_of_one_does_not_answer_for_another(door: Door, process: Child) -> None:
    door.present("olga")
    certificate = process.ask("wait", WITHIN)
    door.enter(process, "pim")
    challenge = door.challenges.ask("olga", now())
    with pytest.raises(NotProven) as refused:
        door.check(challenge, process.ask("answer", challenge.text), certificate)
    assert refused.value.fault is Fault.WRONG_SIGNATURE


def test_a_login_is_no_statement_and_a_statement_no_login(door: Door, process: Child) -> None:
    certificate = door.enter(process, "olga")
    assert is_signature(spki(load_certificate(certificate)), TEXT, process.ask("sign", TEXT))
    challenge = door.challenges.ask("olga", now())
    with pytest.raises(errors.Unsupported):
        process.ask("sign", challenge.text)
    with pytest.raises(errors.Unsupported):
        process.ask("sign", b"whatever else")
    with pytest.raises(errors.Unsupported):
        process.ask("answer", TEXT)


def test_a_wrong_pin_is_told_and_the_right_one_still_taken(door: Door, process: Child) -> None:
    certificate = door.enter(process, "olga")
    with pytest.raises(errors.AuthenticationFailed, match="the PIN was refused") as refused:
        process.ask("login", another(door.pin("olga")))
    assert door.pin("olga").reveal().decode() not in str(refused.value)
    with pytest.raises(errors.AuthenticationFailed, match="nobody is logged in"):
        process.ask("sign", TEXT)
    process.ask("login", door.pin("olga"))
    assert is_signature(spki(load_certificate(certificate)), TEXT, process.ask("sign", TEXT))


def test_the_last_try_is_never_made(door: Door) -> None:
    tries = {} if door.driver == "piv" else {"tries": None}
    with door.seat(**tries) as process:
        door.present("pim")
        process.ask("wait", WITHIN)
        wrong = another(door.pin("pim"))
        for _ in range(9):
            try:
                process.ask("login", wrong)
            except errors.RetryBudget:
                break
            except errors.AuthenticationFailed:
                continue
        with pytest.raises(errors.RetryBudget, match="could be its last"):
            process.ask("login", door.pin("pim"))
    if door.driver == "piv":
        path = door.bench.layout.cards / "operator-pim.json"
        card = state.decode(path.read_bytes())
        assert card.codes[state.PIN].left == 1
        door.present(None)
        card.codes[state.PIN] = state.Reference(card.codes[state.PIN].value, 5, 5)
        state.write(path, state.encode(card))


def test_a_pin_no_card_could_have_costs_no_try(door: Door, process: Child) -> None:
    door.present("olga")
    process.ask("wait", WITHIN)
    for wrong in (b"", b"1234567890" * 30 if door.driver == "piv" else b""):
        with pytest.raises(errors.AuthenticationFailed, match="not tried"):
            process.ask("login", Secret(wrong))
    process.ask("login", door.pin("olga"))


def test_a_pulled_token_signs_nothing_and_is_asked_for_its_pin_again(door: Door, process: Child) -> None:
    certificate = door.enter(process, "olga")
    challenge = door.challenges.ask("olga", now())
    door.present(None)
    for call in (("answer", challenge.text), ("sign", TEXT), ("login", door.pin("olga"))):
        with pytest.raises(errors.TokenLost):
            process.ask(*call)
    assert process.ask("present") is False
    assert process.ask("wait", 0.05) is None
    with pytest.raises(errors.NoToken):
        process.ask("sign", TEXT)
    door.present("olga")
    assert process.ask("wait", WITHIN) == certificate
    with pytest.raises(errors.AuthenticationFailed, match="nobody is logged in"):
        process.ask("sign", TEXT)
    process.ask("login", door.pin("olga"))
    door.check(challenge, process.ask("answer", challenge.text), certificate)


@pytest.mark.parametrize(("do", "when"), [("pull", "before"), ("pull", "after"), ("reset", "before")])
def test_a_card_that_goes_while_it_signs_is_lost(peopled: Bench, do: str, when: faults.When) -> None:
    door = Door(peopled, "piv", Challenges(STATION))
    with door.seat() as process:
        certificate = door.enter(process, "olga")
        peopled.arm(faults.Fault("operators", do, of="87", when=when))
        with pytest.raises(errors.TokenLost):
            process.ask("sign", TEXT)
        door.present(None)
        assert door.enter(process, "olga") == certificate
        assert is_signature(spki(load_certificate(certificate)), TEXT, process.ask("sign", TEXT))
    door.present(None)


def test_a_token_put_in_anothers_place_does_not_sign_for_it(door: Door, process: Child) -> None:
    door.enter(process, "olga")
    door.present("pim")
    assert process.ask("present") is False
    with pytest.raises(errors.TokenLost):
        process.ask("sign", TEXT)


def test_what_is_sealed_to_an_operator_leaves_the_seat_only_sealed_to_another(
    door: Door, process: Child
) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    recipient = other.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    door.enter(process, "olga")
    sealed = seal_to(b"a share", process.ask("agreement_key"), b"share 1")
    resealed = process.ask("reseal", sealed, b"share 1", recipient, b"session 1")
    assert open_with(resealed, other, b"session 1").reveal() == b"a share"
    with pytest.raises(errors.DriverError, match="does not open"):
        process.ask("reseal", sealed, b"share 2", recipient, b"session 1")
    door.enter(process, "pim")
    with pytest.raises(errors.DriverError, match="does not open"):
        process.ask("reseal", sealed, b"share 1", recipient, b"session 1")
    door.enter(process, "olga")
    door.present(None)
    with pytest.raises(errors.TokenLost):
        process.ask("reseal", sealed, b"share 1", recipient, b"session 1")


def test_the_two_keys_are_two(door: Door, process: Child) -> None:
    certificate = door.enter(process, "olga")
    assert spki(load_der_x509_certificate(certificate)) != process.ask("agreement_key")


def test_a_token_of_nobody_is_told(door: Door, process: Child) -> None:
    door.bench.insert(door.seat_name)
    with pytest.raises(errors.Unsupported, match="no operator's token"):
        process.ask("wait", WITHIN)
    door.bench.eject(door.seat_name)
    assert door.enter(process, "olga")


def test_of_several_certificates_one_must_be_named(peopled: Bench, tmp_path: Path) -> None:
    need("pkcs11-tool")
    peopled.people.add("two", usb=True)
    door = Door(peopled, "pkcs11", Challenges(STATION))
    with door.seat() as process:
        certificate = door.enter(process, "two")
    (tmp_path / "two.der").write_bytes(certificate)
    environment = {**peopled.people.table("pkcs11")["environment"], "PATH": "/usr/bin:/bin"}
    subprocess.run(
        [
            *("pkcs11-tool", "--module", softhsm_module(), "--login", "--pin", "env:PIN"),
            *("--write-object", str(tmp_path / "two.der"), "--type", "cert", "--id", "05"),
        ],
        env={**environment, "PIN": door.pin("two").reveal().decode()},
        check=True,
        capture_output=True,
    )
    with door.seat() as process, pytest.raises(errors.Unsupported, match=r"several .* 01, 05") as several:
        process.ask("wait", WITHIN)
    assert "`key`" in str(several.value.next)
    with door.seat(key="01") as process:
        assert door.enter(process, "two") == certificate
        assert process.ask("sign", TEXT)
    with door.seat(key="05") as process:
        door.enter(process, "two")
        with pytest.raises(errors.Unsupported, match="no private key 05"):
            process.ask("sign", TEXT)
    with door.seat(key="no hex") as process, pytest.raises(errors.Unsupported, match="no CKA_ID"):
        process.ask("ready")
    peopled.people.present(None)


def test_a_seat_that_is_not_there_is_told(door: Door) -> None:
    wrong = {"reader": "Nowhere 00 00"} if door.driver == "piv" else {"module": "/nowhere.so"}
    with door.seat(**wrong) as process, pytest.raises(errors.DeviceFailed, match=r"no reader|no PKCS#11"):
        process.ask("ready")
    with door.seat(speed=9) as process, pytest.raises(errors.Unsupported, match="speed"):
        process.ask("ready")
