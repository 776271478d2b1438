"""What a command and the screen that started it say to each other."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from batch.model.people import Role
from drivers.errors import DeviceFailed
from drivers.secret import Secret
from station.cli.confirming import ask_twice
from station.cli.errors import report
from station.conversation.command import Conversation
from station.conversation.messages import (
    LEFT,
    AskNext,
    AskSecret,
    AskText,
    AskYes,
    Failed,
    Fault,
    Locked,
    Message,
    Watched,
    decode,
    encode,
)
from station.errors import ConversationFault, PinUnavailable, Unanswered
from station.exit_codes import ExitCode
from station.home import Home
from tests.unit.cli import Cli
from tests.unit.login_kit import log_in, passphrase, staffed
from tests.unit.restore_kit import home_of
from tests.unit.screen_kit import Answer, Screen, screen

ROOT = Path(__file__).parents[2]
MESSAGES = (
    AskSecret("daan", "PIN of daan", again=False),
    AskText("Type the serial of the token"),
    AskYes("Destroy it? This cannot be undone"),
    AskNext("put the next one in"),
    Failed(4, "000001", "it is spoiled", None),
    Failed(
        3,
        "o.csv",
        "2 faults",
        "x",
        (Fault(3, "serial", "'x' is none", "digits"), Fault(None, None, "a", "b")),
    ),
    Watched("daan"),
    Locked("daan"),
)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: type(one).__name__)
def test_a_message_is_one_line_and_comes_back_as_it_was(message: Message) -> None:
    line = encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == message


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"yes", b'{"type": "Run"}', b'{"type": "Locked", "operator": 1}']
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(line)


@contextmanager
def talking(*answers: Answer) -> Iterator[tuple[Conversation, Screen]]:
    """The command's end of a conversation, and the screen's, which gives these answers and stays."""
    with screen(*answers) as found:
        conversation = Conversation(found.fd)
        try:
            yield conversation, found
        finally:
            conversation.close()


@pytest.fixture
def spared() -> Iterator[None]:
    """The tests go on when a screen hangs up."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGHUP, before)


class TestAsking:
    def test_a_secret_is_what_was_typed_byte_for_byte(self) -> None:
        with talking(b" 12\x0034\xff ") as (conversation, said):
            assert conversation.secret("ada", "PIN of ada") == Secret(b" 12\x0034\xff ")
        assert said.asked == [AskSecret("ada", "PIN of ada", again=False)]

    def test_a_new_secret_is_asked_for_once_and_typed_twice_by_the_screen(self) -> None:
        with talking("271828") as (conversation, said):
            assert conversation.secret("ca", "PIN of the ca token", again=True) == Secret.text("271828")
        assert said.asked == [AskSecret("ca", "new PIN of the ca token", again=True)]

    def test_nothing_typed_is_no_secret_and_neither_is_too_much(self) -> None:
        with talking("", "1" * 256) as (conversation, _):
            with pytest.raises(PinUnavailable, match="nothing was typed"):
                conversation.secret("ada", "PIN of ada")
            with pytest.raises(PinUnavailable, match="255 bytes") as caught:
                conversation.secret("ada", "PIN of ada")
        assert "11" not in str(caught.value)

    def test_text_yes_no_and_next(self) -> None:
        with talking("Zoë", True, False, "", "") as (conversation, said):
            assert conversation.text("name") == "Zoë"
            assert conversation.yes("sure?") is True
            assert conversation.yes("sure?") is False
            assert conversation.next("put it in") is True
            assert conversation.yes("an empty answer is no yes") is False
        assert [type(one) for one in said.asked] == [AskText, AskYes, AskYes, AskNext, AskYes]

    def test_who_declines_said_nothing_and_no(self) -> None:
        with talking(None, None, None, None) as (conversation, _):
            for ask in (lambda: conversation.secret("ada", "PIN of ada"), lambda: conversation.text("name")):
                with pytest.raises(Unanswered):
                    ask()
            assert conversation.yes("sure?") is False
            assert conversation.next("put it in") is False

    @pytest.mark.usefixtures("spared")
    def test_of_a_screen_that_is_gone_nothing_can_be_asked(self) -> None:
        with talking() as (conversation, _):
            with pytest.raises(PinUnavailable, match="nobody to ask"):
                conversation.secret("ada", "PIN of ada")
            for ask in (lambda: conversation.text("name"), lambda: conversation.yes("sure?")):
                with pytest.raises(Unanswered):
                    ask()
            assert conversation.next("put it in") is False

    def test_an_answer_without_an_end_is_not_read_for_ever(self) -> None:
        with talking(b"x" * 100_000) as (conversation, _), pytest.raises(Unanswered, match="more than 4,096"):
            conversation.text("name")

    @pytest.mark.parametrize(
        "open_other", [lambda: os.pipe()[0], lambda: socket.socket().detach(), lambda: 999]
    )
    def test_what_is_no_unix_socket_leads_to_no_screen(self, open_other: Callable[[], int]) -> None:
        with pytest.raises(ConversationFault):
            Conversation(open_other())


