"""A module of a USB token that hangs, crashes or fails: finished, or set aside with an honest reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from batch.production.events import What
from simulators.faults.model import Fault
from station.exit_codes import ExitCode
from tests.bench.desk import Desk
from tests.bench.watchers import watching
from tests.faults.calls import SEAT, STICK, Call, impatient, prepare, torn_token
from tests.faults.desks import desk_for_faults

pytestmark = pytest.mark.bench


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk_for_faults(tmp_path_factory.mktemp, piv=0, pkcs11=1) as desk:
        impatient(desk)
        yield desk


@pytest.mark.parametrize(
    "call",
    [
        Call(1, "crash", "after", of="C_InitToken"),
        Call(1, "crash", "before", of="C_InitPIN"),
        Call(1, "pull", "after", of="C_GenerateKeyPair"),
        Call(1, "hang", "before", of="C_CreateObject"),
        Call(2, "hang", "before", of="C_CloseSession"),
    ],
    ids=lambda call: f"{call.of}-{call.do}",
)
def test_a_token_whose_module_hangs_crashes_or_loses_it_is_finished_without_a_wrong_code(
    desk: Desk, call: Call
) -> None:
    row = torn_token(desk, call)
    assert (row.produced, row.lost, row.double) == (1, 0, 0)


@pytest.mark.parametrize(
    ("call", "step"),
    [
        # The first key was made all the same, and is found.
        (Call(1, "fail", "after", "CKR_DEVICE_ERROR", "C_GenerateKeyPair"), "generate:confidentiality"),
        (Call(1, "fail", "before", "CKR_DEVICE_MEMORY", "C_CreateObject"), "load:authentication"),
        (Call(1, "fail", "before", "CKR_GENERAL_ERROR", "C_InitPIN"), "set-pin"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.ckr,
)
def test_a_token_that_answers_an_error_is_asked_afresh_once_and_then_set_aside_with_step_and_answer(
    desk: Desk, call: Call, step: str
) -> None:
    once = torn_token(desk, call)
    assert (once.produced, once.lost, once.double) == (1, 0, 0)
    always = torn_token(desk, replace(call, times=1000))
    assert (always.quarantined, always.lost, always.double) == (1, 0, 0)
    ((reason,),) = desk.rows("SELECT reason FROM items ORDER BY id DESC LIMIT 1")
    assert str(reason).startswith(f"{step}: {SEAT}")
    assert call.ckr is not None
    assert call.ckr in str(reason)


async def test_an_error_while_a_finished_token_is_taken_out_does_not_stop_the_lane(desk: Desk) -> None:
    by_feeder = (desk.home / "station.toml").read_text()
    desk.feed_by_hand(SEAT)
    order = desk.approved(STICK | {"count": "2"})
    prepare(desk)
    producing = desk.start("produce", order, pins=True)
    producing.hear("produced")
    desk.bench.disarm()
    desk.bench.arm(Fault(SEAT, "fail", of="C_Initialize", ckr="CKR_DEVICE_ERROR"))
    assert len(desk.bench.fired(1)) == 1
    desk.bench.eject(SEAT)
    async with watching(desk) as watcher:
        # No hand is so fast that the lane would not see the seat empty.
        await watcher.see(lambda one: one.lane(SEAT).what is What.WAITING, "a blank is wanted")
    desk.bench.insert(SEAT)
    producing.hear("produced")
    ended = producing.end()
    desk.configure(lambda _: by_feeder)

    assert ended.code == ExitCode.OK, ended.err
    assert "stopped" not in ended.err
    assert {token["state"] for token in desk.tokens(order)} == {"produced"}
