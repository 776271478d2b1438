"""The log's key in a token, its checkpoints judged by openssl, and an export judged without the program."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from batch.audit.export import Selection, export
from batch.audit.log import log
from batch.audit.notes import VerifierKey
from batch.audit.verification import verify
from batch.model.errors import NotFound, Refused
from batch.model.events import Event
from batch.store import checkpoints, orders
from batch.store.database import Records
from drivers.pkcs11 import softhsm
from drivers.process import Child
from drivers.secret import Secret
from station.config import Configuration, parse
from station.home import Home
from station.key_tokens import Made, make_checkpoint
from tests.conftest import need
from tests.unit.tampering import Tamper

PIN, SO_PIN = Secret(b"271828"), Secret(b"31415926")
CLEAN = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
"""Nothing of this program, nor of its Python, is found from here."""


class Station:
    """A home with records and the bench's key token."""

    def __init__(self, path: Path, keys: Child, configuration: Configuration) -> None:
        self.home, self.keys, self.configuration = Home(path), keys, configuration
        self.records = Records.create(self.home.records)

    def tell(self, count: int, order: str | None = None) -> None:
        with self.records.transaction():
            for number in range(count):
                log(self.records, Event("step.done", "Zoë", order=order, item=f"{number:06d}"))

    def sign(self) -> Made:
        return make_checkpoint(self.home, self.records, self.keys, self.configuration, "ada")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    need("openssl", "pkcs11-tool", "sha256sum", "xxd", "python3")
    return softhsm.prepare(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def keys(environment: dict[str, str]) -> Iterator[Child]:
    arguments = (softhsm.module(), "bench", SO_PIN, PIN)
    child = Child("bench keys", "batch.custody.keeper:BenchKeys.create", arguments, environment=environment)
    assert child.ask("log_key") is None
    yield child
    child.close()


@pytest.fixture
def station(tmp_path: Path, keys: Child) -> Iterator[Station]:
    tokens = "".join(
        f'[keys.{key}]\nmodule = "/m.so"\ntoken = "{key}"\n' for key in ("custody", "bench", "ca")
    )
    (tmp_path / "witness").mkdir()
    text = f'[station]\nname = "Büro Één"\ncountry = "NL"\n{tokens}[audit]\nwitness = "{tmp_path}/witness"\n'
    station = Station(tmp_path, keys, parse(text, "station.toml"))
    with closing(station.records):
        yield station


def commands(readme: str, heading: str) -> str:
    """The shell commands under a heading of the bundle's README."""
    found = re.search(rf"^## {heading}\n.*?```sh\n(.*?)```", readme, re.DOTALL | re.MULTILINE)
    assert found, heading
    return found[1]


def shell(script: str, folder: Path) -> str:
    """What a shell that knows nothing of us says, in words and in its exit code."""
    done = subprocess.run(
        ["sh", "-c", script], cwd=folder, env=CLEAN, capture_output=True, text=True, check=False
    )
    return f"{done.stdout}{done.stderr}exit {done.returncode}"


def test_the_logs_key_is_made_in_the_token_and_never_leaves_it(
    station: Station, keys: Child, environment: dict[str, str]
) -> None:
    made = station.sign().checkpoint
    assert keys.ask("log_key")[-32:] == VerifierKey.parse(made.key).public
    listed = subprocess.run(
        ["pkcs11-tool", "--module", softhsm.module(), "--login", "--pin", "env:PIN", "-O"],
        env={**environment, "PIN": PIN.reveal().decode(), **CLEAN},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    private = listed[listed.index("Private Key Object") :]
    assert "label:      audit" in private
    assert "sensitive, always sensitive, never extractable, local" in private


def test_checkpoints_go_to_the_witness_and_openssl_finds_them_good(station: Station) -> None:
    station.tell(5)
    made = station.sign()
    assert made.written == station.home.path / "witness" / "buro-een-000000006.checkpoint"
    assert made.written.read_text("utf-8") == made.checkpoint.note
    made.written.rename(station.home.path / "checkpoint")
    key = VerifierKey.parse(made.checkpoint.key)
    (station.home.path / "key.pem").write_text(key.pem())
    script = """
        sed '/^$/,$d' checkpoint > text
        sed -n 's/^— [^ ]* //p' checkpoint | base64 -d | tail -c 64 > signature
        openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in text -sigfile signature
    """
    assert shell(script, station.home.path) == "Signature Verified Successfully\nexit 0"
    (station.home.path / "witness").rmdir()
    assert str(station.sign().unwritten).endswith("No such file or directory")
    assert verify(station.records).findings == []


@pytest.fixture
def bundle(station: Station) -> Path:
    """A whole log: 40 entries, two checkpoints between them, one entry more."""
    station.tell(9)
    station.sign()
    station.tell(20)
    station.sign()
    path = station.home.path / "bundle"
    assert export(station.records, path, Selection(), "ada").uncovered == 2
    return path


def test_an_exported_log_holds_by_its_own_readme_without_the_program(bundle: Path, station: Station) -> None:
    readme = (bundle / "README.md").read_text("utf-8")
    told = set(re.findall(r"^\| `([\w.]+)/?` ", readme, re.MULTILINE))
    assert {path.name for path in bundle.iterdir()} == told - {"proofs"} | {"README.md"}
    lines = (bundle / "entries.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == 33
    assert '"operator":"Zoë"' in lines[3]

    last = checkpoints.last(station.records)
    assert last is not None
    (bundle / "the-key-you-were-given.vkey").write_text(f"{last.key}\n")
    checked = "a whole log, 33 entries, 2 checkpoints: all hold\n"
    assert shell(commands(readme, "Check everything"), bundle) == 2 * checked + "exit 0"
    signed = shell(commands(readme, "Check a signature by hand"), bundle)
    assert signed == 2 * "Signature Verified Successfully\n" + "exit 0"
    assert shell(commands(readme, "Check the chain by hand"), bundle) == "exit 0"
    node = shell(commands(readme, "Check the tree by hand"), bundle)
    assert re.fullmatch(r"[0-9a-f]{64}  -\nexit 0", node)


def line(number: int, change: Callable[[str], str]) -> Callable[[Path], None]:
    def edit(bundle: Path) -> None:
        path = bundle / "entries.jsonl"
        lines = path.read_text("utf-8").splitlines(keepends=True)
        lines[number - 1] = change(lines[number - 1])
        path.write_text("".join(lines), encoding="utf-8")

    return edit


def cut(bundle: Path) -> None:
    for name in ("entries.jsonl", "hashes.txt"):
        lines = (bundle / name).read_text("utf-8").splitlines(keepends=True)
        (bundle / name).write_text("".join(lines[:20]), encoding="utf-8")


def forged(bundle: Path) -> None:
    (path,) = bundle.glob("checkpoints/*31")
    path.write_text(path.read_text("utf-8").replace("\n31\n", "\n32\n"), encoding="utf-8")


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (
            line(21, lambda text: text.replace("Zoë", "Eve")),
            "FAULT entries 11 to 31 are not the ones that were",
        ),
        (line(21, lambda text: ""), "FAULT cannot be read: entries.jsonl and hashes.txt"),
        (cut, "FAULT entries 21 to 31 are missing, which a checkpoint covers"),
        (forged, "FAULT 000000031: bears no good signature"),
        (lambda bundle: shutil.rmtree(bundle / "checkpoints"), "FAULT no checkpoint is here"),
        (lambda bundle: (bundle / "key.vkey").write_text("other/audit+00+AA==\n"), "FAULT cannot be read"),
    ],
)
def test_what_is_altered_in_an_exported_log_is_told_by_its_checker(
    bundle: Path, edit: Callable[[Path], None], said: str
) -> None:
    edit(bundle)
    told = shell("python3 check.py", bundle)
    assert said in told
    assert told.endswith("exit 1")


def test_an_altered_entry_shows_in_the_chain_by_hand(bundle: Path) -> None:
    line(21, lambda text: text.replace("Zoë", "Eve"))(bundle)
    script = commands((bundle / "README.md").read_text("utf-8"), "Check the chain by hand")
    assert shell(script, bundle) == "BAD: entry 21\nexit 0"


def test_a_part_of_the_log_is_proven_entry_by_entry(station: Station) -> None:
    with station.records.transaction():
        order = orders.add_order(
            station.records,
            reference="R",
            subscriber="S",
            organisation="NTRNL-1",
            source="s.csv",
            sha256="00",
            operator="ada",
        )
        log(station.records, Event("order.received", "ada", order=order.number))
    station.tell(7)
    station.tell(3, order.number)
    station.tell(2)
    station.sign()
    station.tell(1, order.number)
    path = station.home.path / "part.zip"
    done = export(station.records, path, Selection(order=order.number), "ada")
    # Five about the order, and the export itself.
    assert (done.entries, done.uncovered) == (6, 2)
    with zipfile.ZipFile(path) as packed:
        packed.extractall(station.home.path)
    bundle = station.home.path / "part"
    assert len(list(bundle.glob("proofs/*.tlog-proof"))) == 4
    assert "a part of a log, 6 entries, 1 checkpoint: all hold" in shell("python3 check.py", bundle)
    script = commands((bundle / "README.md").read_text("utf-8"), "Check the chain by hand")
    gaps = "GAP: before entry 9\nGAP: before entry 16\n"
    assert shell(script, bundle) == f"{gaps}exit 0"

    proof = bundle / "proofs" / "000000009.tlog-proof"
    proof.write_text(proof.read_text("utf-8").replace("index 8", "index 9"), encoding="utf-8")
    assert "entry 10 is not the one that was signed" in shell("python3 check.py", bundle)
    proof.unlink()
    line(3, lambda text: text.replace("Zoë", "Eve"))(bundle)
    said = shell("python3 check.py", bundle)
    assert "FAULT entry 9 has no proof\n" in said
    assert "FAULT 000000010.tlog-proof: entry 10 is not the one that was signed\n" in said


def test_a_range_of_the_log_can_be_exported_and_nothing_is_written_over(station: Station) -> None:
    station.tell(20)
    station.sign()
    path = station.home.path / "range"
    assert export(station.records, path, Selection(first=5, last=9), "ada").entries == 5
    assert "a part of a log, 5 entries, 1 checkpoint: all hold" in shell("python3 check.py", path)
    first = path.with_name("first")
    assert export(station.records, first, Selection(last=9), "ada").entries == 9
    assert "a part of a log, 9 entries, 1 checkpoint: all hold" in shell("python3 check.py", first)
    shutil.rmtree(first / "proofs")
    assert "entries 10 to 21 are missing, which a checkpoint covers" in shell("python3 check.py", first)
    with pytest.raises(Refused, match="there already"):
        export(station.records, path, Selection(), "ada")
    with pytest.raises(NotFound, match="no entry"):
        export(station.records, path.with_name("none"), Selection(first=900), "ada")
    assert not path.with_name("none").exists()
    assert not list(station.home.path.glob(".*"))


def test_a_log_nobody_can_trust_is_exported_too_and_told_as_such(station: Station) -> None:
    station.tell(5)
    station.sign()
    with Tamper(station.home.records) as tamper:
        tamper.bodies[2] = tamper.bodies[2].replace("Zoë", "Eve")
        tamper.rehash()
    path = station.home.path / "bundle"
    export(station.records, path, Selection(), "ada")
    assert "entries 1 to 6 are not the ones that were signed" in shell("python3 check.py", path)
