"""`python -m tests.speed [--quick] [--markdown FILE]`: measure everything and print one table."""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from simulators.piv.card import Delays
from tests.speed import lists, memory, pages, rivals, startup
from tests.speed.desk import Desk, Run, desk
from tests.speed.table import Row, Section, Target, markdown, show

_LANES = (1, 2, 4)
_FLOOR, _SCRIPT = "floor: same calls, Python loop", "shell script"
_SLOW = Delays(p256=2.0)
_MEMORY_LANES = 4


@dataclass(frozen=True)
class Sizes:
    """How much is measured: rounds of station beside floor, tokens per lane of each kind, and so on."""

    rounds: int
    usb: int
    piv: int
    script: int
    slow: int
    memory: int
    starts: int
    listed: int
    paged: int


FULL = Sizes(
    rounds=3, usb=30, piv=10, script=4, slow=5, memory=5000, starts=40, listed=100_000, paged=1_000_000
)
QUICK = Sizes(rounds=1, usb=25, piv=8, script=3, slow=3, memory=200, starts=15, listed=10_000, paged=20_000)


def tokens(made: Desk, kind: str, sizes: Sizes) -> list[Row]:
    """Rows of one kind of token: floors, station on one, two and four lanes, script.

    All take turns for some rounds, and each round is compared within itself: machines have moods.
    """
    usb = kind == "pkcs11"
    layout, count = ("group-usb:p-256", sizes.usb) if usb else ("group-card:p-256", sizes.piv)
    seats = made.bench.seats
    stations = [_station(lanes) for lanes in _LANES]
    contestants: dict[str, Callable[[], Run]] = {
        _FLOOR: lambda: rivals.floor(made, kind, seats[0], count),
        **{_station(lanes): partial(made.run, layout, count * lanes, seats[:lanes]) for lanes in _LANES},
        _SCRIPT: lambda: rivals.script(made, kind, seats[0], sizes.script),
    }
    if usb:
        contestants = {
            "bare C loop, no hash, no X.509": lambda: rivals.bare(made, seats[0], count),
            **contestants,
        }
    rounds = [{name: run() for name, run in contestants.items()} for _ in range(sizes.rounds)]
    rows = []
    for name in contestants:
        middle = _middle([each[name] for each in rounds])
        if name == _station(1):
            by_floor, net = _times(rounds, name, _FLOOR)
            met = Target("0.8 x floor", min(by_floor, net) >= 0.8)
            rows.append(_row(name, middle, f"{by_floor:.2f} x floor (net {net:.2f})", met))
            by_script, net = _times(rounds, name, _SCRIPT)
            said = f"{by_script:.1f} x script (net {net:.1f})"
            rows.append(Row("", "", "", said, Target("4 x script, net", net >= 4)))
        elif name in stations:
            by_one, by_script = (_times(rounds, name, other)[0] for other in (_station(1), _SCRIPT))
            said = f"{by_one:.2f} x one lane, {by_script:.1f} x script"
            met = Target("4 x script", by_script >= 4)
            rows.append(_row(name, middle, said, met if name == stations[-1] else None))
        else:
            rows.append(_row(name, middle))
    return rows


def slow_cards(sizes: Sizes) -> Section:
    """Cards that take two seconds for a key, two keys each: one lane and eight."""
    runs = []
    for lanes in (1, 8):
        with desk(piv=lanes, delays=_SLOW) as made:
            runs.append(made.run("group-card:p-256", sizes.slow * lanes))
    one, eight = runs
    gain = eight.rate / one.rate
    rows = (
        _row("station, 1 lane", one),
        _row("station, 8 lanes", eight, f"{gain:.2f} x one lane", Target("7.6 x one lane", gain >= 7.6)),
    )
    return Section("PIV cards, 2 s for each of two keys", rows)


def memory_rows(sizes: Sizes) -> Section:
    """Desk and children over many tokens."""
    with desk(pkcs11=_MEMORY_LANES) as made:
        found = memory.measure(made, "group-usb:p-256", sizes.memory)
    speed = f"{found.run.rate:.1f} tokens/s on {_MEMORY_LANES} lanes"
    rows = (
        Row("desk, peak", f"{found.desk:.0f} MB", "", speed, Target("under 150 MB", found.desk < 150)),
        Row(
            "desk, growth",
            f"{found.growth:.1f} MB",
            "",
            "after the first fifth",
            Target("5 MB at most", found.growth < 5),
        ),
        Row(
            "any lane or key process, peak",
            f"{found.child:.0f} MB",
            "",
            "",
            Target("under 60 MB", found.child < 60),
        ),
    )
    return Section(f"Resident memory over {sizes.memory} USB tokens", rows)


def start_rows(sizes: Sizes) -> Section:
    """How fast the command line answers."""
    helped, imported = startup.medians(sizes.starts, startup.HELP, startup.IMPORT)
    ratio = helped / imported
    rows = (
        Row('python -c "import click"', f"{imported * 1000:.0f} ms"),
        Row(
            "station --help",
            f"{helped * 1000:.0f} ms",
            "",
            f"{ratio:.2f} x import click",
            Target("1.5 x at most", ratio <= 1.5),
        ),
    )
    return Section(f"Start, median of {sizes.starts}", rows)


