"""What the desk itself must have: home, configuration, layouts, records, seats, keys, printer."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from batch.model.errors import BatchError
from drivers.errors import DeviceFailed, DriverError
from drivers.process import Child
from layouts.errors import LayoutError
from station import probes
from station.checks.model import Check, fail, ok, warn
from station.config import Configuration, load
from station.errors import StationError
from station.home import Home, enter
from station.probes import Reader

_DAEMON_PATH = "/usr/local/sbin:/usr/sbin:/sbin"
_SOON = timedelta(days=30)
_MOST_TOLD = 5
_START_BENCH = "start the bench: `station bench up`"
_START_PCSCD = "sudo systemctl enable --now pcscd.socket"


def desk_checks(path: Path) -> Iterator[Check]:
    """Home, configuration, layouts, records, PC/SC, seats, keys, printer, as far as each can be reached."""
    try:
        home = enter(path)
    except StationError as error:
        yield _failed("home", error, "see docs/configuration.md")
        yield pcsc({"": probes.readers_probe({})}, needed=False)
        return
    yield ok("home", f"{home.path}, private")
    try:
        configuration = load(home.configuration)
    except (StationError, LayoutError) as error:
        yield _failed("configuration", error, "correct it; docs/configuration.md explains every key")
        return
    seats = "1 seat" if len(configuration.seats) == 1 else f"{len(configuration.seats)} seats"
    yield ok("configuration", f"{home.configuration}, {seats}")
    yield layouts(configuration, home)
    yield records(home)
    yield from audit_log(home)
    from station.checks.kept import custody_made, kept_checks
    from station.checks.people import people_checks

    yield from kept_checks(configuration, home)
    yield from devices(configuration, made=custody_made(home))
    yield from authority(configuration, home)
    if configuration.operators is None:
        yield fail(
            "operators",
            "nobody can log in: [operators] is missing",
            "add [operators] to station.toml; docs/configuration.md explains it",
        )
    else:
        yield from people_checks(configuration.operators)


def layouts(configuration: Configuration, home: Home) -> Check:
    """All layouts can be read, the shipped ones and one's own."""
    from layouts.library import Library

    try:
        found = len(Library(*configuration.layout_folders(home.path)).describe())
    except LayoutError as error:
        return _failed("layouts", error, "correct the file")
    return ok("layouts", f"{found} found")


def records(home: Home) -> Check:
    """The database is there and sound, not ahead of the clock, and no restore waits to be reconciled."""
    from batch.audit.clock import need_time
    from batch.audit.soundness import look
    from batch.store.database import Records
    from batch.store.restores import open_restore

    if not home.records.exists():
        return fail(
            "records", f"{home.records} is missing", "restore a backup; for a new desk run `station init`"
        )
    try:
        opened = Records(home.records)
        try:
            look(opened, thorough=True)
            restored = open_restore(opened)
            need_time(opened)
        finally:
            opened.close()
    except BatchError as error:
        return _failed("records", error, "restore a backup")
    if restored is not None:
        return fail(
            "records",
            f"they come from a backup of {restored.made_at:%Y-%m-%d %H:%M} UTC; what happened after it is "
            "not found out yet",
            "run `station reconcile`",
        )
    return ok("records", f"{home.records}, sound")


def audit_log(home: Home) -> Iterator[Check]:
    """The log was verified and signed within the time that is allowed (R38)."""
    from batch.audit.care import neglected
    from batch.store.clock import now
    from batch.store.database import Records

    try:
        with closing(Records(home.records)) as opened:
            found = list(neglected(opened, now()))
    except BatchError:
        return  # told by the check of the records
    if not found:
        yield ok("audit log", "verified and signed in time")
    for what, command in found:
        yield warn("audit log", what, f"run `{command}`; it is due at least every 31 days")


def devices(configuration: Configuration, *, made: bool) -> Iterator[Check]:
    """PC/SC where a seat wants it, each seat and feeder, every key token, the printer; asked all at once.

    `made`: custody was made, so that its token must be there.
    """
    seats = {seat.name: probes.seat_probe(seat) for seat in configuration.seats}
    feeders = {
        seat.name: probes.feeder_probe(seat, configuration.feeder_options(seat.feeder, seat.feeder_options))
        for seat in configuration.seats
        if seat.feeder != "hands" or seat.feeder_options
    }
    keys = {name: probes.key_probe(name, token) for name, token in configuration.keys.named().items()}
    services = {
        _service(seat.environment): probes.readers_probe(seat.environment)
        for seat in {
            _service(one.environment): one for one in configuration.seats if probes.is_pcsc(one)
        }.values()
    }
    printer = probes.printer_probe(configuration.printer) if configuration.printer else None
    label_printer = probes.label_printer_probe(configuration.labels) if configuration.labels else None
    beside = {("key", name): child for name, child in keys.items()}
    beside |= {("feeder", name): child for name, child in feeders.items()}
    with probes.several({**seats, **beside}):
        if services:
            yield pcsc(services, needed=True)
        if not seats:
            yield warn("seats", "none is configured", "run `station lanes bind NAME`")
        for name, child in seats.items():
            yield _seat(name, probes.ask(child, "occupied"))
            if name in feeders:
                yield _feeder(name, probes.ask(feeders[name], "ready"))
        for name, child in keys.items():
            labels = probes.ask(child, "labels")
            yield _key(name, configuration.keys.named()[name].token, labels, made=made or name != "custody")
    if printer is None:
        yield warn("printer", "none is configured", "add [printer] to station.toml before letters are due")
    else:
        yield _printer("printer", printer, "letters")
    if label_printer is not None:
        yield _printer("labels", label_printer, "labels")
    if configuration.scanner is not None:
        yield _scanner(probes.scanner_probe(configuration.scanner))


