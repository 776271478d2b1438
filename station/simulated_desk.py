"""A desk without hardware to begin with: founded in a folder on a simulated bench, and found there again."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from batch.model.errors import Busy
from batch.model.people import Role
from batch.production.lock import taken
from drivers.secret import Secret
from simulators.bench import Bench, BenchError
from simulators.bench.model import IPP, PDF, PrinterKind
from simulators.piv.state import Delays
from station.config import load
from station.enrolling import Wanted, read_list
from station.errors import HomeError
from station.key_tokens import PINNED

_MARK = ".issuance-station-demo"
_READY = "prepared"
"""Names the pace of a desk that was founded to its end, to be worked at."""

_SAMPLES = Path(__file__).parent / "samples"
SAMPLE = _SAMPLES / "demo-order.csv"
"""The sample order: 24 group certificates, half on cards and half on USB tokens."""

REGISTRY = _SAMPLES / "demo-registry.csv"
"""The subscriber of that order, and its managers."""

PEOPLE = _SAMPLES / "demo-operators.csv"
"""Who works at the desk besides its administrators, and in which roles."""

ADMINISTRATORS = ("ann", "ben")
TOGETHER = "--as pim --with carla"
"""The two PIN officers."""

Say = Callable[[str], None]

Printer = PrinterKind


@dataclass(frozen=True)
class Pace:
    """How long cards and hands take at a bench: what a card does, and seconds to put in a blank."""

    delays: Delays
    hands: float = 0.0


PACES: Mapping[str, Pace] = {
    "fast": Pace(Delays()),
    "real": Pace(Delays(0.012, rsa2048=6.0, rsa3072=15.0, p256=0.4, p384=0.7), hands=2.0),
    "slow": Pace(Delays(0.03, rsa2048=8.0, rsa3072=15.0, p256=3.0, p384=4.0), hands=4.0),
}
"""As fast as it can; as a desk with real cards; so that each step can be watched."""


class CommandFailed(Exception):
    """A command did not end well; its own words were shown."""

    def __init__(self, command: str, code: int) -> None:
        super().__init__(f"`{command}` ended with exit code {code}")


@dataclass(frozen=True)
class Person:
    """Somebody who works at a simulated desk, with the PIN of their simulated token."""

    name: str
    roles: tuple[str, ...]
    pin: str


@dataclass(frozen=True)
class Prepared:
    """A desk that was founded and whose bench is up: its places, its people, the PINs of its key tokens.

    `founded` tells whether it was just now, `started` whether its bench was.
    """

    directory: Path
    home: Path
    bench: Path
    pace: str
    people: tuple[Person, ...]
    keys: Mapping[str, str]
    founded: bool
    started: bool

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs in its environment to work at this desk."""
        return {"STATION_HOME": str(self.home), "STATION_BENCH": str(self.bench)}

    @property
    def facts(self) -> dict[str, Any]:
        """All of it for scripts, with the sample order and registry."""
        bench = {"directory": str(self.bench), "running": True, "pace": self.pace, "started": self.started}
        return {
            "home": str(self.home),
            "bench": bench,
            "environment": self.environment,
            "people": [{"name": one.name, "roles": list(one.roles), "pin": one.pin} for one in self.people],
            "keys": dict(self.keys),
            "order": str(SAMPLE),
            "registry": str(REGISTRY),
            "founded": self.founded,
        }


