"""A sample of the tear matrix (`make faults` runs all of it): nothing is lost, and nothing is there twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import need
from tests.faults.tearing import SEATS, Floor, Point, Round, floor, points

pytestmark = pytest.mark.bench

CHANGES = {
    "piv": (("DB", 1), ("47", 1), ("FF", 1), ("24", 1)),
    "usb": (("C_InitToken", 1), ("C_InitPIN", 1), ("C_GenerateKeyPair", 2), ("C_CreateObject", 1)),
}
"""What changes a token: an INS (objects, a key, the management key, PUK) or a function, and which of them."""

POWER = [Point(on, "during", "power-loss", ins) for ins, on in (("47", 2), ("24", 1), ("24", 2), ("DB", 5))]


@pytest.fixture(scope="module", params=["group-card:p-256", "personal-card:p-256", "group-usb:p-256"])
def desk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    need("pdfinfo", "pdftotext")
    with floor(tmp_path_factory.mktemp("floor"), request.param) as desk:
        yield desk


def sample(exchanges: int, kind: str) -> list[Point]:
    """As many points as there are seats: those that change a token, and others evenly apart."""
    chosen = [Point(on, when, "hang", name) for name, on in CHANGES[kind] for when in ("before", "after")]
    chosen += POWER if kind == "piv" else []
    apart = points(exchanges)
    free = SEATS - len(chosen)
    return chosen + apart[7 :: len(apart) // free][:free]


def test_torn_tokens_are_finished_or_put_aside_and_none_is_lost_or_double(desk: Floor) -> None:
    torn = sample(desk.exchanges(), desk.seats[0].split("-")[0])

    found: Round = desk.tear(torn)

    assert found.wrong == ()
    assert [one for one in found.outcomes if one.wrong or not one.torn] == []
    assert [(str(one.point), one.reason) for one in found.outcomes if one.state != "produced"] == []
