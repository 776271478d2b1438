"""What goes wrong at a USB seat, on the disk and with the clock of a bench for faults, and what counts it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drivers.errors import DeviceFailed, ProcessDied, TokenLost
from drivers.process import Child
from drivers.tokens import Algorithm, Code, Initialisation, KeySpec
from simulators.bench import Bench, BenchError
from simulators.faults.model import Fault
from simulators.native.armed import COMMITS
from simulators.native.table import Table
from station.exit_codes import ExitCode
from tests.conftest import BenchFactory
from tests.contract.codes import draw
from tests.contract.served import Lane

pytestmark = pytest.mark.bench

PLAN = Initialisation("Faulty", bytes(16))
KEY = KeySpec("01", Algorithm.P256, "Authentication")


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench.up(tmp_path_factory.mktemp("bench"), piv=0, pkcs11=1, faults=True, tether=True)
    yield bench
    bench.down()


@pytest.fixture
def bench(benches: Bench) -> Bench:
    """A bench for faults with an empty seat and nothing armed."""
    benches.disarm()
    benches.eject("usb-1")
    return benches


@pytest.fixture
def lane(bench: Bench) -> Iterator[Lane]:
    """The driver of the seat with an initialised token in it."""
    entry = bench.seat_options("usb-1")
    served = Lane("pkcs11", "usb-1", entry["options"], entry["environment"])
    bench.insert("usb-1")
    assert served.await_token(20)
    served.connect()
    yield served
    served.close()


def personalise(lane: Lane) -> Any:
    codes = draw(lane.facts.rules)
    lane.initialise(PLAN, None, codes)
    lane.set_code(Code.PIN, codes, codes.pin)
    return codes


def test_a_call_can_fail_before_it_took_effect_and_after(bench: Bench, lane: Lane) -> None:
    codes = personalise(lane)
    before = Fault("usb-1", "fail", of="C_GenerateKeyPair", ckr="CKR_DEVICE_ERROR")
    after = Fault("usb-1", "fail", 2, "C_GenerateKeyPair", "after", ckr="CKR_DEVICE_MEMORY")
    bench.arm(before, after)

    with pytest.raises(DeviceFailed, match="CKR_DEVICE_ERROR"):
        lane.generate(KEY, codes)
    assert lane.public_key("01") is None
    assert bench.fired(1) == (before,)
    with pytest.raises(DeviceFailed, match="CKR_DEVICE_MEMORY"):
        lane.generate(KEY, codes)
    assert lane.public_key("01") is not None
    assert bench.fired() == (before, after)
    assert bench.exchanges("usb-1") > 10
    assert lane.generate(KEY, codes).public_key == lane.public_key("01")


def test_a_key_pair_can_be_left_half_made(bench: Bench, lane: Lane) -> None:
    codes = personalise(lane)
    token = bench.status().seats[0].inserted
    bench.arm(Fault("usb-1", "pull", of="C_GenerateKeyPair", when="during"))

    with pytest.raises(TokenLost):
        lane.generate(KEY, codes)
    bench.insert("usb-1", token)
    assert lane.await_token(20)
    lane.connect()
    assert lane.public_key("01") is not None
    state = lane.inspect()
    assert not any("private key" in mark for mark in state.marks)


@pytest.mark.parametrize("rescan", ["reinitialise", "events"])
def test_a_token_pulled_in_a_call_is_lost_until_it_is_inserted_again(bench: Bench, rescan: str) -> None:
    entry = bench.seat_options("usb-1")
    lane = Lane("pkcs11", "usb-1", {**entry["options"], "rescan": rescan}, entry["environment"])
    try:
        token = bench.insert("usb-1")
        assert lane.await_token(20)
        lane.connect()
        codes = personalise(lane)
        bench.arm(Fault("usb-1", "pull", of="C_Login"))

        with pytest.raises(TokenLost):
            lane.set_code(Code.PIN, codes, codes.pin)
        assert bench.status().seats[0].inserted is None
        assert lane.await_removal(20)
        assert not lane.await_token(0.1)

        bench.insert("usb-1", token)
        assert lane.await_token(20)
        lane.connect()
        assert lane.inspect().identity.label == "Faulty"
        lane.set_code(Code.PIN, codes, codes.pin)
    finally:
        lane.close()


def test_another_token_can_take_the_place_of_one_in_a_call(bench: Bench, lane: Lane) -> None:
    codes = personalise(lane)
    first = bench.status().seats[0].inserted
    bench.arm(Fault("usb-1", "swap", of="C_GenerateKeyPair"))

    with pytest.raises(TokenLost):
        lane.generate(KEY, codes)
    assert bench.status().seats[0].inserted not in (None, first)
    lane.connect()
    assert lane.inspect().blank


def test_a_module_can_crash_its_process_and_hang(bench: Bench, lane: Lane) -> None:
    codes = personalise(lane)
    bench.arm(Fault("usb-1", "crash", of="C_GenerateKeyPair", when="after"))
    with pytest.raises(ProcessDied, match=f"signal {int(signal.SIGSEGV)}"):
        lane.generate(KEY, codes)

    bench.disarm()
    bench.arm(Fault("usb-1", "hang", of="C_GetTokenInfo"))
    entry = bench.seat_options("usb-1")
    hung = Child(
        "usb-1",
        "tests.contract.served:Server",
        ("pkcs11", "usb-1", entry["options"]),
        environment=entry["environment"],
    )
    hung.call("connect")
    assert bench.fired(1)
    with pytest.raises(ProcessDied, match="no answer within"):
        hung.ask("facts", timeout=0.2)


def test_a_slow_call_does_what_it_should(bench: Bench, lane: Lane) -> None:
    bench.arm(Fault("usb-1", "slow", of="C_InitToken", seconds=0.01))
    personalise(lane)
    assert len(bench.fired(1)) == 1
    assert lane.inspect().identity.label == "Faulty"


_FUNCTIONS = """
import ctypes, os, sys
class List(ctypes.Structure):
    _fields_ = [("version", ctypes.c_ubyte * 2), ("entries", ctypes.c_void_p * 68)]
