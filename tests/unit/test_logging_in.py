"""Who acts proves it: with a passphrase, slowly after wrong ones, or once for a session of one terminal."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from batch.audit.chain import facts_of
from batch.audit.log import log
from batch.model.events import Event
from batch.model.people import Role
from batch.people import logins
from batch.people.operators import retire
from batch.people.passphrase import KeyMaker, PassphraseKeys
from batch.store.audit import entries
from batch.store.database import Records
from batch.store.logins import sealed_keys
from drivers.errors import AuthenticationFailed
from drivers.secret import Secret
from station.exit_codes import ExitCode
from station.home import Home
from station.simulated_desk import SAMPLE
from tests.unit.cli import Cli, Result
from tests.unit.login_kit import LIMITS, log_in, passphrase, pin_fd, staff, staffed
from tests.unit.restore_kit import home_of

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with the order officer Ada, the approver Bob, and two administrators."""
    home = home_of(tmp_path_factory.mktemp("desk") / "home")
    (home.path / "layouts" / "tokens" / "own.toml").unlink()
    staffed(home, ada=(Role.ORDER_OFFICER,), bob=(Role.APPROVER,))
    return home


@pytest.fixture
def home(made: Home, tmp_path: Path) -> Home:
    """A copy of it for one test."""
    subprocess.run(["cp", "-a", made.path, tmp_path / "home"], check=True)
    return Home(tmp_path / "home")


@pytest.fixture
def run(home: Home, cli: Cli) -> Run:
    """Runs a command at the home; `given` are PINs and passphrases for --pin-fd."""

    def run(*arguments: str, **given: str) -> Result:
        fd = ("--pin-fd", pin_fd(**given)) if given else ()
        return cli(*arguments, "--home", str(home.path), *fd)

    return run


def events(home: Home, name: str) -> list[dict[str, object]]:
    """What the log tells of one kind of event."""
    with closing(Records(home.records)) as records:
        return [facts for entry in entries(records) if (facts := facts_of(entry)).get("event") == name]


def reject(run: Run, name: str | None = "bob", **given: str) -> Result:
    named = () if name is None else ("--as", name)
    return run("order", "reject", "2026-0001", "--reason", "test", *named, **given)


def test_the_right_passphrase_proves_who_acts_and_the_log_names_them(run: Run, home: Home) -> None:
    done = reject(run, bob=passphrase("bob"))
    assert done.code == ExitCode.OK, done.err
    assert events(home, "order.rejected")[0]["operator"] == "bob"


