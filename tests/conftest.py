"""Fixtures for every test: simulated benches, and what a machine needs for them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from simulators.bench import Bench

BenchFactory = Callable[..., Bench]

IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

# In CI the same examples each time: what is found there by luck is found by nobody. Elsewhere new ones.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if IN_CI else "desk")


@pytest.fixture(scope="session", autouse=True)
def _in_place() -> Iterator[None]:
    """A production in the process of the tests does not have all that follow give way."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(import_module("station.cli.produce"), "_give_way", lambda: None)
        yield


def need(*tools: str) -> None:
    """Fail the test where a tool is missing: one that cannot run is no test."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        pytest.fail(f"not installed: {', '.join(missing)}; `make setup` does that")


@pytest.fixture
def bench_factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BenchFactory]:
    """Starts benches of the test's own: `bench_factory(piv=…, pkcs11=…, …)` takes what `Bench.up` takes."""
    started: list[Bench] = []

    def start(directory: Path | None = None, **settings: Any) -> Bench:
        settings = {"piv": 2, "pkcs11": 2, "tether": True, **settings}
        bench = Bench.up(directory or tmp_path_factory.mktemp("bench"), **settings)
        started.append(bench)
        return bench

    try:
        yield start
    finally:
        for bench in started:
            bench.down()


@pytest.fixture
def bench(bench_factory: BenchFactory) -> Bench:
    """A running bench with empty seats piv-1, piv-2, usb-1 and usb-2; gone after the test."""
    return bench_factory()
