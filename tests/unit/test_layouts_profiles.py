"""Certificate profiles become templates that `cryptography` takes, with the usages practice wants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from drivers.authorities.port import CertificateTemplate, KeyUsage
from drivers.tokens import Algorithm, SignatureScheme
from layouts.errors import FieldFault, FileFault
from layouts.profile import Profile, ProfileFile
from layouts.strict import loads
from tests.unit.letter_kit import LIBRARY, row

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RSA, EC = Algorithm.RSA2048, Algorithm.P256
ALL = sorted({slot.profile.name for name in LIBRARY.names() for slot in LIBRARY.token(name).slots})

TEXT = """\
title = "Test"
subject = [
  { attribute = "C", value = "{country}" },
  { attribute = "CN", value = "{group}" },
  { attribute = "2.5.4.13", value = "{email}", optional = true },
]
alternative_names = [
  { kind = "email", value = "{email}", optional = true },
  { kind = "uri", value = "urn:number:{number}" },
]
extended_usage = ["clientAuth", "1.2.3.4"]

[key_usage]
rsa = ["digitalSignature"]
ec = ["digitalSignature"]

[validity]
years = 3

[signature]
rsa = "rsa-pss-sha256"
"""


def made(text: str = TEXT) -> Profile:
    return Profile("test", loads(text, "test.toml", ProfileFile))


def template(name: str, algorithm: Algorithm = RSA, **changes: str) -> CertificateTemplate:
    return LIBRARY.profile(name).template(row(name, **changes), NOON, algorithm)


def name_of(template: CertificateTemplate) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(x509.ObjectIdentifier(oid), value) for oid, value in template.subject]
    )


def value(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    (attribute,) = name.get_attributes_for_oid(oid)
    return str(attribute.value)


def test_a_group_is_a_legal_person_with_the_station_s_number_as_serial() -> None:
    name = name_of(template("group-authentication"))
    assert value(name, NameOID.COUNTRY_NAME) == "NL"
    assert value(name, NameOID.ORGANIZATION_NAME) == "Gemeente Súdwest-Fryslân"
    assert value(name, NameOID.ORGANIZATION_IDENTIFIER) == "NTRNL-12345678"
    assert value(name, NameOID.COMMON_NAME) == "Burgerzaken balie Noord"
    assert value(name, NameOID.SERIAL_NUMBER) == "000317"


def test_a_person_has_given_name_surname_and_serial_number() -> None:
    name = name_of(template("personal-signature"))
    assert value(name, NameOID.GIVEN_NAME) == "Zoë"
    assert value(name, NameOID.SURNAME) == "Wałęsa-Şahin"
    assert value(name, NameOID.SERIAL_NUMBER) == "P-20417"
    assert value(name, NameOID.COMMON_NAME) == "Zoë Wałęsa-Şahin"


def test_two_tokens_of_one_group_have_different_subjects() -> None:
    one, other = (template("group-authentication", number=number).subject for number in ("000317", "000318"))
    assert one != other


@pytest.mark.parametrize(
    ("name", "algorithm", "bits", "usages"),
    [
        ("group-authentication", RSA, {"digitalSignature"}, {ExtendedKeyUsageOID.CLIENT_AUTH}),
        ("group-authentication", EC, {"digitalSignature"}, {ExtendedKeyUsageOID.CLIENT_AUTH}),
        ("group-confidentiality", RSA, {"keyEncipherment", "dataEncipherment"}, None),
        ("group-confidentiality", EC, {"keyAgreement"}, None),
        ("personal-authentication", EC, {"digitalSignature"}, {ExtendedKeyUsageOID.CLIENT_AUTH}),
        ("personal-confidentiality", Algorithm.RSA3072, {"keyEncipherment", "dataEncipherment"}, None),
        ("personal-confidentiality", EC, {"keyAgreement"}, None),
    ],
)
def test_usages_follow_purpose_and_family(
    name: str, algorithm: Algorithm, bits: set[str], usages: set[x509.ObjectIdentifier] | None
) -> None:
    made = template(name, algorithm)
    assert made.key_usage == {KeyUsage(bit) for bit in bits}
    if usages is not None:
        assert set(made.extended_usage) == {usage.dotted_string for usage in usages}


def test_a_signature_certificate_commits_and_signs_documents() -> None:
    made = template("personal-signature")
    assert made.key_usage == {KeyUsage.NON_REPUDIATION}
    assert "1.3.6.1.5.5.7.3.36" in made.extended_usage  # RFC 9336


@pytest.mark.parametrize("name", ALL)
def test_every_oid_is_one_that_cryptography_takes(name: str) -> None:
    made = template(name)
    for oid in (*made.extended_usage, *made.policies, *(oid for oid, _ in made.subject)):
        assert x509.ObjectIdentifier(oid).dotted_string == oid
    assert made.policies


def test_the_certificate_manager_is_reached_through_the_certificate() -> None:
    assert template("group-authentication").emails == ("z.walesa@sudwest.example",)


def test_an_optional_name_is_there_only_where_it_is_given() -> None:
    assert template("personal-signature").emails == ()
    assert template("personal-signature", email="zoe@x.example").emails == ("zoe@x.example",)
    assert made().optional_columns == {"email"}
    assert made().template(row("group"), NOON, RSA).uris == ("urn:number:000317",)


def test_the_scheme_follows_profile_and_family() -> None:
    group, person = LIBRARY.profile("group-authentication"), LIBRARY.profile("personal-signature")
    assert group.scheme(Algorithm.RSA3072) is SignatureScheme.RSA_PKCS1_SHA256
    assert person.scheme(Algorithm.RSA3072) is SignatureScheme.RSA_PSS_SHA256
    assert person.scheme(Algorithm.P256) is SignatureScheme.ECDSA_SHA256
    assert person.scheme(Algorithm.P384) is SignatureScheme.ECDSA_SHA384


def test_columns_are_those_of_the_templates() -> None:
    assert LIBRARY.profile("group-authentication").columns == {
        "country",
        "subscriber",
        "subscriber_number",
        "group",
        "number",
        "manager_email",
    }


@pytest.mark.parametrize("name", ALL)
def test_every_column_is_needed(name: str) -> None:
    for column in LIBRARY.profile(name).columns:
        for fields in (
            row(name, **{column: " "}),
            {key: text for key, text in row(name).items() if key != column},
        ):
            with pytest.raises(FieldFault, match=column) as refused:
                LIBRARY.profile(name).template(fields, NOON, RSA)
            assert refused.value.field == column


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"country": "nl"}, "country", "two capital letters"),
        ({"group": "x" * 65}, "group", "65 characters, 64 are allowed"),
        ({"group": "a\nb"}, "group", "cannot be printed"),
        ({"group": " a"}, "group", "begins or ends with a space"),
        ({"number": "№ 5"}, "number", "letters without accents"),
        ({"manager_email": "Zoë at home"}, "manager_email", "no e-mail address"),
    ],
)
def test_what_no_certificate_can_carry_is_refused_by_field(
    changes: dict[str, str], field: str, words: str
) -> None:
    name = "group-authentication"
    with pytest.raises(FieldFault, match=words) as refused:
        LIBRARY.profile(name).template(row(name, **changes), NOON, RSA)
    assert refused.value.field == field


def test_braces_in_a_field_are_mere_text() -> None:
    assert (
        value(name_of(template("group-authentication", group="{number}")), NameOID.COMMON_NAME) == "{number}"
    )


@pytest.mark.parametrize(
    ("validity", "start", "end"),
    [
        ("years = 3", NOON, datetime(2029, 3, 1, 11, 59, 59, tzinfo=UTC)),
        ("years = 1", datetime(2028, 2, 29, tzinfo=UTC), datetime(2029, 2, 27, 23, 59, 59, tzinfo=UTC)),
        ("years = 4", datetime(2028, 2, 29, tzinfo=UTC), datetime(2032, 2, 28, 23, 59, 59, tzinfo=UTC)),
        ("days = 90", NOON, NOON + timedelta(days=90, seconds=-1)),
    ],
)
def test_validity_counts_its_last_second_in(validity: str, start: datetime, end: datetime) -> None:
    made_template = made(TEXT.replace("years = 3", validity)).template(row("group"), start, RSA)
    assert (made_template.not_before, made_template.not_after) == (start, end)


def test_times_are_utc_in_whole_seconds_and_never_naive() -> None:
    local = datetime(2026, 3, 1, 14, 0, 0, 999, tzinfo=timezone(timedelta(hours=2)))
    assert made().template(row("group"), local, RSA).not_before == NOON
    with pytest.raises(ValueError, match="time zone"):
        made().template(row("group"), datetime(2026, 3, 1), RSA)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ('value = "{group}"', 'value = "{grup}"', 4, "names 'grup'; known here"),
        ('value = "{group}"', 'value = "{group!r}"', 4, "names 'group'"),
        ('value = "{group}"', 'value = "{group"', 4, "value"),
        ('attribute = "CN"', 'attribute = "NC"', 4, "'NC' is neither an OID nor one of CN"),
        ('"1.2.3.4"', '"clientAuthn"', 11, "'clientAuthn' is neither an OID nor one of"),
        ('rsa = ["digitalSignature"]', 'rsa = ["keyAgreement"]', 14, "no RSA key can do keyAgreement"),
        ('ec = ["digitalSignature"]', 'ec = ["dataEncipherment"]', 15, "no EC key can do dataEncipherment"),
        ('ec = ["digitalSignature"]', 'ec = ["signing"]', 15, "one of: digitalSignature"),
        ("years = 3", "years = 3\ndays = 4", 17, "either years or days"),
        ("years = 3", "years = 31", 17, "30 years"),
        ('rsa = "rsa-pss-sha256"', 'rsa = "md5"', 21, "one of: rsa-pkcs1-sha256, rsa-pss-sha256"),
    ],
)
def test_a_profile_that_makes_no_sense_is_refused_by_line(old: str, new: str, line: int, words: str) -> None:
    assert TEXT.count(old) == 1
    with pytest.raises(FileFault) as refused:
        made(TEXT.replace(old, new))
    assert words in str(refused.value), str(refused.value)
    assert refused.value.line == line
