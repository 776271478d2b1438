"""A bench's beginning and end: who may start one, what keeps it alive, what is left of it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.bench import Bench, BenchError
from tests.bench.clients import inserted, opensc_readers, processes_naming, run
from tests.conftest import BenchFactory, need

pytestmark = pytest.mark.bench

ROOT = Path(__file__).parents[2]

START = """
import sys
from pathlib import Path
from simulators.bench import Bench, BenchError
try:
    Bench.up(Path(sys.argv[1]), piv=1, pkcs11=0, tether=sys.argv[2] == "tether")
except BenchError as error:
    sys.exit(str(error))
print("up", flush=True)
if sys.argv[2] == "tether":
    sys.stdin.read()
"""


def descriptors(bench: Bench) -> list[int]:
    """One for each process of the bench: the daemon, the holder of its namespaces, its pcscd."""
    description = json.loads(bench.layout.description.read_text())
    daemon = description["pid"]
    children = Path(f"/proc/{daemon}/task/{daemon}/children").read_text().split()
    return [os.pidfd_open(pid) for pid in (daemon, description["holder"], *map(int, children))]


def all_end(processes: list[int], seconds: float = 10) -> bool:
    """Wait until all are gone."""
    poll = select.poll()
    for process in processes:
        poll.register(process, select.POLLIN)
    waiting = set(processes)
    while waiting:
        ended = poll.poll(seconds * 1000)
        if not ended:
            return False
        for process, _ in ended:
            poll.unregister(process)
            os.close(process)
            waiting.discard(process)
    return True


def test_nothing_is_left_after_down_but_cards_tokens_pages_and_the_log(bench: Bench) -> None:
    for seat in bench.seats:
        bench.insert(seat)
    directory = bench.layout.directory
    processes = descriptors(bench)
    assert len(processes) == 3
    assert len(processes_naming(str(directory))) >= 2

    assert bench.down()

    assert all_end(processes, seconds=1)
    assert processes_naming(str(directory)) == []
    assert str(directory) not in Path("/proc/self/mountinfo").read_text()
    assert not [path for path in directory.rglob("*") if path.is_socket() or path.is_symlink()]
    assert {path.name for path in directory.iterdir()} == {
        *("attestation-root.key", "attestation-root.pem", "cards", "log", "printed", "seats", "tokens")
    }
    assert not bench.down()


def test_the_system_s_pcscd_is_left_alone(bench_factory: BenchFactory) -> None:
    def traces() -> list[tuple[str, int]]:
        run_directory = Path("/run/pcscd")
        paths = [run_directory, *(run_directory.iterdir() if run_directory.exists() else ())]
        return [(str(path), path.stat().st_mtime_ns) for path in paths if path.exists()]

    before = traces()
    bench = bench_factory()
    bench.insert("piv-1")
    bench.down()
    assert traces() == before


def test_cards_and_their_trays_outlive_the_bench(bench_factory: BenchFactory) -> None:
    first = bench_factory(pkcs11=1)
    card = first.insert("piv-1")
    first.take("piv-1", "quarantine", "its chip is cracked")
    token = first.insert("usb-1")
    first.down()

    again = bench_factory(first.layout.directory, pkcs11=1)

    assert inserted(again) == {"piv-1": None, "piv-2": None, "usb-1": None}
    kept = {kept.name: (kept.tray, kept.note) for kept in again.status().kept}
    assert kept == {card: ("quarantine", "its chip is cracked"), token: (None, "")}
    assert again.insert("piv-2", card) == card
    assert again.insert("piv-1") != card


def test_a_bench_outlives_the_command_that_started_it(bench_factory: BenchFactory, tmp_path: Path) -> None:
    directory = tmp_path / "b"
    run(sys.executable, "-c", START, str(directory), "free")

    bench = Bench(directory)
    try:
        assert inserted(bench) == {"piv-1": None}
    finally:
        assert bench.down()


def test_a_tethered_bench_ends_with_its_owner_however_that_ends(
    bench_factory: BenchFactory, tmp_path: Path
) -> None:
    directory = tmp_path / "b"
    owner = subprocess.Popen(
        [sys.executable, "-c", START, str(directory), "tether"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with owner:
        assert owner.stdout
        assert owner.stdout.readline() == b"up\n"
        processes = descriptors(Bench(directory))
        owner.kill()
    assert all_end(processes)


OWN = """
import sys
from pathlib import Path
from simulators.bench import Bench
bench = Bench(Path(sys.argv[1]))
bench.tether()
print("own", flush=True)
if sys.stdin.readline() == "let go\\n":
    bench.let_go()
    print("free", flush=True)
    sys.stdin.read()
