"""Renewals in the records: where each stands, the keys it makes, and those it put aside."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from typing import Any

from batch.model.errors import NotFound
from batch.model.renewals import FormerKey, OldEnds, Pause, Renewal, RenewalKey, Way
from batch.model.states import STEP, RenewalState, StepState, move
from batch.store import numbering, restores
from batch.store.database import Records, moment, stamp
from batch.store.expiry import end_of, serial_of

LETTER = "R"
_RENEWAL = (
    "id, item_id, way, state, old_ends, begun_by, begun_at, changes, held, held_by, salt, role_by, role_at, "
    "voucher, paid, pause, pause_until, approved_by, statement, carried_out_by, new_item, ended_at, reason"
)
_KEY = (
    "renewal_id, name, slot, made_at, kept_at, not_before, generation, public_key, evidence, csr, certificate"
)
_FORMER = "item_id, name, renewal_id, slot, public_key, evidence, certificate"
_OVER = (RenewalState.DONE, RenewalState.CANCELLED)
_FACTS = frozenset(
    {
        "changes",
        "held",
        "held_by",
        "salt",
        "role_by",
        "role_at",
        "voucher",
        "paid",
        "pause",
        "pause_until",
        "approved_by",
        "statement",
        "carried_out_by",
        "new_item",
        "reason",
    }
)


def add(records: Records, item_id: int, *, way: Way, old_ends: OldEnds, by: str) -> Renewal:
    """A renewal that is begun, under the next number."""
    id_, _ = numbering.next_id(records, LETTER, "renewals")
    records.insert(
        "INSERT INTO renewals (id, item_id, way, state, old_ends, begun_by, begun_at, changes, held) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, '{}', '[]')",
        (id_, item_id, way, RenewalState.BEGUN, old_ends, by, stamp()),
    )
    return renewal_of(records, id_)


def renewal(records: Records, number: str) -> Renewal:
    """The renewal of a number such as `R-000001`, or the one under way of a token; raises `NotFound`."""
    row = records.row(
        f"SELECT {_RENEWAL} FROM renewals WHERE printf('R-%06d', id) = ? OR (ended_at IS NULL AND item_id = "
        "(SELECT id FROM items WHERE mailer_number = ?))",
        (number.upper(), number),
    )
    if row is None:
        raise NotFound("no renewal of that number", where=number, next="see `station renew list`")
    return _renewal(row)


def renewal_of(records: Records, id_: int) -> Renewal:
    """The renewal of an id."""
    row = records.row(f"SELECT {_RENEWAL} FROM renewals WHERE id = ?", (id_,))
    assert row is not None, "ids of renewals come from the records"
    return _renewal(row)


def renewals(records: Records, *states: RenewalState) -> list[Renewal]:
    """All renewals, or those in the given states, oldest first."""
    where = f"WHERE state IN ({', '.join('?' * len(states))})" if states else ""
    rows = records.rows(f"SELECT {_RENEWAL} FROM renewals {where} ORDER BY id", states)
    return [_renewal(row) for row in rows]


def of_item(records: Records, item_id: int) -> list[Renewal]:
    """The renewals of a token, oldest first."""
    rows = records.rows(f"SELECT {_RENEWAL} FROM renewals WHERE item_id = ? ORDER BY id", (item_id,))
    return [_renewal(row) for row in rows]


def orders_renewing(records: Records, item_id: int) -> list[int]:
    """Ids of the orders with a token that takes this one's place, the last first."""
    rows = records.rows("SELECT DISTINCT order_id FROM items WHERE renews = ? ORDER BY 1 DESC", (item_id,))
    return [int(row[0]) for row in rows]


def set_state(records: Records, renewal: Renewal, to: RenewalState) -> Renewal:
    """Move a renewal on; raises `Transition`."""
    now = renewal_of(records, renewal.id)
    move(now.state, to, where=renewal.number)
    ended = stamp() if to in _OVER else None
    records.write("UPDATE renewals SET state = ?, ended_at = ? WHERE id = ?", (to, ended, renewal.id))
    return renewal_of(records, renewal.id)


def put(records: Records, renewal: Renewal, facts: Mapping[str, Any]) -> Renewal:
    """Put facts of a renewal on record, by their names in `Renewal`."""
    assert facts.keys() <= _FACTS, "others are fixed, or are `set_state`'s"
    for name, value in facts.items():
        records.write(f"UPDATE renewals SET {name} = ? WHERE id = ?", (_plain(value), renewal.id))
    return renewal_of(records, renewal.id)


