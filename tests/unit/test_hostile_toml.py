"""Configuration and layouts may say anything: they are taken, or refused by file and line, and cheaply."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.production.certificates import build_csr
from drivers.tokens import Algorithm
from layouts.errors import FieldFault, FileFault, LayoutError
from layouts.fields import ALL_FIELDS
from layouts.forms import MailerFile, MailerLayout
from layouts.label import LabelFile
from layouts.library import SHIPPED, Library
from layouts.mailer import sample
from layouts.notice import NoticeFile
from layouts.papers import PaperFile
from layouts.profile import Profile, ProfileFile
from layouts.report_texts import ReportFile
from layouts.strict import loads, read
from layouts.token import TokenFile
from layouts.toml_text import DEEPEST, LARGEST
from station.config import Configuration, example, parse
from tests.unit.limits import within
from tests.unit.refusals import refusal

TYPES: Mapping[str, type] = {
    "labels": LabelFile,
    "profiles": ProfileFile,
    "mailers": MailerFile,
    "notices": NoticeFile,
    "papers": PaperFile,
    "reports": ReportFile,
    "tokens": TokenFile,
}
SHIPPED_FILES = [(path.read_text(), TYPES[path.parent.name]) for path in sorted(SHIPPED.glob("*/*.toml"))]
FILES = [*SHIPPED_FILES, (example(), Configuration)]
SIGNS = [
    "[",
    "]",
    "[[",
    "{",
    "}",
    '"""',
    "'''",
    '"',
    "=",
    ".",
    ",",
    "#",
    "\n",
    "\r",
    "\\",
    "\\u0000",
    "\\u001b",
]
NUMBERS = ["true", "nan", "inf", "-1", "0", "1e999", "9" * 5000, "0x" + "f" * 5000, "1979-05-27"]
FIELDS = ["{subscriber}", "{subscriber!r}", "{0}", "{}", "{subscriber.__class__}", "{subscriber:>99999999}"]
TEXTS = ["../../etc/passwd", "é" * 300, "[a.b]", "x" * 3000, "2.5.4.٣", "\u202e", "\ud7ff\U0010ffff"]
WORDS = [*SIGNS, *NUMBERS, *FIELDS, *TEXTS]


def mutated(text: str, chance: random.Random) -> str:
    """A file after a few slips: parts left out, doubled, or replaced by what nobody should write."""
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(text))
        to = min(len(text), at + chance.choice((0, 0, 1, 3, 30)))
        text = text[:at] + chance.choice([*WORDS, text[at:to] * 3, ""]) + text[to:]
    return text


@settings(max_examples=300)
@given(st.sampled_from(FILES), st.randoms(use_true_random=False))
def test_no_slip_in_a_file_breaks_its_reading(file: tuple[str, type], chance: random.Random) -> None:
    text = mutated(file[0], chance)
    if fault := refusal(FileFault, lambda: loads(text, "some.toml", file[1])):
        assert 1 <= fault.line <= text.count("\n") + 1
        assert str(fault).isprintable()


@settings(max_examples=100)
@given(st.text(alphabet="[]{}=\"'.,#\n\r\t \\a1-é\0\x1b\ud7ff", max_size=120))
def test_no_text_breaks_the_reading_of_configuration(text: str) -> None:
    with pytest.raises(FileFault):
        parse(text, "station.toml")


