"""What an order's tokens are made and its letters are printed by: signed statements, held together.

Whoever makes or prints verifies them alone: what a key token keeps of the register vouches for the register,
the register for who signed, the approval for every item, layout and the custody key, and so nobody's edit of
the records for anything (R7, R35).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from batch.audit.chain import facts_of, linked
from batch.audit.contents import commitment_of_words
from batch.audit.merkle import leaf_hash, root_of
from batch.model.errors import NotTrusted, Refused
from batch.model.events import Entry
from batch.model.orders import Item
from batch.model.people import Signed
from batch.people.register import Register
from batch.people.separation import Act, Before
from batch.people.statements import Statement, digest, read

About = dict[str, Any]

MOST_REPRINTS = 2
"""How often one letter may be printed again (R13)."""


@dataclass(frozen=True)
class Warrant:
    """The statements of one order, with the register's chain; `ordered` are those of its productions."""

    register: tuple[Signed, ...]
    received: Signed
    approved: Signed
    ordered: tuple[Signed, ...]


@dataclass(frozen=True)
class Proof:
    """That an item is one of those approved: an audit path to the root (RFC 9162 §2.1.3).

    For a replacement it is that of the item it goes back to, of which `salt` is; `given_up` are the
    statements that lead there, its own first.
    """

    index: int
    path: tuple[bytes, ...]
    salt: bytes | None
    given_up: tuple[Signed, ...] = ()


@dataclass(frozen=True)
class Receipt:
    """The entry of the log by which who a token is for has it, and the hash of the entry before (R3)."""

    before: bytes
    entry: Entry

    @property
    def digest(self) -> str:
        """The entry's hash, hexadecimal, by which a release names it."""
        return self.entry.hash.hex()

    @property
    def item(self) -> str | None:
        """The number of the token it tells of, None where it tells of something else or is not linked."""
        facts = facts_of(self.entry)
        event, detail = facts.get("event"), facts.get("detail")
        if event == "token.taken-back" and isinstance(detail, dict):
            event = detail.get("event")
        tells = event in RECEIVED_BY and linked(self.before, self.entry)
        return str(facts.get("item")) if tells else None


RECEIVED_BY = (str(Act.ACKNOWLEDGE), str(Act.HAND_OVER))
"""The acts by which who a token is for has it."""


@dataclass(frozen=True)
class Approval:
    """An approval that holds, and what it is of.

    `size` and `root` are of the tree over the items, `layouts` the digests of token and letter by reference,
    `custody` the SHA-256 of the custody key's SPKI (DER).
    """

    digest: str
    order: str
    size: int
    root: bytes
    layouts: Mapping[str, tuple[str, str]]
    custody: str
    signers: tuple[str, ...]


def leaf(item: Item) -> bytes:
    """An item as a leaf of the tree that is approved; its words can be forgotten, and other leaves stay."""
    return leaf_hash(commitment_of_words(item).encode())


def receiving(order: str, sha256: str, size: int, root: bytes) -> About:
    """What RECEIVE is about: the order's file, and its items as size and root of their tree."""
    return {"order": order, "sha256": sha256, "items": size, "root": root.hex()}


def approving(
    order: str,
    received: Signed,
    layouts: Mapping[str, tuple[str, str]],
    custody: bytes,
    assessment: str,
) -> About:
    """What APPROVE is about: what was received, its assessment (a digest), and the layouts and custody key
    that go with it.
    """
    items = read(received).about
    return {
        "order": order,
        "received": digest(received.text),
        "items": items.get("items"),
        "root": items.get("root"),
        "layouts": {ref: {"token": token, "letter": letter} for ref, (token, letter) in layouts.items()},
        "custody": hashlib.sha256(custody).hexdigest(),
        "assessment": assessment,
    }


def producing(order: str, approved: Signed, seats: Collection[str]) -> About:
    """What PRODUCE is about: an approved order, and the seats it may be made in."""
    return {"order": order, "approved": digest(approved.text), "seats": sorted(seats)}


def releasing(
    order: str, approved: Signed, letters: Sequence[str], received: Mapping[str, str] | None = None
) -> About:
    """What RELEASE is about: letters of an approved order, by number.

    `received`: of those that wait for it, the digest of the receipt of their token, by number.
    """
    about: About = {"order": order, "approved": digest(approved.text), "letters": sorted(letters)}
    return {**about, "received": dict(received)} if received else about


def reprinting(
    order: str,
    approved: Signed,
    letter: str,
    count: int,
    reason: str,
    *,
    form: str | None = None,
    received: str | None = None,
) -> About:
    """What REPRINT is about: one letter, the how manieth time it is printed again, and why.

    `form`: the number of the form it was on, where known; `received` as for a release.
    """
    about: About = {"order": order, "approved": digest(approved.text), "letter": letter}
    about |= {"count": count, "reason": reason}
    if form is not None:
        about["form"] = form
    return {**about, "received": {letter: received}} if received is not None else about


def giving_up(order: str, item: str, replacement: str | None) -> About:
    """What GIVE_UP is about: an item, and the number under which it is made again, None where it is not."""
    return {"order": order, "item": item, "replacement": replacement}


def revoking(order: str, item: str, reason: str, certificates: Mapping[str, str]) -> About:
    """What REVOKE is about: an item, why (RFC 5280 §5.3.1), and the SHA-256 of its certificates by key."""
    return {"order": order, "item": item, "reason": reason, "certificates": dict(certificates)}


