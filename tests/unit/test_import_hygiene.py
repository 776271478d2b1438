"""Help answers at once, and heavy or foreign libraries stay where they belong."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("station", "batch", "layouts", "drivers", "simulators")

WIRING = {
    "station/cli/bench.py",
    "station/cli/init.py",
    "station/simulated_desk.py",
    "station/demo_hands.py",
}
"""What puts a simulated bench together with a station."""

FENCES = {
    "smartcard": "drivers/pcsc/",
    "pkcs11": "drivers/pkcs11/",
    "serial": "drivers/",
    "reportlab": "layouts/",
    "sqlite_utils": "batch/store/",
    "textual": "station/tui/",
}


def loaded_by(code: str, report: Path) -> set[str]:
    """The modules a fresh Python loads for `code`."""
    script = (
        f"import sys\nbefore = set(sys.modules)\n{code}\n"
        f"open({str(report)!r}, 'w').write(' '.join(set(sys.modules) - before))"
    )
    subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    return set(report.read_text().split())


def foreign(modules: set[str]) -> set[str]:
    """Of these the packages from outside the standard library."""
    return {name.partition(".")[0] for name in modules} - sys.stdlib_module_names


@pytest.mark.parametrize(
    "code",
    [
        "import station.cli",
        "import station.cli; station.cli.run(['--help'])",
        "import station.cli; station.cli.run(['nonsense'])",
        "import station.cli; station.cli.run([])",
    ],
)
def test_help_and_refusals_load_click_and_nothing_heavy(code: str, tmp_path: Path) -> None:
    loaded = loaded_by(code, tmp_path / "modules")
    assert foreign(loaded) == {"click", "station"}
    assert loaded.isdisjoint(
        {"asyncio", "multiprocessing", "sqlite3", "importlib.metadata", "email", "tomllib"}
    )


def imports(path: Path) -> Iterator[str]:
    """The top-level names a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_fenced_libraries_are_imported_in_their_place_only() -> None:
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    assert files
    strays = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imports(path)
        if name in FENCES and not path.relative_to(ROOT).as_posix().startswith(FENCES[name])
    ]
    assert strays == []


def test_simulators_are_wired_in_by_the_simulated_bench_only() -> None:
    files = [
        path for package in PACKAGES if package != "simulators" for path in (ROOT / package).rglob("*.py")
    ]
    wired = {path.relative_to(ROOT).as_posix() for path in files if "simulators" in imports(path)}
    assert wired <= WIRING


@pytest.mark.parametrize("module", ["batch.production.lane", "batch.letters.printing"])
def test_processes_that_see_codes_load_neither_records_nor_desk(module: str, tmp_path: Path) -> None:
    loaded = loaded_by(f"import {module}", tmp_path / "modules")
    assert module in loaded
    assert not [name for name in loaded if name.partition(".")[0] in {"station", "sqlite3", "sqlite_utils"}]
    assert not [name for name in loaded if name.startswith("batch.store")]
