"""An order is closed only when every token, parcel, letter and form of it is accounted for (R14)."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing as closed_after
from datetime import date
from pathlib import Path

import pytest

from batch.audit.log import log
from batch.audit.verification import verify
from batch.life.closing.settling import (
    FORMS,
    ITEMS,
    LETTERS,
    LIVES,
    PARCELS,
    NotSettled,
    Settled,
    close,
    obstacles,
)
from batch.model.errors import Transition
from batch.model.events import Event
from batch.model.forms import FormNumber
from batch.model.orders import Order
from batch.model.states import (
    FormState,
    ItemState,
    LetterState,
    LifeState,
    OrderState,
    ParcelState,
)
from batch.orders.decisions import receive
from batch.store import audit, forms, items, journal, orders, parcels, revocations
from batch.store.database import Records
from station.exit_codes import ExitCode
from tests.unit.cli import Cli, assert_command
from tests.unit.finished_kit import SENT, THERE, delivered, finished, lettered, moved
from tests.unit.order_kit import draft
from tests.unit.restore_kit import home_of

TODAY = date(2026, 11, 22)
FORM = FormNumber.read("A-000123")


def told(records: Records, order: Order, on: date = TODAY) -> list[str]:
    return [f"{one.told} {one.why} | {one.command}" for one in obstacles(records, order, on)]


def done(records: Records, change: Callable[[], object]) -> None:
    with records.transaction():
        change()
        log(records, Event("test", "ada"))


def test_every_state_is_settled_or_not_for_a_reason() -> None:
    tables = ((ITEMS, ItemState), (LIVES, LifeState), (LETTERS, LetterState), (FORMS, FormState))
    for table, states in (*tables, (PARCELS, ParcelState)):
        assert set(table) == set(states)
        for rule in table.values():
            assert rule.because
            assert bool(rule.command) == (rule.settled is not Settled.YES)


def test_what_mends_an_order_are_commands_that_there_are() -> None:
    for table in (ITEMS, LIVES, LETTERS, FORMS, PARCELS):
        for rule in table.values():
            if rule.command:
                assert_command(rule.command)


def test_all_that_keeps_an_order_open_is_told_at_once_with_what_mends_it(records: Records) -> None:
    order = finished(records, 4)
    moved(records, "000001", *THERE)
    moved(records, "000002", LifeState.DISPATCHED)
    lettered(records, "000001", *SENT)
    lettered(records, "000002", LetterState.PRINTING, LetterState.UNKNOWN)
    with pytest.raises(NotSettled) as refused:
        close(records, order.number, "ada", TODAY)
    assert [(one.told, one.why, one.command) for one in refused.value.obstacles] == [
        (
            "2 tokens (000003, 000004)",
            "finished, and still at the desk",
            f"station token list --order {order.number} --state at-desk",
        ),
        (
            "1 token (000002)",
            "sent, and not acknowledged",
            f"station acknowledge list --order {order.number}",
        ),
        ("2 letters (000003, 000004)", "not printed", f"station letter print {order.number}"),
        ("1 letter (000002)", "perhaps printed: nobody has said", "station letter settle 000002"),
    ]
    assert orders.order(records, order.number).state is OrderState.PRODUCED


def test_whoever_looks_at_an_order_sees_what_keeps_it_open(tmp_path: Path, cli: Cli) -> None:
    home = home_of(tmp_path / "home")
    with closed_after(Records(home.records)) as records:
        order = finished(records, 1)
    shown = cli("order", "show", order.number, "--home", str(home.path))
    assert "not closed: 1 letter (000004) not printed; next: station letter print" in shown.err
    there = json.loads(cli("order", "show", order.number, "--json", "--home", str(home.path)).out)
    assert [one["first"] for one in there["open"]] == [["000004"], ["000004"]]


def test_an_order_is_closed_when_all_of_it_is_settled_and_the_log_tells_the_balances(
    records: Records,
) -> None:
    order = finished(records)
    delivered(records, order)
    assert close(records, order.number, "ada", TODAY).state is OrderState.CLOSED
    entry = json.loads(list(audit.entries(records))[-1].body)
    assert entry["event"] == "order.closed"
    assert entry["detail"] == {
        "balance": "3 ordered = 3 produced + 0 spoiled and not replaced + 0 cancelled + 0 open",
        "tokens": {"acknowledged": 3},
        "letters": {"sent": 3},
        "forms": {},
    }
    with pytest.raises(Transition, match="closed does not lead to closed"):
        close(records, order.number, "ada", TODAY)


def test_an_order_that_is_not_produced_is_not_closed(records: Records) -> None:
    order = receive(records, draft(), "ada")
    with pytest.raises(Transition, match="received does not lead to closed"):
        close(records, order.number, "ada", TODAY)


def test_a_lost_token_keeps_its_order_open_until_its_certificates_are_revoked(records: Records) -> None:
    order = finished(records, 1)
    delivered(records, order)
    moved(records, "000001", LifeState.LOST)
    (open_,) = told(records, order)
    assert open_ == (
        "1 token (000001) lost, with certificates that hold | "
        "station token revoke 000001 --reason keyCompromise"
    )
    key = journal.keys(records, 1)["authentication"]
    done(
        records,
        lambda: revocations.ask(records, "r", 1, key.certificate, reason="keyCompromise", by="rita"),
    )
    (open_,) = told(records, order)
    assert open_.startswith("1 token (000001) the CA has not answered")
    done(records, lambda: revocations.settle(records, "r", "revoked 3e9"))
    assert told(records, order) == []


def test_a_lost_token_whose_certificates_ended_by_themselves_keeps_nothing_open(records: Records) -> None:
    order = finished(records, 1)
    delivered(records, order)
    moved(records, "000001", LifeState.LOST)
    assert told(records, order, date(2031, 1, 1)) == []


def test_nobody_chooses_the_day_that_an_order_is_closed_on(cli: Cli) -> None:
    """On a day far ahead no certificate of what was lost would hold any more."""
    assert cli("order", "close", "2026-0001", "--on", "2099-01-01").code == ExitCode.USAGE


def test_an_open_parcel_keeps_its_order_open(records: Records) -> None:
    order = finished(records, 1)
    delivered(records, order)
    done(records, lambda: parcels.add(records, order, "dirk"))
    (open_,) = told(records, order)
    assert open_ == "1 parcel (P-000001) being packed | station dispatch close P-000001"


def test_a_spoiled_form_keeps_its_order_open_until_it_is_destroyed(records: Records) -> None:
    order = finished(records, 1)
    delivered(records, order)

    def spoil() -> None:
        forms.receive(records, "laser", FORM, FORM.after(9), by="paula", delivery=None)
        forms.set_state(records, FORM, FormState.PRINTED, operator="paula", letter="000001")
        forms.set_state(records, FORM, FormState.SPOILED, operator="paula")

    done(records, spoil)
    (open_,) = told(records, order)
    assert open_ == (
        "1 form (A-000123) spoiled, and not destroyed: codes may stand on it | "
        "station letter forms destroy A-000123"
    )
    done(
        records,
        lambda: forms.set_state(records, FORM, FormState.DESTROYED, operator="paula", witness="dirk"),
    )
    assert told(records, order) == []


def test_what_is_given_up_and_counted_keeps_nothing_open(records: Records) -> None:
    order = finished(records, 2)
    delivered(records, order)
    for number in ("000001", "000002"):
        done(
            records,
            lambda number=number: records.write(  # type: ignore[misc]
                "UPDATE items SET state = ? WHERE mailer_number = ?",
                (ItemState.SPOILED if number == "000001" else ItemState.PRODUCED, number),
            ),
        )
    assert told(records, order) == []
    assert close(records, order.number, "ada", TODAY).state is OrderState.CLOSED


def test_what_the_log_tells_of_the_end_is_held_against_the_records(records: Records) -> None:
    order = finished(records, 1)
    delivered(records, order)
    close(records, order.number, "ada", TODAY)
    ended = [one.what for one in verify(records).findings if "closed" in one.what]
    assert ended == []
    records.db.execute("UPDATE orders SET state = 'produced'")
    ended = [one.what for one in verify(records).findings if "closed" in one.what]
    assert ended == [f"order {order.number} is closed, as the log tells, but not on record"]


def test_items_of_other_orders_keep_nothing_open(path: Path) -> None:
    with closed_after(Records(path)) as records:
        first = finished(records, 1)
        finished(records, 2, "MVV-2", group="Binnenhavens")
        delivered(records, first)
        assert told(records, first) == []
        assert len(list(items.items(records))) == 3
