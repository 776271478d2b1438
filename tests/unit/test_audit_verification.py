"""Who edits the log is found, and the entries are named, even if every hash was computed anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from batch.audit import checkpoints as making
from batch.audit.checkpoints import Signer
from batch.audit.log import log
from batch.audit.merkle import Frontier, leaf_hash
from batch.audit.notes import Checkpoint, Note, VerifierKey
from batch.audit.verification import Report, note_verified, verify
from batch.model.errors import RecordsDamaged, Refused
from batch.model.events import Event, StoredCheckpoint
from batch.store import checkpoints
from batch.store.audit import entries as stored_entries
from batch.store.database import Records
from tests.unit.tampering import Tamper

ORIGIN = "desk/audit"


def signer(seed: int) -> Signer:
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return Signer(private.public_key().public_bytes_raw(), private.sign)


TOKEN = signer(1)
EVE = signer(2)


@dataclass
class Log:
    """A log in a file, and the hand of somebody who has that file."""

    path: Path
    records: Records

    def grow(self, count: int) -> None:
        with self.records.transaction():
            for number in range(count):
                log(self.records, Event("step.done", "ada", item=f"{number:06d}", detail={"step": "load"}))

    def sign(self, with_: Signer = TOKEN, *, new_key: bool = False) -> StoredCheckpoint:
        return making.make(self.records, with_, origin=ORIGIN, operator="ada", new_key=new_key)

    def said(self, *outside: str, keys: tuple[VerifierKey, ...] = ()) -> list[str]:
        notes = {f"file {number}": Note.parse(note, "a file") for number, note in enumerate(outside, 1)}
        return [one.what for one in self.report(notes, keys).findings]

    def report(self, notes: dict[str, Note] | None = None, keys: tuple[VerifierKey, ...] = ()) -> Report:
        return verify(self.records, outside=notes, keys=keys)

    def tamper(self) -> Tamper:
        return Tamper(self.path)


@pytest.fixture
def grown(tmp_path: Path) -> Iterator[Log]:
    """30 entries, a checkpoint over 31 (its key is entry 31), then more, and a checkpoint over 52."""
    path = tmp_path / "station.db"
    with closing(Records.create(path)) as records:
        log = Log(path, records)
        log.grow(30)
        assert log.sign().size == 31
        log.grow(20)
        assert log.sign().size == 52
        log.grow(10)
        yield log


def test_an_untouched_log_holds_with_all_its_checkpoints(grown: Log) -> None:
    report = grown.report()
    assert report.findings == []
    assert (report.entries, report.checkpoints, report.covered) == (63, 2, 52)
    assert list(report.keys) == [VerifierKey(ORIGIN, TOKEN.public)]
    note_verified(grown.records, report, "ada")
    assert grown.said() == []
    assert checkpoints.last_verified(grown.records) is not None


def changed(tamper: Tamper) -> None:
    tamper.bodies[20] = tamper.bodies[20].replace("ada", "eve")


def removed(tamper: Tamper) -> None:
    del tamper.bodies[20:23]


def added(tamper: Tamper) -> None:
    tamper.bodies[20:20] = [tamper.bodies[3], tamper.bodies[4]]


def swapped(tamper: Tamper) -> None:
    tamper.bodies[20], tamper.bodies[40] = tamper.bodies[40], tamper.bodies[20]


def several(tamper: Tamper) -> None:
    changed(tamper)
    tamper.bodies.insert(10, tamper.bodies[3])
    del tamper.bodies[45]


RENUMBERED = ": the entries behind were given other numbers"


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (changed, ["entry 21 was changed"]),
        (removed, [f"entries 21 to 23 are missing{RENUMBERED}"]),
        (added, [f"entries 21 to 22 were added{RENUMBERED}"]),
        (
            swapped,
            ["entry 41 was moved: it stands in place 21", "entry 21 was moved: it stands in place 41"],
        ),
        (
            several,
            [
                "entry 21 was changed",
                f"entry 45 is missing{RENUMBERED}",
                f"entry 11 was added{RENUMBERED}",
            ],
        ),
    ],
)
def test_an_edit_with_every_hash_and_number_computed_anew_is_named(
    grown: Log, edit: Callable[[Tamper], None], said: list[str]
) -> None:
    """The chain holds again after such an edit; the signed leaves do not."""
    with grown.tamper() as tamper:
        edit(tamper)
        tamper.renumber()
        tamper.rehash()
    assert [one for one in grown.said() if one.startswith("entr")] == said


def test_a_changed_entry_is_caught_by_the_first_checkpoint_after_it_only(grown: Log) -> None:
    """What no checkpoint covers yet can be rewritten; from the next one on it cannot."""
    with grown.tamper() as tamper:
        tamper.bodies[57] = tamper.bodies[57].replace("ada", "eve")
        tamper.rehash()
    assert grown.said() == []
    note = grown.sign().note
    with grown.tamper() as tamper:
        tamper.bodies[57] = tamper.bodies[57].replace("eve", "ada")
        tamper.rehash()
    assert grown.said() == ["entry 58 was changed"]
    assert note.split("\n")[1] == "63"


def test_an_edit_without_new_hashes_is_named_before_any_checkpoint_too(grown: Log) -> None:
    with grown.tamper() as tamper:
        tamper.bodies[57] = tamper.bodies[57].replace("ada", "eve")
    assert grown.said() == ["entry 58 was changed"]
    with grown.tamper() as tamper:
        tamper.hashes[20] = bytes(32)
    assert grown.said()[0] == "entry 21 has another hash than its text and the entry before give"


def test_a_log_that_was_cut_back_is_told_by_its_checkpoints(grown: Log) -> None:
    with grown.tamper() as tamper:
        del tamper.bodies[45:]
    assert grown.said()[0] == "entries 46 to 52 are missing"


def test_a_log_cut_back_with_its_checkpoints_is_told_by_one_kept_outside(grown: Log) -> None:
    kept = checkpoints.every(grown.records)[-1].note
    with grown.tamper() as tamper:
        del tamper.bodies[45:]
        tamper.execute("DELETE FROM checkpoints WHERE size > 45")
    assert "entries 46 to 52 are missing" not in "".join(grown.said())
    said = grown.said(kept)
    assert said[0] == "entries 46 to 52 are missing: file 1 was signed over 52 entries: the log was cut back"


def test_a_log_rewritten_and_signed_by_somebody_else_is_told_from_outside(grown: Log) -> None:
    """Whoever has the disk: entries, hashes, checkpoints, verifier key, all replaced and in agreement."""
    kept = checkpoints.every(grown.records)
    with grown.tamper() as tamper:
        changed(tamper)
        tamper.execute("DELETE FROM checkpoints")
        del tamper.bodies[30:]
        tamper.rehash()
    forged = grown.sign(EVE)
    assert grown.said() == []
    key = VerifierKey(ORIGIN, TOKEN.public)
    assert grown.said(keys=(key,)) == [
        f"the checkpoint over {forged.size} entries is signed with another key than the given: "
        f"{VerifierKey(ORIGIN, EVE.public)}"
    ]
    assert "entries 1 to 31 were changed, or some of them: file 1 was signed over others" in grown.said(
        kept[0].note, keys=(key,)
    )


def test_a_rewritten_log_without_its_checkpoints_is_narrowed_down_by_those_outside(grown: Log) -> None:
    kept = [one.note for one in checkpoints.every(grown.records)]
    with grown.tamper() as tamper:
        tamper.bodies[40] = tamper.bodies[40].replace("ada", "eve")
        tamper.rehash()
        tamper.execute("DELETE FROM checkpoints")
    key = VerifierKey(ORIGIN, TOKEN.public)
    said = grown.said(*kept, keys=(key,))
    assert said[0] == "entries 32 to 52 were changed, or some of them: file 2 was signed over others"
    assert "the checkpoint over 31 entries is missing, of which the log tells" in said


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ("UPDATE checkpoints SET note = replace(note, 'desk', 'desc') WHERE size = 31", "signature"),
        ("UPDATE checkpoints SET note = 'nonsense' WHERE size = 31", "cannot be read"),
        (
            "UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE size = 52) WHERE size = 31",
            "sig",
        ),
        ("UPDATE checkpoints SET leaves = zeroblob(length(leaves)) WHERE size = 31", "leaf hashes"),
        ("UPDATE checkpoints SET leaves = x'00' WHERE size = 31", "leaf hashes"),
        ("UPDATE checkpoints SET frontier = x'00' WHERE size = 31", "goes on from"),
        ("UPDATE checkpoints SET key = 'x+00+AA=='", "cannot be read"),
        ("UPDATE checkpoints SET made_at = 'never'", ""),
        ("DELETE FROM checkpoints WHERE size = 31", "over 31 entries is missing, of which the log tells"),
        ("INSERT INTO checkpoints SELECT 40, note, key, frontier, made_at, leaves FROM checkpoints", "40"),
    ],
)
def test_a_tampered_checkpoint_is_named_and_stops_nobody_from_looking(
    grown: Log, edit: str, said: str
) -> None:
    with grown.tamper() as tamper:
        tamper.execute(edit + (" LIMIT 1" if edit.startswith("INSERT") else ""))
    found = grown.said()
    assert not [one for one in found if one.startswith("entr")]
    assert said in " ".join(found)
    assert bool(found) == bool(said)


def test_nothing_altered_is_ever_signed(grown: Log) -> None:
    with grown.tamper() as tamper:
        tamper.bodies[57] = tamper.bodies[57].replace("ada", "eve")
    with pytest.raises(RecordsDamaged, match="entry 58 does not follow"):
        grown.sign()


def test_a_tree_that_was_altered_is_not_gone_on_from(grown: Log) -> None:
    with grown.tamper() as tamper:
        tamper.execute("UPDATE checkpoints SET frontier = zeroblob(length(frontier)) WHERE size = 52")
    with pytest.raises(RecordsDamaged, match="over 52 entries was changed"):
        grown.sign()


def test_what_was_signed_before_stays_signed_when_it_is_altered_later(grown: Log) -> None:
    """The tree goes on from the last checkpoint, so a change below it reaches no later signature."""
    with grown.tamper() as tamper:
        changed(tamper)
        tamper.rehash()
    grown.sign()
    assert grown.said() == ["entry 21 was changed"]


def test_another_key_signs_only_where_that_is_wanted_and_the_log_tells_of_it(grown: Log) -> None:
    with pytest.raises(Refused, match="another key"):
        grown.sign(EVE)
    grown.sign(EVE, new_key=True)
    assert grown.said() == []
    assert [key.public for key in grown.report().keys] == [TOKEN.public, EVE.public]


def test_a_signature_that_does_not_verify_is_not_kept(grown: Log) -> None:
    with pytest.raises(RecordsDamaged, match="does not verify"):
        grown.sign(Signer(TOKEN.public, lambda text: bytes(64)))
    assert len(checkpoints.every(grown.records)) == 2


def test_the_root_is_that_of_the_whole_log_however_it_was_come_by(grown: Log) -> None:
    frontier = Frontier()
    for number, entry in enumerate(stored_entries(grown.records), 1):
        frontier.add(leaf_hash(entry.body.encode()))
        for one in checkpoints.every(grown.records):
            if one.size == number:
                assert Note.parse(one.note, "").checkpoint == Checkpoint(ORIGIN, number, frontier.root())


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("no JSON", "nonsense"),
        ("a list", "[]"),
        ("deep", "[" * 100_000),
        ("half a letter", '{"n":58,"event":"\\ud800"}'),
        ("strange fields", '{"n":58,"event":"checkpoint.made","detail":{"size":[1]}}'),
        (
            "strange certificates",
            '{"n":58,"event":"item.produced","item":"1","detail":{"certificates":{"\\ud800":[],"a":"\\udfff"}}}',
        ),
        ("strange numbers", '{"n":{},"event":"item.produced","item":[],"order":{}}'),
    ],
)
def test_whatever_is_written_into_the_log_stops_nobody_from_looking(grown: Log, what: str, text: str) -> None:
    for place in (20, 57):
        with grown.tamper() as tamper:
            tamper.bodies[place] = text
        assert any(f"entry {place + 1} " in one for one in grown.said()), what


def test_bytes_that_are_no_text_stop_nobody_from_looking(grown: Log) -> None:
    with grown.tamper() as tamper:
        tamper.execute("UPDATE audit SET body = CAST(x'ff00fe' AS TEXT) WHERE sequence = 21")
    assert "entry 21 was changed" in grown.said()


def test_the_log_is_judged_as_it_is_at_one_moment(grown: Log) -> None:
    with grown.records.snapshot(), closing(Records(grown.path)) as other:
        with other.transaction():
            log(other, Event("step.done", "bob"))
        assert len(list(stored_entries(grown.records))) == 63
    assert len(list(stored_entries(grown.records))) == 64


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ("DELETE FROM audit WHERE sequence IN (21, 22)", "entries 21 to 22 are missing"),
        ("DELETE FROM audit WHERE sequence = 1", "entry 1 is missing"),
        ("DELETE FROM audit WHERE sequence = 58", "entry 58 is missing"),
        ("INSERT INTO audit SELECT 0, body, hash FROM audit WHERE sequence = 5", "entry 0 was added"),
        ("INSERT INTO audit SELECT 64, body, hash FROM audit WHERE sequence = 63", "entry 64 was moved"),
        ("UPDATE audit SET sequence = 99 WHERE sequence = 63", "entries 63 to 98 are missing"),
    ],
)
def test_rows_taken_out_or_put_in_are_named(grown: Log, edit: str, said: str) -> None:
    with grown.tamper() as tamper:
        tamper.execute(edit)
    assert grown.said()[0].startswith(said)
