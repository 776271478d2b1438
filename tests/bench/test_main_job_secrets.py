"""Nobody sees a code: after a run, crash and all, codes are on tokens and on letters and nowhere else.

Nothing in production lets a test choose codes, so they are learnt from the printed pages.
"""

from __future__ import annotations

import ast
import base64
import re
import shutil
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from inspect import signature
from pathlib import Path

import pytest

from batch.custody import codes
from batch.production.assignment import CodeTask
from batch.production.lane import Lane
from drivers.errors import AuthenticationFailed, DriverError
from drivers.secret import Secret
from drivers.tokens import Code
from simulators.bench import softhsm_module
from simulators.piv import state
from station.exit_codes import ExitCode
from tests.bench.clients import run
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk
from tests.bench.holders import other_than
from tests.bench.pages import Page, read_page
from tests.bench.searching import Hunt, Watch
from tests.bench.thieves import ask, guesses, opened_by_bench, thief_s

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Aftermath:
    """A finished run: what was taken down while it ran, and its codes."""

    desk: Desk
    order: str
    temporary: Path
    crashed: Path
    exported: Path
    unprinted: Path
    watch: Watch
    pages: Mapping[str, Page]
    secrets: Mapping[str, Secret]

    @property
    def hunt(self) -> Hunt:
        return Hunt(self.secrets)


