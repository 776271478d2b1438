"""What every token driver promises of renewal: the old key is kept until the new one is proven, and after."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drivers.errors import ReadBackFailed, Unsupported
from drivers.tokens import Algorithm, Beside, KeySpec, Renewed
from tests.contract.certificates import certificate_for
from tests.contract.conftest import SIMULATED, Desk
from tests.contract.test_tokens import finished, keys, signs

pytestmark = pytest.mark.bench

SEATS = (*SIMULATED, "piv-yubikey-5.7")

__all__ = ["finished"]


def keeps(desk: Desk) -> bool:
    """Whether this token keeps old keys; one that does not refuses all else, which is looked at here."""
    reason = desk.lane.keeps_old_key()
    assert desk.seat.kind is None or (reason is None) is desk.seat.kind.keeps_old_keys
    if reason is None:
        return True
    key = keys(desk)[0]
    before = desk.lane.inspect()
    with pytest.raises(Unsupported, match="new token"):
        desk.lane.beside(key.slot, (), desk.codes)
    with pytest.raises(Unsupported):
        desk.lane.generate_beside(key, "82", desk.codes)
    with pytest.raises(Unsupported):
        desk.lane.discard("82", None, desk.codes)
    assert desk.lane.inspect() == before
    return False


def held(desk: Desk, slot: str) -> Renewed:
    """Key and certificate of a slot, by its certificate where the token cannot tell its key."""
    public, certificate = desk.lane.public_key(slot), desk.lane.read_certificate(slot)
    assert public is not None
    assert certificate is not None
    return Renewed(public, certificate)


def make(desk: Desk, key: KeySpec) -> tuple[Beside, Renewed]:
    """A new key with its certificate beside the old."""
    places = desk.lane.beside(key.slot, (), desk.codes)
    made = desk.lane.generate_beside(key, places.made_at, desk.codes)
    certificate = certificate_for(made.public_key, "renewed")
    desk.lane.write_certificate(places.made_at, key.label, certificate, desk.codes)
    return places, Renewed(made.public_key, certificate)


def test_a_new_key_takes_the_place_of_the_old_and_both_work(finished: Desk) -> None:
    """Each time anew: what was renewed once is renewed again."""
    if not keeps(finished):
        return
    for key in keys(finished):
        slot = key.slot
        former: list[tuple[str, Renewed]] = []
        for _ in range(2):
            now = replace(key, slot=slot)
            old = held(finished, slot)
            places, new = make(finished, now)
            assert len({slot, places.made_at} | {one for one, _ in former}) == 2 + len(former)
            signs(finished, now)
            signs(finished, replace(key, slot=places.made_at))
            assert held(finished, slot) == old, "the old key stays as it is until the new one is proven"
            slot = finished.lane.take_place(now, places, old, new, finished.codes)
            finished.lane.reconnect()
            assert held(finished, slot) == new
            former.append((places.kept_at, old))
            for at, kept in former:
                assert held(finished, at) == kept
                signs(finished, replace(key, slot=at))
            signs(finished, replace(key, slot=slot))
        told = {one.slot: one.certificate for one in finished.lane.inspect().keys}
        assert {slot, *(at for at, _ in former)} <= told.keys()


def test_taking_a_place_may_be_repeated(finished: Desk) -> None:
    if not keeps(finished):
        return
    key = keys(finished)[1]
    old = held(finished, key.slot)
    places, new = make(finished, key)
    slot = finished.lane.take_place(key, places, old, new, finished.codes)
    finished.lane.reconnect()
    before = finished.lane.inspect()
    for _ in range(2):
        finished.lane.reconnect()
        assert finished.lane.take_place(key, places, old, new, finished.codes) == slot
    assert finished.lane.inspect() == before


def test_no_other_key_is_taken_for_the_old_or_the_new_one(finished: Desk) -> None:
    if not keeps(finished):
        return
    key, other = keys(finished)
    old = held(finished, key.slot)
    places, new = make(finished, key)
    foreign = held(finished, other.slot)
    for wrong in ((foreign, new), (old, foreign)):
        with pytest.raises(ReadBackFailed):
            finished.lane.take_place(key, places, *wrong, finished.codes)
    finished.lane.reconnect()
    slot = finished.lane.take_place(key, places, old, new, finished.codes)
    assert (held(finished, slot), held(finished, places.kept_at)) == (new, old)


def test_a_key_that_never_took_its_place_is_destroyed_and_the_old_one_works(finished: Desk) -> None:
    if not keeps(finished):
        return
    before = finished.lane.inspect()
    key = keys(finished)[0]
    places, new = make(finished, key)
    finished.lane.discard(places.made_at, held(finished, keys(finished)[1].slot).public_key, finished.codes)
    assert held(finished, places.made_at) == new, "another key than the one named is left alone"
    for _ in range(2):
        finished.lane.discard(places.made_at, new.public_key, finished.codes)
    finished.lane.reconnect()
    assert finished.lane.public_key(places.made_at) is None
    assert finished.lane.read_certificate(places.made_at) is None
    assert finished.lane.inspect() == before
    signs(finished, key)
    assert key.algorithm is Algorithm.P256