WAITING = """
import select
import sys
from station.cli.stopping import stop_on_signals
from station.conversation.command import Conversation
stopped = []
with stop_on_signals(lambda: stopped.append(1), "stopping") if "stops" in sys.argv else open("/dev/null"):
    Conversation(int(sys.argv[1]))
    print("here", flush=True)
    while not stopped and not select.select([sys.stdin], [], [], 0.05)[0]:
        pass
print("went on")
"""


class TestLeaving:
    def left(self, *how: str, saying: bytes = b"") -> tuple[int, str]:
        """How a command ends whose screen goes; its exit code and what it said after that."""
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-c", WAITING, str(theirs.fileno()), *how]
        with subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            theirs.close()
            assert process.stdout is not None
            assert process.stdout.readline() == "here\n"
            ours.sendall(saying)
            ours.close()
            if saying:
                out, _ = process.communicate("", timeout=60)
            else:
                # Its standard input stays open: nothing else ends it.
                out = process.stdout.read()
            return process.wait(60), out

    def test_a_command_whose_screen_dies_ends_as_if_its_terminal_was_closed(self) -> None:
        assert self.left() == (-signal.SIGHUP, "")

    def test_one_that_stops_between_two_steps_stops_so(self) -> None:
        assert self.left("stops") == (0, "went on\n")

    def test_one_whose_screen_says_that_it_leaves_goes_on(self) -> None:
        assert self.left(saying=LEFT + b"\n") == (0, "went on\n")


class TestFailing:
    def told(self, error: BaseException) -> Failed:
        with talking() as (conversation, said):
            report(error, conversation)
        return said.failed

    def test_an_error_of_ours_is_told_in_its_parts(self) -> None:
        told = self.told(DeviceFailed("it burns", where="lane-1", next="put it out"))
        assert told == Failed(ExitCode.DEVICE, "lane-1", "it burns", "put it out")

    def test_a_foreign_error_loses_its_text_there_too(self) -> None:
        told = self.told(RuntimeError("271828"))
        assert (told.code, told.what, told.where) == (ExitCode.INTERNAL, "unexpected RuntimeError", None)
        assert "271828" not in str(told)

    def test_an_error_of_the_system_names_the_file_whatever_it_is_called(self) -> None:
        told = self.told(PermissionError(13, "Permission denied", "/x/\udcff\x1b"))
        assert told == Failed(ExitCode.INTERNAL, "/x/\\udcff\\x1b", "Permission denied", None)

    def test_a_command_line_that_is_not_understood_is_told(self, capsys: pytest.CaptureFixture[str]) -> None:
        with screen() as said:
            assert Cli(capsys)("--conversation-fd", str(said.fd), "order", "nonsense").code == ExitCode.USAGE
        assert said.failed == Failed(2, None, "No such command 'nonsense'.", "station order --help")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = home_of(tmp_path / "home")
    staffed(home, ada=(Role.ORDER_OFFICER, Role.ADMINISTRATOR))
    return home