@pytest.fixture(scope="module")
def run_over(desk_factory: DeskFactory, tmp_path_factory: pytest.TempPathFactory) -> Aftermath:
    temporary, copies = tmp_path_factory.mktemp("tmp"), tmp_path_factory.mktemp("copies")
    places = {name: str(temporary) for name in ("TMPDIR", "TEMP", "TMP", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME")}
    desk = desk_factory({**places, "HOME": str(temporary)}).letters_first()
    desk.afresh = True
    watch = Watch(desk.work, desk.bench.layout.directory)
    watch.start()
    rows = (
        {"group": "Balie Noord", "count": "3"},
        {"group": "Balie Zuid", "layout": "group-usb:p-256", "count": "3"},
    )
    order = desk.approved(*rows)
    crash(desk, order)
    # Nobody listens at the socket of the feed, and it holds nothing.
    crashed = shutil.copytree(desk.home, copies / "crashed", ignore=shutil.ignore_patterns("*.sock"))
    desk.run("produce", order, pins=True)
    unprinted = shutil.copytree(desk.home, copies / "unprinted")
    desk.run("letter", "print", order, operator="carl", pins=True)
    for command in (("order", "show", order), ("token", "show", "000001"), ("audit", "verify")):
        desk.run(*command)
    desk.run("ca", "crl", pins=True)
    desk.run("audit", "checkpoint", pins=True)
    exported = copies / "exported"
    desk.run("audit", "export", str(exported))
    watch.end()
    pages = {
        token["number"]: read_page(desk.bench.layout.printed / f"{token['number']}.pdf")
        for token in desk.tokens(order)
    }
    return Aftermath(
        desk, order, temporary, crashed, exported, unprinted, watch, pages, secrets_of(desk, pages)
    )


def crash(desk: Desk, order: str) -> None:
    """Kill the desk while codes are on their way to tokens."""
    producing = desk.start("produce", order, pins=True)
    begun = "SELECT count(*) FROM steps WHERE name IN ('set-puk', 'set-pin')"
    producing.wait_until(lambda: desk.rows(begun)[0][0] >= 2, "a PIN was set")
    producing.signal(signal.SIGKILL)
    assert producing.end().code == -signal.SIGKILL


def secrets_of(desk: Desk, pages: Mapping[str, Page]) -> dict[str, Secret]:
    found = {f"PIN of the {name} token": pin for name, pin in desk.pins.items()}
    for number, page in pages.items():
        bare = Secret(page.revocation.reveal().replace(b"-", b""))
        found |= {f"PIN {number}": page.pin, f"PUK {number}": page.puk}
        found |= {f"revocation code {number}": page.revocation, f"bare revocation code {number}": bare}
    return found | {
        f"management key of {name}": Secret(card.management.key) for name, card in cards(desk).items()
    }


def cards(desk: Desk) -> dict[str, state.CardState]:
    """The cards as the bench pretends them, without the blanks nobody used."""
    read = {path.stem: state.decode(path.read_bytes()) for path in desk.bench.layout.cards.glob("*.json")}
    return {name: card for name, card in read.items() if card.management.key != state.FACTORY_KEY}


@pytest.mark.bench
def test_the_search_finds_codes_where_they_belong(run_over: Aftermath) -> None:
    desk = run_over.desk
    found = run_over.hunt.through(desk.bench.layout.cards)
    for number in [token["number"] for token in desk.tokens(run_over.order) if "card" in token["layout"]]:
        card = desk.bench.layout.cards / f"{desk.card(number)}.json"
        assert f"PIN {number} in {card}" in found
        assert f"PUK {number} in {card}" in found
        assert f"management key of {card.stem} in {card}" in found
    for number, page in run_over.pages.items():
        words = b" ".join(code.reveal() for code in page.codes)
        assert len(list(run_over.hunt.finds("the letter", words))) == 3, number


@pytest.mark.parametrize(
    "written",
    [
        b"PIN=905217;",
        b"\x00905217\xff\xff",
        b"39:30:35:32:31:37",
        b"0020008008393035323137FFFF",
        "a PIN: 905217".encode("utf-16-le"),
        base64.b64encode(b"905217\xff\xff"),
        base64.b64encode(b"x905217"),
        base64.b64encode(b"xx905217y"),
    ],
)
def test_the_search_knows_the_ways_a_code_is_written_down(written: bytes) -> None:
    hunt = Hunt({"PIN": Secret.text("905217")})
    assert list(hunt.finds("it", b"-- " + written + b" --")) == ["PIN in it"]


@pytest.mark.parametrize("other", [b"1905217", b"905217a", b"2026-11-22T00:33:54.905217+00:00", b"905218"])
def test_the_search_is_not_misled_by_longer_runs_and_times(other: bytes) -> None:
    assert not list(Hunt({"PIN": Secret.text("905217")}).finds("it", b"-- " + other + b" --"))


@pytest.mark.bench
def test_no_code_is_in_the_home_its_database_or_its_temporary_files(run_over: Aftermath) -> None:
    names = {path.name for path in run_over.desk.home.iterdir()}
    assert {"station.db", "station.toml", "keys", "ca", "run"} <= names
    assert run_over.hunt.through(run_over.desk.work, run_over.temporary) == []


@pytest.mark.bench
def test_no_code_is_in_what_a_killed_station_leaves_behind(run_over: Aftermath) -> None:
    assert (run_over.crashed / "station.db-wal").stat().st_size > 0
    assert run_over.hunt.through(run_over.crashed) == []


@pytest.mark.bench
def test_no_code_is_in_the_exported_log(run_over: Aftermath) -> None:
    assert (run_over.exported / "entries.jsonl").stat().st_size > 0
    assert run_over.hunt.through(run_over.exported) == []


@pytest.mark.bench
def test_no_code_is_on_the_bench_but_on_tokens_and_pages(run_over: Aftermath) -> None:
    layout = run_over.desk.bench.layout
    assert layout.log.exists()
    assert layout.trays.exists()
    own = (layout.cards, layout.tokens, layout.printed)
    assert run_over.hunt.through(layout.directory, but=own) == []


@pytest.mark.bench
def test_no_code_is_in_anything_a_command_said(run_over: Aftermath) -> None:
    said = b"\n".join(run_over.desk.said)
    assert b"order 2026-0001 is produced" in said
    assert list(run_over.hunt.finds("output", said)) == []


@pytest.mark.bench
def test_no_code_is_in_the_arguments_or_the_environment_of_any_process(run_over: Aftermath) -> None:
    commands = [command.split(b"\0") for command in run_over.watch.commands]
    assert len([command for command in commands if b"drivers.process" in command]) >= len(
        ("lane",) * 4 + ("ca", "keeper")
    )
    assert any(b"produce" in command for command in commands)
    assert any(b"print" in command for command in commands)
    assert list(run_over.hunt.finds("a process", b"\n".join(run_over.watch.seen))) == []


@pytest.mark.bench
def test_a_stolen_home_opens_for_no_one_officer_whoever_else_helps(
    run_over: Aftermath, tmp_path: Path
) -> None:
    stolen, tray = thief_s(run_over.unprinted, run_over.desk, tmp_path)
    known = {
        **stolen.pins,
        "dora": Secret.text("not what dora chose"),
        "mallory": Secret.text("a thief of codes"),
    }
    thief = replace(stolen, pins=known)

    refused = thief.start("letter", "print", run_over.order, operator="carl").end()
    assert refused.code == ExitCode.REFUSED_BY_RULE, refused.err
    # With both administrators' passphrases there is another officer, and no other share.
    people = tmp_path / "thieves.csv"
    people.write_text("name,roles\nmallory,pin-officer\n")
    thief.run("operator", "enrol", "--from", str(people), "--with", "ben", operator="ann", pins=True)
    refused = thief.start("custody", "prove", "--with", "mallory", operator="carl").end()
    assert "1 of the 2 shares" in refused.err
    for guess in guesses(thief, "carl"):
        with pytest.raises(AuthenticationFailed):
            ask(thief, "custody", "drivers.pkcs11.vault:Vault", guess, "names")
    assert not tray.exists() or not list(tray.iterdir())
    # The other officer is all that was missing.
    stolen.run("custody", "prove", "--with", "dora", operator="carl")


@pytest.mark.bench
def test_a_stolen_home_opens_half_made_tokens_with_the_bench_token_only_and_finished_ones_never(
    run_over: Aftermath, tmp_path: Path
) -> None:
    bench = "batch.custody.keeper:BenchKeys"
    half, _ = thief_s(run_over.crashed, run_over.desk, tmp_path / "half")
    sealed = "SELECT mailer_number FROM items JOIN codes ON item_id = items.id WHERE for_resume IS NOT NULL"
    begun = {number for (number,) in half.rows(sealed)}
    assert begun <= set(ask(half, "bench", bench, half.pins["bench"], "unfinished"))
    with pytest.raises(AuthenticationFailed):
        ask(half, "bench", bench, other_than(half.pins["bench"]), "unfinished")
    opened = {number: opened_by_bench(half, number)[Code.PIN] for number in begun}
    assert opened
    assert opened == {number: run_over.pages[number].pin for number in opened}
    whole, _ = thief_s(run_over.unprinted, run_over.desk, tmp_path / "whole")
    for number in opened:
        # Not even with the records of the time when it was half made.
        with pytest.raises(DriverError, match="there is no key"):
            opened_by_bench(whole, number, half)


@pytest.mark.bench
def test_a_bench_keeps_no_key_to_what_it_has_finished(run_over: Aftermath) -> None:
    crashed, after = (
        keys_of("bench", home, run_over.desk) for home in (run_over.crashed, run_over.desk.home)
    )
    assert crashed.keys() > {"audit"}, "while tokens are half made there are resume keys"
    assert after.keys() == {"audit"}, "the log's key is there for good, and opens nothing"


@pytest.mark.bench
def test_keys_of_the_station_s_tokens_cannot_be_taken_out_of_them(run_over: Aftermath) -> None:
    for name in ("ca", "bench"):
        keys = keys_of(name, run_over.desk.home, run_over.desk)
        assert len(keys) == 1
        assert all({"sensitive", "never extractable", "local"} <= access for access in keys.values())


def keys_of(token: str, home: Path, desk: Desk) -> dict[str, set[str]]:
    """What pkcs11-tool says of the private keys in one of the station's own tokens, by label."""
    configuration = home / "keys" / token / "softhsm2.conf"
    own = configuration.with_name("looked-at.conf")
    own.write_text(configuration.read_text().replace(str(desk.home), str(home)))
    try:
        listed = run(
            *("pkcs11-tool", "--module", softhsm_module(), "--token-label", token),
            *("--login", "--pin", "env:PIN", "-O", "--type", "privkey"),
            environment={"SOFTHSM2_CONF": str(own), "PIN": desk.pins[token].reveal().decode()},
        ).stdout
    finally:
        own.unlink()
    labels, access = (
        [line.partition(":")[2].strip() for line in listed.splitlines() if word in line]
        for word in ("label:", "Access:")
    )
    words = [{word.strip() for word in line.split(",")} for line in access]
    return dict(zip(labels, words, strict=True))


def test_codes_are_drawn_from_the_system_s_generator_only() -> None:
    source = ast.parse((ROOT / "batch" / "custody" / "codes.py").read_text())
    assert {"random", "numpy", "os"} & set(imported(source)) == set()
    drawn = {
        ast.unparse(node.func)
        for node in ast.walk(source)
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("secrets.")
    }
    assert drawn == {"secrets.choice", "secrets.token_bytes"}


def test_nothing_that_makes_tokens_takes_a_seed_a_code_or_a_setting_from_its_surroundings() -> None:
    for path in sorted([*ROOT.glob("batch/**/*.py"), *ROOT.glob("drivers/**/*.py")]):
        source = ast.parse(path.read_text())
        assert "random" not in imported(source), path
        names = {node.attr for node in ast.walk(source) if isinstance(node, ast.Attribute)}
        assert "seed" not in names, path
        # One place hands the environment on to child processes; all that is read of it is which pcscd to use.
        uses = [
            ast.unparse(node)
            for node in ast.walk(source)
            if "os.environ" in ast.unparse(node) and isinstance(node, ast.expr)
        ]
        looked_up = [use for use in uses if "os.environ[" in use or "os.environ." in use or "getenv" in use]
        if path in _WHERE_TOKENS_ARE:
            names = {name for use in uses for name in re.findall(r"\b[A-Z0-9]+_[A-Z0-9_]+\b", use)}
            assert names == {_WHERE_TOKENS_ARE[path]}, path
        else:
            assert not looked_up, path
            assert not uses or path == ROOT / "drivers" / "process.py", path


_WHERE_TOKENS_ARE = {
    ROOT / "drivers" / "personal" / "piv.py": "PCSCLITE_CSOCK_NAME",
    ROOT / "drivers" / "piv" / "driver.py": "PCSCLITE_CSOCK_NAME",
    ROOT / "drivers" / "pkcs11" / "softhsm.py": "SOFTHSM2_CONF",
}
"""Drivers that look at where their tokens are, so that two seats never have one, and at nothing else."""


def test_whoever_asks_for_codes_says_how_long_they_are_and_nothing_else() -> None:
    assert list(signature(codes.digits).parameters) == ["length"]
    assert list(signature(codes.revocation_code).parameters) == ["groups", "size"]
    assert list(signature(codes.random_bytes).parameters) == ["length"]
    assert {one.name for one in fields(CodeTask)} == {
        "pin_length",
        "puk_length",
        "revocation_groups",
        "revocation_size",
    }
    offered = {name for name in vars(Lane) if not name.startswith("_")}
    assert offered == {
        "describe",
        "look",
        "take",
        "seal",
        "lane_key",
        "restore",
        "step",
        "prove_admin",
        "let_go",
        "no_reset",
        "reset",
        "await_removal",
        "close",
    }


def imported(source: ast.AST) -> Iterator[str]:
    for node in ast.walk(source):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