def forget(records: Records, item_ids: Collection[int]) -> None:
    """Overwrite what renewals of tokens tell of persons, and the certificates of keys put aside."""
    marks = ", ".join("?" * len(item_ids))
    ids = tuple(item_ids)
    records.write(f"UPDATE renewals SET changes = '{{}}', salt = NULL WHERE item_id IN ({marks})", ids)
    records.write(
        "UPDATE renewal_keys SET csr = NULL, certificate = NULL WHERE renewal_id IN "
        f"(SELECT id FROM renewals WHERE item_id IN ({marks}))",
        ids,
    )
    records.write(f"UPDATE former_keys SET certificate = NULL, serial = NULL WHERE item_id IN ({marks})", ids)


# Keys


def add_key(records: Records, key: RenewalKey) -> None:
    """A key that is to be made anew, with its places."""
    records.insert(
        "INSERT INTO renewal_keys (renewal_id, name, slot, made_at, kept_at, not_before, generation) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            key.renewal_id,
            key.name,
            key.slot,
            key.made_at,
            key.kept_at,
            stamp(key.not_before),
            key.generation,
        ),
    )


def keys(records: Records, renewal: Renewal) -> dict[str, RenewalKey]:
    """The keys that a renewal makes anew, by name."""
    rows = records.rows(f"SELECT {_KEY} FROM renewal_keys WHERE renewal_id = ?", (renewal.id,))
    return {row[1]: _key(row) for row in rows}


def next_generation(records: Records, item_id: int, name: str) -> int:
    """How often a key of a token was made, cancelled renewals included, once it is made again."""
    row = records.row(
        "SELECT max(k.generations, coalesce((SELECT max(r.generation) FROM renewal_keys r "
        "JOIN renewals n ON n.id = r.renewal_id WHERE n.item_id = k.item_id AND r.name = k.name), 0)) "
        "FROM keys k WHERE k.item_id = ? AND k.name = ?",
        (item_id, name),
    )
    return max(int(row[0]) if row else 0, restores.floor(records, _generation(item_id, name))) + 1


def pass_over(records: Records, item_id: int, name: str, generation: int) -> None:
    """A key was made so often, as is known from elsewhere; the CA is never asked under that name again."""
    restores.raise_floor(records, _generation(item_id, name), generation)


def set_generated(
    records: Records, renewal: Renewal, name: str, public_key: bytes, evidence: str, csr: bytes
) -> None:
    """A new key was made: SPKI and CSR (DER), and its evidence (JSON)."""
    records.write(
        "UPDATE renewal_keys SET public_key = ?, evidence = ?, csr = ?, certificate = NULL "
        "WHERE renewal_id = ? AND name = ?",
        (public_key, evidence, csr, renewal.id, name),
    )


def set_certificate(records: Records, renewal: Renewal, name: str, certificate: bytes) -> None:
    """The certificate (DER) of a new key."""
    records.write(
        "UPDATE renewal_keys SET certificate = ? WHERE renewal_id = ? AND name = ?",
        (certificate, renewal.id, name),
    )


def take_place(records: Records, renewal: Renewal, key: RenewalKey, new_slot: str, old_slot: str) -> None:
    """A new key is the token's from here on, in its slot; the old one is a former key, in another."""
    _replace(records, renewal.item_id, key, new_slot, old_slot)


def _replace(records: Records, item_id: int, key: RenewalKey, new_slot: str, old_slot: str) -> None:
    assert key.certificate is not None, "a key takes another's place with its certificate"
    records.write(
        f"INSERT OR IGNORE INTO former_keys ({_FORMER}, not_after, serial, put_aside_at) "
        "SELECT item_id, name, ?, ?, public_key, evidence, certificate, not_after, serial, ? "
        "FROM keys WHERE item_id = ? AND name = ?",
        (key.renewal_id, old_slot, stamp(), item_id, key.name),
    )
    records.write(
        "UPDATE keys SET slot = ?, generations = ?, public_key = ?, evidence = ?, csr = ?, certificate = ?, "
        "not_after = ?, serial = ? WHERE item_id = ? AND name = ?",
        (
            new_slot,
            key.generation,
            key.public_key,
            key.evidence,
            key.csr,
            key.certificate,
            end_of(key.certificate),
            serial_of(key.certificate),
            item_id,
            key.name,
        ),
    )


def former_keys(records: Records, item_id: int) -> list[FormerKey]:
    """The keys that renewals of a token put aside, oldest first."""
    rows = records.rows(
        f"SELECT {_FORMER} FROM former_keys WHERE item_id = ? ORDER BY renewal_id, name", (item_id,)
    )
    return [FormerKey(*row) for row in rows]


