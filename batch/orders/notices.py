"""Notices to the subscriber of an order: received, approved, rejected, in the subscriber's language."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from batch.audit.log import log
from batch.model.errors import Refused
from batch.model.events import Event
from batch.model.orders import Item, Order
from batch.model.states import UNDECIDED, OrderState
from batch.people import registry
from batch.store import assessments, items, orders
from batch.store.database import Records
from layouts.library import Library
from layouts.notice import Notice

_AFTER_APPROVAL = (OrderState.APPROVED, OrderState.IN_PRODUCTION, OrderState.PRODUCED, OrderState.CLOSED)
KINDS: Mapping[str, tuple[OrderState, ...]] = {
    "received": tuple(OrderState),
    "approved": _AFTER_APPROVAL,
    "rejected": (OrderState.REJECTED,),
}
"""Notices, and the states of an order of which each is true."""


@dataclass(frozen=True)
class Written:
    """A notice as it goes out: `to` are names and e-mail addresses of the order's managers."""

    kind: str
    to: tuple[tuple[str, str], ...]
    notice: Notice
    about: str = ""
    """The number of the order, parcel or loan."""

    @property
    def text(self) -> str:
        """The notice as plain text, with whom it goes to and its subject above it."""
        to = ", ".join(f"{name} <{email}>" for name, email in self.to)
        return f"To: {to}\nSubject: {self.notice.subject}\n\n{self.notice.body}"

    def message(self) -> bytes:
        """The notice as a message that a mail program opens to be sent (RFC 5322)."""
        made = EmailMessage(SMTP)
        made["To"] = [Address(name, addr_spec=email) for name, email in self.to]
        made["Subject"] = self.notice.subject
        made["Content-Language"] = self.notice.language
        made["X-Unsent"] = "1"
        made.set_content(self.notice.body)
        return made.as_bytes()


def kind_of(order: Order) -> str:
    """The notice that an order's state calls for."""
    if order.state in UNDECIDED:
        return "received"
    return "rejected" if order.state is OrderState.REJECTED else "approved"


def write(records: Records, number: str, library: Library, operator: str, kind: str | None = None) -> Written:
    """Write a notice of an order, that of its state unless another is asked for, and keep that it was.

    In the subscriber's language, else in that of the order. Raises `Refused` for one that is not true of the
    order, or that would go to nobody; `LayoutError` where there is no such text.
    """
    with records.transaction():
        order = orders.order(records, number)
        kind = kind or kind_of(order)
        if order.state not in KINDS[kind]:
            raise Refused(f"the order is {order.state}, not {kind}", where=order.number)
        wanted = [item for item in items.items(records, order) if item.replaces is None]
        to = managers_of(wanted)
        if not to:
            raise Refused(
                "it names no manager, or their names are forgotten",
                where=order.number,
                next=f"write to {order.subscriber} in your own words",
            )
        notice = library.notice(kind).compose(language_of(records, order, wanted), _fields(order, wanted))
        written = Written(kind, to, notice)
        # Without the salt, which is forgotten with them, nobody can tell by trying whom it went to.
        salt = next((item.salt for item in wanted if item.salt), b"")
        digest = hashlib.sha256(salt + written.text.encode()).hexdigest()
        assessments.add_notice(
            records, order, kind=kind, language=notice.language, sha256=digest, operator=operator
        )
        detail = {"kind": kind, "language": notice.language, "sha256": digest}
        log(records, Event("order.notice", operator, order=order.number, detail=detail))
    return written


def language_of(records: Records, order: Order, wanted: Sequence[Item]) -> str:
    """The language to write in: the subscriber's, else the order's, else English."""
    subscriber = registry.subscriber(records, order.organisation)
    if subscriber is not None and subscriber.language:
        return subscriber.language.partition("-")[0]
    return next((item.fields["language"] for item in wanted if item.fields.get("language")), "en")


def managers_of(wanted: Sequence[Item]) -> tuple[tuple[str, str], ...]:
    """Names and e-mail addresses of the managers that items name, each once."""
    found: dict[str, tuple[str, str]] = {}
    for item in wanted:
        if email := item.fields.get("manager_email"):
            found.setdefault(email.casefold(), (item.fields.get("manager", ""), email))
    return tuple(found.values())


def _fields(order: Order, wanted: list[Item]) -> Mapping[str, str]:
    known = {
        "number": order.number,
        "reference": order.reference,
        "subscriber": order.subscriber,
        "managers": ", ".join(name for name, _ in managers_of(wanted)),
        "tokens": str(len(wanted)),
        "received": f"{order.imported_at:%Y-%m-%d}",
        "decided": f"{order.decided_at:%Y-%m-%d}" if order.decided_at else "",
        "reason": order.reason or "",
    }
    return {name: value for name, value in known.items() if value}
