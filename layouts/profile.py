"""Certificate profiles: what shall stand in a certificate, as data (R27, R28)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Literal

import msgspec

from drivers.authorities.port import CertificateTemplate, KeyUsage
from drivers.tokens import Algorithm, SignatureScheme
from layouts.errors import FieldFault
from layouts.fields import columns, fill
from layouts.strict import Wrong

ATTRIBUTES: Mapping[str, str] = {
    "CN": "2.5.4.3",
    "SN": "2.5.4.4",
    "serialNumber": "2.5.4.5",
    "C": "2.5.4.6",
    "L": "2.5.4.7",
    "ST": "2.5.4.8",
    "street": "2.5.4.9",
    "O": "2.5.4.10",
    "OU": "2.5.4.11",
    "title": "2.5.4.12",
    "postalCode": "2.5.4.17",
    "GN": "2.5.4.42",
    "initials": "2.5.4.43",
    "pseudonym": "2.5.4.65",
    "organizationIdentifier": "2.5.4.97",
}
"""Names of subject attributes (X.520, RFC 4519) and their OIDs."""

EXTENDED_USAGES: Mapping[str, str] = {
    "clientAuth": "1.3.6.1.5.5.7.3.2",
    "emailProtection": "1.3.6.1.5.5.7.3.4",
    "documentSigning": "1.3.6.1.5.5.7.3.36",
    "smartcardLogon": "1.3.6.1.4.1.311.20.2.2",
    "encryptingFileSystem": "1.3.6.1.4.1.311.10.3.4",
}
"""Names of extended key usages (RFC 5280 §4.2.1.12, RFC 9336) and their OIDs; others go by OID."""

# RFC 5280 appendix A.1, upper bounds, in characters.
_BOUNDS = {"CN": 64, "serialNumber": 64, "L": 128, "ST": 128, "street": 128, "O": 64, "OU": 64, "title": 64}
_BOUNDS |= {"postalCode": 40, "pseudonym": 128}
_COUNTRIES = {"C", "1.3.6.1.4.1.311.60.2.1.3"}
_PRINTABLES = {"serialNumber", "2.5.4.46"}
_ASCII = {"1.2.840.113549.1.9.1", "0.9.2342.19200300.100.1.25"}
_BIT_STRING = "2.5.4.45"
_LONGEST_CN = 64
"""Bytes of UTF-8: X.520 counts characters, but what reads and makes certificates here counts these."""
_NAMES = {oid: name for name, oid in ATTRIBUTES.items()}
_PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,./:=?-]+")
_OID = re.compile(r"([01]\.([0-9]|[123][0-9])|2\.(0|[1-9][0-9]{0,9}))(\.(0|[1-9][0-9]{0,9}))*")
_LONGEST_OID = 12  # arcs; DER of up to 63 bytes is read by most
_EMAIL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_RSA = frozenset({Algorithm.RSA2048, Algorithm.RSA3072})


class _Attribute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    attribute: str
    value: str
    optional: bool = False

    def __post_init__(self) -> None:
        if self.attribute == _BIT_STRING:
            raise Wrong("attribute", "is a bit string, which no text makes")
        if self.attribute not in ATTRIBUTES and not _is_oid(self.attribute):
            raise Wrong(
                "attribute", f"{self.attribute!r} is neither an OID nor one of {', '.join(ATTRIBUTES)}"
            )
        _checked("value", self.value)

    @property
    def oid(self) -> str:
        return ATTRIBUTES.get(self.attribute, self.attribute)


class _Name(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: Literal["email", "uri"]
    value: str
    optional: bool = False

    def __post_init__(self) -> None:
        _checked("value", self.value)


class _Usage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rsa: tuple[KeyUsage, ...]
    ec: tuple[KeyUsage, ...]

    def __post_init__(self) -> None:
        for key, bits, never in (
            ("rsa", self.rsa, {KeyUsage.KEY_AGREEMENT}),
            ("ec", self.ec, {KeyUsage.KEY_ENCIPHERMENT, KeyUsage.DATA_ENCIPHERMENT}),
        ):
            if not bits:
                raise Wrong(key, "at least one usage is needed")
            if wrong := never.intersection(bits):
                raise Wrong(key, f"no {key.upper()} key can do {', '.join(sorted(wrong))}")


class _Validity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    years: int = 0
    days: int = 0

    def __post_init__(self) -> None:
        if (self.years > 0) == (self.days > 0) or min(self.years, self.days) < 0:
            raise ValueError("give either years or days, above 0")
        if self.years > 30 or self.days > 11_000:
            raise ValueError("no certificate is valid for more than 30 years")

    def until(self, start: datetime) -> datetime:
        """The last second of the validity: RFC 5280 §4.1.2.5 counts both ends in."""
        if self.days:
            return start + timedelta(days=self.days, seconds=-1)
        year = start.year + self.years
        leap = start.month == 2 and start.day == 29
        end = start.replace(year=year, day=28 if leap and not _is_leap(year) else start.day)
        return end - timedelta(seconds=1)


class _Signature(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"p256": "p-256", "p384": "p-384"}
):
    rsa: Literal["rsa-pkcs1-sha256", "rsa-pss-sha256"]
    p256: Literal["ecdsa-sha256"] = "ecdsa-sha256"
    p384: Literal["ecdsa-sha384", "ecdsa-sha256"] = "ecdsa-sha384"


class _Standard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The type of certificate a linter shall hold it to, and the findings that are meant to be."""

    type: str
    accepted: tuple[str, ...] = ()


class ProfileFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of `profiles/`, as it is written."""

    title: str
    subject: tuple[_Attribute, ...]
    key_usage: _Usage
    validity: _Validity
    signature: _Signature
    extended_usage: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    alternative_names: tuple[_Name, ...] = ()
    standard: _Standard | None = None

    def __post_init__(self) -> None:
        if all(attribute.optional for attribute in self.subject):
            raise Wrong("subject", "a subject needs at least one attribute that is not optional")
        for index, usage in enumerate(self.extended_usage):
            if usage not in EXTENDED_USAGES and not _is_oid(usage):
                known = ", ".join(EXTENDED_USAGES)
                raise Wrong(("extended_usage", index), f"{usage!r} is neither an OID nor one of {known}")
        for index, policy in enumerate(self.policies):
            if not _is_oid(policy):
                raise Wrong(("policies", index), f"{policy!r} is no dotted OID")


@dataclass(frozen=True)
class Profile:
    """A certificate profile by its name, ready to make templates."""

    name: str
    file: ProfileFile

    @property
    def title(self) -> str:
        """What the profile is for, in words."""
        return self.file.title

    @cached_property
    def columns(self) -> frozenset[str]:
        """The fields this profile cannot do without."""
        return self._columns(optional=False)

    @cached_property
    def optional_columns(self) -> frozenset[str]:
        """The fields this profile uses where they are given."""
        return self._columns(optional=True) - self.columns

    def _columns(self, *, optional: bool) -> frozenset[str]:
        parts: tuple[_Attribute | _Name, ...] = (*self.file.subject, *self.file.alternative_names)
        return frozenset().union(*(columns(part.value) for part in parts if part.optional is optional))

    def key_usage(self, algorithm: Algorithm) -> frozenset[KeyUsage]:
        """The usage bits for a key of that family."""
        usage = self.file.key_usage
        return frozenset(usage.rsa if algorithm in _RSA else usage.ec)

    def scheme(self, algorithm: Algorithm) -> SignatureScheme:
        """How a key of that algorithm signs its certificate request (R28)."""
        signature = self.file.signature
        match algorithm:
            case Algorithm.P256:
                return SignatureScheme(signature.p256)
            case Algorithm.P384:
                return SignatureScheme(signature.p384)
            case _:
                return SignatureScheme(signature.rsa)

    def template(
        self, fields: Mapping[str, str], not_before: datetime, algorithm: Algorithm
    ) -> CertificateTemplate:
        """The finished certificate template for one row; `not_before` has a time zone, seconds count.

        Raises `FieldFault` naming a field that is missing, empty or unfit for a certificate.
        """
        if not_before.tzinfo is None:
            raise ValueError("not_before needs a time zone")
        start = not_before.astimezone(UTC).replace(microsecond=0)
        names = [
            (name.kind, self._fit(name.kind, name.value, fields))
            for name in self.file.alternative_names
            if not (name.optional and _is_empty(name.value, fields))
        ]
        return CertificateTemplate(
            subject=tuple(
                (part.oid, self._fit(_NAMES.get(part.oid, part.oid), part.value, fields))
                for part in self.file.subject
                if not (part.optional and _is_empty(part.value, fields))
            ),
            key_usage=self.key_usage(algorithm),
            not_before=start,
            not_after=self.file.validity.until(start),
            extended_usage=tuple(EXTENDED_USAGES.get(usage, usage) for usage in self.file.extended_usage),
            policies=self.file.policies,
            emails=tuple(value for kind, value in names if kind == "email"),
            uris=tuple(value for kind, value in names if kind == "uri"),
            profile=self.name,
        )

    def _fit(self, place: str, template: str, fields: Mapping[str, str]) -> str:
        where = f"profile {self.name}, {place}"
        value = fill(template, fields, where)
        field = next(iter(sorted(columns(template))), place)
        if reason := _unfit(place, value):
            raise FieldFault(f"{value!r} {reason}", field=field, where=where, next=f"correct {field}")
        return value


def _unfit(place: str, value: str) -> str | None:
    """Why a value cannot stand there (RFC 5280 §4.1.2.4 and §4.2.1.6), None where it can."""
    if not value:
        return "is empty"
    if not value.isprintable():
        return "holds a character that cannot be printed"
    if value != value.strip():
        return "begins or ends with a space"
    bound = _BOUNDS.get(place, 256)
    if len(value) > bound:
        return f"has {len(value)} characters, {bound} are allowed"
    if place == "CN" and len(value.encode()) > _LONGEST_CN:
        return f"has {len(value.encode())} bytes in UTF-8, {_LONGEST_CN} are allowed"
    if place in _ASCII and not value.isascii():
        return "may hold only letters without accents, digits and signs of ASCII"
    if place in _COUNTRIES and not re.fullmatch(r"[A-Z]{2}", value):
        return "is no country code of two capital letters (ISO 3166-1)"
    if place in _PRINTABLES and not _PRINTABLE.fullmatch(value):
        return "may hold only letters without accents, digits and ' ( ) + , - . / : = ?"
    if place == "email" and not _EMAIL.fullmatch(value):
        return "is no e-mail address"
    if place == "uri" and not _URI.fullmatch(value):
        return "is no URI"
    return None


def _is_oid(text: str) -> bool:
    return text.count(".") < _LONGEST_OID and _OID.fullmatch(text) is not None


def _checked(key: str, template: str) -> None:
    try:
        columns(template)
    except ValueError as error:
        raise Wrong(key, str(error)) from None


def _is_empty(template: str, fields: Mapping[str, str]) -> bool:
    return any(not fields.get(name, "").strip() for name in columns(template))


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