def authority(configuration: Configuration, home: Home) -> Iterator[Check]:
    """A CA elsewhere: its server, the desk's certificate for it, what is unclear; or its own words."""
    if configuration.authority.driver == "embedded":
        return
    child = probes.authority_probe(configuration.authority, home.path / "ca")
    with probes.several({"ca": child}):
        answer = probes.ask(child, "standing")
    if isinstance(answer, DriverError):
        yield _failed("ca", answer, "correct [authority] in station.toml")
    elif isinstance(answer, str):
        yield ok("ca", answer)
    elif answer is not None:
        yield _own_certificate(answer.url, answer.good_until)
        if answer.unclear:
            told = ", ".join(answer.unclear[:_MOST_TOLD]) + (" …" if len(answer.unclear) > _MOST_TOLD else "")
            yield warn(
                "ca answers",
                f"it may have issued certificates that never came: {told}",
                "ask who runs the CA, then `station ca settle`",
            )


def _own_certificate(url: str, until: datetime | None) -> Check:
    if until is None:
        return ok("ca", f"{url} answers")
    told = f"{url} answers; the desk's certificate for it"
    if until < datetime.now(UTC) + _SOON:
        return warn("ca", f"{told} ends on {until:%Y-%m-%d}", "get a new one from who runs the CA")
    return ok("ca", f"{told} is good until {until:%Y-%m-%d}")


def pcsc(services: Mapping[str, Child], *, needed: bool) -> Check:
    """The PC/SC services, by the socket that seats name, "" for the system's; ends `services`."""
    if not shutil.which("pcscd", path=f"{os.environ.get('PATH', '')}:{_DAEMON_PATH}"):
        with probes.several(services):
            return fail("pc/sc", "pcscd is not installed", "sudo apt-get install pcscd libccid")
    with probes.several(services):
        found = {name: probes.ask(child, "all") for name, child in services.items()}
    told = []
    for name, answer in found.items():
        if isinstance(answer, DriverError):
            mend = _START_BENCH if name else _START_PCSCD
            return (fail if needed else warn)("pc/sc", _text(answer), mend)
        names: tuple[Reader, ...] = answer
        number = "1 reader" if len(names) == 1 else f"{len(names)} readers"
        told.append(number + (f" ({', '.join(one.name for one in names)})" if names else ""))
    return ok("pc/sc", "; ".join(told))


def _service(environment: Mapping[str, str]) -> str:
    return environment.get("PCSCLITE_CSOCK_NAME", "")


def _seat(name: str, answer: bool | DriverError) -> Check:
    if isinstance(answer, DriverError):
        return _failed(f"seat {name}", answer, "attach it, or correct the seat in station.toml")
    return ok(f"seat {name}", "a token is in it" if answer else "empty")


def _feeder(name: str, answer: str | DriverError | None) -> Check:
    if isinstance(answer, DriverError):
        return _failed(f"feeder of {name}", answer, "correct feeder_options in station.toml")
    if answer is not None:
        return fail(f"feeder of {name}", answer, 'mend it, or say feeder = "hands" and feed it yourself')
    return ok(f"feeder of {name}", "ready")


def _key(name: str, label: str, answer: tuple[str, ...] | DriverError, *, made: bool) -> Check:
    check = f"{name} key token"
    if isinstance(answer, DriverError):
        return _failed(check, answer, "correct its module or environment (SoftHSM: apt-get install softhsm2)")
    if label not in answer:
        there = ", ".join(repr(one) for one in answer) or "none"
        if not made:
            return warn(check, f"no token {label!r}; there are: {there}", "run `station custody make`")
        return fail(check, f"no token {label!r}; there are: {there}", "insert it, or correct station.toml")
    return ok(check, f"{label!r} is there")


def _scanner(child: Child) -> Check:
    with probes.several({"scanner": child}):
        answer: bool | DriverError = probes.ask(child, "opens")
    if not isinstance(answer, DriverError):
        return ok("scanner", "its port opens; scan something at the screen to see the rest")
    if isinstance(answer, DeviceFailed) and answer.code == "EAGAIN":
        return ok("scanner", "in use, by the screen or another command")
    return warn("scanner", _text(answer), answer.next or "correct [scanner] in station.toml")


def _printer(name: str, child: Child, prints: str) -> Check:
    with probes.several({name: child}):
        answer = probes.ask(child, "ready")
    if isinstance(answer, DriverError):
        return _failed(name, answer, f"correct [{name}] in station.toml")
    if answer is not None:
        return warn(name, answer, f"needed for {prints} only: make it ready before they are due")
    return ok(name, "ready")


def _failed(name: str, error: StationError | LayoutError | DriverError | BatchError, mend: str) -> Check:
    return fail(name, _text(error), error.next or mend)


def _text(error: StationError | LayoutError | DriverError | BatchError) -> str:
    return f"{error.where}: {error.what}" if error.where else error.what
