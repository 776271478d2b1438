"""The columns of an order file as data: names, synonyms, and what their cells may hold."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from batch.orders import values
from layouts.fields import Kind


@dataclass(frozen=True)
class Column:
    """One column: its name, the check of a filled cell, what to write in it, and other names it may have."""

    name: str
    check: values.Check
    meaning: str
    synonyms: tuple[str, ...] = ()


_ADDRESS = values.text(50)

COLUMNS: tuple[Column, ...] = (
    Column(
        "order",
        values.text(40),
        "the subscriber's reference for this order",
        (
            "order_reference",
            "reference",
            "bestelnummer",
            "bestelling",
            "ordernummer",
            "referentie",
            "kenmerk",
            "ordine",
            "numero_ordine",
            "riferimento",
        ),
    ),
    Column(
        "subscriber",
        values.name(64),
        "the organisation's name as registered",
        ("organisation", "organization", "abonnee", "organisatie", "abbonato", "organizzazione", "ente"),
    ),
    Column(
        "subscriber_number",
        values.text(40),
        "the organisation's number in the trade register, 8 digits",
        (
            "kvk",
            "kvk_nummer",
            "kvknummer",
            "abonneenummer",
            "organisatienummer",
            "numero_abbonato",
            "numero_registro",
        ),
    ),
    Column("country", values.country, "the organisation's country, such as NL", ("land", "paese", "nazione")),
    Column(
        "manager",
        values.text(64),
        "the certificate manager's name",
        ("certificate_manager", "certificaatbeheerder", "beheerder", "gestore", "gestore_certificati"),
    ),
    Column(
        "manager_email",
        values.email,
        "the certificate manager's e-mail address",
        (
            "manager_e_mail",
            "beheerder_e_mail",
            "certificate_manager_email",
            "beheerder_email",
            "e_mail_beheerder",
            "email_beheerder",
            "email_gestore",
            "e_mail_gestore",
        ),
    ),
    *(
        Column(
            f"address_{line}",
            _ADDRESS,
            f"line {line} of the address letters and tokens go to",
            (f"address{line}", f"adres_{line}", f"adres{line}", f"adresregel_{line}", f"indirizzo_{line}"),
        )
        for line in (1, 2, 3, 4)
    ),
    Column("language", values.language, "the language of letters: nl, en or it", ("taal", "lingua")),
    Column("kind", values.kind, "group or person", ("soort", "type", "tipo")),
    Column(
        "layout",
        values.text(64),
        "the token layout, such as group-card",
        ("token_layout", "token", "model", "modello"),
    ),
    Column("count", values.count, "how many tokens", ("aantal", "quantity", "quantita")),
    Column(
        "group",
        values.name(64),
        "the group's name, as its certificates shall bear it",
        ("group_name", "groep", "groepsnaam", "gruppo", "nome_gruppo"),
    ),
    Column(
        "given_name",
        values.personal_name,
        "the given name",
        ("first_name", "voornaam", "voornamen", "nome"),
    ),
    Column(
        "surname",
        values.personal_name,
        "the surname",
        ("last_name", "family_name", "achternaam", "cognome"),
    ),
    Column(
        "person_number",
        values.number(64),
        "the person's number at the subscriber",
        ("employee_number", "persoonsnummer", "personeelsnummer", "matricola", "numero_persona"),
    ),
    Column(
        "email",
        values.email,
        "the e-mail address for the certificates",
        ("e_mail", "mail", "emailadres", "e_mailadres", "posta_elettronica"),
    ),
)

BY_NAME = {column.name: column for column in COLUMNS}

OF_ORDER = ("order", "subscriber", "subscriber_number", "country")
"""One file is one order of one subscriber: every row has the same in these."""

OF_KIND: Mapping[Kind, tuple[str, ...]] = {
    Kind.GROUP: ("group",),
    Kind.PERSON: ("given_name", "surname", "person_number"),
}
"""Columns that a row of one kind must fill, and a row of the other must not unless its layout wants it."""

ALWAYS: tuple[str, ...] = (
    "order",
    "subscriber",
    "subscriber_number",
    "manager",
    "manager_email",
    "address_1",
    "language",
    "kind",
    "layout",
)
"""Columns that every file has and every row fills."""

HAS_DEFAULT = frozenset({"country", "count"})
"""Columns that may be left out or empty, whoever needs them: NL, and one token a row."""


_LONGEST_HEADER = 100
"""Characters of a header that may be one of ours; normalising a heap of marks takes its square."""


def find(header: str) -> Column | None:
    """The column a header names, in any case and by any synonym; None where it names none."""
    return _BY_HEADER.get(_folded(header)) if len(header) <= _LONGEST_HEADER else None


def nearest(header: str) -> str | None:
    """The canonical name that a mistyped header was most likely meant to be, None where none is near."""
    near = difflib.get_close_matches(_folded(header[:40]), _BY_HEADER, n=1)
    return _BY_HEADER[near[0]].name if near else None


def _folded(header: str) -> str:
    bare = "".join(char for char in unicodedata.normalize("NFKD", header) if not unicodedata.combining(char))
    return "_".join(re.split(r"[\s._-]+", bare.casefold().strip()))


_BY_HEADER = {name: column for column in COLUMNS for name in (column.name, *column.synonyms)}
