"""`station login` lets in who has the right token and its PIN, and nobody else (R35)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from batch.model.people import Means, Operator, Role
from batch.people.operators import enrol
from batch.people.register import key_of
from batch.store.clock import now
from batch.store.database import Records
from drivers.secret import Secret
from simulators.bench import Bench
from simulators.bench.employer import Condition
from simulators.faults.model import Fault
from station import setup
from station.config import Operators
from station.exit_codes import ExitCode
from station.home import enter
from station.key_tokens import KEYS
from station.operators_seat import OperatorsSeat
from station.wiring import Desk
from tests.conftest import need_bench
from tests.unit.cli import Cli, Result
from tests.unit.login_kit import pin_fd, staff

pytestmark = pytest.mark.bench

Login = Callable[[str], Result]
CONDITIONS: Mapping[str, Condition] = {"late": "expired", "stray": "stranger", "barred": "revoked"}
"""Operators whose certificates do not hold any more, and how they are made."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    need_bench()
    bench = Bench.up(
        tmp_path_factory.mktemp("bench"), piv=0, pkcs11=0, operators=("olga", "pim"), tether=True
    )
    for name, condition in CONDITIONS.items():
        bench.people.add(name, condition=condition)
    yield bench
    bench.down()


@pytest.fixture(scope="module")
def home(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk at which all of them are registered but pim, as if their certificates had held then."""
    path = tmp_path_factory.mktemp("desk") / "home"
    setup.make(
        path,
        name="Desk",
        country="NL",
        operator="anna",
        pins={key: Secret.text("271828") for key in KEYS},
        bench=bench.layout.directory,
        seats=(),
        operators=Operators(**bench.people.table()),
    )
    desk = Desk.of(enter(path), None)
    with closing(Records(desk.home.records)) as records:
        actors = staff(records)
        for name in ("olga", *CONDITIONS):
            desk.present(name)
            with desk.operators_seat() as seat:
                shown = seat.wait(30)
                assert shown is not None
                agreement = seat.agreement_key()
            roles = frozenset({Role.ORDER_OFFICER})
            one = Operator(name, roles, Means.TOKEN, key_of(shown), agreement, shown, now())
            for administrator in actors.values():
                enrol(records, administrator, one, anchor=lambda trust: None)
    return path


@pytest.fixture
def login(bench: Bench, home: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Login]:
    cli = Cli(capsys)

    def login(name: str) -> Result:
        pin = bench.people.pin_file(name).read_text().strip()
        return cli("login", "--as", name, "--home", str(home), "--pin-fd", pin_fd(**{name: pin}))

    yield login
    cli("logout", "--home", str(home))
    bench.disarm()
    bench.people.present(None)


def test_the_right_token_and_its_pin_begin_a_session(
    login: Login, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert login("olga").code == ExitCode.OK
    assert Cli(capsys)("whoami", "--home", str(home)).out == "olga: order-officer\n"


@pytest.mark.parametrize(
    ("name", "told"),
    [("late", "expired"), ("stray", "none of this station's anchors"), ("barred", "revoked")],
)
def test_a_certificate_that_does_not_hold_lets_nobody_in(
    login: Login, name: str, told: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = login(name)
    assert refused.code == ExitCode.REFUSED_BY_RULE, refused.err
    assert told in refused.err
    assert Cli(capsys)("whoami", "--home", str(home)).code == ExitCode.NOT_FOUND


def test_the_token_of_somebody_who_is_not_registered_is_nobodys(
    bench: Bench, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.people.present("pim")
    refused = Cli(capsys)("login", "--home", str(home))
    assert refused.code == ExitCode.REFUSED_BY_RULE
    assert "no operator is registered with the token in the operators' seat" in refused.err


def test_an_answer_to_an_earlier_challenge_lets_nobody_in(
    login: Login, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = OperatorsSeat._ask
    answers: list[object] = []

    def replayed(seat: OperatorsSeat, method: str, *arguments: object) -> object:
        answer = asked(seat, method, *arguments)
        if method != "answer":
            return answer
        answers.append(answer)
        return answers[0]

    monkeypatch.setattr(OperatorsSeat, "_ask", replayed)
    assert login("olga").code == ExitCode.OK
    Cli(capsys)("logout", "--home", str(home))
    refused = login("olga")
    assert len(answers) == 2
    assert refused.code == ExitCode.REFUSED_BY_RULE
    assert "the answer to the challenge is not signed with the key of this certificate" in refused.err
    assert Cli(capsys)("whoami", "--home", str(home)).code == ExitCode.NOT_FOUND


def test_a_token_pulled_while_it_answers_logs_nobody_in(
    bench: Bench, login: Login, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.arm(Fault("operators", "pull", of="87"))
    refused = login("olga")
    assert refused.code == ExitCode.DEVICE, refused.err
    assert "next:" in refused.err
    assert Cli(capsys)("whoami", "--home", str(home)).code == ExitCode.NOT_FOUND
    bench.disarm()
    bench.people.present(None)
    assert login("olga").code == ExitCode.OK
