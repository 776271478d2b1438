"""A finished token gets a new PIN at the desk by what its driver names, never with a last try (R19)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from batch.audit.log import log
from batch.custody.recovery import admin_for
from batch.custody.sealing import seal
from batch.life.field.unblocking import HolderCodes, unblock
from batch.life.field.unblocking_lane import refusal
from batch.model.codes import Binding, SealedCodes
from batch.model.errors import Refused
from batch.model.events import Event
from batch.model.field import FieldAct
from batch.model.orders import Item
from batch.model.states import ItemState, LifeState
from batch.production.calls import Limits
from batch.production.seats import Seat as DeskSeat
from batch.store import codes, items, letters, lives, tries
from batch.store import field as store
from drivers.errors import AuthenticationFailed, RetryBudget, Unsupported, WrongToken
from drivers.feeders.hands import Hands
from drivers.piv.driver import PivDriver
from drivers.pkcs11 import softhsm
from drivers.pkcs11.driver import Pkcs11Driver
from drivers.pkcs11.options import Model
from drivers.secret import Secret
from drivers.tokens import Code, Credentials
from tests.unit.field_kit import NUMBER, SEALED
from tests.unit.pkcs11_lane import PLAN, Seat
from tests.unit.warrant_kit import Case

AT = datetime(2026, 11, 20, 15, tzinfo=UTC)
PIN, PUK, NEW = (Secret.text(word) for word in ("271828", "31415926", "730194"))
ADMIN = Secret(bytes.fromhex("31415926"))
"""A random SO PIN, which the token takes in hexadecimal."""


class Maker:
    """Makes a finished token in a process of its own."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._driver = Pkcs11Driver("usb-1", options)

    def make(self, new: Credentials) -> str | None:
        session = self._driver.connect()
        session.initialise(PLAN, None, new)
        session.set_code(Code.PIN, new, new.pin)
        return session.identify().serial

    def takes(self, pin: Secret) -> bool:
        session = self._driver.connect()
        try:
            session.prove(Code.PIN, pin)
        except AuthenticationFailed:
            return False
        return True

    def close(self) -> None:
        self._driver.close()


@dataclass
class Stand:
    """One finished token in its seat, by a model with a PUK or without one."""

    case: Case
    item: Item
    seat: DeskSeat
    run: Path
    takes: Callable[[Secret], bool]
    custody: ec.EllipticCurvePrivateKey
    asked: list[Code] = field(default_factory=list)

    def unblock(
        self, code: Secret | None, new: Secret = NEW, *, officers: Sequence[str] = ("carl",), persons: int = 1
    ) -> Code:
        def ask(by: Code) -> HolderCodes:
            self.asked.append(by)
            return HolderCodes(code, new)

        @contextmanager
        def keys(item: Item, sealed: SealedCodes) -> Iterator[Custody]:
            yield Custody(self.custody)

        return unblock(
            self.case.records,
            self.item,
            self.seat,
            self.run,
            ask,
            keys,
            officers=officers,
            persons=persons,
            at=AT,
        )

    def done(self) -> list[FieldAct]:
        return [one.act for one in store.of_item(self.case.records, self.item.id)]

    def refused(self) -> int:
        """Refusals of the SO PIN on record."""
        found = tries.tries(self.case.records, "pkcs11", str(self.item.token_serial))
        return found[Code.ADMIN].refused if Code.ADMIN in found else 0


