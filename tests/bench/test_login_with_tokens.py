"""`station login` lets in who has the right token and its PIN, and nobody else (R35)."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from batch.model.people import Means, Operator, Role
from batch.people.logins import count_success
from batch.people.operators import enrol
from batch.people.register import key_of
from batch.store.audit import entries
from batch.store.clock import now
from batch.store.database import Records
from drivers.secret import Secret
from simulators.bench import Bench
from simulators.bench.employer import Condition
from simulators.faults.model import Fault
from station import setup
from station.config import Operators
from station.conversation.messages import AskSecret, Failed, Locked, Message, Watched, decode
from station.exit_codes import ExitCode
from station.home import enter
from station.key_tokens import KEYS
from station.operators_seat import OperatorsSeat
from station.wiring import Desk
from tests.unit.cli import Cli, Result
from tests.unit.intake_kit import GROUP_ROW, text_of
from tests.unit.login_kit import pin_fd, staff

pytestmark = pytest.mark.bench

Login = Callable[[str], Result]
CONDITIONS: Mapping[str, Condition] = {"late": "expired", "stray": "stranger", "barred": "revoked"}
"""Operators whose certificates do not hold any more, and how they are made."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
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


class Staying:
    """`station login --stay`, or --guard for nobody by name, as a screen starts it."""

    def __init__(self, home: Path, name: str | None) -> None:
        self.screen, theirs = socket.socketpair()
        command = [sys.executable, "-m", "station", "--conversation-fd", str(theirs.fileno()), "--home"]
        how = ["login", "--guard"] if name is None else ["--as", name, "login", "--stay"]
        command += [str(home), *how, "--json"]
        with theirs:
            self.process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        self._lines = self.screen.makefile("rb")

    def hear(self) -> Message | None:
        """What it says next; None once it is gone."""
        line = self._lines.readline()
        return decode(line) if line else None

    def logged_in(self, name: str, pin: str) -> dict[str, object]:
        """What it tells once the PIN was typed."""
        assert self.hear() == AskSecret(name, f"PIN of {name}", again=False)
        self.screen.sendall(pin.encode() + b"\n")
        assert self.process.stdout is not None
        told = dict(json.loads(self.process.stdout.readline()))
        assert self.hear() == Watched(name)
        return told

    def end(self) -> tuple[int, str]:
        """Its exit code and what it said."""
        out, err = self.process.communicate(timeout=60)
        self._lines.close()
        self.screen.close()
        return self.process.returncode, (out + err).decode()

    def shown(self) -> bytes:
        """What anybody may see of it and its children: arguments and environment."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        files = [Path("/proc", one, what) for one in (str(pid), *children) for what in ("cmdline", "environ")]
        return b"".join(path.read_bytes() for path in files if os.access(path, os.R_OK))


@pytest.fixture
def pin(bench: Bench) -> Iterator[str]:
    yield bench.people.pin_file("olga").read_text().strip()
    bench.people.present(None)


def test_a_screen_logs_in_with_the_second_pin_and_locks_when_the_token_leaves(
    bench: Bench, home: Path, pin: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli = Cli(capsys)
    wrong = Staying(home, "olga")
    assert wrong.hear() == AskSecret("olga", "PIN of olga", again=False)
    wrong.screen.sendall(b"000000\n")
    failed = wrong.hear()
    assert isinstance(failed, Failed)
    assert (failed.code, failed.where) == (ExitCode.REFUSED_BY_RULE, "olga")
    assert failed.what.startswith("the PIN is wrong; ")
    assert wrong.end()[0] == ExitCode.REFUSED_BY_RULE

    with closing(Records(home / "station.db")) as records:
        count_success(records, "olga")
    staying = Staying(home, "olga")
    told = staying.logged_in("olga", pin)
    assert (told["name"], told["watched"]) == ("olga", True)
    shown = staying.shown()
    assert b"station" in shown
    assert pin.encode() not in shown

    # Others use the seat meanwhile: the import is signed by the very token that is watched.
    file = tmp_path / "order.csv"
    file.write_text(text_of([GROUP_ROW]), encoding="utf-8")
    taken = cli("order", "import", str(file), "--home", str(home), "--pin-fd", pin_fd(olga=pin))
    assert taken.code == ExitCode.OK, taken.err
    assert staying.process.poll() is None
    assert cli("whoami", "--home", str(home)).code == ExitCode.OK

    bench.people.present(None)
    assert staying.hear() == Locked("olga")
    assert staying.hear() is None
    code, said = staying.end()
    assert code == ExitCode.OK
    assert "olga is logged out: the token left the operators' seat" in said
    assert pin not in said
    assert cli("whoami", "--home", str(home)).code == ExitCode.NOT_FOUND
    with closing(Records(home / "station.db")) as records:
        ended = [entry.body for entry in entries(records) if "session.ended" in entry.body]
    assert "the token left the operators' seat" in ended[-1]


@pytest.mark.parametrize("how", ["signal", "hang up"])
def test_who_stops_watching_ends_no_session(
    home: Path, pin: str, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    staying = Staying(home, "olga")
    assert staying.logged_in("olga", pin)["watched"] is True
    if how == "signal":
        staying.process.send_signal(signal.SIGTERM)
    else:
        staying.screen.shutdown(socket.SHUT_RDWR)
    code, said = staying.end()
    assert code == ExitCode.OK, said
    cli = Cli(capsys)
    assert cli("whoami", "--home", str(home)).code == ExitCode.OK
    assert cli("logout", "--home", str(home)).code == ExitCode.OK


def test_who_logs_out_is_not_watched_any_more(
    home: Path, pin: str, capsys: pytest.CaptureFixture[str]
) -> None:
    staying = Staying(home, "olga")
    assert staying.logged_in("olga", pin)["watched"] is True
    assert Cli(capsys)("logout", "--home", str(home)).code == ExitCode.OK
    assert staying.hear() is None
    code, said = staying.end()
    assert code == ExitCode.OK
    assert "logged out:" not in said


def test_a_session_is_guarded_by_its_token_without_a_pin(
    bench: Bench, home: Path, pin: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cli = Cli(capsys)
    assert cli("login", "--as", "olga", "--home", str(home), "--pin-fd", pin_fd(olga=pin)).code == ExitCode.OK
    guard = Staying(home, None)
    assert guard.process.stdout is not None
    assert json.loads(guard.process.stdout.readline()) == {"name": "olga", "watched": True}
    assert guard.hear() == Watched("olga")
    bench.people.present(None)
    assert guard.hear() == Locked("olga")
    code, said = guard.end()
    assert code == ExitCode.OK
    assert "olga is logged out: the token left the operators' seat" in said
    assert cli("whoami", "--home", str(home)).code == ExitCode.NOT_FOUND
    assert cli("login", "--guard", "--home", str(home)).code == ExitCode.NOT_FOUND, "nobody to guard"
