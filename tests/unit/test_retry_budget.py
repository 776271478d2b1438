"""Whatever dies between a try and its answer: the program never makes the try that could block a code."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch.audit.log import log
from batch.model.codes import Binding
from batch.model.events import Event
from batch.model.orders import Item
from batch.orders.decisions import receive
from batch.orders.draft import DraftRow, OrderDraft
from batch.production.assignment import Assignment, CodeTask, StepTask
from batch.production.budget import Budget, told
from batch.production.lane import Lane
from batch.production.plan import Kind, plan
from batch.store import items
from batch.store.database import Records
from drivers import registry
from drivers.errors import NoToken, TokenLost
from drivers.secret import Secret
from drivers.tokens import UNLIMITED, Code, Initialisation, Shown, TokenIdentity, TokenState, Tries
from layouts.fields import Kind as RowKind
from simulators.piv.card import VirtualCard
from simulators.piv.state import MANAGEMENT, PIN, PUK
from tests.unit.virtual_token import CARDS, Card, Killed, Tear, other_code, spoil

SEAT = "piv-1"
CODES = {
    Code.PIN: Secret.text("602214"),
    Code.PUK: Secret.text("66260701"),
    Code.ADMIN: Secret(bytes(range(101, 125))),
    Code.REVOCATION: Secret.text("revocation"),
}
CODED = {"pin": PIN, "puk": PUK, "admin": MANAGEMENT}

TEARS = st.builds(
    Tear,
    st.integers(1, 36),
    st.sampled_from(["lost", "killed"]),
    st.sampled_from(["before", "during", "after"]),
)


@pytest.fixture(autouse=True)
def virtual(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = {**registry.SHIPPED["station.tokens"], "virtual": "tests.unit.virtual_token:VirtualDriver"}
    monkeypatch.setitem(registry.SHIPPED, "station.tokens", tokens)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Records]:
    made = Records.create(tmp_path_factory.mktemp("desk") / "station.db")
    # What is on disk is another test's.
    made.db.execute("PRAGMA synchronous=OFF")
    yield made
    made.close()


@contextmanager
def on_record(records: Records) -> Iterator[None]:
    """A transaction with an event, as every one has."""
    with records.transaction():
        yield
        log(records, Event("step.begun", "ada"))


@dataclass
class Work:
    """One item of one order and its card, driven as `Making` drives a lane."""

    directory: Path
    profile: str
    card: Card
    records: Records
    item: Item
    guid: bytes
    serial: str | None = None
    done: set[str] = field(default_factory=set)
    begun: set[str] = field(default_factory=set)
    ended: str | None = None

    @classmethod
    def make(cls, records: Records, directory: Path, profile: str, spoilt: tuple[str, ...] = ()) -> Work:
        ((number,),) = records.rows("SELECT count(*) FROM orders")
        serial = 10_000_000 + number if profile == "yubikey" else None
        VirtualCard.create(directory / "card.json", root=None, serial=serial, profile=profile)  # type: ignore[arg-type]
        for code in spoilt:
            spoil(directory / "card.json", lambda card, code=code: other_code(card, CODED[code]))  # type: ignore[misc]
        fields = {"group": f"Group {number}", "language": "nl"}
        row = DraftRow(2, "group-card:p-256", RowKind.GROUP, 1, fields, f"group:{number}")
        draft = OrderDraft("a.csv", f"A-{number}", "M", "90001234", "NL", "00" * 32, (row,))
        order = receive(records, draft, "ada")
        CARDS[SEAT] = Card(directory / "card.json")
        guid = number.to_bytes(16, "big")
        return cls(directory, profile, CARDS[SEAT], records, next(iter(items.items(records, order))), guid)

    def session(self, tear: Tear | None = None) -> None:
        """One insertion, from the look to the end, the tear, or quarantine."""
        self.card.tear = tear or Tear(0, "lost", "before")
        options = {} if self.profile == "yubikey" else {"admin": "keep"}
        lane = Lane(SEAT, "virtual", options, self.directory / "lock")
        try:
            self._work(lane)
        except Killed:
            pass
        finally:
            lane._lock.close()
            lane._place.close()

    def _work(self, lane: Lane) -> None:
        try:
            state = lane.look(0, True)
        except (NoToken, TokenLost):
            return
        assert state is not None
        if state.marks and self.serial != state.identity.serial and state.identity.serial != self.guid.hex():
            self.ended = f"refused: {state.marks}"
            return
        self.serial = state.identity.serial
        budget = Budget(self.records, "virtual", self.item, self.serial)
        with on_record(self.records):
            budget.looked_at(state)
        lane._assignment = Assignment(
            Binding(self.item.id, self.item.mailer_number),
            Initialisation(label="Test", guid=self.guid),
            CodeTask(6, 8, 2, 5),
            (),
            False,
        )
        lane._codes, lane._hash = dict(CODES), Future()
        lane._hash.set_result("hash")
        for step in plan(lane.describe().sequence, ())[1:-1]:
            if step.name in self.done:
                continue
            left = budget.left()
            with on_record(self.records):
                budget.book(step.kind, in_doubt=step.name in self.begun)
            in_doubt = step.name in self.begun
            self.begun.add(step.name)
            stepped = lane.step(StepTask(step, frozenset(self.done), in_doubt, {}, {}), left)
            with on_record(self.records):
                budget.settle(stepped.shown)
                if isinstance(stepped.outcome, TokenIdentity):
                    self.serial = stepped.outcome.serial
                    budget.bind(self.serial)
            if isinstance(stepped.error, TokenLost):
                return
            if stepped.error is not None:
                self.ended = f"quarantined: {stepped.error}"
                return
            self.done.add(step.name)
        self.ended = "produced"


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    profile=st.sampled_from(["yubikey", "plain"]),
    spoilt=st.sets(st.sampled_from(["pin", "puk", "admin"]), max_size=2),
    tears=st.lists(TEARS, max_size=8),
)
def test_no_tear_and_no_row_of_them_ever_takes_a_codes_last_try(
    tmp_path_factory: pytest.TempPathFactory,
    records: Records,
    profile: str,
    spoilt: set[str],
    tears: list[Tear],
) -> None:
    work = Work.make(records, tmp_path_factory.mktemp("card"), profile, tuple(sorted(spoilt)))
    for tear in [*tears, None, None]:
        if work.ended is None:
            work.session(tear)
            assert min(work.card.left().values()) >= 1, (work.card.left(), work.ended)
    assert work.ended is not None
    assert spoilt == set() or work.ended != "produced"


@pytest.mark.parametrize("profile", ["yubikey", "plain"])
def test_a_desk_killed_at_the_same_exchange_again_and_again_leaves_a_try(
    tmp_path: Path, records: Records, profile: str
) -> None:
    for at in itertools.count(1):
        place = tmp_path / str(at)
        place.mkdir()
        work = Work.make(records, place, profile)
        tears = [Tear(at, "killed", "during") for _ in range(4)]
        for tear in [*tears, None]:
            if work.ended is None:
                work.session(tear)
            assert min(work.card.left().values()) >= 1, (at, work.card.left(), work.ended)
        assert work.ended is not None
        if tears[0].at > 0:
            break
    assert at > 20


def torn_once(directory: Path, records: Records, profile: str) -> Iterator[tuple[Tear, Work]]:
    """A card torn at every exchange of its personalisation in every way, and taken up again."""
    for how, when in itertools.product(("lost", "killed"), ("before", "during", "after")):
        for at in itertools.count(1):
            place = directory / f"{how}-{when}-{at}"
            place.mkdir()
            work = Work.make(records, place, profile)
            tear = Tear(at, how, when)  # type: ignore[arg-type]
            work.session(tear)
            if tear.at > 0:
                break
            work.session()
            yield Tear(at, how, when), work  # type: ignore[arg-type]


def test_a_card_that_tells_its_codes_is_finished_wherever_it_was_torn(
    tmp_path: Path, records: Records
) -> None:
    ended = [(tear, work.ended, work.card.left()) for tear, work in torn_once(tmp_path, records, "yubikey")]
    assert len(ended) > 100
    full = {"pin": 3, "puk": 3, "admin": 3}
    assert [one for one in ended if one[1:] != ("produced", full)] == []


def test_a_card_that_tells_little_is_set_aside_only_where_a_probe_is_not_affordable(
    tmp_path: Path, records: Records
) -> None:
    ended = [(tear, work) for tear, work in torn_once(tmp_path, records, "plain")]
    aside = [(tear, str(work.ended)) for tear, work in ended if work.ended != "produced"]
    assert len(ended) > 100
    assert {why.split("cannot")[0] for _, why in aside} == {
        "quarantined: whether the puk was changed ",
        "quarantined: whether the pin was changed ",
    }
    # One exchange that changes the PUK, whose tries are not told, and one whose PIN lost a try.
    assert len(aside) == 2 * 3 + 2
    assert all(min(work.card.left().values()) >= (3 if work.ended == "produced" else 2) for _, work in ended)


def a_budget(records: Records, serial: str) -> Budget:
    (item,) = list(items.items(records))[-1:]
    return Budget(records, "piv", item, serial)


def seen(**tries: int) -> TokenState:
    return TokenState(TokenIdentity("piv", "card", "1"), tries=Tries(**tries))


def test_the_stricter_of_records_and_token_holds(records: Records, tmp_path: Path) -> None:
    Work.make(records, tmp_path, "plain")
    budget = a_budget(records, "stricter")
    with on_record(records):
        budget.looked_at(seen(pin=5))
        budget.book(Kind.SET_PIN, in_doubt=True)
        assert budget.left().pin == 3
        budget.settle({Code.PIN: Shown(refused=2)})
        assert budget.left().pin == 3
        # A token that does not count what the desk saw refused is not believed, nor one that tells less.
        budget.looked_at(seen(pin=5))
        assert budget.left().pin == 3
        budget.looked_at(seen(pin=2))
        assert budget.left().pin == 2
        budget.book(Kind.VERIFY, in_doubt=False)
        budget.settle({Code.PIN: Shown(accepted=True)})
        assert budget.left().pin == 5


def test_tries_follow_a_token_that_gets_its_serial_and_are_told(records: Records, tmp_path: Path) -> None:
    work = Work.make(records, tmp_path, "plain")
    budget = Budget(records, "virtual", work.item, None)
    with on_record(records):
        items.begin_item(records, work.item, SEAT, "virtual", None)
        assert budget.book(Kind.INITIALISE, in_doubt=False) == {"pin": 1, "puk": 1, "admin": 1}
    begun = items.item_of(records, work.item.id)
    assert {row["at worst"] for row in told(records, begun)} == {"2 left"}
    with on_record(records):
        items.bind_token(records, begun.id, SEAT, "4711")
        budget.bind("4711")
    bound = items.item_of(records, work.item.id)
    assert [(row["code"], row["booked"]) for row in told(records, bound)] == [
        ("admin", 1),
        ("pin", 1),
        ("puk", 1),
    ]
    assert Budget(records, "virtual", bound, "4711").left() == Tries(2, 2, 2)
    with on_record(records):
        Budget(records, "virtual", bound, "4711").looked_at(seen(admin=UNLIMITED))
    assert told(records, bound)[0]["at worst"] == "never locks"