def test_a_name_alone_does_nothing(run: Run, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATION_OPERATOR", "bob")
    nobody = reject(run, None, bob=passphrase("bob"))
    assert nobody.code == ExitCode.REFUSED_BY_RULE
    assert "nobody is logged in" in nobody.err
    stranger = reject(run, "mallory", mallory="something else entirely")
    assert stranger.code == ExitCode.REFUSED_BY_RULE
    assert "is no operator of this desk" in stranger.err
    assert events(home, "order.rejected") == []


def test_a_wrong_passphrase_is_logged_and_makes_the_next_try_wait_even_the_right_one(
    run: Run, home: Home
) -> None:
    wrong = reject(run, bob="never was the one")
    assert wrong.code == ExitCode.REFUSED_BY_RULE
    assert "the passphrase is wrong" in wrong.err
    assert "wait 2 s" in wrong.err
    assert "never was" not in wrong.err + str(events(home, "login.refused"))
    (told,) = events(home, "login.refused")
    assert told["operator"] == "bob"
    waiting = reject(run, bob=passphrase("bob"))
    assert waiting.code == ExitCode.REFUSED_BY_RULE
    assert "the next try is in" in waiting.err
    assert len(events(home, "login.refused")) == 1, "a try that was not made is none"
    ada = run("order", "reject", "2026-0001", "--reason", "t", "--as", "ada", ada=passphrase("ada"))
    assert ada.code == ExitCode.OK, "others wait for nobody"
    with closing(Records(home.records)) as records, records.transaction():
        records.write("UPDATE refused_logins SET at = '2020-01-01T00:00:00.000000+00:00'")
        log(records, Event("test.waited", "bob"))
    assert "is rejected by ada" in reject(run, bob=passphrase("bob")).err
    assert events(home, "login.accepted")[0]["operator"] == "bob"


def test_waits_grow_to_a_quarter_of_an_hour() -> None:
    waits = [logins.wait_of(refused).total_seconds() for refused in range(12)]
    assert waits == [0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    assert logins.wait_of(10**9) == timedelta(minutes=15)


def test_who_has_not_the_role_is_refused_before_any_passphrase_is_asked_for(run: Run, home: Home) -> None:
    refused = run("produce", "2026-0001", "--as", "bob", bob="never was the one")
    assert refused.code == ExitCode.REFUSED_BY_RULE
    assert "bob is no personaliser" in refused.err
    assert events(home, "login.refused") == []


def test_a_session_names_who_acts_until_they_log_out(run: Run, home: Home) -> None:
    assert run("whoami").code == ExitCode.NOT_FOUND
    done = run("login", "--as", "BOB", bob=passphrase("bob"))
    assert done.code == ExitCode.OK, done.err
    assert run("whoami").out == "bob: approver\n"
    assert reject(run, None).code == ExitCode.OK, "no passphrase: nothing is signed"
    assert events(home, "order.rejected")[0]["operator"] == "bob"
    assert run("logout").err == "bob is logged out\n"
    assert run("whoami").code == ExitCode.NOT_FOUND
    assert [one["operator"] for one in events(home, "session.ended")] == ["bob"]


def test_a_session_proves_nobody_else(run: Run, home: Home) -> None:
    log_in(home, "ada")
    other = reject(run, "bob", bob="never was the one")
    assert "the passphrase is wrong" in other.err


def test_what_is_signed_asks_for_the_passphrase_in_a_session_as_well(run: Run, home: Home) -> None:
    log_in(home, "ada")
    unsigned = run("order", "import", str(SAMPLE), ada="never was the one")
    assert "the passphrase is wrong" in unsigned.err
    assert len(events(home, "order.received")) == 1


@pytest.mark.parametrize("kind", ["unused", "old"])
def test_a_session_ends_unused_or_after_its_time(kind: str, run: Run, home: Home) -> None:
    log_in(home, "bob")
    (key,) = (home.path / "run" / "sessions").iterdir()
    if kind == "unused":
        long_ago = key.stat().st_mtime - LIMITS.idle.total_seconds() - 1
        os.utime(key, (long_ago, long_ago))
    else:
        with closing(Records(home.records)) as records, records.transaction():
            records.write("UPDATE sessions SET until = '2020-01-01T00:00:00.000000+00:00'")
            log(records, Event("test.waited", "bob"))
    over = reject(run, None)
    assert over.code == ExitCode.REFUSED_BY_RULE
    assert "the session of bob is over" in over.err
    assert not key.exists()
    assert len(events(home, "session.ended")) == 1
    assert "nobody is logged in" in reject(run, None).err


def test_the_key_of_a_session_opens_nothing_in_another_terminal(run: Run, home: Home) -> None:
    log_in(home, "bob")
    (key,) = (home.path / "run" / "sessions").iterdir()
    assert key.stat().st_mode & 0o777 == 0o600
    copied = (
        "import os, shutil, sys\n"
        f"os.setsid()\nshutil.copy2({str(key)!r}, {str(key.parent)!r} + '/' + str(os.getsid(0)))\n"
        "from station.cli import run\n"
        f"sys.exit(run(['whoami', '--home', {str(home.path)!r}]))\n"
    )
    other = subprocess.run([sys.executable, "-c", copied], capture_output=True, text=True, check=False)
    assert other.returncode == ExitCode.NOT_FOUND, other.stderr
    assert run("whoami").out == "bob: approver\n", "the first one goes on"
    with closing(Records(home.records)) as records:
        (stored,) = records.rows("SELECT * FROM sessions")
    assert key.read_bytes() not in [value for value in stored if isinstance(value, bytes)]


def test_a_session_does_not_outlive_its_operator(run: Run, home: Home) -> None:
    log_in(home, "mallory")
    assert "mallory is no operator any more" in reject(run, None).err


def test_keys_under_a_passphrase_open_with_it_alone() -> None:
    secret = Secret.text(passphrase("eve"))
    made = KeyMaker().make(secret, "eve")
    keys = PassphraseKeys(made.sealed, "eve")
    with pytest.raises(AuthenticationFailed):
        keys.agreement_key()
    with pytest.raises(AuthenticationFailed):
        keys.login(Secret.text("never was the one"))
    keys.login(secret)
    assert keys.agreement_key() == made.agreement
    with pytest.raises(Exception, match="at least 12 characters"):
        KeyMaker().make(Secret.text("too short"), "eve")
    assert secret.reveal() not in made.sealed


def test_a_passphrase_is_nowhere_in_the_home(run: Run, home: Home) -> None:
    said = run("login", "--as", "bob", bob=passphrase("bob"))
    reject(run, bob="never was the one")
    found = subprocess.run(
        ["grep", "-rlaE", "walk at night|never was the one", home.path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""
    assert "night" not in said.out + said.err


def test_passphrases_count_only_where_the_configuration_says_so(run: Run, home: Home) -> None:
    text = home.configuration.read_text().replace("passphrases = true", 'driver = "piv"\nanchors = ["/x"]')
    home.configuration.write_text(text)
    refused = reject(run, bob=passphrase("bob"))
    assert refused.code == ExitCode.REFUSED_BY_RULE
    assert "operators have no passphrases at this desk" in refused.err


def test_guessing_side_by_side_counts_every_try(home: Home) -> None:
    command = [sys.executable, "-m", "station", "login", "--as", "bob", "--home", str(home.path)]
    running = []
    for _ in range(4):
        fd = int(pin_fd(bob=secrets.token_hex(8)))
        running.append(
            subprocess.Popen(
                [*command, "--pin-fd", str(fd)], pass_fds=[fd], stderr=subprocess.PIPE, text=True
            )
        )
        os.close(fd)
    said = [one.communicate()[1] for one in running]
    assert all(one.returncode == ExitCode.REFUSED_BY_RULE for one in running)
    tried = [one for one in said if "the passphrase is wrong" in one]
    assert len(tried) == len(events(home, "login.refused")) < 4, said


def test_who_left_leaves_no_keys_behind(records: Records) -> None:
    actors = staff(records, ada=(Role.ORDER_OFFICER,), bob=(Role.APPROVER,))
    keys = {name: actors[name].operator.key for name in ("ada", "bob")}
    assert sealed_keys(records, keys["ada"]) is not None
    for name in ("ann", "ben"):
        retire(records, actors[name], "ada", "left", anchor=lambda trust: None)
    assert sealed_keys(records, keys["ada"]) is None
    assert sealed_keys(records, keys["bob"]) is not None
