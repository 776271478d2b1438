"""Virtual readers and cards, as clients see them that nobody here wrote."""

from __future__ import annotations

import subprocess
import sys

import pytest

from simulators.bench import Bench, BenchError
from tests.bench.clients import card_serial, inserted, opensc_readers, pyscard, reader_of
from tests.conftest import BenchFactory, need

pytestmark = pytest.mark.bench

LIST_READERS = "from smartcard.System import readers\nprint(*readers(), sep='\\n')"


@pytest.fixture(autouse=True)
def _tools() -> None:
    need("opensc-tool")


def test_opensc_and_pyscard_list_the_readers_of_the_bench_and_no_others(bench: Bench) -> None:
    names = {reader_of(bench, "piv-1"), reader_of(bench, "piv-2")}

    assert opensc_readers(bench) == dict.fromkeys(names, False)
    assert set(pyscard(bench, LIST_READERS).splitlines()) == names


def test_an_inserted_card_is_there_for_the_next_client_and_an_ejected_one_is_gone(bench: Bench) -> None:
    first, second = reader_of(bench, "piv-1"), reader_of(bench, "piv-2")

    card = bench.insert("piv-1")
    assert opensc_readers(bench) == {first: True, second: False}

    assert bench.eject("piv-1") == card
    assert opensc_readers(bench) == {first: False, second: False}
    assert bench.eject("piv-1") is None


def test_a_kept_card_is_the_same_card_in_another_reader(bench: Bench) -> None:
    card = bench.insert("piv-1")
    serial = card_serial(bench, "piv-1")
    bench.eject("piv-1")
    other = bench.insert("piv-1")

    assert bench.insert("piv-2", card) == card

    assert other != card
    assert card_serial(bench, "piv-2") == serial
    assert card_serial(bench, "piv-1") != serial
    assert inserted(bench) == {"piv-1": other, "piv-2": card, "usb-1": None, "usb-2": None}


def test_a_card_cannot_be_in_two_readers_nor_two_cards_in_one(bench: Bench) -> None:
    card = bench.insert("piv-1")

    with pytest.raises(BenchError, match="piv-1: card-1 is in it; eject it first"):
        bench.insert("piv-1")
    with pytest.raises(BenchError, match="piv-2: card-1 is in piv-1"):
        bench.insert("piv-2", card)
    with pytest.raises(BenchError, match=r"no card 'card-7' on this bench; name one of these \(card-1\)"):
        bench.insert("piv-2", "card-7")
    token = bench.insert("usb-1")
    with pytest.raises(BenchError, match="no card 'token-1'"):
        bench.insert("piv-2", token)


HOLD = """
import sys
from smartcard.scard import *
SELECT_PIV = [0x00, 0xA4, 0x04, 0x00, 0x05, 0xA0, 0x00, 0x00, 0x03, 0x08]
_, context = SCardEstablishContext(SCARD_SCOPE_USER)
result, card, protocol = SCardConnect(context, sys.argv[1], SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_ANY)
assert result == SCARD_S_SUCCESS, SCardGetErrorMessage(result)
print("held", flush=True)
while SCardTransmit(card, protocol, SELECT_PIV)[0] == SCARD_S_SUCCESS:
    pass
while (result := SCardTransmit(card, protocol, SELECT_PIV)[0]) not in (SCARD_S_SUCCESS, SCARD_W_REMOVED_CARD):
    pass
print("spoke to the next" if result == SCARD_S_SUCCESS else "removed")
"""


def test_a_client_that_held_the_last_card_never_speaks_to_the_next_one(bench: Bench) -> None:
    bench.insert("piv-1")
    client = subprocess.Popen(
        [sys.executable, "-c", HOLD, reader_of(bench, "piv-1")],
        stdout=subprocess.PIPE,
        env=bench.environment,
        text=True,
    )
    with client:
        assert client.stdout
        assert client.stdout.readline() == "held\n"

        # No pause between the two: the swap is as fast as it can be asked for.
        bench.take("piv-1", "good")
        bench.feed("piv-1")

        assert client.communicate(timeout=30)[0] == "removed\n"


def test_all_sixteen_slots_of_pcscd_hold_cards(bench_factory: BenchFactory) -> None:
    bench = bench_factory(piv=16, pkcs11=0)
    for seat in bench.seats:
        bench.feed(seat)
    bench.eject("piv-16")
    bench.insert("piv-16")

    readers = opensc_readers(bench)

    assert set(readers) == {reader_of(bench, f"piv-{number}") for number in range(1, 17)}
    assert all(readers.values())
    assert len({card_serial(bench, seat) for seat in bench.seats}) == 16


def test_benches_beside_each_other_do_not_see_each_other(bench_factory: BenchFactory) -> None:
    one, other = bench_factory(), bench_factory()

    one.insert("piv-1")

    assert opensc_readers(one)[reader_of(one, "piv-1")]
    assert not any(opensc_readers(other).values())
    one.down()
    assert not any(opensc_readers(other).values())


def test_a_plain_card_has_no_serial_to_tell(bench_factory: BenchFactory) -> None:
    bench = bench_factory(piv=1, pkcs11=0, profile="plain")
    bench.insert("piv-1")

    with pytest.raises(AssertionError, match="SW1=0x6D"):
        card_serial(bench, "piv-1")


def test_more_readers_than_pcscd_has_are_refused_before_anything_starts(bench_factory: BenchFactory) -> None:
    with pytest.raises(BenchError, match="17 PIV seats are too many; ask for 16 or fewer"):
        bench_factory(piv=17)