class SimulatedDesk:
    """The places of a simulated desk, its bench, and what is typed at it."""

    def __init__(self, directory: Path, say: Say, printer: Printer = PDF) -> None:
        self.directory, self.printer = directory, printer
        self.home, self.state, self.pins = directory / "home", directory / "bench", directory / "pins"
        self.printed, self.papers = self.state / "printed", directory / "papers"
        self.bench = Bench(self.state)
        self._say = say
        self._environment = {**os.environ, "STATION_HOME": str(self.home), "STATION_BENCH": str(self.state)}

    def say(self, text: str) -> None:
        """Tell who watches."""
        self._say(text)

    def station(self, line: str, *, pin: bool = False, code: Secret | None = None) -> None:
        """Give a command, with everybody's PINs where it takes any; raises `CommandFailed`."""
        typed = " and a revocation code" if code is not None else ""
        self._say(f"$ station {line}" + (f" --pin-fd 3 3<{self.pins}{typed}" if pin else ""))
        with self.started(line, pin=pin, code=code) as process:
            ended(process, line)

    def told(self, line: str) -> Any:
        """What a command tells scripts."""
        with self.started(f"{line} --json", stdout=subprocess.PIPE) as process:
            told, _ = process.communicate()
            ended(process, line)
        return json.loads(told)

    @contextmanager
    def started(
        self, line: str, *, pin: bool = False, code: Secret | None = None, **pipes: Any
    ) -> Iterator[subprocess.Popen[str]]:
        """A command under way, which `ended` is to be asked about."""
        command = [sys.executable, "-m", "station", *shlex.split(line)]
        # In memory, because a revocation code is to be in no file.
        with os.fdopen(os.memfd_create("pins"), "w+b") as given:
            if pin:
                typed = b"revocation-code %s\n" % code.reveal() if code is not None else b""
                given.write(self.pins.read_bytes() + typed)
                given.seek(0)
                command += ["--pin-fd", str(given.fileno())]
            with subprocess.Popen(
                command, env=self._environment, pass_fds=[given.fileno()], text=True, **pipes
            ) as process:
                yield process

    def up(self, pace: str, *, tether: bool) -> None:
        """Start its bench; raises `BenchError`."""
        chosen = PACES[pace]
        self.bench = Bench.up(
            self.state,
            piv=2,
            pkcs11=2,
            delays=chosen.delays,
            tether=tether,
            operators=[one.name for one in people()],
            hands=chosen.hands,
            printer=self.printer,
        )


def people() -> list[Wanted]:
    """Everybody who works at a simulated desk, its administrators first."""
    founders = (Wanted(name, frozenset({Role.ADMINISTRATOR})) for name in ADMINISTRATORS)
    return [*founders, *read_list(PEOPLE)]


def state_directory(name: str) -> Path:
    """`issuance-station/NAME` among the user's state (XDG Base Directory Specification)."""
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if os.path.isabs(state) else Path.home() / ".local" / "state"
    return base / "issuance-station" / name


def prepare(
    directory: Path,
    say: Say,
    *,
    pace: str | None = None,
    anew: bool = False,
    found_again: bool = True,
    printer: Printer | None = None,
) -> Prepared:
    """Found a desk in a folder, or find the one that was, and leave its bench running.

    `pace` is one of `PACES`: without it a new desk's is real, another's as it was. `printer` is that of a new
    desk; another keeps its own. What a demo left is
    emptied first, and with `anew` a desk, too. Raises `HomeError` where the folder is something else, or
    without `found_again` a desk, `Busy` where another process founds one, `BenchError`, or `CommandFailed`.
    """
    desk = SimulatedDesk(directory, say, printer or PDF)
    with alone(directory):
        ready = directory / _READY
        founded = started = anew or not found_again or not ready.is_file()
        if founded:
            pace = pace or "real"
            found(desk, pace, lambda done, of, what: say(f"{done} of {of}: {what}"), anew=anew)
            ready.write_text(pace, encoding="ascii")
            desk.bench.let_go()
        else:
            pace, started = _taken_up(desk, ready, pace)
    pins = dict(line.split() for line in desk.pins.read_text(encoding="ascii").splitlines())
    return Prepared(
        directory,
        desk.home,
        desk.state,
        pace,
        tuple(Person(one.name, tuple(sorted(one.roles)), pins[one.name]) for one in people()),
        {key: pins[key] for key in PINNED},
        founded,
        started,
    )


def end_with_me(bench: Path) -> Callable[[], None]:
    """Have the bench in a folder end with this process, or with the last that asks for it.

    Calling what this gives leaves it running after all. Both raise `BenchError`.
    """
    running = Bench(bench)
    running.tether()
    return running.let_go


