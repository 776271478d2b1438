"""The token drivers under contract: each with a simulated seat, and with a real one by `--real-token`.

`pytest tests/contract --real-token SEAT.toml` takes a `[[seat]]` of station.toml (`name`, `driver`,
`options`, `environment`), and beside it `blank`, the command line that makes the token in it blank again,
such as `["ykman", "piv", "reset", "-f"]`. Whatever is on that token is destroyed.
"""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from drivers.tokens import Act, Code, Credentials
from simulators.bench import Bench
from tests.contract.codes import draw
from tests.contract.served import Lane

SIMULATED = ("piv-yubikey", "piv-plain", "pkcs11-softhsm", "pkcs11-proxy")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--real-token", metavar="SEAT.toml", help="destroy and personalise the token of a real seat"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seat" in metafunc.fixturenames:
        real = metafunc.config.getoption("--real-token", default=None)
        simulated = getattr(metafunc.module, "SEATS", SIMULATED)
        metafunc.parametrize("seat", [*simulated, *(["real"] if real else [])], indirect=True)


@dataclass(frozen=True)
class Kind:
    """What one kind of token promises beside the contract: `evidence` is the kind it gives for its keys."""

    evidence: str
    tells_keys: bool = True
    tells_puk_tries: bool = True
    exclusive: bool = True
    keeps_old_keys: bool = False


EXPECTED = {
    "piv-yubikey": Kind("attestation"),
    "piv-yubikey-5.7": Kind("attestation", keeps_old_keys=True),
    "piv-plain": Kind("none", tells_keys=False, tells_puk_tries=False),
    "pkcs11-softhsm": Kind("attributes", exclusive=False, keeps_old_keys=True),
    "pkcs11-proxy": Kind("attributes", exclusive=False, keeps_old_keys=True),
}


@dataclass
class Seat:
    """A seat under test: `kind` is None for a real token, of which nothing is known beforehand.

    `insert` puts in a blank, or the token named; `eject` takes out what is there and names it.
    """

    name: str
    driver: str
    options: Mapping[str, Any]
    environment: Mapping[str, str]
    kind: Kind | None
    insert: Callable[[str | None], str]
    eject: Callable[[], str | None]
    slots: tuple[str, str]

    def lane(self) -> Lane:
        """A driver for this seat in a process of its own; the caller closes it."""
        return Lane(self.driver, self.name, self.options, self.environment)


@dataclass
class Desk:
    """A seat with a blank token in it, its driver connected, and the codes in force at this moment."""

    seat: Seat
    lane: Lane
    codes: Credentials
    new: Credentials

    @property
    def sequence(self) -> tuple[Act, ...]:
        return self.lane.facts.sequence

    @property
    def changed(self) -> tuple[Code, ...]:
        """The codes personalisation changes from what they were."""
        acts = {Act.SET_PIN: Code.PIN, Act.SET_PUK: Code.PUK, Act.SET_ADMIN: Code.ADMIN}
        codes = [acts[act] for act in self.sequence if act in acts]
        if self.lane.factory is None:  # its first admin credential comes with C_InitToken
            codes.append(Code.ADMIN)
        return tuple(codes)

    def set_code(self, code: Code) -> None:
        """Change one code to its new value, and go on with that."""
        value: Any = getattr(self.new, code.value)
        self.lane.set_code(code, self.codes, value)
        self.codes = replace(self.codes, **{code.value: value})


@pytest.fixture(scope="session")
def contract_benches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Bench]]:
    running: dict[str, Bench] = {}

    def bench(profile: str) -> Bench:
        if profile not in running:
            directory = tmp_path_factory.mktemp("bench") / profile
            if profile == "proxy":
                running[profile] = Bench.up(directory, piv=0, pkcs11=1, faults=True, tether=True)
            elif profile == "moving":
                running[profile] = Bench.up(directory, piv=1, pkcs11=0, firmware=(5, 7, 0), tether=True)
            else:
                running[profile] = Bench.up(directory, piv=1, pkcs11=1, profile=profile, tether=True)  # type: ignore[arg-type]
        return running[profile]

    yield bench
    for each in running.values():
        each.down()


@pytest.fixture
def seat(request: pytest.FixtureRequest, contract_benches: Callable[[str], Bench]) -> Iterator[Seat]:
    """An empty seat of each kind."""
    if request.param == "real":
        yield _real(request.config.getoption("--real-token"))
        return
    others = {"piv-plain": "plain", "pkcs11-proxy": "proxy", "piv-yubikey-5.7": "moving"}
    bench = contract_benches(others.get(request.param, "yubikey"))
    driver = request.param.split("-")[0]
    status = next(seat for seat in bench.status().seats if seat.driver == driver)
    described = bench.seat_options(status.name)
    options = dict(described["options"])
    if request.param == "piv-plain":
        options["admin"] = "keep"
    if request.param.startswith("piv-yubikey"):
        options["attestation_roots"] = [str(bench.layout.attestation_root)]
    yield Seat(
        status.name,
        driver,
        options,
        described["environment"],
        EXPECTED[request.param],
        lambda card: bench.insert(status.name, card),
        lambda: bench.eject(status.name),
        ("9a", "9c") if driver == "piv" else ("01", "02"),
    )
    if bench.status().seats[bench.seats.index(status.name)].inserted:
        bench.eject(status.name)


@pytest.fixture
def lane(seat: Seat) -> Iterator[Lane]:
    """The driver of a seat, not connected."""
    served = seat.lane()
    yield served
    served.close()


@pytest.fixture
def desk(seat: Seat, lane: Lane) -> Desk:
    """A blank token in its seat, connected."""
    seat.insert(None)
    assert lane.await_token(20)
    lane.connect()
    new = draw(lane.facts.rules)
    return Desk(seat, lane, lane.factory or new, new)


def _real(path: str) -> Seat:
    described = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    if isinstance(described.get("seat"), list):
        (entry,) = described["seat"]
        described = {**described, **entry}

    def blank(card: str | None) -> str:
        if card is not None:
            pytest.skip("nobody is there to insert another token")
        subprocess.run(described["blank"], check=True, stdin=subprocess.DEVNULL)
        return "the real token"

    def pull() -> str | None:
        pytest.skip("nobody is there to take out the real token")

    driver = described["driver"]
    slots = ("9a", "9c") if driver == "piv" else ("01", "02")
    environment = described.get("environment", {})
    return Seat(described["name"], driver, described["options"], environment, None, blank, pull, slots)
