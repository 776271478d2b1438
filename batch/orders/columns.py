"""The columns of an order file as data: names, synonyms, and what their cells may hold."""

from __future__ import annotations

from collections.abc import Mapping

from batch.tables import values
from batch.tables.columns import Column, ColumnSet
from layouts.fields import Kind

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

ORDER = ColumnSet("an order", COLUMNS, ALWAYS)
BY_NAME = ORDER.by_name