def approval_of(register: Register, warrant: Warrant) -> Approval:
    """The approval of an order; raises `NotTrusted` or `Refused` where it, or what was received, fails."""
    received = _verified(register, warrant.received, Act.RECEIVE)
    before = {Act.RECEIVE: warrant.received.signers}
    approved = _verified(register, warrant.approved, Act.APPROVE, before=before)
    about, where = approved.about, _where(warrant.approved)
    if about.get("received") != digest(warrant.received.text) or any(
        about.get(name) != received.about.get(name) for name in ("order", "items", "root")
    ):
        raise NotTrusted("approves something else than what was received", where=where)
    try:
        return Approval(
            digest(warrant.approved.text),
            str(about["order"]),
            int(about["items"]),
            bytes.fromhex(about["root"]),
            {str(ref): (str(one["token"]), str(one["letter"])) for ref, one in about["layouts"].items()},
            str(about["custody"]),
            warrant.approved.signers,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise NotTrusted("does not tell what it approves", where=where) from None


def check_production(
    register: Register, approval: Approval, ordered: Signed, *, seat: str, at: datetime
) -> Statement:
    """The statement of a production, where it lets this seat make tokens of the order at this time.

    Raises `Refused` for another seat or time, or for who may not, `NotTrusted` for what does not hold.
    """
    statement = register.verify(ordered, Act.PRODUCE, at=at, before={Act.APPROVE: approval.signers})
    where = _where(ordered)
    if (statement.about.get("order"), statement.about.get("approved")) != (approval.order, approval.digest):
        raise NotTrusted("orders the production of something else than what was approved", where=where)
    seats = statement.about.get("seats")
    if not isinstance(seats, list) or seat not in seats:
        raise Refused(
            f"the production was ordered for other seats than {seat}",
            where=where,
            next="let a personaliser sign for this one: `station order schedule`",
        )
    return statement


def check_item(register: Register, approval: Approval, item: Item, proof: Proof) -> None:
    """Raise `NotTrusted` unless an item is one that was approved, in number, words and layout."""
    where = f"token {item.mailer_number}"
    if item.fields.get("number") != item.mailer_number or f"{item.id:06d}" != item.mailer_number:
        raise NotTrusted("its number is not the one in its fields", where=where)
    if item.layout not in approval.layouts:
        raise NotTrusted(f"layout {item.layout} was not approved for its order", where=where)
    number = item.mailer_number
    for signed in proof.given_up:
        about = _verified(register, signed, Act.GIVE_UP).about
        if (about.get("order"), about.get("replacement")) != (approval.order, number):
            raise NotTrusted("replaces a token that nobody gave up for it", where=where)
        number = str(about.get("item"))
    fields = {**item.fields, "number": number}
    original = replace(item, mailer_number=number, fields=fields, salt=proof.salt)
    if root_of(leaf(original), proof.index, approval.size, proof.path) != approval.root:
        raise NotTrusted(
            "is not what was approved: its name, fields or layout differ, or those of another of the order",
            where=where,
            next="somebody changed the records: see `station audit verify`",
        )


def check_letter(
    register: Register, warrant: Warrant, approval: Approval, release: Signed, number: str, at: datetime
) -> None:
    """Raise `Refused` or `NotTrusted` unless two who did not produce the order let this letter be printed."""
    made: list[str] = []
    for ordered in warrant.ordered:
        if _verified(register, ordered, Act.PRODUCE).about.get("order") != approval.order:
            raise NotTrusted("is the production of another order", where=_where(ordered))
        made += ordered.signers
    before: Before = {Act.PRODUCE: made}
    act = Act.REPRINT if read(release).act is Act.REPRINT else Act.RELEASE
    about, where = register.verify(release, act, at=at, before=before).about, _where(release)
    if (about.get("order"), about.get("approved")) != (approval.order, approval.digest):
        raise NotTrusted("lets letters of something else be printed than what was approved", where=where)
    named = about.get("letters")
    if act is Act.REPRINT:
        named = [about.get("letter")]
        if about.get("count") not in range(1, MOST_REPRINTS + 1):
            raise Refused(f"is printed again {MOST_REPRINTS} times at most (R13)", where=f"letter {number}")
    if not isinstance(named, list) or number not in named:
        raise Refused(
            "nobody let this letter be printed",
            where=f"letter {number}",
            next="two PIN officers release it: `station letter release`",
        )


def check_received(release: Signed, receipts: Sequence[Receipt], number: str) -> None:
    """Raise `Refused` unless who released a letter named one of these receipts of its token (R3)."""
    named = read(release).about.get("received")
    digest_named = named.get(number) if isinstance(named, dict) else None
    if not any(one.item == number and one.digest == digest_named for one in receipts):
        raise Refused(
            "it waits for the acknowledgement of its token, and its release names none (R2, R3)",
            where=f"letter {number}",
            next="release it again once its token is acknowledged: `station letter release`",
        )


def _verified(register: Register, signed: Signed, act: Act, before: Before | None = None) -> Statement:
    """A statement as it held when it was made."""
    return register.verify(signed, act, at=read(signed).at, before=before)


def _where(signed: Signed) -> str:
    return f"statement {digest(signed.text)[:16]}"
