"""The fields of one order row that templates may name, and the templates themselves."""

from __future__ import annotations

import enum
import string
from collections.abc import Iterable, Mapping

from layouts.errors import FieldFault


class Kind(enum.StrEnum):
    """Whom a token is for: a group behind a certificate manager, or one person."""

    GROUP = "group"
    PERSON = "person"


_SHARED = (
    "subscriber",
    "subscriber_number",
    "country",
    "manager",
    "manager_email",
    "email",
    "address_1",
    "address_2",
    "address_3",
    "address_4",
    "language",
    "number",
)

FIELDS: Mapping[Kind, frozenset[str]] = {
    Kind.GROUP: frozenset({*_SHARED, "group"}),
    Kind.PERSON: frozenset({*_SHARED, "given_name", "surname", "person_number"}),
}
"""What an order row of each kind can carry; `number` is the mailer number, given by the station."""

ALL_FIELDS: frozenset[str] = frozenset().union(*FIELDS.values())
OPTIONAL: frozenset[str] = frozenset({"email", "address_2", "address_3", "address_4"})
"""Fields a row may leave empty; an address line of such fields alone is then left out."""


EXAMPLE: Mapping[str, str] = {
    "subscriber": "Gemeente Voorbeeldstad",
    "subscriber_number": "12345678",
    "country": "NL",
    "manager": "Zoë van den Heuvel",
    "manager_email": "beheer@voorbeeldstad.example.org",
    "email": "z.vandenheuvel@voorbeeldstad.example.org",
    "group": "Burgerzaken, balie Noord",
    "given_name": "Zoë",
    "surname": "van den Heuvel",
    "person_number": "P-000123",
    "address_1": "Stadhuisplein 1",
    "address_2": "1234 AB Voorbeeldstad",
    "number": "000123",
}
"""A row of no order, for specimens of letters and certificates."""


def columns(template: str, allowed: Iterable[str] = ALL_FIELDS) -> frozenset[str]:
    """The fields a template like `NTR{country}-{subscriber_number}` names; `ValueError` for any other."""
    known = frozenset(allowed)
    named = set()
    for _, name, spec, conversion in string.Formatter().parse(template):
        if name is None:
            continue
        if spec or conversion or name not in known:
            raise ValueError(f"{template!r} names {name!r}; known here: {', '.join(sorted(known))}")
        named.add(name)
    return frozenset(named)


def fill(template: str, fields: Mapping[str, str], where: str) -> str:
    """The template with fields filled in; raises `FieldFault` naming a missing or empty one."""
    for name in sorted(columns(template, {*ALL_FIELDS, *fields})):
        if not fields.get(name, "").strip():
            missing = "empty" if name in fields else "missing"
            raise FieldFault(f"{name} is {missing}", field=name, where=where, next=f"fill in {name}")
    return template.format_map(fields)
