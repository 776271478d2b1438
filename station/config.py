"""`station.toml` as frozen types; unknown and missing keys are refused by name and line.

What stands in `options` belongs to the driver it is for, and is judged by it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from layouts.strict import Document, Wrong, loads, read
from station.errors import ConfigurationError
from station.pins import FILE, PROMPT

if TYPE_CHECKING:
    from batch.people.forgetting import Retention as Years

KeyName = Literal["custody", "bench", "ca", "diversification"]

_COUNTRY = re.compile(r"[A-Z]{2}")
_SEAT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


def _check_environment(variables: Mapping[str, str]) -> None:
    for name in variables:
        if not _VARIABLE.fullmatch(name):
            raise Wrong(("environment", name), "is no name of letters, digits and '_'")


class Station(_Table, frozen=True):
    """Whose desk this is: its `name` in records and letters, its `country` (ISO 3166-1 alpha-2)."""

    name: str
    country: str

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise Wrong("name", "is empty; name the desk as its letters shall")
        if not _COUNTRY.fullmatch(self.country):
            raise Wrong("country", f"{self.country!r} is no country code of two capital letters, such as NL")


_Seconds = Annotated[float, msgspec.Meta(gt=0)]


class Seat(_Table, frozen=True):
    """One lane: a reader or PKCS#11 slot, who feeds it, and the environment its process is started with.

    A token that gives no answer within `answer_seconds`, or no key within `key_seconds`, counts as hung. A
    lane whose feeder jams gives up when nobody has cleared it for `jam_minutes`.
    """

    name: str
    driver: str
    feeder: str = "hands"
    feeder_options: dict[str, Any] = {}
    options: dict[str, Any] = {}
    environment: dict[str, str] = {}
    answer_seconds: _Seconds = 60.0
    key_seconds: _Seconds = 300.0
    jam_minutes: Annotated[float, msgspec.Meta(ge=0)] = 30.0

    def __post_init__(self) -> None:
        if not _SEAT.fullmatch(self.name):
            raise Wrong("name", f"{self.name!r} is no name of at most 32 letters, digits, '.', '-' and '_'")
        _check_environment(self.environment)


class Operators(_Table, frozen=True):
    """Who may log in, and where: the operators' seat, which no lane touches.

    `anchors` are files (PEM or DER) of the CAs whose certificates operators have, `crl` those of their
    revocation lists, which are asked for where any is named. `online` asks where a certificate says whether
    it was revoked. `passphrases` lets operators without a token be enrolled. A session ends when it was not
    used for `idle_minutes`, and after `session_hours`.
    """

    driver: str | None = None
    feeder: str = "hands"
    anchors: tuple[str, ...] = ()
    crl: tuple[str, ...] = ()
    online: bool = False
    passphrases: bool = False
    options: dict[str, Any] = {}
    environment: dict[str, str] = {}
    answer_seconds: _Seconds = 60.0
    idle_minutes: _Seconds = 15.0
    session_hours: _Seconds = 10.0

    def __post_init__(self) -> None:
        _check_environment(self.environment)
        for name in ("anchors", "crl"):
            for place in getattr(self, name):
                if not os.path.isabs(place):
                    raise Wrong(name, f"{place!r} is no absolute path")
        if self.driver is None and not self.passphrases:
            raise Wrong("driver", "is missing, and passphrases are not allowed: nobody could log in")
        if self.driver is not None and not self.anchors:
            raise Wrong("anchors", "names no CA: no operator's certificate would be believed")


class PrinterSeat(_Table, frozen=True):
    """The printer of PIN letters; `numbered_forms`: each of its forms has a number that is accounted for."""

    driver: str
    numbered_forms: bool = False
    options: dict[str, Any] = {}
    environment: dict[str, str] = {}

    def __post_init__(self) -> None:
        _check_environment(self.environment)


class LabelSeat(_Table, frozen=True):
    """The printer of labels, and how many dots its head has to a millimetre."""

    driver: str = "zpl"
    dots_per_mm: Literal[6, 8, 12, 24] = 8
    options: dict[str, Any] = {}
    environment: dict[str, str] = {}

    def __post_init__(self) -> None:
        _check_environment(self.environment)


class ScannerPort(_Table, frozen=True):
    """A scanner that is no keyboard."""

    driver: str = "serial"
    options: dict[str, Any] = {}


class Authority(_Table, frozen=True):
    """The certificate authority; the embedded one takes its key from `[keys.ca]`.

    `crl_file`: where every new revocation list is written (DER), for a web server to give out.
    """

    driver: str = "embedded"
    options: dict[str, Any] = {}
    crl_file: str | None = None

    def __post_init__(self) -> None:
        if self.crl_file is not None and not os.path.isabs(self.crl_file):
            raise Wrong("crl_file", f"{self.crl_file!r} is no absolute path")


class KeyToken(_Table, frozen=True):
    """A PKCS#11 token of the station's own: `module` file, `token` label, and where its `pin` comes from."""

    module: str
    token: str
    pin: str = PROMPT
    environment: dict[str, str] = {}

    def __post_init__(self) -> None:
        if not os.path.isabs(self.module):
            raise Wrong("module", f"{self.module!r} is no absolute path")
        if self.pin != PROMPT and not (
            self.pin.startswith(FILE) and os.path.isabs(self.pin.removeprefix(FILE))
        ):
            # What stands there may be a PIN, so it is not shown.
            raise Wrong("pin", f'is neither "{PROMPT}" nor "{FILE}/absolute/path"')
        _check_environment(self.environment)


