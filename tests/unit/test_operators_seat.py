"""The operators' seat of a station: configured, looked at by the doctor, fed, and logged in at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from msgspec.structs import replace

from batch.people.proof import Fault, NotProven
from batch.people.statements import message
from drivers.errors import AuthenticationFailed, ProcessDied, TokenLost
from drivers.foreign_certificates import load_certificate, spki
from drivers.personal.signing import is_signature
from drivers.secret import Secret
from layouts.errors import FileFault
from simulators.bench import Bench
from simulators.bench.model import PKCS11
from simulators.faults.model import Fault as BenchFault
from station import setup
from station.config import Operators, Seat, example, load, parse
from station.errors import ConfigurationError
from station.home import enter
from station.key_tokens import KEYS
from station.operators_seat import OperatorsSeat
from station.wiring import Desk
from tests.unit.cli import Cli

TEXT = message(b'{"act":"order.approved"}')


@pytest.fixture(scope="module")
def peopled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench with one lane and the tokens of three operators."""
    directory = tmp_path_factory.mktemp("bench") / "people"
    bench = Bench.up(
        directory, piv=1, pkcs11=0, operators=("olga", "pim"), usb_operators=("ine",), tether=True
    )
    yield bench
    bench.down()


@pytest.fixture(scope="module")
def home(peopled: Bench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A station at it."""
    path = tmp_path_factory.mktemp("desk") / "home"
    setup.make(
        path,
        name="Desk",
        country="NL",
        operator="anna",
        pins={key: Secret.text("271828") for key in KEYS},
        bench=peopled.layout.directory,
        seats=tuple(Seat(**peopled.seat_options(seat)) for seat in peopled.seats),
        operators=Operators(**peopled.people.table()),
    )
    return path


def desk(home: Path) -> Desk:
    return Desk.of(enter(home), None)


def now() -> datetime:
    return datetime.now(UTC)


def pin(bench: Bench, operator: str) -> Secret:
    return Secret(bench.people.pin_file(operator).read_bytes().strip())


@contextmanager
def seat_with(desk: Desk, operator: str) -> Iterator[OperatorsSeat]:
    """The operators' seat, into which the feeder put an operator's token."""
    desk.present(operator)
    with desk.operators_seat() as seat:
        yield seat


def holder(certificate: bytes) -> object:
    found = x509.load_der_x509_certificate(certificate)
    return found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value


@pytest.mark.bench
def test_the_operators_seat_is_no_lane_and_written_as_configured(
    peopled: Bench, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert peopled.seats == ("piv-1",)
    found = load(home / "station.toml")
    assert [seat.name for seat in found.seats] == ["piv-1"]
    assert found.operators == Operators(**peopled.people.table())
    listed = json.loads(Cli(capsys)("lanes", "--json", "--home", str(home)).out)
    assert [lane["name"] for lane in listed] == ["piv-1"]


@pytest.mark.bench
def test_the_feeder_puts_in_the_token_of_whoever_is_asked_for(peopled: Bench, home: Path) -> None:
    for operator in ("olga", "pim"):
        with seat_with(desk(home), operator) as seat:
            certificate = seat.wait(20)
            assert certificate is not None
            assert holder(certificate) == operator
            seat.check(certificate, now())
            with pytest.raises(AuthenticationFailed):
                seat.sign(TEXT)
            seat.log_in("Desk", operator, certificate, pin(peopled, operator), now)
            assert is_signature(spki(load_certificate(certificate)), TEXT, seat.sign(TEXT))
            assert seat.agreement_key() is not None
            peopled.people.present(None)
            with pytest.raises(TokenLost):
                seat.sign(TEXT)


@pytest.mark.bench
def test_a_certificate_that_does_not_hold_is_refused_at_the_desk(peopled: Bench, home: Path) -> None:
    peopled.people.add("late", condition="expired")
    with seat_with(desk(home), "late") as seat:
        certificate = seat.wait(20)
        assert certificate is not None
        with pytest.raises(NotProven) as refused:
            seat.log_in("Desk", "late", certificate, pin(peopled, "late"), now)
        assert refused.value.fault is Fault.EXPIRED


@pytest.mark.bench
def test_a_token_that_hangs_is_given_up_and_taken_anew(peopled: Bench, home: Path) -> None:
    whole = desk(home)
    assert whole.configuration.operators is not None
    hasty = replace(whole.configuration.operators, answer_seconds=5.0)
    impatient = Desk(whole.home, whole.pins, replace(whole.configuration, operators=hasty))
    with seat_with(impatient, "pim") as seat:
        certificate = seat.wait(20)
        assert certificate is not None
        seat.log_in("Desk", "pim", certificate, pin(peopled, "pim"), now)
        peopled.arm(BenchFault("operators", "hang", of="87"))
        with pytest.raises(ProcessDied, match="no answer within 5 s"):
            seat.sign(TEXT)
        with pytest.raises(ProcessDied):
            seat.sign(TEXT)
    peopled.people.present(None)
    with seat_with(desk(home), "pim") as seat:
        assert seat.wait(20) == certificate


@pytest.mark.bench
def test_usb_tokens_have_a_seat_of_their_own(peopled: Bench, home: Path) -> None:
    text = (home / "station.toml").read_text()
    whole = desk(home)
    table = Operators(**peopled.people.table(PKCS11))
    usb = Desk(whole.home, whole.pins, replace(parse(text, "station.toml"), operators=table))
    with seat_with(usb, "ine") as seat:
        certificate = seat.wait(20)
        assert certificate is not None
        seat.log_in("Desk", "ine", certificate, pin(peopled, "ine"), now)


@pytest.mark.bench
def test_the_doctor_looks_at_seat_cas_and_lists(
    peopled: Bench, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def checks() -> dict[str, dict[str, str]]:
        done = Cli(capsys)("doctor", "--json", "--home", str(home))
        return {check["name"]: check for check in json.loads(done.out)}

    peopled.people.present("olga")
    found = checks()
    assert found["operators' seat"] == {
        "name": "operators' seat",
        "state": "ok",
        "found": "a token is in it",
        "mend": None,
    }
    assert "Simulated Employer CA" in found["operators' CAs"]["found"]
    assert found["operators' revocation lists"]["state"] == "ok"
    file = home / "station.toml"
    text = file.read_text()
    try:
        file.write_text(
            text.replace("employer-crl.pem", "none.pem")
            .replace("employer-ca.pem", "employer-crl.pem")
            .replace("operators 00", "operators 09")
        )
        found = checks()
        for name in ("operators' seat", "operators' CAs", "operators' revocation lists"):
            assert found[name]["state"] == "fail"
            assert found[name]["mend"]
    finally:
        file.write_text(text)


@pytest.mark.bench
def test_a_bench_tells_whose_token_is_in_the_seat(peopled: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    cli, place = Cli(capsys), ("--dir", str(peopled.layout.directory))
    assert cli("bench", "operator", "present", "pim", *place).code == 0
    inserted = {seat.name: seat.inserted for seat in peopled.status().seats}
    assert inserted["operators"] == "operator-pim"
    assert cli("bench", "operator", "present", "ine", *place).code == 0
    inserted = {seat.name: seat.inserted for seat in peopled.status().seats}
    assert (inserted["operators"], inserted["operators-usb"]) == (None, "operator-ine")
    assert cli("bench", "operator", "present", "none", *place).code == 0
    assert not any(seat.inserted for seat in peopled.status().seats)
    assert "no such token of operator 'nobody'" in cli("bench", "operator", "present", "nobody", *place).err
    made = cli("bench", "operator", "add", "eva", "--usb", *place)
    assert Path(made.out.strip()).stat().st_mode & 0o777 == 0o600
    assert "has such a token" in cli("bench", "operator", "add", "eva", "--usb", *place).err
    assert "no name" in cli("bench", "operator", "add", "../eva", *place).err


SEAT = '[operators]\ndriver = "piv"'


@pytest.mark.parametrize(
    ("here", "instead", "said"),
    [
        ('anchors = ["/etc/issuance-station/employees-ca.pem"]', "", "names no CA"),
        ('anchors = ["/etc/', 'anchors = ["etc/', "no absolute path"),
        ('crl = ["/var/', 'crl = ["var/', "no absolute path"),
        (SEAT, "[operators]", "nobody could log in"),
        (SEAT, SEAT + '\nfeader = "hands"', "unknown key 'feader'"),
        ('reader = "Example Desktop Reader 01 00"', 'reader = "Other"\nserial = "0001"', "operators' seat"),
        (
            "[operators.options]",
            '[operators.environment]\n"A-B" = ""\n[operators.options]',
            "no name of letters",
        ),
    ],
)
def test_what_cannot_be_an_operators_seat_is_refused(here: str, instead: str, said: str) -> None:
    assert here in example()
    with pytest.raises(FileFault, match=said):
        parse(example().replace(here, instead, 1), "station.toml")


def test_passphrases_alone_need_no_seat() -> None:
    begin, end = example().index("[operators]"), example().index("# Letters are")
    text = example()[:begin] + "[operators]\npassphrases = true\n\n" + example()[end:]
    found = parse(text, "station.toml").operators
    assert found is not None
    assert found.driver is None


@pytest.mark.bench
def test_a_station_without_a_seat_says_how_to_get_one(home: Path) -> None:
    whole = desk(home)
    bare = Desk(whole.home, whole.pins, replace(whole.configuration, operators=None))
    with pytest.raises(ConfigurationError, match="no operators' seat"), bare.operators_seat():
        pass