class TestCommands:
    """Each place that asks, with the command that asks there."""

    def run(self, home: Home | Path, cli: Cli, said: Screen, *arguments: str) -> int:
        path = home.path if isinstance(home, Home) else home
        result = cli(*arguments, "--home", str(path), "--conversation-fd", str(said.fd))
        for answer in (passphrase("ada"), "271828", "314159"):
            assert answer not in result.out + result.err + str(said.said)
        return result.code

    def test_who_logs_in_is_asked_for_their_passphrase(
        self, home: Home, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with screen(passphrase("ada")) as said:
            assert self.run(home, Cli(capsys), said, "login", "--as", "ada") == ExitCode.OK
        assert said.said == [AskSecret("ada", "passphrase of ada", again=False)]

    def test_nothing_watches_who_has_no_token(self, home: Home, capsys: pytest.CaptureFixture[str]) -> None:
        with screen(passphrase("ada")) as said:
            done = Cli(capsys)(
                *("login", "--as", "ada", "--stay", "--json"),
                *("--home", str(home.path), "--conversation-fd", str(said.fd)),
            )
        assert done.code == ExitCode.OK
        assert json.loads(done.out)["watched"] is False
        assert "ada has no token: nothing watches" in done.err

    def test_a_wrong_one_is_told_and_nobody_is_logged_in(
        self, home: Home, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with screen("271828") as said:
            assert self.run(home, Cli(capsys), said, "login", "--as", "ada") == ExitCode.REFUSED_BY_RULE
        assert (said.failed.where, said.failed.what) == ("ada", "the passphrase is wrong")
        assert Cli(capsys)("whoami", "--home", str(home.path)).code == ExitCode.NOT_FOUND

    def test_who_declines_ends_the_command(self, home: Home, capsys: pytest.CaptureFixture[str]) -> None:
        with screen(None) as said:
            assert self.run(home, Cli(capsys), said, "login", "--as", "ada") == ExitCode.INTERRUPTED
        assert said.failed.what == "was not answered"

    def test_a_new_station_asks_for_its_new_pins(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with screen("271828", "314159") as said:
            assert self.run(tmp_path / "new", Cli(capsys), said, "init", "--name", "Desk") == ExitCode.OK
        assert said.said == [
            AskSecret("bench", "new PIN of the bench token", again=True),
            AskSecret("ca", "new PIN of the ca token", again=True),
        ]

    @pytest.mark.parametrize("sure", [True, False])
    def test_what_cannot_be_undone_is_asked(
        self, home: Home, sure: bool, capsys: pytest.CaptureFixture[str]
    ) -> None:
        log_in(home, "ada")
        with screen(sure) as said:
            code = self.run(home, Cli(capsys), said, "registry", "forget", "000009")
        assert said.asked == [AskYes("Forget 000009? This cannot be undone")]
        assert code == (ExitCode.NOT_FOUND if sure else ExitCode.INTERRUPTED)
        assert Cli(capsys)("logout", "--home", str(home.path)).code == ExitCode.OK

    def test_the_stations_name_is_typed_to_replace_its_records(
        self, home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        backup, cli = tmp_path / "backup", Cli(capsys)
        assert cli("backup", str(backup), "--home", str(home.path)).code == ExitCode.OK
        with screen("Another") as said:
            assert self.run(home, cli, said, "restore", str(backup)) == ExitCode.INTERRUPTED
        assert said.asked == [AskText("Type the station's name (Testbureau) to replace them")]
        assert said.failed == Failed(ExitCode.INTERRUPTED, None, "stopped", None)

    def test_a_token_is_named_and_then_it_is_confirmed(self) -> None:
        with talking("12345678", True) as (conversation, said):
            assert ask_twice(conversation, "Destroy it", "serial", None, lambda typed: None) == "12345678"
        assert said.asked == [
            AskText("Type the serial of the token, as it stands on it"),
            AskYes("Destroy it? This cannot be undone"),
        ]


def test_nobody_is_asked_anywhere_but_in_the_room_of_asking() -> None:
    asks = re.compile(
        r"getpass|\bclick\.(prompt|confirm|pause|getchar|edit)|sys\.stdin(?!\.isatty)|/dev/tty|\binput\("
    )
    files = [
        path for room in ("station", "batch", "layouts", "drivers") for path in (ROOT / room).rglob("*.py")
    ]
    assert len(files) > 300
    found = {
        path.relative_to(ROOT).as_posix()
        for path in files
        if asks.search(ast.unparse(ast.parse(path.read_bytes())))
    }
    assert found == {"station/asking.py"}
