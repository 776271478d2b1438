"""Desks for tests of the main job: a bench of their own with a station at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from drivers.secret import Secret
from simulators.bench import Bench
from simulators.piv import state
from tests.bench.desk import PEOPLE, Desk
from tests.bench.searching import Hunt
from tests.conftest import need

DeskFactory = Callable[..., Desk]


@pytest.fixture(scope="module")
def desk_factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskFactory]:
    """Makes stations at benches of their own: `desk_factory(piv=…, pkcs11=…, …)` takes what `Bench.up` takes.

    `environment` is what the station's commands get in theirs, `people` who works there, in which roles.
    """
    need("openssl", "opensc-tool", "piv-tool", "pkcs11-tool", "pkcs15-tool", "pdfinfo", "pdftotext")
    started: list[Bench] = []
    made: list[Desk] = []

    def make(
        environment: dict[str, str] | None = None, people: Mapping[str, str] = PEOPLE, **settings: Any
    ) -> Desk:
        settings = {"piv": 2, "pkcs11": 2, "tether": True, **settings}
        bench = Bench.up(tmp_path_factory.mktemp("bench"), **settings)
        started.append(bench)
        made.append(Desk.make(bench, tmp_path_factory.mktemp("desk"), people, **(environment or {})))
        return made[-1]

    try:
        yield make
        for desk in made:
            assert codes_said(desk) == []
    finally:
        for desk in made:
            desk.stop()
        for bench in started:
            bench.down()


def codes_said(desk: Desk) -> list[str]:
    """Codes of the bench's cards that any command said, with tracebacks and all; whatever was done to it."""
    cards = {path.stem: state.decode(path.read_bytes()) for path in desk.bench.layout.cards.glob("*.json")}
    secrets = {
        f"code {reference:02X} of {name}": Secret(code.value.rstrip(b"\xff"))
        for name, card in cards.items()
        for reference, code in card.codes.items()
        if code.value != state.FACTORY_CODES[reference]
    }
    return list(Hunt(secrets).finds("what was said", b"\n".join(desk.said)))
