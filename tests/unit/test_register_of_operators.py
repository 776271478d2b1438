"""The register of operators holds only what two administrators signed, and nobody edits it in the records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from batch.model.errors import NotTrusted, Refused
from batch.model.people import Role, Signature, Signed
from batch.people.acting import Actor, give, keep_alone, register_of
from batch.people.operators import complete, enrol, found, retire
from batch.people.register import REGISTER_ACTS, replay
from batch.people.separation import RULES, Act
from batch.people.statements import digest
from batch.store import statements
from batch.store.clock import now
from batch.store.database import Records
from tests.unit.people_kit import Anchors, actor, as_known, desk_of, later


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with closing(Records.create(tmp_path / "station.db")) as records:
        yield records


@pytest.fixture
def anchors() -> Anchors:
    return Anchors()


def chain(records: Records) -> list[Signed]:
    return statements.chain(records, *REGISTER_ACTS)


def test_a_desk_is_founded_by_two_administrators_and_only_once(records: Records, anchors: Anchors) -> None:
    one, two = desk_of(records, anchor=anchors)
    register = register_of(records)
    assert [one.name for one in register.active(now())] == ["ann", "ben"]
    assert anchors.trust is not None
    assert replay(chain(records), anchors.trust).founding == register.founding
    with pytest.raises(Refused, match="operators already"):
        found(records, [one, two], name="Desk", anchors=[], anchor=anchors)


def test_one_administrator_founds_nothing(records: Records, anchors: Anchors) -> None:
    with pytest.raises(NotTrusted, match="takes 2 persons"):
        found(records, [actor("ann", Role.ADMINISTRATOR)], name="Desk", anchors=[], anchor=anchors)
    assert not chain(records)


def test_an_operator_is_enrolled_by_two_administrators(records: Records, anchors: Anchors) -> None:
    one, two = desk_of(records, anchor=anchors)
    ada = actor("ada", Role.ORDER_OFFICER)
    begun = enrol(records, one, ada.operator, anchor=anchors)
    assert begun.wanted == 1
    with pytest.raises(Refused, match="is no operator"):
        register_of(records).operator("ada")
    with pytest.raises(Refused, match="signed it already"):
        enrol(records, one, ada.operator, anchor=anchors)
    complete(records, two, "ada", anchor=anchors)
    assert register_of(records).operator("ADA").roles == {Role.ORDER_OFFICER}
    assert anchors.trust is not None
    assert anchors.trust.heads == (register_of(records).head,)


def test_only_administrators_enrol(records: Records, anchors: Anchors) -> None:
    ada = actor("ada", Role.ORDER_OFFICER, Role.APPROVER)
    desk_of(records, ada, anchor=anchors)
    with pytest.raises(Refused, match="ada is no administrator"):
        enrol(records, as_known(records, ada), actor("eve", Role.APPROVER).operator, anchor=anchors)


def test_two_names_have_two_keys(records: Records, anchors: Anchors) -> None:
    ada = actor("ada", Role.ORDER_OFFICER)
    one, two = desk_of(records, ada, anchor=anchors)
    twin = replace(ada.operator, name="eve", roles=frozenset({Role.APPROVER}))
    enrol(records, one, twin, anchor=anchors)
    with pytest.raises(Refused, match="with the key of ada"):
        enrol(records, two, twin, anchor=anchors)


def test_a_retired_operator_signs_nothing_and_what_they_signed_before_holds(
    records: Records, anchors: Anchors
) -> None:
    bob = actor("bob", Role.APPROVER)
    one, two = desk_of(records, bob, anchor=anchors)
    bob = as_known(records, bob)
    given = give(records, bob, Act.APPROVE, {"order": "2026-0001"}, subject="2026-0001", where="2026-0001")
    keep_alone(records, given, order="2026-0001")
    retire(records, one, "bob", "left", anchor=anchors)
    retire(records, two, "bob", "left", anchor=anchors)
    with pytest.raises(Refused, match="no operator any more"):
        give(records, bob, Act.APPROVE, {"order": "2026-0002"}, subject="2026-0002", where="2026-0002")
    register = register_of(records)
    assert register.operator("bob").until is not None


def test_two_administrators_are_always_left(records: Records, anchors: Anchors) -> None:
    one, two = desk_of(records, anchor=anchors)
    retire(records, one, "ben", "left", anchor=anchors)
    with pytest.raises(Refused, match="fewer than two administrators"):
        retire(records, two, "ben", "left", anchor=anchors)


def test_the_register_is_believed_only_as_the_key_token_knows_it(records: Records, anchors: Anchors) -> None:
    desk_of(records, actor("bob", Role.APPROVER), anchor=anchors)
    trust = anchors.trust
    assert trust is not None
    with pytest.raises(NotTrusted, match="not the one that the key token knows"):
        replay(chain(records)[:-1], trust)
    other = Records.create(records.path.with_name("other.db"))
    desk_of(other, actor("bob", Role.APPROVER), anchor=Anchors())
    with pytest.raises(NotTrusted, match="not the one that the key token knows"):
        replay(chain(other), trust)
    other.close()


@pytest.mark.parametrize("at", [0, 1])
def test_an_edited_statement_of_the_register_is_noticed(records: Records, anchors: Anchors, at: int) -> None:
    desk_of(records, actor("bob", Role.APPROVER), anchor=anchors)
    found = chain(records)
    edited = found[at].text.replace(b'"approver"', b'"pin-officer"').replace(b'"ann"', b'"eve"')
    found[at] = Signed(edited, found[at].signatures)
    with pytest.raises((NotTrusted, Refused)):
        replay(found)


def test_a_statement_counts_for_its_act_its_desk_and_its_time_only(
    records: Records, anchors: Anchors
) -> None:
    bob = actor("bob", Role.APPROVER)
    desk_of(records, bob, anchor=anchors)
    bob, register = as_known(records, bob), register_of(records)
    about = {"order": "2026-0001"}
    given = give(
        records, bob, Act.APPROVE, about, subject="2026-0001", where="2026-0001", until=later(hours=1)
    )
    assert register.verify(given.signed, Act.APPROVE, at=now()).about == about
    with pytest.raises(NotTrusted, match=r"is about .* not order"):
        register.verify(given.signed, Act.REJECT, at=now())
    with pytest.raises(Refused, match="signed to hold until"):
        register.verify(given.signed, Act.APPROVE, at=later(hours=2))
    with pytest.raises(NotTrusted, match="made at another desk"):
        replace(register, founding="0" * 64).verify(given.signed, Act.APPROVE, at=now())
    forged = Signed(given.signed.text, (Signature("bob", bob.sign(b"something else")),))
    with pytest.raises(NotTrusted, match="does not hold"):
        register.verify(forged, Act.APPROVE, at=now())
    with pytest.raises(NotTrusted, match="no statement"):
        register.verify(Signed(given.signed.text + b" ", given.signed.signatures), Act.APPROVE, at=now())


@pytest.mark.parametrize(
    "act", [act for act, rule in RULES.items() if act not in REGISTER_ACTS and rule.roles != frozenset(Role)]
)
def test_every_act_is_refused_to_who_has_not_the_role(records: Records, anchors: Anchors, act: Act) -> None:
    who = actor("otto", *frozenset(Role) - RULES[act].roles)
    desk_of(records, who, anchor=anchors)
    with pytest.raises(Refused, match="otto is no "):
        give(records, as_known(records, who), act, {}, subject="x", where="x")


@pytest.mark.parametrize(
    ("act", "earlier"), [(act, earlier) for act, rule in RULES.items() for earlier in rule.not_after]
)
def test_nobody_does_what_an_earlier_act_of_theirs_forbids(
    records: Records, anchors: Anchors, act: Act, earlier: Act
) -> None:
    who = actor("otto", *Role)
    desk_of(records, who, anchor=anchors)
    who = as_known(records, who)
    with pytest.raises(Refused, match=r"\(R\d+\)"):
        give(records, who, act, {}, subject="x", where="x", before={earlier: ("Otto",)})
    assert give(records, who, act, {}, subject="x", where="x", before={earlier: ("ada",)}).signed


@pytest.mark.parametrize(
    "act", [act for act, rule in RULES.items() if rule.persons > 1 and act not in REGISTER_ACTS]
)
def test_what_takes_two_persons_is_done_by_no_one(records: Records, anchors: Anchors, act: Act) -> None:
    first, second = actor("carl", *RULES[act].roles), actor("dora", *RULES[act].roles)
    desk_of(records, first, second, anchor=anchors)
    first, second = as_known(records, first), as_known(records, second)
    begun = give(records, first, act, {"of": 1}, subject="x", where="x")
    assert not begun.complete
    with pytest.raises(NotTrusted, match="takes 2 persons"):
        register_of(records).verify(begun.signed, act, at=now())
    keep_alone(records, begun)
    with pytest.raises(Refused, match="signed it already"):
        give(records, first, act, {"of": 1}, subject="x", where="x")
    assert not give(records, second, act, {"of": 2}, subject="x", where="x").complete
    whole = give(records, second, act, {"of": 1}, subject="x", where="x")
    keep_alone(records, whole)
    assert whole.complete
    kept = statements.signed(records, digest(whole.signed.text))
    assert kept == whole.signed
    assert register_of(records).verify(whole.signed, act, at=now())
    twice = Signed(whole.signed.text, (whole.signed.signatures[0],) * 2)
    with pytest.raises(NotTrusted, match="signed twice"):
        register_of(records).verify(twice, act, at=now())


def test_who_signs_with_another_key_than_their_own_is_told(records: Records, anchors: Anchors) -> None:
    bob = actor("bob", Role.APPROVER)
    desk_of(records, bob, anchor=anchors)
    crossed = Actor(as_known(records, bob).operator, actor("eve").sign)
    with pytest.raises(NotTrusted, match="another key than the operator's"):
        give(records, crossed, Act.APPROVE, {}, subject="x", where="x")
