"""The columns of a registry file, and what a value of the registry may be, wherever it was typed."""

from __future__ import annotations

import base64
import re
from datetime import date

from batch.model.errors import FaultyValue
from batch.model.registry import Document, Function
from batch.model.states import PersonState, SubscriberState
from batch.people import manager_certificates
from batch.tables import values
from batch.tables.columns import Column, ColumnSet
from batch.tables.values import BadValue, Check

LINES = (1, 2, 3, 4)
"""Of an address."""

_ORGANISATION = re.compile(r"NTR([A-Z]{2})-(.+)", re.IGNORECASE)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{4,28}")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_PERSON = re.compile(r"P[0-9]{8}")
_MOST_QUOTA = 1_000_000


def organisation(value: str) -> str:
    """An organizationIdentifier from a trade register (EN 319 412-1 §5.1.4)."""
    found = _ORGANISATION.fullmatch(value)
    if found is None or found[1].upper() not in values.COUNTRIES:
        raise BadValue("is no organizationIdentifier", "write it like NTRNL-90001234")
    country = found[1].upper()
    return f"NTR{country}-{values.legal_number(found[2], country)}"


def language(value: str) -> str:
    """A language tag (BCP 47), its first part in small letters."""
    if not _LANGUAGE.fullmatch(value) or len(value) > 35:
        raise BadValue("is no language tag", "write it like nl, en or it")
    first, *rest = value.split("-")
    return "-".join([first.lower(), *rest])


def phone(value: str) -> str:
    """A telephone number, best in international form."""
    if not _PHONE.fullmatch(value):
        raise BadValue("is no telephone number", "write it like +31 70 123 4567")
    return value


def quota(value: str) -> str:
    """A whole number of tokens."""
    if not (value.isascii() and value.isdigit() and len(value) < 8 and int(value) <= _MOST_QUOTA):
        raise BadValue(
            "is no number of tokens", f"write digits, at most {_MOST_QUOTA}, or nothing for any number"
        )
    return str(int(value))


def day(value: str) -> str:
    """A day as ISO 8601 writes it."""
    try:
        found = date.fromisoformat(value)
    except ValueError:
        found = None
    if found is None or found.isoformat() != value:
        raise BadValue("is no date", "write it like 2026-12-31")
    return value


def functions(value: str) -> str:
    """One or more functions, between spaces or commas."""
    words = value.casefold().replace(",", " ").split()
    if wrong := next((word for word in words if word not in list(Function)), None):
        raise BadValue(f"names {wrong!r}, which is no function", f"use {_choice(list(Function))}")
    return " ".join(one for one in Function if one in words)


def sha256(value: str) -> str:
    """A SHA-256 digest, hexadecimal."""
    if not _SHA256.fullmatch(value):
        raise BadValue("is no SHA-256", "write its 64 hexadecimal digits")
    return value.lower()


def person_number(value: str) -> str:
    """A person's number, as the registry gave it."""
    if not _PERSON.fullmatch(value):
        raise BadValue("is no person's number", "leave it empty for who is new; the registry gives numbers")
    return value


def certificate(value: str) -> str:
    """A certificate: its DER in base64, on one line."""
    try:
        data = base64.b64decode(value, validate=True)
        kept = manager_certificates.read(data, where="", now=None)
    except ValueError:
        raise BadValue("is no base64", "write the certificate's DER in base64, on one line") from None
    except FaultyValue as error:
        raise BadValue(error.what, error.next or "") from None
    return base64.b64encode(kept).decode()


def _one_of(*allowed: str) -> Check:
    def check(value: str) -> str:
        if value.casefold() not in allowed:
            raise BadValue("is none of what may stand here", f"use {_choice(allowed)}")
        return value.casefold()

    return check


def _choice(words: tuple[str, ...] | list[Function]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


OF_SUBSCRIBER: tuple[Column, ...] = (
    Column("subscriber", values.name(64), "the organisation's name as registered", ("abonnee", "abbonato")),
    *(Column(f"visiting_{line}", values.text(50), f"line {line} of the visiting address") for line in LINES),
    *(
        Column(f"postal_{line}", values.text(50), f"line {line} of the postal address, if another")
        for line in LINES
    ),
    Column("country", values.country, "the country of its addresses, such as NL", ("land", "paese")),
    Column("subscriber_language", language, "the language of what it gets: nl, en, it"),
    Column("notices_email", values.email, "the e-mail address that notices go to"),
    Column("quota", quota, "most tokens under way or valid at one time; empty: any number"),
    Column("subscriber_state", _one_of(*SubscriberState), "active or closed"),
)

OF_PERSON: tuple[Column, ...] = (
    Column("person", person_number, "the number the registry gave; empty for who is new"),
    Column(
        "functions", functions, "representative, contact, manager; several with spaces between", ("function",)
    ),
    Column("name", values.text(64), "the person's name", ("naam", "nome")),
    Column("email", values.email, "the person's e-mail address", ("e_mail", "mail")),
    Column("phone", phone, "the person's telephone number", ("telefoon", "telefono")),
    Column("language", language, "the language to write to the person in: nl, en, it", ("taal", "lingua")),
    Column("valid_from", day, "the first day of the functions; empty: no bound"),
    Column("valid_until", day, "the last day of the functions; empty: no bound"),
    Column("state", _one_of(*PersonState), "named, identified, registered or ended"),
    Column("since", day, "the day since which the person is in the registry"),
    Column("identified_by", values.text(64), "who identified the person"),
    Column("identified_on", day, "the day of it"),
    Column("document", _one_of(*Document), f"with which document: {', '.join(Document)}"),
    Column("terms_on", day, "the day the terms were signed"),
    Column("terms_sha256", sha256, "the SHA-256 of the signed terms"),
    Column("certificate", certificate, "the certificate orders are signed with: DER in base64"),
    Column("registered_on", day, "the day of the manager's first token"),
    Column("ended_on", day, "the day the functions ended"),
)

COLUMNS: tuple[Column, ...] = (
    Column("organisation", organisation, "the organizationIdentifier, such as NTRNL-90001234"),
    *OF_SUBSCRIBER,
    *OF_PERSON,
)

REGISTRY = ColumnSet("a registry", COLUMNS, ("organisation",))


def checked(column: str, value: str) -> str:
    """A value typed for a column, as it is kept, "" where none; raises `FaultyValue`."""
    try:
        value = values.clean(value)
        return REGISTRY.by_name[column].check(value) if value else ""
    except BadValue as error:
        raise FaultyValue(error.wrong, where=column, next=error.right) from None
