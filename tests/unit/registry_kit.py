"""What the tests of the registry share: a subscriber, its manager, a certificate to sign orders with."""

from __future__ import annotations

import datetime as dt
from datetime import date

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from batch.model.registry import Document, Function, Identification, Person, Subscriber
from batch.model.states import PersonState
from batch.people import registry
from batch.store.database import Records

ORGANISATION = "NTRNL-90001234"
EMAIL = "n.vandertesten@example.org"

SUBSCRIBER = Subscriber(
    organisation=ORGANISATION,
    name="Ministerie van Voorbeeldzaken",
    visiting=("Verzonnenlaan 12", "9999 XX Nergenshuizen"),
    country="NL",
    language="nl",
    email="aanvragen@example.org",
    quota=200,
)

MANAGER = Person(
    number="",
    organisation=ORGANISATION,
    functions=(Function.MANAGER,),
    name="Noëlle van der Testen",
    email=EMAIL,
    phone="+31 70 123 4567",
    language="nl",
)

PASSPORT = Identification("ada", date(2026, 11, 1), Document.PASSPORT)


def subscribed(records: Records) -> Subscriber:
    return registry.add_subscriber(records, SUBSCRIBER, operator="ada")


def manager(records: Records, *, identified: bool = True) -> Person:
    """The manager of the subscriber, both made where there are none yet."""
    if registry.subscriber(records, ORGANISATION) is None:
        subscribed(records)
    person = registry.manager_of(records, ORGANISATION, EMAIL)
    person = person or registry.add_person(records, MANAGER, operator="ada")
    known = person.state is not PersonState.NAMED
    return (
        person
        if known
        else (registry.identify(records, person.number, PASSPORT, operator="ada") if identified else person)
    )


def certificate(
    *,
    days: tuple[int, int] = (-10, 365),
    usage: str | None = "digital_signature",
    ca: bool = False,
    curve: ec.EllipticCurve | None = None,
) -> x509.Certificate:
    """A certificate valid between two days from today, whose key is for `usage`, None: it does not say."""
    key = ec.generate_private_key(curve or ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Noëlle van der Testen")])
    now = dt.datetime.now(dt.UTC)
    begin, end = (now + dt.timedelta(days=day) for day in days)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), begin, end)
    if usage is not None:
        names = (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        )
        flags = {one: one == usage for one in names}
        builder = builder.add_extension(x509.KeyUsage(**flags), critical=True)
    if ca:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256())


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)