"""


def owner(directory: Path) -> subprocess.Popen[str]:
    """A process, not the one that started the bench, that has it end with itself."""
    owns = subprocess.Popen(
        [sys.executable, "-c", OWN, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owns.stdout
    assert owns.stdout.readline() == "own\n"
    return owns


def test_a_bench_ends_with_the_last_of_those_that_own_it(bench_factory: BenchFactory) -> None:
    bench = bench_factory(pkcs11=1, tether=False)
    processes = descriptors(bench)
    with owner(bench.layout.directory) as first, owner(bench.layout.directory) as second:
        first.kill()
        first.wait()
        assert inserted(bench)
        second.kill()
    assert all_end(processes)


def test_an_owner_may_leave_a_bench_running(bench_factory: BenchFactory) -> None:
    bench = bench_factory(tether=False)
    with owner(bench.layout.directory) as owns:
        assert owns.stdin
        assert owns.stdout
        owns.stdin.write("let go\n")
        owns.stdin.flush()
        assert owns.stdout.readline() == "free\n"
        owns.kill()
    assert "piv-1" in inserted(bench)
    assert bench.down()


def test_a_second_start_says_that_one_is_running(bench: Bench) -> None:
    bench.insert("piv-1")

    with pytest.raises(BenchError, match=r"a bench is running here already; use it .* or stop it"):
        Bench.up(bench.layout.directory, piv=1, pkcs11=1)

    assert inserted(bench)["piv-1"] == "card-1"


def test_a_bench_killed_from_outside_takes_all_with_it_and_can_be_started_again(
    bench_factory: BenchFactory,
) -> None:
    bench = bench_factory()
    card = bench.insert("piv-1")
    processes = descriptors(bench)
    signal.pidfd_send_signal(processes[0], signal.SIGKILL)
    assert all_end(processes)

    with pytest.raises(BenchError, match="no bench is running here; start one"):
        bench.status()
    again = bench_factory(bench.layout.directory)
    assert again.insert("piv-2", card) == card


def test_without_pcscd_its_package_is_named(bench_factory: BenchFactory, tmp_path: Path) -> None:
    hide = 'for d in /usr/sbin /usr/local/sbin; do mount -t tmpfs none $d; done; exec "$@"'
    done = in_namespace(hide, tmp_path / "b")

    assert "pcscd is not installed; sudo apt install pcscd vsmartcard-vpcd" in done.stderr
    assert done.returncode == 1
    assert processes_naming(str(tmp_path)) == []


def test_without_vpcd_its_package_is_named(bench_factory: BenchFactory, tmp_path: Path) -> None:
    done = in_namespace('mount -t tmpfs none /usr/lib/pcsc/drivers; exec "$@"', tmp_path / "b")

    assert "the virtual reader driver is not installed; sudo apt install vsmartcard-vpcd" in done.stderr


def test_where_users_may_not_make_namespaces_the_way_out_is_told(
    bench_factory: BenchFactory, tmp_path: Path
) -> None:
    done = in_namespace('echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"', tmp_path / "b")

    assert "the system does not let this user make namespaces (unshare:" in done.stderr
    assert "sysctl user.max_user_namespaces" in done.stderr
    assert "--system-pcscd" in done.stderr


def test_a_machine_that_never_ran_pcscd_will_do(bench_factory: BenchFactory, tmp_path: Path) -> None:
    script = 'mount -t tmpfs none /run; rm -rf /run/mount; "$@"; ls -A /run'
    done = in_namespace(script, tmp_path / "b")
    assert Bench(tmp_path / "b").down()

    assert done.stdout == "up\n", "and leaves nothing in /run"


SYSTEM = """
import subprocess, sys
from pathlib import Path
from simulators.bench import Bench
bench = Bench.up(Path(sys.argv[1]), piv=2, pkcs11=0, system_pcscd=True, tether=True)
bench.insert("piv-2")
print(bench.environment, flush=True)
subprocess.run(["opensc-tool", "--list-readers"], check=True)
bench.down()
"""


def test_where_there_are_no_namespaces_the_readers_of_the_system_s_pcscd_will_do(
    bench_factory: BenchFactory, tmp_path: Path
) -> None:
    need("opensc-tool", "ip")
    # A machine whose system has a pcscd running, with vpcd as Debian installs it.
    system = """
        mount -t tmpfs none /run && mkdir /run/pcscd && ip link set lo up
        pcscd --foreground >/dev/null 2>&1 &
        until [ -S /run/pcscd/pcscd.comm ]; do :; done
        "$@"
    """
    done = run(
        *("unshare", "--map-root-user", "--mount", "--net", "--pid", "--fork", "--kill-child"),
        *("sh", "-c", system, "sh", sys.executable, "-c", SYSTEM, str(tmp_path / "b")),
    )

    assert done.stdout.startswith("{}\n")
    assert "No              Virtual PCD 00 00" in done.stdout
    assert "Yes             Virtual PCD 00 01" in done.stdout


def in_namespace(script: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Start a bench on a machine that lacks something, as the shell `script` makes it lack it."""
    return run(
        *("unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh"),
        *(sys.executable, "-c", START, str(directory), "free"),
        ok=False,
    )