VARIABLES = "".join(f"V{number}=''\n" for number in range(9_000))
BOMBS: Mapping[str, Callable[[], str]] = {
    "arrays in arrays": lambda: "x = " + "[" * 60_000 + "]" * 60_000,
    "tables in tables": lambda: "x = " + "{a=" * 30_000 + "1" + "}" * 30_000,
    "a key of many parts": lambda: ".".join("a" * 65_000) + " = 1",
    "a quoted key of many parts": lambda: '"a".' * 30_000 + "a = 1",
    "a head of many parts": lambda: f"[{'.'.join('a' * 60_000)}]",
    "a number without end": lambda: "x = " + "9" * 100_000,
    "a file too large": lambda: "# " + "x" * LARGEST,
    "an array of many lines": lambda: "x = [\n" + "1,\n" * 40_000 + "]\n",
    "many keys": lambda: "".join(f"k{n}=1\n" for n in range(15_000)),
    "many tables": lambda: "".join(f"[t{n}]\n" for n in range(14_000)),
    "many variables of a seat": lambda: (
        example().replace(
            "[seat.environment] ", "[seat.environment]\n" + "".join(f"V{n}=''\n" for n in range(9_000))
        )
        + '\n[keys.more]\nx="="\n'
    ),
    "quotes that never close": lambda: 'x = """' + '\\"""' * 30_000,
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_file_made_to_exhaust_is_refused_in_bounded_time_and_memory(kind: str) -> None:
    within(f"{__name__}:blow", kind, seconds=8, megabytes=600)


def blow(kind: str) -> None:
    """Read one of `BOMBS` as configuration."""
    fault = refusal(FileFault, lambda: parse(BOMBS[kind](), "station.toml"))
    assert fault is not None, "it was taken"
    assert len(str(fault)) < 1000


def test_as_deep_as_allowed_is_not_refused_for_that() -> None:
    for text in ("x = " + "[" * DEEPEST + "]" * DEEPEST, ".".join("x" * DEEPEST) + " = 1"):
        with pytest.raises(FileFault, match="unknown key 'x'"):
            parse(text, "station.toml")
    with pytest.raises(FileFault, match=rf":2: is nested more than {DEEPEST} deep"):
        parse("\nx = " + "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "station.toml")


@pytest.mark.parametrize(
    ("here", "instead", "said"),
    [
        ('"Certificate desk"  ', '"Certificate\\u0000 desk"', "holds the control character U+0000"),
        ('"Certificate desk"  ', '"Certificate \\u001b[2J"', "holds the control character U+001B"),
        ("SOFTHSM2_CONF =", '"SOFTHSM2=CONF" =', "seat[2].environment.SOFTHSM2=CONF: is no name of letters"),
        ("SOFTHSM2_CONF =", '"" =', "is no name of letters"),
        ('name = "Certificate desk"', f"name = {'9' * 5000}", "a number has too many digits"),
    ],
)
def test_what_no_process_could_be_started_with_is_refused(here: str, instead: str, said: str) -> None:
    assert here in example()
    with pytest.raises(FileFault) as refused:
        parse(example().replace(here, instead), "station.toml")
    assert said in str(refused.value)


def test_a_pipe_or_a_device_is_no_file_of_settings(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    for path, why in (
        (tmp_path / "pipe.toml", "no plain file"),
        (Path("/dev/zero"), "no plain file"),
        (tmp_path, "Is a directory"),
    ):
        with pytest.raises(FileFault, match=why):
            read(path, Configuration)


class TestFonts:
    @pytest.mark.parametrize(
        "name", ["../DejaVuSans.ttf", "/etc/passwd", "", "..", "a\\nb", "x" * 300, "a/b.ttf"]
    )
    def test_are_files_of_a_fonts_folder_only(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "mailers").mkdir()
        letter = (SHIPPED / "mailers/group-letter.toml").read_text()
        assert 'text = "DejaVuSans.ttf"' in letter
        (tmp_path / "mailers/other.toml").write_text(
            letter.replace('text = "DejaVuSans.ttf"', f'text = "{name}"', 1)
        )
        with pytest.raises(FileFault, match="there is no font file"):
            Library(tmp_path)

    @pytest.mark.parametrize("cut", [0, 1, 11, 100, 5000, 300_000])
    def test_that_are_none_are_told(self, tmp_path: Path, cut: int) -> None:
        whole = bytearray((SHIPPED / "fonts/DejaVuSans.ttf").read_bytes())
        whole[cut : cut + 400] = b"\xff" * 400
        mailer = Library().mailer("group-letter")
        for place, content in (("cut.ttf", whole[:cut]), ("spoilt.ttf", whole)):
            (tmp_path / place).write_bytes(content)
            fonts = {**mailer.fonts, "text": tmp_path / place}
            refusal(LayoutError, partial(sample, MailerLayout("other", mailer.file, fonts), "nl"))


LETTERS = [text for text, type_ in SHIPPED_FILES if type_ is MailerFile]


@settings(max_examples=60)
@given(st.sampled_from(LETTERS), st.randoms(use_true_random=False))
def test_a_letter_that_is_taken_is_drawn_or_refused(letter: str, chance: random.Random) -> None:
    try:
        file = loads(mutated_values(letter, chance), "letter.toml", MailerFile)
    except FileFault:
        return
    layout = MailerLayout("letter", file, Library().mailer("group-letter").fonts)
    for language in layout.languages:
        refusal(LayoutError, partial(sample, layout, language))


def mutated_values(text: str, chance: random.Random) -> str:
    """Some values replaced by others of their type, at and beyond what is sensible."""
    lines = text.split("\n")
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(lines))
        key, equals, value = lines[at].partition(" = ")
        if equals:
            plain = value[:1].isdigit()
            numbers = ["0", "0.0001", "1999", "2000", "4", "200", "inf", "nan", "-0.0", "50"]
            words = [
                '""',
                '" "',
                '"\\u0300"',
                '"{number}"',
                f'"{"W" * 1999}"',
                f'"{"{group}" * 200}"',
                '"\\u05d0"',
            ]
            lines[at] = f"{key} = {chance.choice(numbers if plain else words)}"
    return "\n".join(lines)


def test_a_pattern_has_an_end() -> None:
    letter = LETTERS[0]
    assert "inks = [" in letter
    start = letter.index("inks = [")
    end = letter.index("]", start)
    many = letter[:start] + "inks = [" + "0.5, " * 9 + letter[end:]
    with pytest.raises(FileFault, match="inks"):
        loads(many, "letter.toml", MailerFile)


PROFILE = next(text for text, type_ in SHIPPED_FILES if type_ is ProfileFile)
NAMED = ["CN", "O", "C", "serialNumber", "organizationIdentifier"]
NUMBERED = ["2.5.4.45", "2.5.4.46", "1.3.6.1.4.1.311.60.2.1.3", "1.2.840.113549.1.9.1"]
ODD = ["0.9.2342.19200300.100.1.25", "1.40.1", "0.39", "2.9999999999.1", "2.5.4.٣", "3.1"]
ATTRIBUTES = st.sampled_from([*NAMED, *NUMBERED, *ODD])
OIDS = st.one_of(
    st.from_regex(r"\A[0-3](\.[0-9]{1,11}){1,14}\Z"), st.sampled_from(["1.3.6.1", "2.5.29.37.0", "1.40", "0"])
)
SAID = ["É" * 64, "É" * 32, "NL", "nl", "", " ", "\x7f", "a" * 65]
VALUES = st.one_of(st.text(max_size=70), st.sampled_from(SAID))


@pytest.fixture(scope="module")
def public_key() -> tuple[bytes, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), key


@settings(max_examples=200)
@given(ATTRIBUTES, VALUES, st.lists(OIDS, max_size=2), st.lists(OIDS, max_size=2), st.text(max_size=20))
def test_what_a_profile_and_a_row_let_through_makes_a_certificate_request(
    public_key: tuple[bytes, ec.EllipticCurvePrivateKey],
    attribute: str,
    value: str,
    usages: list[str],
    policies: list[str],
    local: str,
) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    from drivers.authorities.certificates import NOWHERE, _extensions, requested

    text = f'''
title = "t"
extended_usage = {usages!r}
policies = {policies!r}
validity = {{ years = 1 }}
signature = {{ rsa = "rsa-pss-sha256" }}
key_usage = {{ rsa = ["digitalSignature"], ec = ["digitalSignature"] }}
[[subject]]
attribute = "{attribute}"
value = "{{group}}"
[[alternative_names]]
kind = "email"
value = "{{surname}}@example.org"
'''
    try:
        profile = Profile("p", loads(text, "p.toml", ProfileFile))
    except FileFault:
        return
    fields = {**dict.fromkeys(ALL_FIELDS, "x"), "group": value, "surname": local}
    try:
        template = profile.template(fields, datetime(2026, 1, 1, tzinfo=UTC), Algorithm.P256)
    except FieldFault:
        return
    spki, key = public_key
    scheme = profile.scheme(Algorithm.P256)
    csr = build_csr(spki, template, scheme, lambda _, message: key.sign(message, ec.ECDSA(SHA256())))
    request = requested(csr, template)
    issuer = (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(request.subject)
        .serial_number(1)
        .public_key(request.public_key())
        .not_valid_before(template.not_before)
        .not_valid_after(template.not_after)
        .add_extension(x509.SubjectKeyIdentifier(b"1"), critical=False)
        .sign(key, SHA256())
    )
    assert _extensions(request, template, issuer, NOWHERE)


def test_a_name_too_long_in_bytes_is_told_at_intake() -> None:
    profile = Profile("p", loads(PROFILE, "p.toml", ProfileFile))
    fields = {**dict.fromkeys(ALL_FIELDS, "x"), "country": "NL", "group": "É" * 33}
    fields["manager_email"] = "beheer@example.org"
    with pytest.raises(FieldFault, match="has 66 bytes in UTF-8, 64 are allowed"):
        profile.template(fields, datetime(2026, 1, 1, tzinfo=UTC), Algorithm.P256)