def _taken_up(desk: SimulatedDesk, ready: Path, pace: str | None) -> tuple[str, bool]:
    """The pace of a desk that was founded before, its bench up again, and whether it had to be started."""
    kept = ready.read_text(encoding="ascii")
    configured = load(desk.home / "station.toml").printer
    desk.printer = IPP if configured is not None and configured.driver == IPP else PDF
    running = True
    try:
        desk.bench.status()
    except BenchError:
        running = False
    if running and pace not in (None, kept):
        raise BenchError(
            f"the bench is up at the pace {kept!r}",
            where=str(desk.state),
            next="stop it with `station bench down`, then run this again",
        )
    pace = pace or kept
    if not running:
        desk.up(pace, tether=False)
        ready.write_text(pace, encoding="ascii")
    return pace, not running


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Hold a folder that is to be a simulated desk's; raises `HomeError`, and `Busy` where another does."""
    mark = directory / _MARK
    if directory.exists() and any(directory.iterdir()) and not mark.is_file():
        raise HomeError(
            "this folder is no demo's, so it is not emptied",
            where=str(directory),
            next="name another with --dir",
        )
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    descriptor = os.open(mark, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not taken(descriptor, 0):
            raise Busy(
                "a demo is at work in this folder",
                where=str(directory),
                next="wait for it, or name another with --dir",
            )
        yield
    finally:
        os.close(descriptor)


def found(
    desk: SimulatedDesk,
    pace: str,
    step: Callable[[int, int, str], None] = lambda done, of, what: None,
    *,
    anew: bool = False,
) -> None:
    """Found a desk where `alone` holds the folder, telling each step; its bench ends with this process.

    Raises `HomeError` where somebody works at a desk there and it is not `anew`, `BenchError`,
    `CommandFailed`.
    """
    if (desk.directory / _READY).is_file() and not anew:
        raise HomeError(
            "a desk was prepared in this folder, and may be in use",
            where=str(desk.directory),
            next="name another with --dir, or say --anew to empty it",
        )
    _emptied(desk)
    try:
        for done, (what, do) in enumerate(_STEPS, start=1):
            step(done, len(_STEPS), what)
            do(desk, pace)
    except BaseException:
        with suppress(BenchError):
            desk.bench.down()
        raise


def ended(process: subprocess.Popen[str], line: str) -> None:
    """Wait for a command; raises `CommandFailed` where it did not end well."""
    if code := process.wait():
        raise CommandFailed(f"station {line}", code)


def _emptied(desk: SimulatedDesk) -> None:
    with suppress(BenchError):  # most often none was left running
        desk.bench.down()
    for path in desk.directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != _MARK:
            path.unlink()


def _bench(desk: SimulatedDesk, pace: str) -> None:
    desk.up(pace, tether=True)
    desk.say(f"a bench of two PIV readers, two USB slots and an operators' seat is up in {desk.state}")
    if desk.printer == IPP:
        desk.say("its printer is an IPP printer, in a network of its own")
    # A real desk's are in people's heads.
    descriptor = os.open(desk.pins, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        file.writelines(f"{key} {secrets.randbelow(10**8):08d}\n" for key in PINNED)
        for one in people():
            file.write(f"{one.name} {desk.bench.people.pin_file(one.name).read_text().strip()}\n")


def _station(desk: SimulatedDesk, _: str) -> None:
    founders = " ".join(f"--administrator {name}" for name in ADMINISTRATORS)
    desk.station(f"init --name 'Demo Issuer' --bench {shlex.quote(str(desk.state))} {founders}", pin=True)


def _people(desk: SimulatedDesk, _: str) -> None:
    first, second = ADMINISTRATORS
    desk.station(f"operator enrol --from {shlex.quote(str(PEOPLE))} --as {first} --with {second}", pin=True)


def _custody(desk: SimulatedDesk, _: str) -> None:
    desk.station(f"custody make {TOGETHER}", pin=True)


def _epochs(desk: SimulatedDesk, _: str) -> None:
    desk.station(f"custody epochs make 5 {TOGETHER}", pin=True)


def _layouts(desk: SimulatedDesk, _: str) -> None:
    """Let letters leave on the day of their tokens: nobody waits two days at a simulated desk (R5)."""
    own = desk.home / "layouts" / "tokens"
    own.mkdir(parents=True)
    for name in ("group-card", "group-usb"):
        shipped = (files("layouts") / "tokens" / f"{name}.toml").read_text(encoding="utf-8")
        (own / f"{name}.toml").write_text(f"{shipped}\n[life]\ngap_days = 0\n", encoding="utf-8")
    configuration = desk.home / "station.toml"
    text = configuration.read_text(encoding="utf-8")
    text = text.replace("[printer]\n", "[printer]\nnumbered_forms = true\n", 1)
    configuration.write_text(f'{text}\n[layouts]\ndirectories = ["layouts"]\n', encoding="utf-8")


def _forms(desk: SimulatedDesk, _: str) -> None:
    desk.station("letter forms receive F0001 F0100 --as pim", pin=True)


_STEPS: tuple[tuple[str, Callable[[SimulatedDesk, str], None]], ...] = (
    ("a bench with readers, slots, and a token for each operator", _bench),
    ("the station: its home, its key tokens, its CA, two administrators", _station),
    ("five more people, enrolled by both administrators", _people),
    ("custody, which two PIN officers open together", _custody),
    ("custody keys in stock, one for each order", _epochs),
    ("layouts whose letters may leave on the day of their tokens", _layouts),
    ("numbered forms for the letters", _forms),
)