listed = ctypes.POINTER(List)()
ctypes.CDLL(sys.argv[1]).C_GetFunctionList(ctypes.byref(listed))
def function(place, *parameters):
    return ctypes.CFUNCTYPE(ctypes.c_ulong, *parameters)(listed.contents.entries[place])
"""

_WATCHING = (
    _FUNCTIONS
    + """
word = ctypes.c_ulong
initialise, wait = function(0, ctypes.c_void_p), function(67, word, ctypes.c_void_p, ctypes.c_void_p)
slots = function(4, ctypes.c_ubyte, ctypes.c_void_p, ctypes.c_void_p)
def look():
    slot, count = word(), word()
    event = wait(1, ctypes.byref(slot), None)
    slots(1, None, ctypes.byref(count))
    print(event, count.value, flush=True)
print(initialise(None), flush=True)
for line in sys.stdin:
    if line == "wait\\n":
        print(wait(0, ctypes.byref(word()), None), flush=True)
    else:
        look()
"""
)
"""Says at each line it hears what C_WaitForSlotEvent answers and how many slots hold a token."""


def test_a_token_that_comes_or_goes_is_a_slot_event(bench: Bench) -> None:
    watching = subprocess.Popen(
        [sys.executable, "-c", _WATCHING, str(bench.layout.module)],
        env={**os.environ, **bench.seat_environment("usb-1")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert watching.stdin is not None
    assert watching.stdout is not None

    def say(word: str) -> None:
        assert watching.stdin is not None
        watching.stdin.write(f"{word}\n")
        watching.stdin.flush()

    def looked() -> str:
        say("look")
        assert watching.stdout is not None
        return watching.stdout.readline().strip()

    no_event = 8
    try:
        assert watching.stdout.readline() == "0\n"
        assert looked() == f"{no_event} 0"
        token = bench.insert("usb-1")
        assert looked() == "0 1"
        assert looked() == f"{no_event} 1"
        bench.eject("usb-1")
        assert looked() == "0 0"
        say("wait")
        bench.insert("usb-1", token)
        assert watching.stdout.readline() == "0\n"
        assert looked() == f"{no_event} 1"
    finally:
        watching.kill()
        watching.communicate()


_COUNTING = (
    _FUNCTIONS
    + """
get_info = function(2, ctypes.c_void_p)
os.write(1, b"ready")
while True:
    if get_info(None) == 0x30:
        os.write(1, b"!")
"""
)


def test_processes_that_are_killed_anywhere_leave_the_counting_whole(bench: Bench) -> None:
    """Three processes share the seat; each of 500 exchanges in a row fails, in one process or another."""
    bench.arm(Fault("usb-1", "fail", 1000, "C_GetInfo", times=500, ckr="CKR_DEVICE_ERROR"))
    command = [sys.executable, "-c", _COUNTING, str(bench.layout.module)]
    environment = {**os.environ, **bench.seat_environment("usb-1")}
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(3)]
    try:
        assert running[0].stdout is not None
        assert running[0].stdout.read(5) == b"ready"
        running[0].kill()
        bench.fired(1)
    finally:
        counter = Table(bench.layout.seats / "usb-1" / "faults")
        while counter.fired(0) < 500:
            assert running[1].poll() is None
        for process in running:
            process.kill()
    said = b"".join(process.communicate()[0] for process in running)
    assert 498 <= said.count(b"!") <= 500
    assert bench.exchanges("usb-1") >= 1499


def station_python(bench: Bench, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, **bench.preloaded},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_disk_is_full_from_the_chosen_write_on_until_disarmed(bench: Bench, tmp_path: Path) -> None:
    writes = """
