"""Blanks, parcels, loans and acknowledgements as the records hold them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date, datetime

from batch.model.states import AcknowledgementState, LoanState, ParcelState


class Departure(enum.StrEnum):
    """How blanks leave the stock without being used."""

    RETURNED = "returned"
    WRITTEN_OFF = "written-off"


class Device(enum.StrEnum):
    """What is lent."""

    READER = "reader"
    USB_STICK = "usb-stick"


class Channel(enum.StrEnum):
    """How an acknowledgement came. TYPED: an operator says what somebody wrote or said. MAIL: its sender is
    as its From says. SIGNED: signed (S/MIME) under the registered certificate of the manager.
    """

    TYPED = "typed"
    MAIL = "mail"
    SIGNED = "signed"


class Doubt(enum.StrEnum):
    """Why an acknowledgement waits for a person (R3)."""

    NO_NUMBER = "no number in it"
    MISTYPED = "the number is mistyped: its check digit is wrong"
    NUMBER = "the number is not the one that was sent with the token"
    GUESSED = "wrong numbers for this token came before, or others beside it"
    NAME = "the certificate's name is not in it"
    SENDER = "the sender is not the certificate's registered manager"
    NOT_DISPATCHED = "the token was not dispatched, or is not on its way"
    SIGNATURE = "the signature does not hold"
    HANDLED = "who had the token in hand took it in, and nothing proves its sender"
    AUTOMATIC = "no person sent it: it is an automatic answer"


@dataclass(frozen=True)
class Delivery:
    """Blank tokens that came in together; `listed` where their serials are on record."""

    id: int
    driver: str
    model: str
    lot: str
    received: int
    received_at: datetime
    received_by: str
    listed: bool


@dataclass(frozen=True)
class Parcel:
    """What goes to one addressee in one piece; who that is, its tokens tell."""

    id: int
    number: str
    order_id: int
    state: ParcelState
    made_by: str
    made_at: datetime
    closed_by: str | None = None
    closed_at: datetime | None = None
    sent_by: str | None = None
    sent_at: datetime | None = None
    courier: str | None = None
    reference: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Packed:
    """A token in a parcel: when it was last read there and found right, and the number that acknowledges it,
    which goes with it once the parcel is closed.
    """

    parcel_id: int
    item_id: int
    added_by: str
    added_at: datetime
    read_by: str | None = None
    read_at: datetime | None = None
    seat: str | None = None
    quoted: str | None = None


@dataclass(frozen=True)
class Loan:
    """A device that is lent, by its own `serial`, until a day; `person` is a number of the registry."""

    id: int
    number: str
    kind: Device
    serial: str
    organisation: str
    person: str | None
    parcel_id: int | None
    state: LoanState
    lent_by: str
    lent_at: datetime
    due_on: date
    ended_by: str | None = None
    ended_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Acknowledgement:
    """That somebody said a token came: `message` is the SHA-256 of what they sent, `given` the number in it.

    `name` and `sender` are as given; empty once they are forgotten, or nothing was told. `wrong` is empty
    where it was taken by itself (R3).
    """

    id: int
    message: str
    given: str
    item_id: int | None
    channel: Channel
    name: str
    sender: str
    wrong: tuple[Doubt, ...]
    state: AcknowledgementState
    taken_by: str
    taken_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str | None = None
