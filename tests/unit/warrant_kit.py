"""A desk with operators and an approved order, for tests of what is verified of it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from batch.model.orders import Item, Order
from batch.model.people import Role, Signed
from batch.orders.assessment import assess
from batch.orders.decisions import approve, receive
from batch.orders.draft import DraftRow, OrderDraft
from batch.people.acting import Actor, Who
from batch.people.evidence import Proofs, warrant_of
from batch.people.register import Trust
from batch.people.warrants import Proof, Warrant
from batch.production.ordering import order_production, ordered
from batch.store import items
from batch.store.database import Records
from layouts.fields import Kind
from layouts.library import Library
from tests.unit.custody_kit import in_stock
from tests.unit.order_kit import AnyLayouts, admit
from tests.unit.people_kit import Anchors, actor, as_known, desk_of

LAYOUT = "group-usb:p-256"
SEATS = ("usb-1", "usb-2")
LIBRARY = Library()


def draft(reference: str = "W-1", *groups: str) -> OrderDraft:
    rows = []
    for line, group in enumerate(groups or ("Zeehavens", "Luchthavens", "Sluizen"), 2):
        fields = {
            "order": reference,
            "subscriber": "Ministerie van Voorbeeldzaken",
            "subscriber_number": "90001234",
            "country": "NL",
            "manager": "Noëlle van der Testen",
            "manager_email": "n@voorbeeld.example.org",
            "address_1": "Dienst Voorbeelden",
            "address_2": "Verzonnenlaan 12",
            "address_3": "9999 XX Nergenshuizen",
            "language": "nl",
            "group": group,
        }
        rows.append(DraftRow(line, LAYOUT, Kind.GROUP, 1, fields, f"group:{group.lower()}"))
    return OrderDraft("order.csv", reference, "Ministerie", "90001234", "NL", "00" * 32, tuple(rows))


def spki() -> bytes:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def signed_off(records: Records, taken: Order, who: Who, custody: bytes) -> Order:
    """An order assessed, everybody in it being known, and approved."""
    admit(records, taken)
    assess(records, taken.number, AnyLayouts(), "ada")
    return approve(records, taken.number, who, in_stock(custody), AnyLayouts(), LIBRARY.token)


@dataclass(frozen=True)
class People:
    """Somebody for each role, as the register has them."""

    officer: Actor
    approver: Actor
    personaliser: Actor
    pin: Actor
    pin2: Actor
    both: Actor
    """A personaliser who is a PIN officer and an approver as well."""
    administrators: tuple[Actor, Actor]


@dataclass
class Case:
    """A desk, one order of it, and who works there."""

    path: Path
    records: Records
    people: People
    anchors: Anchors
    order: Order
    custody: bytes

    @classmethod
    def make(cls, path: Path, *groups: str) -> Case:
        """A new desk whose order was received and approved."""
        records, anchors = Records.create(path / "station.db"), Anchors()
        made = {
            "ada": actor("ada", Role.ORDER_OFFICER),
            "bob": actor("bob", Role.APPROVER),
            "pia": actor("pia", Role.PERSONALISER),
            "carl": actor("carl", Role.PIN_OFFICER),
            "dora": actor("dora", Role.PIN_OFFICER),
            "max": actor("max", Role.PERSONALISER, Role.PIN_OFFICER, Role.APPROVER, Role.ORDER_OFFICER),
        }
        administrators = desk_of(records, *made.values(), anchor=anchors)
        known = {name: as_known(records, one) for name, one in made.items()}
        people = People(
            known["ada"], known["bob"], known["pia"], known["carl"], known["dora"], known["max"],
            administrators,
        )  # fmt: skip
        custody = spki()
        taken = receive(records, draft("W-1", *groups), people.officer)
        order = signed_off(records, taken, people.approver, custody)
        return cls(path / "station.db", records, people, anchors, order, custody)

    def copied(self, path: Path) -> Case:
        """The same desk in another folder, once its records are closed."""
        shutil.copy(self.path, path)
        anchors = Anchors()
        anchors.trust = self.trust
        copy = path / self.path.name
        return replace(self, path=copy, records=Records(copy), anchors=anchors)

    @property
    def trust(self) -> Trust:
        """What a key token keeps of the register."""
        assert self.anchors.trust is not None
        return self.anchors.trust

    def ordered(self, *seats: str, by: Actor | None = None, until: datetime | None = None) -> Signed:
        """A production that somebody signed for."""
        return order_production(
            self.records, self.order, by or self.people.personaliser, seats or SEATS, until
        )

    def ordered_on_record(self) -> list[Signed]:
        """All productions that somebody signed for."""
        return ordered(self.records, self.order)

    def warrant(self, *ordered: Signed) -> Warrant:
        """The order's statements as the records have them."""
        return warrant_of(self.records, self.order, *ordered)

    def item(self, at: int = 0) -> Item:
        """One of its items as the records have it."""
        return list(items.items(self.records, self.order))[at]

    def proof(self, item: Item) -> Proof:
        """The proof for an item, from the records."""
        return Proofs(self.records, self.order).of(item)

    def edit(self, statement: str, *parameters: object) -> None:
        """Somebody edits the database."""
        with closing(sqlite3.connect(self.path)) as records:
            records.execute(statement, parameters)
            records.commit()


DAY = timedelta(days=1)
