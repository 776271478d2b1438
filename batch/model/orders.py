"""Orders and items as the records hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from batch.model.life import Life
from batch.model.states import ItemState, LetterState, OrderState


@dataclass(frozen=True)
class Order:
    """One order of one subscriber; `number` is ours, `reference` the subscriber's, `sha256` its file's.

    `organisation` is the subscriber's organizationIdentifier, such as `NTRNL-12345678`.
    """

    id: int
    number: str
    reference: str
    subscriber: str
    organisation: str
    state: OrderState
    source: str
    sha256: str
    imported_by: str
    imported_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None


@dataclass(frozen=True)
class Item:
    """One token to be made, and the letter that belongs to it.

    `mailer_number` is fixed when the item is made. `token_serial` is None until the token's identity is
    bound; `seat` is the lane that has or had it. `fields` are the order's columns for profiles and letter.
    `replaces` is the spoiled item this one was planned for; `token_free`: its token was reset to blank.
    `renews` is the finished item in whose place it comes.
    `salt` goes with `fields` into what the log tells of them. `forgotten` is that digest once the words of
    persons in them are gone, with the salt.
    """

    id: int
    order_id: int
    mailer_number: str
    layout: str
    subject_key: str
    fields: Mapping[str, str]
    state: ItemState
    seat: str | None
    token_driver: str | None
    token_serial: str | None
    reason: str | None
    began_at: datetime | None
    ended_at: datetime | None
    replaces: int | None = None
    token_free: bool = False
    salt: bytes | None = None
    forgotten: str | None = None
    renews: int | None = None

    @property
    def called(self) -> str:
        """The group, or the person, that its certificates name; empty once that is forgotten."""
        person = " ".join(filter(None, (self.fields.get("given_name"), self.fields.get("surname"))))
        return self.fields.get("group") or person


@dataclass(frozen=True)
class Balance:
    """The items of an order, reconciled (R14): `ordered` are those asked for, without replacements.

    `spoiled` are all that were, `replaced` those of them that have a replacement. `open` are planned, in
    production or in quarantine.
    """

    ordered: int
    produced: int
    spoiled: int
    replaced: int
    cancelled: int
    open: int

    @property
    def holds(self) -> bool:
        """Whether ordered = produced + given up + cancelled + open."""
        return self.ordered == self.produced + self.given_up + self.cancelled + self.open

    @property
    def given_up(self) -> int:
        """Spoiled, and not replaced."""
        return self.spoiled - self.replaced

    def __str__(self) -> str:
        parts = (
            f"{self.produced} produced",
            f"{self.given_up} spoiled and not replaced",
            f"{self.cancelled} cancelled",
            f"{self.open} open",
        )
        return f"{self.ordered} ordered {'=' if self.holds else 'is not'} {' + '.join(parts)}"


@dataclass(frozen=True)
class KeyRecord:
    """One key of an item: SPKI, CSR and certificate as DER, None until there."""

    item_id: int
    name: str
    slot: str
    generations: int
    public_key: bytes | None
    evidence: str | None
    csr: bytes | None
    certificate: bytes | None


@dataclass(frozen=True)
class LetterRecord:
    """One PIN letter and where it stands."""

    mailer_number: str
    item_id: int
    state: LetterState
    printer: str | None
    operator: str | None
    intent_at: datetime | None
    printed_at: datetime | None


@dataclass(frozen=True)
class Outlook:
    """A letter with what decides whether it may be printed or leave.

    `order` is the number of its order, `layout` its token's; `life` is None for a token that was never
    finished; `revoked`: certificates of the token were to be revoked.
    """

    letter: LetterRecord
    order: str
    layout: str
    token: ItemState
    life: Life | None
    revoked: bool


@dataclass(frozen=True)
class Posting:
    """One leaving of a letter: who sent it, `how` and with which courier's `reference`; when it came back."""

    letter: str
    sent_at: datetime
    sent_by: str
    how: str
    reference: str | None
    returned_at: datetime | None
    returned_by: str | None


@dataclass(frozen=True)
class Epoch:
    """A custody key's span, by default one order: SPKI (DER) and the key's name in the custody token."""

    id: int
    order_id: int
    key_name: str
    public_key: bytes
