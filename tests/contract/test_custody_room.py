"""The custody token opens for k of n officers together, each time, and for nobody else (R7)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from batch.audit.log import log
from batch.custody.sealing import seal_to
from batch.custody.shares import context
from batch.model.custody import KeyState, SetState
from batch.model.errors import NotTrusted, Refused
from batch.model.events import Event
from batch.model.people import Role
from batch.orders import epochs
from batch.people import ceremonies, vouching
from batch.people.acting import Actor, register_of
from batch.people.operators import retire
from batch.store import custody, statements
from batch.store.database import Records
from drivers.errors import DriverError
from drivers.pkcs11 import softhsm
from drivers.process import Child
from drivers.secret import Secret
from tests.unit.people_kit import Anchors, actor, as_known, desk_of

LABEL = "custody"


@dataclass
class Mailroom:
    """A desk with three PIN officers and an administrator, and its custody token."""

    records: Records
    keys: Path
    officers: tuple[Actor, ...]
    administrators: tuple[Actor, Actor]
    anchor: Anchors

    @contextmanager
    def room(self) -> Iterator[Child]:
        """A fresh process with the custody token."""
        child = Child(
            "custody",
            "batch.people.custody_room:CustodyRoom",
            (softhsm.module(), LABEL),
            environment=softhsm.prepare(self.keys),
        )
        try:
            yield child
        finally:
            child.close()

    def held(self, ceremony: Callable[..., Any], *arguments: Any, by: tuple[int, ...] = (0, 1)) -> Any:
        """Hold a ceremony by some of the officers."""
        with self.room() as room:
            return ceremony(self.records, room, [self.officers[one] for one in by], *arguments)

    def made(self, threshold: int = 2) -> Any:
        return self.held(ceremonies.make, ceremonies.officers(self.records), threshold)

    def edit(self, statement: str, *parameters: object) -> None:
        """Change the records as somebody with the file would."""
        self.records.db.execute(statement, parameters)
        self.records.db.conn.commit()


@pytest.fixture
def mailroom(tmp_path: Path) -> Iterator[Mailroom]:
    records = Records.create(tmp_path / "station.db")
    officers = [actor(name, Role.PIN_OFFICER) for name in ("carl", "dora", "erin")]
    anchor = Anchors()
    administrators = desk_of(records, *officers, actor("olga", Role.ORDER_OFFICER), anchor=anchor)
    known = tuple(as_known(records, one) for one in officers)
    yield Mailroom(records, tmp_path / "custody", known, administrators, anchor)
    records.close()


def test_any_two_of_three_officers_open_it_and_each_ceremony_is_on_record(mailroom: Mailroom) -> None:
    made = mailroom.made()
    for pair in combinations(range(3), 2):
        mailroom.held(ceremonies.prove, by=pair)
    mailroom.held(ceremonies.prove, by=(0, 1, 2))

    held = custody.ceremonies(mailroom.records)
    assert [one.kind for one in held] == ["make", *["prove"] * 4]
    register = register_of(mailroom.records)
    for one in held:
        signed = statements.signed(mailroom.records, one.statement)
        assert signed is not None
        assert one.outcome is not None
        assert vouching.done(register, signed, one.keys, one.outcome)
    assert made.given.signed.signers == ("carl", "dora")
    assert [state for state, _ in custody.sets(mailroom.records, *SetState)] == [SetState.CURRENT]


def test_one_officer_opens_nothing(mailroom: Mailroom) -> None:
    mailroom.made()
    with pytest.raises(Refused, match="2 different persons"):
        mailroom.held(ceremonies.prove, by=(0,))
    with pytest.raises(Refused, match="2 different persons"):
        mailroom.held(ceremonies.prove, by=(0, 0))


def test_where_it_takes_three_two_open_nothing(mailroom: Mailroom) -> None:
    mailroom.made(threshold=3)
    with pytest.raises(DriverError, match="2 of the 3 shares"):
        mailroom.held(ceremonies.prove)
    mailroom.held(ceremonies.prove, by=(2, 0, 1))


@pytest.mark.parametrize("threshold", [0, 1, 4])
def test_custody_is_never_one_persons(mailroom: Mailroom, threshold: int) -> None:
    with pytest.raises(DriverError, match=f"{threshold} of 3 officers"):
        mailroom.made(threshold)
    assert not custody.sets(mailroom.records, *SetState)


def test_only_pin_officers_open_it(mailroom: Mailroom) -> None:
    mailroom.made()
    with mailroom.room() as room, pytest.raises(Refused, match="is no PIN officer"):
        ceremonies.prove(mailroom.records, room, [mailroom.officers[0], mailroom.administrators[0]])


def test_an_officer_who_left_opens_nothing_any_more(mailroom: Mailroom) -> None:
    mailroom.made()
    for one in mailroom.administrators:
        retire(mailroom.records, one, "erin", "left", anchor=mailroom.anchor)
    with pytest.raises(Refused, match="no operator any more"):
        mailroom.held(ceremonies.prove, by=(0, 2))
    mailroom.held(ceremonies.prove)
    # Not even where the records are put back to how they were before.
    mailroom.edit(
        "DELETE FROM signatures WHERE digest IN (SELECT digest FROM statements WHERE act LIKE '%.retired')"
    )
    mailroom.edit("DELETE FROM statements WHERE act LIKE '%.retired'")
    with pytest.raises(DriverError, match="does not go on from the one that the key token knows"):
        mailroom.held(ceremonies.prove, by=(0, 2))


def test_a_share_that_was_changed_is_told_and_no_pin_is_tried(mailroom: Mailroom) -> None:
    mailroom.made()
    (_, shares) = custody.sets(mailroom.records, SetState.CURRENT)[0]
    carl = mailroom.officers[0].operator
    assert carl.agreement is not None
    bound = context(shares.station, shares.name, "carl", shares.shares[0].place)
    forged = seal_to(bytes(16), carl.agreement, bound)
    mailroom.edit("UPDATE shares SET sealed = ? WHERE officer = 'carl'", forged)
    with mailroom.room() as room, pytest.raises(DriverError, match="PIN was not tried"):
        ceremonies.prove(mailroom.records, Altered(room, carried=()), mailroom.officers[:2])
    mailroom.edit("UPDATE shares SET sealed = ? WHERE officer = 'carl'", forged[:-1] + b"?")
    with mailroom.room() as room, pytest.raises(Refused, match="share does not open"):
        ceremonies.prove(mailroom.records, Altered(room, carried=()), mailroom.officers[:2])
    # The token carries the shares as they were, and the others' are as good.
    mailroom.held(ceremonies.prove)
    mailroom.held(ceremonies.prove, by=(1, 2))


def test_shares_handed_over_for_one_process_open_no_other(mailroom: Mailroom) -> None:
    mailroom.made()
    kept: list[Any] = []

    class Recorder:
        def __init__(self, room: Child) -> None:
            self.room = room

        def ask(self, method: str, *arguments: Any, timeout: float | None = None) -> Any:
            if method == "open":
                kept.append(arguments[0])
            return self.room.ask(method, *arguments, timeout=timeout)

    with mailroom.room() as room:
        ceremonies.prove(mailroom.records, Recorder(room), mailroom.officers[:2])
    with mailroom.room() as room, pytest.raises(DriverError, match="not handed over to this process"):
        room.ask("open", kept[0])
    with mailroom.room() as room, pytest.raises(DriverError, match="no share was handed over"):
        room.ask("open", replace(kept[0], sets=()))
    with mailroom.room() as room, pytest.raises(DriverError, match="no officers signed"):
        room.ask("make_keys")


def test_who_joins_gets_a_share_and_who_left_has_none_that_opens(mailroom: Mailroom) -> None:
    mailroom.held(ceremonies.make, ceremonies.officers(mailroom.records, ["carl", "dora"]), 2)
    with pytest.raises(DriverError, match="1 of the 2 shares"):
        mailroom.held(ceremonies.prove, by=(0, 2))
    old = custody.sets(mailroom.records, SetState.CURRENT)
    mailroom.held(ceremonies.split, ceremonies.officers(mailroom.records, ["dora", "erin"]), 2)
    mailroom.held(ceremonies.prove, by=(1, 2))
    with pytest.raises(DriverError, match="1 of the 2 shares"):
        mailroom.held(ceremonies.prove, by=(0, 1))
    # Put back by hand, the old shares fit together and open nothing.
    with mailroom.records.transaction():
        mailroom.records.write("DELETE FROM shares")
        mailroom.records.write("DELETE FROM share_sets")
        custody.add_set(mailroom.records, old[0][1])
        log(mailroom.records, Event("test", "test"))
    with pytest.raises(DriverError, match="another PIN"):
        mailroom.held(ceremonies.prove, by=(0, 1))
    # The token itself carries the shares that open it: lost records do not lose it.
    mailroom.held(ceremonies.prove, by=(1, 2))


@dataclass
class Altered:
    """A room that answers something else than it would."""

    room: Child
    carried: tuple[Any, ...]

    def ask(self, method: str, *arguments: Any, timeout: float | None = None) -> Any:
        answer = self.room.ask(method, *arguments, timeout=timeout)
        return self.carried if method == "carried" else answer


class Cut(Exception):
    """The desk ended there."""


@dataclass
class CutOff:
    """A room whose desk ends before or after it was asked something."""

    room: Child
    method: str
    after: bool

    def ask(self, method: str, *arguments: Any, timeout: float | None = None) -> Any:
        if method == self.method and not self.after:
            raise Cut
        answer = self.room.ask(method, *arguments, timeout=timeout)
        if method == self.method:
            raise Cut
        return answer


@pytest.mark.parametrize(
    ("method", "after"), [("draw", True), ("open", False), ("change_pin", False), ("change_pin", True)]
)
def test_a_split_that_was_cut_off_anywhere_leaves_a_custody_that_opens(
    mailroom: Mailroom, method: str, after: bool
) -> None:
    mailroom.made()
    mailroom.held(ceremonies.make_keys, 1)
    with mailroom.room() as room, pytest.raises(Cut):
        ceremonies.split(
            mailroom.records,
            CutOff(room, method, after),
            mailroom.officers[:2],
            ceremonies.officers(mailroom.records),
            2,
        )
    mailroom.held(ceremonies.prove)
    assert [state for state, _ in custody.sets(mailroom.records, SetState.CURRENT, SetState.DRAWN)] == [
        SetState.CURRENT
    ]
    mailroom.held(ceremonies.prove, by=(1, 2))
    mailroom.held(ceremonies.split, ceremonies.officers(mailroom.records), 3)
    mailroom.held(ceremonies.prove, by=(0, 1, 2))
    (key,) = custody.keys(mailroom.records)
    assert key.state is KeyState.STOCK


@pytest.mark.parametrize(("method", "after"), [("draw", True), ("create", False), ("create", True)])
def test_a_token_whose_making_was_cut_off_is_made_or_opens(
    mailroom: Mailroom, method: str, after: bool
) -> None:
    with mailroom.room() as room, pytest.raises(Cut):
        ceremonies.make(
            mailroom.records,
            CutOff(room, method, after),
            mailroom.officers[:2],
            ceremonies.officers(mailroom.records),
            2,
        )
    if (method, after) == ("create", True):
        with pytest.raises(Refused, match="there is a custody token with a PIN"):
            mailroom.made()
    else:
        mailroom.made()
    mailroom.held(ceremonies.prove, by=(0, 2))


def test_an_approval_takes_only_a_key_that_officers_made(mailroom: Mailroom) -> None:
    with pytest.raises(Refused, match="no custody key is in stock"):
        epochs.next_key(mailroom.records)
    mailroom.made()
    mailroom.held(ceremonies.make_keys, 2)
    first, second = custody.keys(mailroom.records, KeyState.STOCK)
    assert epochs.next_key(mailroom.records) == first
    swap = "UPDATE custody_keys SET public_key = ? WHERE name = ?"
    mailroom.edit(swap, b"the attacker's", first.name)
    with pytest.raises(NotTrusted, match="not the key that two officers made"):
        epochs.next_key(mailroom.records)
    mailroom.edit(swap, first.public_key, first.name)
    mailroom.edit("UPDATE custody_keys SET ceremony = NULL WHERE name = ?", first.name)
    with pytest.raises(NotTrusted, match="no ceremony on record"):
        epochs.next_key(mailroom.records)
    mailroom.edit("DELETE FROM custody_keys WHERE name = ?", first.name)
    assert epochs.next_key(mailroom.records) == second
    with mailroom.records.transaction():
        custody.doubt_stock(mailroom.records)
        log(mailroom.records, Event("test", "test"))
    with pytest.raises(Refused, match="no custody key is in stock"):
        epochs.next_key(mailroom.records)


def test_officers_make_keys_and_whoever_swaps_one_in_the_records_is_found_out(mailroom: Mailroom) -> None:
    mailroom.made()
    mailroom.held(ceremonies.make_keys, 3)
    first, second, _ = custody.keys(mailroom.records, KeyState.STOCK)
    assert first.ceremony is not None
    ceremony = custody.ceremony(mailroom.records, first.ceremony)
    signed = statements.signed(mailroom.records, ceremony.statement)
    assert signed is not None
    assert ceremony.outcome is not None
    proof = (signed, ceremony.keys, ceremony.outcome)
    register = register_of(mailroom.records)
    vouching.check_key(register, first.name, first.public_key, *proof)
    with pytest.raises(NotTrusted, match="not the key that two officers made"):
        vouching.check_key(register, first.name, second.public_key, *proof)
    changed = ceremony.outcome.text.replace(first.name.encode(), second.name.encode())
    with pytest.raises(NotTrusted, match="outcome was changed"):
        vouching.check_key(
            register,
            first.name,
            second.public_key,
            signed,
            ceremony.keys,
            replace(ceremony.outcome, text=changed),
        )


def test_a_destroyed_key_is_gone_from_the_token_and_stays_so_in_a_recovered_one(
    mailroom: Mailroom, tmp_path: Path
) -> None:
    mailroom.made()
    mailroom.held(ceremonies.make_keys, 2)
    kept = shutil.copytree(mailroom.keys / "tokens", tmp_path / "copy")
    gone, stays = (key.name for key in custody.keys(mailroom.records))
    mailroom.held(ceremonies.destroy_key, gone, "2026-0001")
    with pytest.raises(Refused, match="its key is destroyed"):
        mailroom.held(ceremonies.destroy_key, gone, "2026-0001")
    shutil.rmtree(mailroom.keys / "tokens")
    shutil.copytree(kept, mailroom.keys / "tokens")
    held = mailroom.held(ceremonies.recover, "00" * 32)
    assert f'"destroyed":["{gone}"]' in held.outcome.text.decode()
    assert stays in held.outcome.text.decode()


def test_a_token_of_an_older_home_is_split_from_the_pin_that_somebody_knew(mailroom: Mailroom) -> None:
    pin = Secret(b"271828")
    environment = softhsm.prepare(mailroom.keys)
    arguments = (softhsm.module(), LABEL, Secret(b"31415926"), pin)
    older = Child("older", "drivers.pkcs11.vault:Vault.create", arguments, environment=environment)
    older.ask("ready")
    older.close()
    with pytest.raises(Exception, match="not split among officers yet"):
        mailroom.held(ceremonies.prove)
    mailroom.held(ceremonies.split, ceremonies.officers(mailroom.records), 2, pin)
    mailroom.held(ceremonies.prove, by=(2, 1))
    known = Child(
        "known", "drivers.pkcs11.vault:Vault", (softhsm.module(), LABEL, pin), environment=environment
    )
    with pytest.raises(DriverError, match="PIN was refused"):
        known.ask("ready")
    known.close()