import os, sys
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for n in range(4):
    try:
        print(os.write(file, b"x"))
    except OSError as error:
        print(error.strerror)
"""
    bench.arm(Fault("disk", "full", on=3))
    first = station_python(bench, writes, str(tmp_path / "written"))
    assert first.stdout.split("\n") == ["1", "1", *["No space left on device"] * 2, ""]
    assert (tmp_path / "written").read_bytes() == b"xx"
    assert [fault.do for fault in bench.fired(1)] == ["full"]

    second = station_python(bench, writes, str(tmp_path / "written"))
    assert second.stdout.count("No space left on device") == 4
    token = station_python(bench, writes, str(bench.layout.directory / "paper-and-tokens-are-no-disk"))
    assert token.stdout.split() == ["1"] * 4

    bench.disarm()
    assert station_python(bench, writes, str(tmp_path / "written")).stdout.split() == ["1"] * 4


def test_the_clock_jumps_back_for_every_process_and_stays_there(bench: Bench) -> None:
    reads = "import time, datetime; print(time.time()); print(datetime.datetime.now().timestamp())"
    bench.arm(Fault("clock", "back", seconds=3600.5))
    bench.fired(0)
    for _ in range(2):
        clock = station_python(bench, reads)
        for line in clock.stdout.split():
            assert 3500 < datetime.now(UTC).timestamp() - float(line) < 3700
    assert [fault.do for fault in bench.fired(1)] == ["back"]

    bench.disarm()
    assert abs(datetime.now(UTC).timestamp() - float(station_python(bench, reads).stdout.split()[0])) < 100


_COMMITTING = """
import sqlite3, sys
records = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "CREATE TABLE facts (n INTEGER)"):
    records.execute(statement)
for n in range(1, 11):
    records.execute("INSERT INTO facts VALUES (?)", (n,))
"""


@pytest.mark.parametrize(("when", "left"), [("before", 2), ("after", 3)])
def test_a_process_can_be_killed_before_and_after_a_commit(
    bench: Bench, tmp_path: Path, when: Any, left: int
) -> None:
    """The first two syncs of this program are those of the log's header and of the table."""
    counted = Table(bench.layout.processes / COMMITS)
    whole = station_python(bench, _COMMITTING, str(tmp_path / "whole.db"))
    assert whole.returncode == ExitCode.OK
    assert counted.exchanges >= 12

    bench.disarm()
    bench.arm(Fault("disk", "kill", on=5, when=when))
    killed = station_python(bench, _COMMITTING, str(tmp_path / "facts.db"))

    assert killed.returncode == -signal.SIGKILL
    assert len(bench.fired(1)) == 1
    with closing(sqlite3.connect(tmp_path / "facts.db")) as records:
        assert records.execute("SELECT max(n) FROM facts").fetchone() == (left,)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("usb-1", "fail", ckr="CKR_NONSENSE"), "CKR_NONSENSE is no error of PKCS#11"),
        (Fault("usb-1", "pull", when="during"), "`during` cannot be met in every function"),
        (Fault("usb-2", "pull"), "no seat 'usb-2'"),
    ],
)
def test_what_cannot_be_made_to_fail_so_is_told_and_nothing_is_armed(
    bench: Bench, fault: Fault, said: str
) -> None:
    with pytest.raises(BenchError, match=said):
        bench.arm(Fault("usb-1", "hang"), fault)
    assert bench.fired(seconds=0) == ()
    assert bench.insert("usb-1")


def test_a_bench_not_started_for_faults_says_so(bench_factory: BenchFactory) -> None:
    plain = bench_factory(piv=0, pkcs11=1)
    for at, do, needs in (("usb-1", "hang", {}), ("disk", "full", {}), ("clock", "back", {"seconds": 3.0})):
        with pytest.raises(BenchError, match="not started for faults"):
            plain.arm(Fault(at, do, **needs))  # type: ignore[arg-type]
    assert plain.preloaded == {}


def test_without_a_compiler_a_bench_for_faults_says_what_to_install(
    bench_factory: BenchFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BenchError, match="C compiler") as told:
        bench_factory(piv=0, pkcs11=1, faults=True)
    assert told.value.next == "sudo apt install build-essential"