def list_rows(sizes: Sizes) -> Section:
    """How fast lists are told of many tokens."""
    rows = []
    for command, lines, seconds in lists.measure(sizes.listed):
        # What picks some of all is to come at once; what tells all may take its time.
        goal = Target("2 s at most", seconds <= 2) if lines < sizes.listed else None
        rows.append(Row(f"station {command}", f"{seconds:.2f} s", "", f"{lines} lines", goal))
    return Section(f"Lists over {sizes.listed} tokens", tuple(rows))


def page_rows(sizes: Sizes) -> Section:
    """How fast a screen gets its pages of many tokens."""
    rows = [
        Row(timed.what, f"{timed.worst:.1f} ms", "", f"{timed.rows} rows", Target("50 ms", timed.worst <= 50))
        for timed in pages.measure(sizes.paged)
    ]
    return Section(
        f"Pages over {sizes.paged} tokens: first, last, next, one before, the slowest", tuple(rows)
    )


def measure(sizes: Sizes) -> list[Section]:
    """Everything, one after the other."""
    sections = []

    def usb() -> Section:
        with desk(pkcs11=max(_LANES)) as made:
            return Section("USB tokens (SoftHSM), two P-256 keys", tuple(tokens(made, "pkcs11", sizes)))

    def piv() -> Section:
        with desk(piv=max(_LANES)) as made:
            return Section("Virtual PIV cards, two P-256 keys", tuple(tokens(made, "piv", sizes)))

    parts: Sequence[tuple[str, Callable[[], Section]]] = (
        ("start of the command line", lambda: start_rows(sizes)),
        ("USB tokens", usb),
        ("PIV cards", piv),
        ("slow cards", lambda: slow_cards(sizes)),
        (f"memory over {sizes.memory} tokens", lambda: memory_rows(sizes)),
        (f"lists over {sizes.listed} tokens", lambda: list_rows(sizes)),
        (f"pages over {sizes.paged} tokens", lambda: page_rows(sizes)),
    )
    for name, part in parts:
        begun = time.monotonic()
        sys.stderr.write(f"measuring {name} … ")
        sys.stderr.flush()
        sections.append(part())
        sys.stderr.write(f"{time.monotonic() - begun:.0f} s\n")
    return sections


NOTES = (
    "tokens/s are whole cycles with insertion. For PIV that is pcscd's own time, which looks for a card "
    "every 0.4 s: it costs every side about 0.7 s a card.",
    '"work" is what one token takes without insertion, on every side: from being known as blank to being '
    'read back (for the station by the times in its records). "net" compares that.',
    "The floor makes the same calls, has certificates signed by the CA's SoftHSM key and makes R21's "
    "Argon2id hash; it has no journal, seal, audit log or resume key. The station makes that hash while"
    " one token makes way for the next: it is in its tokens/s and not in its work, and it can be faster"
    " than the floor.",
    "The script for USB tokens has no CSR, as openssl comes without a PKCS#11 engine, so nothing proves "
    "possession; its CA key lies in a file. The script for PIV cards checks no attestation; as no tool of"
    " OpenSC writes a public key down or sets a management key, it sends raw APDUs. Neither seals, "
    "journals, hashes the revocation code or survives a crash; both show every code in argument lists and"
    " leave them in a file.",
    "On one lane most of a SoftHSM token is the module's own work, which the bare C loop shows and "
    "every side has. The script has no hash, no CA with a memory and no journal to wait for, so 4 times"
    " its speed may take a second lane there; lanes need cores for themselves, the simulated tokens, "
    "the CA and the desk.",
)


def _station(lanes: int) -> str:
    return f"station, {lanes} lane{'s' if lanes > 1 else ''}"


def _times(rounds: Sequence[Mapping[str, Run]], name: str, other: str) -> tuple[float, float]:
    """How much faster `name` is than `other`, in the middle round: with insertion and net of it."""
    return (
        statistics.median(each[name].rate / each[other].rate for each in rounds),
        statistics.median(each[other].work / each[name].work for each in rounds),
    )


def _row(measured: str, run: Run, compared: str = "", target: Target | None = None) -> Row:
    return Row(measured, f"{run.rate:.2f} tokens/s", f"{run.work * 1000:.0f}", compared, target)


def _middle(runs: Sequence[Run]) -> Run:
    """The run of middle speed."""
    return sorted(runs, key=lambda run: run.rate)[len(runs) // 2]


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{os.cpu_count()} cores of {names[0] if names else 'an unnamed processor'}"


def main() -> None:
    """Measure, print, and end with 1 where a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.speed", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few tokens: minutes, and a rough picture")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table here as well")
    given = parser.parse_args()
    sections = measure(QUICK if given.quick else FULL)
    extent = "quick run" if given.quick else "full run"
    title = f"Speed, {datetime.now(UTC):%Y-%m-%d}, {extent} on {_machine()}"
    show(title, sections, NOTES)
    if given.markdown:
        given.markdown.write_text(markdown(title, sections, NOTES))


if __name__ == "__main__":
    main()
