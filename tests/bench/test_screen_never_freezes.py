"""While a CA does not answer, a token hangs and the disk is full, the screen answers keys and can be left."""

from __future__ import annotations

import pytest

from batch.production.plan import Kind
from simulators.faults.model import Fault
from station.tui.dialogs.leaving import Leaving
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk
from tests.bench.test_bench_screen import STICK, Operator, at

pytestmark = pytest.mark.bench


@pytest.fixture(scope="module")
def desk(desk_factory: DeskFactory) -> Desk:
    return desk_factory(piv=0, pkcs11=2, faults=True)


async def answers_keys(player: Operator) -> None:
    """Other areas and help open, and close."""
    for key, area in (("f3", "orders"), ("f8", "quarantine"), ("f2", "bench")):
        await player.press(key)
        await player.until(lambda area=area: player.app.current_mode == area, area)  # type: ignore[misc]
    await player.press("?")
    await player.sees("Each panel is a lane")
    await player.press("escape")
    await player.until(lambda: not player.app.screen.is_modal, "the help gone")


async def test_a_ca_and_a_token_that_do_not_answer_hold_up_no_key(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = desk.approved(STICK | {"count": "2"})
    desk.bench.arm(
        Fault("usb-1", "hang", of="C_GenerateKeyPair"),
        Fault("ca", "slow", 1, times=100, seconds=600.0),
    )
    async with at(desk, monkeypatch) as player:
        await player.enter("ada")
        await player.start(order)
        assert player.app.under_way.producing is not None
        process = player.app.under_way.producing.act._process
        assert process is not None
        try:
            lanes = player.app.feeding.state.lanes
            await player.until(
                lambda: steps(player) == {"usb-1": Kind.GENERATE, "usb-2": Kind.CERTIFY},
                f"both hang: {lanes}",
            )
            await answers_keys(player)
            await player.press("p")
            await player.told("usb-1", "then pauses")
            await player.press("ctrl+q")
            await player.until(lambda: isinstance(player.app.screen, Leaving), "the question")
            await player.press("right", "right", "enter")
            await player.until(lambda: player.app._exit, "the end of the screen")
        finally:
            process.kill()
            process.wait()
            desk.bench.disarm()


def steps(player: Operator) -> dict[str, str]:
    """The kind of step that each lane is at."""
    lanes = player.app.feeding.state.lanes.values()
    return {lane.seat: lane.step.name.partition(":")[0] for lane in lanes if lane.step}


async def test_an_act_without_room_on_the_disk_tells_so_and_the_next_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = desk.run("order", "import", str(desk.file(STICK))).out.strip()
    desk.assess(order)
    for name, value in desk.bench.preloaded.items():
        monkeypatch.setenv(name, value)
    async with at(desk, monkeypatch) as player:
        await player.enter("ada")
        await player.press("ctrl+l")
        await player.until(lambda: player.app.operator is None, "the lock")
        await player.enter("bob")
        await player.press("f3")
        await player.sees(order)
        await player.settled()
        desk.bench.arm(Fault("disk", "full"))
        await player.press("y")
        await player.sees("Approve")
        await player.press("right", "enter")
        await player.until(player._acting, "the act")
        await player.answer_all()
        await player.sees("✗", "Next:", "Close")
        desk.bench.disarm()
        await player.press("enter")
        await player.settled()
        await player.press("y")
        await player.sees("Approve")
        await player.press("right", "enter")
        await player.until(player._acting, "the act")
        await player.answer()
        await player.sees("approved")
    assert desk.listed("order", "show", order)["state"] == "approved"