class Custody:
    """The opened custody token, its key in this process."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    def ask(self, method: str, *arguments: Any, timeout: float | None = None) -> Any:
        assert method == "admin"
        _, binding, sealed, lane_key = arguments
        return admin_for(self._key, binding, sealed, lane_key)


def spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(params=["so-pin", "none"])
def stand(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    from drivers.process import Child

    at = Seat(tmp_path / "usb")
    at.insert("one")
    model = {"puk": request.param}
    options = {"module": softhsm.module(), "model": model}
    admin = PUK if request.param == "so-pin" else ADMIN
    maker = Child("maker", "tests.unit.test_unblocking:Maker", (options,), environment=at.environment)
    serial = maker.ask("make", Credentials(pin=PIN, puk=PUK, admin=admin))
    maker.close()
    custody, resume = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    case = Case.make(tmp_path)
    records = case.records
    with closing(records):
        item = items.item(records, NUMBER)
        epoch = codes.epoch(records, item.order_id)
        assert epoch is not None
        own = {Code.PIN: PIN, Code.PUK: PUK, Code.ADMIN: admin, Code.REVOCATION: Secret(b"-")}
        sealed = seal(own, Binding(item.id, NUMBER), spki(custody), spki(resume), None, None)
        with records.transaction():
            items.begin_item(records, item, "usb-1", "pkcs11", serial)
            codes.keep(records, item.id, epoch, sealed if request.param == "none" else SEALED)
            items.end_item(records, item.id, ItemState.PRODUCED)
            letters.add(records, NUMBER, item.id)
            lives.begin(records, item.id)
            lives.set_state(records, item.id, LifeState.HANDED_OVER)
            log(records, Event("prepared", "pia"))

        def takes(pin: Secret) -> bool:
            child = Child(
                "holder", "tests.unit.test_unblocking:Maker", (options,), environment=at.environment
            )
            try:
                return bool(child.ask("takes", pin))
            finally:
                child.close()

        run = tmp_path / "run"
        run.mkdir()
        seat = DeskSeat("usb-1", "pkcs11", options, Hands({}), at.environment, Limits())
        yield Stand(case, items.item_of(records, item.id), seat, run, takes, custody)


def by_puk(stand: Stand) -> bool:
    return bool(stand.seat.options["model"]["puk"] == "so-pin")


def test_a_new_pin_is_set_by_the_code_the_driver_names_and_the_log_tells_no_code(stand: Stand) -> None:
    officers = ("carl", "dora")
    assert stand.takes(PIN)
    by = stand.unblock(PUK if by_puk(stand) else None, officers=officers)
    assert by is (Code.PUK if by_puk(stand) else Code.ADMIN)
    assert stand.asked == [by]
    assert stand.takes(NEW)
    assert not stand.takes(PIN)
    (done,) = store.of_item(stand.case.records, stand.item.id)
    assert (done.act, done.operator, done.other, done.why) == (FieldAct.UNBLOCKED, "carl", "dora", str(by))
    said = "".join(body for (body,) in stand.case.records.rows("SELECT body FROM audit"))
    assert "token.unblocked" in said
    assert not any(code.reveal().decode() in said for code in (NEW, PIN, PUK))


def test_two_officers_do_it_where_the_layout_says_so_or_custody_is_opened(stand: Stand) -> None:
    with pytest.raises(Refused, match="it takes 2 PIN officers"):
        stand.unblock(PUK, persons=2)
    if not by_puk(stand):
        with pytest.raises(Refused, match="it takes 2 PIN officers"):
            stand.unblock(None)
    assert stand.asked == []
    assert stand.takes(PIN)


def test_a_pin_that_breaks_the_rules_costs_no_try(stand: Stand) -> None:
    for new in ("12345", "123456789012", "111111", "123456", "010190", "abcdef", "٧٣٠١٩٤"):
        with pytest.raises(Unsupported, match="PIN"):
            stand.unblock(PUK, Secret.text(new), officers=("carl", "dora"))
    assert stand.refused() == 0
    assert stand.done() == []
    assert stand.takes(PIN)


@pytest.mark.parametrize("stand", ["so-pin"], indirect=True)  # else the desk has the right one itself
def test_wrong_codes_are_counted_and_the_last_try_is_never_made(stand: Stand) -> None:
    wrong = Secret.text("31415927")
    for count in (1, 2):
        with pytest.raises(AuthenticationFailed):
            stand.unblock(wrong)
        assert stand.refused() == count
    for code in (wrong, PUK):
        with pytest.raises(RetryBudget):
            stand.unblock(code)
    assert stand.refused() == 2
    assert stand.takes(PIN)


def test_another_token_and_one_that_is_not_here_are_refused_before_anybody_types(stand: Stand) -> None:
    stand.case.edit("UPDATE items SET token_serial = 'another' WHERE id = ?", stand.item.id)
    stand.item = items.item_of(stand.case.records, stand.item.id)
    with pytest.raises(WrongToken):
        stand.unblock(PUK, officers=("carl", "dora"))
    with stand.case.records.transaction():
        lives.set_state(stand.case.records, stand.item.id, LifeState.LOST)
        log(stand.case.records, Event("prepared", "ann"))
    with pytest.raises(Refused, match="lost on record"):
        stand.unblock(PUK)
    stand.item = items.item(stand.case.records, "000002")
    with pytest.raises(Refused, match="it is planned"):
        stand.unblock(PUK)
    assert stand.asked == []


def test_nobody_sets_the_pin_of_a_token_that_never_left_the_desk(stand: Stand) -> None:
    stand.case.edit(
        "UPDATE lives SET state = 'at-desk', handed_over_at = NULL WHERE item_id = ?", stand.item.id
    )
    with pytest.raises(Refused, match="it never left the desk"):
        stand.unblock(PUK, officers=("carl", "dora"))
    assert stand.asked == []


@pytest.mark.parametrize(
    ("rules", "value", "good"),
    [
        (PivDriver.rules, "730194", True),
        (PivDriver.rules, "73019458", True),
        (PivDriver.rules, "730194581", False),
        (PivDriver.rules, "73019", False),
        (Model(puk="so-pin", pin_min=4).rules(), "7301", False),
        (Model(puk="so-pin", pin_max=12).rules(), "730194582604", True),
    ],
)
def test_a_pin_is_as_long_as_the_token_takes_and_six_digits_at_least(
    rules: Any, value: str, good: bool
) -> None:
    assert (refusal(Secret.text(value), rules) is None) is good