class Keys(_Table, frozen=True):
    """The key tokens: `custody` opens letters, `bench` resumes items, `ca` signs; each may lie elsewhere.

    `diversification` is there where layouts derive the admin credentials of their tokens.
    """

    custody: KeyToken
    bench: KeyToken
    ca: KeyToken
    diversification: KeyToken | None = None

    def named(self) -> Mapping[str, KeyToken]:
        """The key tokens by their names."""
        always = {"custody": self.custody, "bench": self.bench, "ca": self.ca}
        return always | ({"diversification": self.diversification} if self.diversification else {})

    def pins(self) -> Mapping[str, str]:
        """Where each PIN comes from, as `station.pins.PinSource` takes it."""
        return {"diversification": PROMPT, **{name: token.pin for name, token in self.named().items()}}


class LayoutFolders(_Table, frozen=True):
    """Folders with layouts of one's own, looked into before the shipped ones; relative to the home."""

    directories: tuple[str, ...] = ()


class RecordKeeping(_Table, frozen=True):
    """Where copies of the ledger are kept besides the one in the home: absolute paths of files."""

    ledgers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for place in self.ledgers:
            if not os.path.isabs(place):
                raise Wrong("ledgers", f"{place!r} is no absolute path")


class Audit(_Table, frozen=True):
    """The audit log: `witness`, a folder every checkpoint is written to as well, kept by somebody else."""

    witness: str | None = None

    def __post_init__(self) -> None:
        if self.witness is not None and not os.path.isabs(self.witness):
            raise Wrong("witness", f"{self.witness!r} is no absolute path")


class Retention(_Table, frozen=True):
    """For how many years persons' data is kept after it is over; see `batch.people.forgetting.Retention`."""

    managers: Annotated[int, msgspec.Meta(ge=7)] = 7
    people: Annotated[int, msgspec.Meta(ge=0)] = 1
    orders: Annotated[int, msgspec.Meta(ge=7)] = 7
    rejected: Annotated[int, msgspec.Meta(ge=0)] = 1

    def years(self) -> Years:
        """The same as the rules of forgetting take it."""
        from batch.people.forgetting import Retention as Years

        return Years(self.managers, self.people, self.orders, self.rejected)


class Bench(_Table, frozen=True):
    """A simulated bench this station works at: the folder of its state, outside the home."""

    directory: str


class Configuration(_Table, frozen=True, rename={"seats": "seat"}):
    """All of station.toml."""

    station: Station
    keys: Keys
    seats: tuple[Seat, ...] = ()
    operators: Operators | None = None
    printer: PrinterSeat | None = None
    labels: LabelSeat | None = None
    scanner: ScannerPort | None = None
    authority: Authority = Authority()
    layouts: LayoutFolders = LayoutFolders()
    records: RecordKeeping = RecordKeeping()
    audit: Audit = Audit()
    retention: Retention = Retention()
    bench: Bench | None = None

    def seat(self, name: str) -> Seat:
        """The seat called `name`; raises `ConfigurationError` naming those there are."""
        for seat in self.seats:
            if seat.name == name:
                return seat
        there = ", ".join(seat.name for seat in self.seats) or "none"
        raise ConfigurationError(
            f"there is no seat {name!r}", where="station.toml", next=f"there are: {there}"
        )

    def feeder_options(self, feeder: str, given: Mapping[str, Any] = {}) -> dict[str, Any]:
        """What a feeder is made of: what the configuration says, and for that of a bench where this is."""
        if feeder == "bench" and self.bench is not None:
            return {"bench": self.bench.directory, **given}
        return dict(given)

    def layout_folders(self, home: Path) -> tuple[Path, ...]:
        """The folders of `[layouts]` as absolute paths."""
        return tuple(home / folder for folder in self.layouts.directories)


def load(path: Path) -> Configuration:
    """Read station.toml; raises `ConfigurationError` where it is missing, else `layouts.errors.FileFault`."""
    if not path.exists():
        raise ConfigurationError("there is no configuration", where=str(path), next="run `station init`")
    return _checked(read(path, Configuration))


def parse(text: str, source: str) -> Configuration:
    """Read the text of a station.toml; `source` names it in errors. Raises `layouts.errors.FileFault`."""
    return _checked(Document(source, text, loads(text, source, Configuration)))


def _checked(document: Document[Configuration]) -> Configuration:
    seen: set[str] = set()
    for index, seat in enumerate(document.value.seats):
        if seat.name in seen:
            raise document.fault(
                "seat", index, "name", what=f"a second seat {seat.name!r}", next="give each a name of its own"
            )
        seen.add(seat.name)
    operators = document.value.operators
    places: dict[str, str] = {}
    for index, seat in enumerate(document.value.seats):
        if (other := places.setdefault(_place(seat), seat.name)) != seat.name:
            raise document.fault(
                "seat",
                index,
                "name",
                what=f"seat {seat.name!r} has the reader or slot of seat {other!r}",
                next="a reader or slot is one seat: take one of them out, or name another reader or slot",
            )
        if operators is not None and operators.driver is not None and _place(seat) == _place(operators):
            raise document.fault(
                "seat",
                index,
                "name",
                what=f"seat {seat.name!r} has the reader or slot of the operators' seat",
                next="give operators a reader or slot that no lane touches",
            )
    return document.value


def _place(seat: Seat | Operators) -> str:
    """What two seats may not share: a reader by its serial or name, a slot of a module, else all options."""
    options = seat.options
    if "reader" in options:
        named = {"serial": options["serial"]} if options.get("serial") else {"reader": options["reader"]}
    elif "module" in options:
        named = {"module": options["module"], "slot": options.get("slot")}
    else:
        named = options or {"seat": seat.name if isinstance(seat, Seat) else "operators"}
    return repr((seat.driver, sorted(named.items()), sorted(seat.environment.items())))


def example() -> str:
    """A commented station.toml with every key, the one of docs/configuration.md."""
    return (Path(__file__).parent / "samples" / "station.toml").read_text(encoding="utf-8")
