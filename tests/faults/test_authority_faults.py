"""A CA that is slow, gone, wrong or double: nothing is issued twice by us, nothing wrong is loaded."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from batch.production.certificates import serial_number
from drivers.foreign_certificates import spki
from simulators.faults.model import Fault
from station.exit_codes import ExitCode
from tests.bench.conftest import DeskFactory
from tests.bench.desk import PATIENCE, Desk
from tests.faults.impatient import IMPATIENT

pytestmark = pytest.mark.bench


@pytest.fixture(scope="module")
def shared(desk_factory: DeskFactory) -> Desk:
    return desk_factory(piv=0, pkcs11=2)


@pytest.fixture
def desk(shared: Desk) -> Iterator[Desk]:
    with shared.cleared():
        yield shared


def an_order(desk: Desk, count: int) -> str:
    ((orders,),) = desk.rows("SELECT count(*) FROM orders")
    return desk.approved({"group": f"Balie {orders + 1}", "layout": "group-usb:p-256", "count": str(count)})


def issued(desk: Desk) -> set[Path]:
    return set(desk.home.glob("ca/issued/*/*.der"))


def on_record(desk: Desk, order: str) -> set[bytes]:
    rows = desk.rows(
        "SELECT certificate FROM keys JOIN items ON items.id = item_id JOIN orders ON orders.id = order_id "
        "WHERE number = ? AND certificate IS NOT NULL",
        order,
    )
    return {certificate for (certificate,) in rows}


def every_key_has_one_certificate(desk: Desk, order: str, before: set[Path]) -> None:
    """What the CA issued meanwhile is what the records have, one for each key."""
    certificates = {path.read_bytes() for path in issued(desk) - before}
    assert certificates == on_record(desk, order)
    assert len({spki(x509.load_der_x509_certificate(one)) for one in certificates}) == len(certificates)


def misissued(desk: Desk, number: str) -> list[tuple[bytes, str]]:
    """The certificates nobody asked for, issued for a token, and what became of them."""
    return desk.rows(
        "SELECT certificate, outcome FROM revocations JOIN items ON items.id = item_id "
        "WHERE mailer_number = ?",
        number,
    )


def test_lanes_wait_for_a_slow_ca_find_a_lost_answer_and_notice_a_second_one(desk: Desk) -> None:
    order, before = an_order(desk, 5), issued(desk)
    desk.bench.arm(
        Fault("ca", "slow", 1, seconds=1.5),
        Fault("ca", "lost-answer", 3, times=2),
        Fault("ca", "twice", 5),
        Fault("ca", "refuse", 8),
    )

    ended = desk.run("produce", order, pins=True, expect=ExitCode.PARTIAL)

    assert len(desk.bench.fired(seconds=0)) == 4
    assert "the CA did not answer in time; asked again in 1 s" in ended.err
    assert desk.states(order) == {"produced": 4, "quarantined": 1}
    (aside,) = desk.tokens(order, "quarantined")
    assert "certify:" in aside["reason"]
    assert "the CA refuses the request; ask who runs the CA" in aside["reason"]

    certificates = on_record(desk, order)
    assert len({spki(x509.load_der_x509_certificate(one)) for one in certificates}) == len(certificates)
    (second,) = {path.read_bytes() for path in issued(desk) - before} - certificates
    assert "the CA issued 1 certificate nobody asked for" in ended.err
    (row,) = desk.listed("ca", "revocations")
    serial = serial_number(second)
    assert (row["serial"], row["reason"], row["outcome"]) == (serial, "superseded", f"revoked {serial}")
    revoked = x509.load_pem_x509_crl(desk.run("ca", "crl", pins=True).out.encode())
    assert [f"{one.serial_number:x}" for one in revoked] == [serial]
    desk.run("audit", "verify")


def test_a_ca_that_refuses_everything_stops_the_lanes_and_spoils_no_more_tokens(desk: Desk) -> None:
    order, before = an_order(desk, 6), issued(desk)
    desk.bench.arm(Fault("ca", "refuse", times=100))

    ended = desk.run("produce", order, pins=True, expect=ExitCode.PARTIAL)

    assert "lane usb-1 stopped: " in ended.err
    assert "lane usb-2 stopped: " in ended.err
    assert "the CA failed 3 times in a row, last: the CA refuses the request" in ended.err
    assert desk.states(order)["quarantined"] == 2
    desk.bench.disarm()
    desk.run("produce", order, pins=True, expect=ExitCode.PARTIAL)
    assert desk.states(order) == {"quarantined": 2, "produced": 4}
    every_key_has_one_certificate(desk, order, before)


def test_a_wrong_certificate_is_never_loaded_and_revoked_where_it_is_for_our_key(desk: Desk) -> None:
    """One token each with a wrong certificate, and after each a sound one."""
    order = an_order(desk, 8)
    told = {
        "key": "its key is not the token's",
        "subject": "its key is not the token's; its subject is",
        "expired": "it expired on",
        "usage": "its key usage differs",
    }
    desk.bench.arm(*(Fault("ca", "wrong", 1 + 3 * place, wrong=wrong) for place, wrong in enumerate(told)))

    desk.run("produce", order, "--seat", "usb-1", pins=True, expect=ExitCode.PARTIAL)

    assert desk.states(order) == {"produced": 4, "quarantined": 4}
    for token, words in zip(desk.tokens(order, "quarantined"), told.values(), strict=True):
        assert "the CA's certificate is not what was asked for" in token["reason"]
        assert words in token["reason"]
        steps = desk.rows("SELECT name FROM steps WHERE item_id = ?", int(token["number"]))
        assert not any(name.startswith("load") for (name,) in steps)
        ((wrong, outcome),) = misissued(desk, token["number"])
        assert wrong not in on_record(desk, order)
        whose = "not revoked: it is for another key" if "its key is" in words else "revoked"
        assert outcome.startswith(whose)
    facts = desk.listed("token", "show", token["number"])
    serial = serial_number(wrong)
    assert [one["request"] for one in facts["revocations"]] == [
        f"{token['number']}/authentication/1/{serial}"
    ]


def test_a_ca_and_keys_whose_processes_die_are_started_again_and_nothing_is_issued_twice(desk: Desk) -> None:
    order, before = an_order(desk, 3), issued(desk)
    desk.bench.arm(Fault("ca", "slow", 2, seconds=60), Fault("ca", "slow", 4, when="after", seconds=60))
    producing = desk.start("produce", order, pins=True)
    assert desk.bench.fired(1)
    keys, authority, *lanes = producing.children
    os.kill(authority, signal.SIGKILL)
    os.kill(keys, signal.SIGKILL)
    assert len(desk.bench.fired(2)) == 2
    for child in set(producing.children) - set(lanes):
        os.kill(child, signal.SIGKILL)
    ended = producing.end()

    assert ended.code == ExitCode.OK, ended.err
    assert desk.states(order) == {"produced": 3}
    every_key_has_one_certificate(desk, order, before)
    restarted = desk.rows("SELECT body FROM audit WHERE body LIKE '%process.restarted%'")
    assert sum('"process":"ca"' in body for (body,) in restarted) == 2
    assert any('"process":"bench keys"' in body for (body,) in restarted)


def test_a_ca_process_that_hangs_is_started_again_and_nothing_is_issued_twice(desk: Desk) -> None:
    order, before = an_order(desk, 2), issued(desk)
    desk.bench.arm(Fault("ca", "slow", 2, when="after", seconds=600))

    ended = desk.start("produce", order, pins=True, through=IMPATIENT).end()

    assert ended.code == ExitCode.OK, ended.err
    assert desk.states(order) == {"produced": 2}
    every_key_has_one_certificate(desk, order, before)
    assert desk.rows("SELECT 1 FROM audit WHERE body LIKE '%ca: no answer within 5 s, ended%'")


def test_a_ca_process_that_dies_again_and_again_stops_the_lanes_and_spoils_nothing(desk: Desk) -> None:
    order, before = an_order(desk, 2), issued(desk)
    desk.bench.arm(*(Fault("ca", "slow", number, seconds=60) for number in range(1, 5)))
    producing = desk.start("produce", order, "--seat", "usb-1", pins=True)
    assert desk.bench.fired(1)
    keys, authority, *lanes = producing.children
    os.kill(authority, signal.SIGKILL)
    for times in range(2, 5):
        assert len(desk.bench.fired(times, seconds=PATIENCE)) == times
        (authority,) = set(producing.children) - {keys, *lanes}
        os.kill(authority, signal.SIGKILL)
    ended = producing.end()

    assert ended.code == ExitCode.PARTIAL
    assert "lane usb-1 stopped: ca: the process ended (signal 9)" in ended.err
    assert desk.states(order) == {"planned": 1, "in-production": 1}
    desk.run("produce", order, pins=True)
    assert desk.states(order) == {"produced": 2}
    every_key_has_one_certificate(desk, order, before)
