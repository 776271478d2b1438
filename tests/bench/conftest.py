"""Desks for tests of the main job: a bench of their own with a station at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from simulators.bench import Bench, BenchError, softhsm_module
from simulators.bench.pcscd import find
from tests.bench.desk import Desk
from tests.conftest import lacking, need

DeskFactory = Callable[..., Desk]


@pytest.fixture(scope="module")
def desk_factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskFactory]:
    """Makes stations at benches of their own: `desk_factory(piv=…, pkcs11=…, …)` takes what `Bench.up` takes.

    `environment` is what the station's commands get in theirs.
    """
    need("openssl", "opensc-tool", "piv-tool", "pkcs11-tool", "pkcs15-tool", "pdfinfo", "pdftotext")
    try:
        find()
        softhsm_module()
    except BenchError as error:
        lacking(str(error))
    started: list[Bench] = []
    made: list[Desk] = []

    def make(environment: dict[str, str] | None = None, **settings: Any) -> Desk:
        settings = {"piv": 2, "pkcs11": 2, "tether": True, **settings}
        bench = Bench.up(tmp_path_factory.mktemp("bench"), **settings)
        started.append(bench)
        made.append(Desk.make(bench, tmp_path_factory.mktemp("desk"), **(environment or {})))
        return made[-1]

    try:
        yield make
    finally:
        for desk in made:
            desk.stop()
        for bench in started:
            bench.down()