def whole_key(records: Records, renewal: Renewal, name: str) -> dict[str, object]:
    """A key that took a place, as plain values from which `take_key_back` does it again."""
    row = records.row(
        "SELECT k.slot, k.generations, hex(k.public_key), k.evidence, hex(k.csr), hex(k.certificate), f.slot "
        "FROM keys k JOIN former_keys f ON f.item_id = k.item_id AND f.name = k.name "
        "WHERE k.item_id = ? AND k.name = ? AND f.renewal_id = ?",
        (renewal.item_id, name, renewal.id),
    )
    assert row is not None, "it took its place just now"
    return {"renewal": renewal.id, "item": renewal.item_id, "name": name, "key": list(row)}


def take_key_back(records: Records, kept: Mapping[str, Any]) -> None:
    """Let a key of `whole_key` take its place on record again, where it has not."""
    slot, generation, public_key, evidence, csr, certificate, kept_at = kept["key"]
    der = bytes.fromhex(certificate)
    if records.row("SELECT 1 FROM keys WHERE certificate = ?", (der,)) is not None:
        return
    key = RenewalKey(
        int(kept["renewal"]),
        str(kept["name"]),
        slot,
        slot,
        kept_at,
        datetime.now(UTC),
        generation,
        bytes.fromhex(public_key),
        evidence,
        bytes.fromhex(csr),
        der,
    )
    _replace(records, int(kept["item"]), key, slot, kept_at)


# Steps


def steps(records: Records, renewal: Renewal) -> dict[str, StepState]:
    """The state of every step that was begun, by its name."""
    rows = records.rows("SELECT name, state FROM renewal_steps WHERE renewal_id = ?", (renewal.id,))
    return {str(name): StepState(state) for name, state in rows}


def intend(records: Records, renewal: Renewal, name: str) -> None:
    """Put the intent of a step on record before it is done; a further attempt is counted."""
    records.write(
        "INSERT INTO renewal_steps (renewal_id, name, state, attempts, began_at) VALUES (?, ?, ?, 1, ?) "
        "ON CONFLICT (renewal_id, name) DO UPDATE SET state = excluded.state, attempts = attempts + 1, "
        "began_at = excluded.began_at, ended_at = NULL, reason = NULL WHERE state <> ?",
        (renewal.id, name, StepState.INTENT, stamp(), StepState.DONE),
    )


def settle(records: Records, renewal: Renewal, name: str, to: StepState, reason: str | None = None) -> None:
    """Put the outcome of a step on record; raises `Transition` where none was intended."""
    allowed = [before for before, after in STEP.items() if to in after]
    touched = records.write(
        "UPDATE renewal_steps SET state = ?, ended_at = ?, reason = ? WHERE renewal_id = ? AND name = ? "
        f"AND state IN ({', '.join('?' * len(allowed))})",
        (to, stamp(), reason, renewal.id, name, *allowed),
    )
    if not touched:
        move(steps(records, renewal).get(name, StepState.DONE), to, where=f"step {name} of {renewal.number}")


def history(records: Records, renewal: Renewal) -> list[tuple[str, str, int, str, str | None, str | None]]:
    """Name, state, attempts, begin, end and reason of every step, in the order they began."""
    return records.rows(
        "SELECT name, state, attempts, began_at, ended_at, reason FROM renewal_steps WHERE renewal_id = ? "
        "ORDER BY began_at, name",
        (renewal.id,),
    )


def _generation(item_id: int, name: str) -> str:
    return f"key {item_id:06d}/{name}"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return json.dumps(dict(value), ensure_ascii=False, sort_keys=True)
    if isinstance(value, tuple | list):
        return json.dumps(list(value), ensure_ascii=False)
    if isinstance(value, datetime):
        return stamp(value)
    return value.isoformat() if isinstance(value, date) else value


def _renewal(row: tuple[Any, ...]) -> Renewal:
    (id_, item_id, way, state, old_ends, by, at, changes, held, held_by, salt, role_by, role_at, *rest) = row
    voucher, paid, pause, until, approved_by, statement, carried_out_by, new_item, ended, reason = rest
    begun = moment(at)
    assert begun is not None, "the column is never null"
    return Renewal(
        id_,
        item_id,
        Way(way),
        RenewalState(state),
        OldEnds(old_ends),
        by,
        begun,
        json.loads(changes),
        tuple(json.loads(held)),
        held_by,
        salt,
        role_by,
        moment(role_at),
        voucher,
        paid,
        Pause(pause) if pause else None,
        date.fromisoformat(until) if until else None,
        approved_by,
        statement,
        carried_out_by,
        new_item,
        moment(ended),
        reason,
    )


def _key(row: tuple[Any, ...]) -> RenewalKey:
    (renewal_id, name, slot, made_at, kept_at, not_before, *rest) = row
    at = moment(not_before)
    assert at is not None, "the column is never null"
    return RenewalKey(renewal_id, name, slot, made_at, kept_at, at, *rest)