def test_a_directory_that_is_too_deep_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="bytes too long for the sockets inside it; choose a shorter one"):
        Bench.up(tmp_path / ("deep" * 25), piv=1, pkcs11=0)


def test_a_directory_with_other_things_in_it_is_left_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "letter.txt").touch()

    with pytest.raises(BenchError, match="holds other things than a bench"):
        Bench.up(tmp_path, piv=1, pkcs11=0)

    assert tmp_path.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_the_bench_is_private_to_its_owner(bench: Bench) -> None:
    bench.insert("piv-1")
    directory = bench.layout.directory

    assert directory.stat().st_mode & 0o777 == 0o700
    its_own = [path for path in directory.rglob("*") if not path.is_symlink()]
    assert not [path for path in its_own if path.stat().st_mode & 0o077]


@pytest.fixture
def ordinary_user(bench_factory: BenchFactory) -> Iterator[tuple[list[str], dict[str, str], Path]]:
    """A command prefix ending in Python, an environment and a directory for someone who is not root."""
    need("setpriv")
    python = Path(sys.executable)
    environment = {"PYTHONPATH": os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")])}
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        if os.geteuid() != 0:
            yield [str(python)], environment, Path(directory)
            return
        nobody = 65534
        prefix = ["setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups"]
        candidates = (python, Path(f"/usr/bin/python{sys.version_info[0]}.{sys.version_info[1]}"))
        # With `env` between, so that root's rights do not reach the interpreter.
        usable = [
            found
            for found in candidates
            if not run(*prefix, "env", str(found), "-c", "", ok=False).returncode
        ]
        if not usable or run(*prefix, "ls", str(ROOT / "simulators"), ok=False).returncode:
            pytest.fail(f"Python or {ROOT} cannot be read by an ordinary user")
        os.chown(directory, nobody, nobody)
        yield [*prefix, "env", str(usable[0])], environment, Path(directory)


def test_an_ordinary_user_has_a_bench_of_their_own(
    ordinary_user: tuple[list[str], dict[str, str], Path],
) -> None:
    python, environment, home = ordinary_user
    environment = {**environment, "STATION_BENCH": str(home / "b")}

    def station(*arguments: str) -> str:
        code = "from station.cli import main; main()"
        return run(*python, "-c", code, "bench", *arguments, environment=environment).stdout

    try:
        started = station("up", "--piv", "2", "--pkcs11", "1")
        assert f"export PCSCLITE_CSOCK_NAME={home}/b/pcscd.comm\n" in started
        assert station("insert", "piv-2") == "card-1\n"

        listed = run(
            *python[:-1],
            *("opensc-tool", "--list-readers"),
            environment={"PCSCLITE_CSOCK_NAME": f"{home}/b/pcscd.comm"},
        ).stdout
        assert "No              Bench piv-1 piv-2 00 00" in listed
        assert "Yes             Bench piv-1 piv-2 00 01" in listed
        assert (home / "b" / "cards" / "card-1.json").stat().st_uid == os.stat(home).st_uid
    finally:
        station("down")
    assert processes_naming(str(home)) == []


def test_a_bench_without_readers_needs_no_namespaces(bench_factory: BenchFactory) -> None:
    bench = bench_factory(piv=0, pkcs11=1)

    assert bench.environment == {}
    assert bench.insert("usb-1") == "token-1"
    with pytest.raises(BenchError, match="no seat 'piv-1'; there are: usb-1"):
        bench.insert("piv-1")


def test_a_bench_needs_a_seat(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="a bench needs at least one seat"):
        Bench.up(tmp_path / "b", piv=0, pkcs11=0)


def test_readers_are_listed_to_a_client_that_comes_at_once(bench_factory: BenchFactory) -> None:
    need("opensc-tool")
    assert len(opensc_readers(bench_factory(piv=4, pkcs11=0))) == 4
