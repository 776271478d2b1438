"""Token layouts: what is shipped, what a site adds, and how mistakes in them are told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from drivers.authorities.port import KeyUsage
from drivers.tokens import Algorithm, KeySpec, PinPolicy, TouchPolicy
from layouts.errors import FieldFault, FileFault, UnknownLayout
from layouts.library import SHIPPED, Library
from layouts.mailer import letter_for, rehearse
from layouts.notice import NOTICES
from layouts.token import Attestation
from tests.unit.letter_kit import LIBRARY, row


def own(tmp_path: Path, file: str, old: str = "", new: str = "", name: str | None = None) -> Path:
    """A site's directory with one shipped file in it, changed."""
    text = (SHIPPED / file).read_text()
    assert not old or old in text
    target = tmp_path / (f"{Path(file).parent}/{name}.toml" if name else file)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text.replace(old, new, 1) if old else text)
    return target


def line_of(file: Path, words: str) -> int:
    return next(number for number, line in enumerate(file.read_text().splitlines(), 1) if words in line)


def refused(tmp_path: Path) -> FileFault:
    with pytest.raises(FileFault) as caught:
        Library(tmp_path)
    return caught.value


def test_three_layouts_are_shipped_and_each_offers_three_algorithms() -> None:
    assert LIBRARY.names() == ("group-card", "group-usb", "personal-card")
    for name in LIBRARY.names():
        assert set(LIBRARY.token(name).algorithms) == {Algorithm.RSA2048, Algorithm.RSA3072, Algorithm.P256}


@pytest.mark.parametrize(
    ("name", "driver", "slots"),
    [
        ("group-card", "piv", {"authentication": "9a", "confidentiality": "9d"}),
        ("group-usb", "pkcs11", {"authentication": "01", "confidentiality": "02"}),
        ("personal-card", "piv", {"authentication": "9a", "signature": "9c", "confidentiality": "9d"}),
    ],
)
def test_shipped_slots_are_where_the_standard_has_them(name: str, driver: str, slots: dict[str, str]) -> None:
    layout = LIBRARY.token(name)
    assert layout.driver == driver
    assert {slot.name: slot.slot for slot in layout.slots} == slots
    assert layout.attestation is Attestation.REQUIRE


def test_shipped_codes_keep_the_rules() -> None:
    for name in LIBRARY.names():
        layout = LIBRARY.token(name)
        assert layout.pin.length >= 6
        assert layout.puk.length == 8
        assert layout.pin.refuse_trivial
        assert layout.puk.refuse_trivial
        assert layout.revocation.groups * layout.revocation.group_length == 12


def test_a_signature_key_asks_for_the_pin_each_time() -> None:
    made = LIBRARY.token("personal-card").keys()
    keys = {key.slot: key for key in made}
    assert keys["9c"].pin_policy is PinPolicy.ALWAYS
    assert keys["9d"].decrypts
    assert not keys["9c"].decrypts


def test_an_order_chooses_an_algorithm_of_those_offered() -> None:
    assert LIBRARY.token("group-card").algorithm is Algorithm.RSA2048
    chosen = LIBRARY.token("group-card:p-256")
    assert chosen.ref == "group-card:p-256"
    assert chosen.keys()[0] == KeySpec(
        slot="9a",
        algorithm=Algorithm.P256,
        label="Authentication",
        decrypts=False,
        pin_policy=PinPolicy.ONCE,
        touch_policy=TouchPolicy.NEVER,
    )
    assert {key.algorithm for key in chosen.keys(Algorithm.RSA3072)} == {Algorithm.RSA3072}
    with pytest.raises(UnknownLayout, match=r"no algorithm 'p-384'; it has: rsa-2048, rsa-3072, p-256"):
        LIBRARY.token("group-card:p-384")


def test_what_is_not_there_is_told_with_what_is() -> None:
    with pytest.raises(UnknownLayout, match="'card'; there are: group-card, group-usb, personal-card"):
        LIBRARY.token("card")
    with pytest.raises(UnknownLayout, match="there are: group-authentication"):
        LIBRARY.profile("x")
    with pytest.raises(UnknownLayout, match="there are: group-form, group-letter, personal-letter"):
        LIBRARY.mailer("x")


def test_columns_are_all_that_a_row_needs_and_never_the_station_s_own_number() -> None:
    assert LIBRARY.token("group-card").columns == {
        "subscriber",
        "subscriber_number",
        "country",
        "manager",
        "manager_email",
        "group",
        "address_1",
        "language",
    }
    personal = LIBRARY.token("personal-card")
    assert {"given_name", "surname", "person_number"} < personal.columns
    assert personal.optional_columns == {"email", "address_2", "address_3", "address_4"}


@pytest.mark.parametrize("name", LIBRARY.names())
def test_a_row_with_exactly_the_columns_is_made_into_all_there_is(name: str) -> None:
    layout = LIBRARY.token(name)
    fields = {column: row(name)[column] for column in layout.columns}
    assert layout.faults(fields) == ()
    rehearse(layout, letter_for(layout.mailer, {**fields, "number": "000317"}))


@pytest.mark.parametrize("name", LIBRARY.names())
def test_every_missing_column_is_told_at_once(name: str) -> None:
    layout = LIBRARY.token(name)
    faults = layout.faults({})
    assert {fault.field for fault in faults if isinstance(fault, FieldFault)} == layout.columns


def test_an_unfit_field_is_told_once_though_two_certificates_carry_it() -> None:
    (fault,) = LIBRARY.token("group-card").faults(row("group-card", group="x" * 65))
    assert isinstance(fault, FieldFault)
    assert fault.field == "group"


def test_a_label_too_long_for_a_token_is_an_error(tmp_path: Path) -> None:
    own(tmp_path, "tokens/group-card.toml", 'label = "Group {number}"', 'label = "{group}"')
    layout = Library(tmp_path).token("group-card")
    assert layout.token_label(row("group-card")) == "Burgerzaken balie Noord"
    with pytest.raises(FieldFault, match="34 bytes, 32 are allowed") as caught:
        layout.token_label(row("group-card", group="é" * 17))
    assert caught.value.field == "group"


def test_a_site_adds_and_replaces_by_name(tmp_path: Path) -> None:
    file = own(tmp_path, "tokens/group-card.toml", "length = 6", "length = 8")
    own(tmp_path, "tokens/group-usb.toml", name="our-usb")
    library = Library(tmp_path)
    assert library.token("group-card").pin.length == 8
    assert LIBRARY.token("group-card").pin.length == 6
    assert "our-usb" in library.names()
    (listed,) = [item for item in library.describe() if (item.kind, item.name) == ("token", "group-card")]
    assert listed.file == str(file)


def test_a_site_s_fonts_win_by_name(tmp_path: Path) -> None:
    (tmp_path / "fonts").mkdir()
    shutil.copy(SHIPPED / "fonts" / "DejaVuSans.ttf", tmp_path / "fonts")
    fonts = Library(tmp_path).mailer("group-letter").fonts
    assert fonts["text"].parent == tmp_path / "fonts"
    assert fonts["codes"].parent == SHIPPED / "fonts"


def test_every_layout_is_described() -> None:
    rows = LIBRARY.describe()
    kinds = (
        ["token"] * 3
        + ["profile"] * 5
        + ["mailer"] * 3
        + ["notice"] * len(NOTICES)
        + ["paper"]
        + ["label"] * 2
    )
    assert [item.kind for item in rows] == kinds
    assert all(item.title and item.details and Path(item.file).is_file() for item in rows)


@pytest.mark.parametrize(
    ("old", "new", "at", "words"),
    [
        (
            'profile = "group-confidentiality"',
            'profile = "goup"',
            'profile = "goup"',
            "no certificate profile",
        ),
        ('mailer = "group-letter"', 'mailer = "letter"', "mailer =", "there is no mailer 'letter'"),
        (
            "decrypts = true",
            "decrypts = false  # not so",
            "# not so",
            "is false, but group-confidentiality decrypts",
        ),
        ('kind = "group"', 'kind = "person"', "kind =", "which no order for a person has"),
        ('driver = "piv"', 'driver = "pvi"', "driver =", "no driver 'pvi'; there are: piv, pkcs11"),
        ('slot = "9d"', 'slot = "9f"', 'slot = "9f"', "'9f' is no piv slot"),
        ('slot = "9d"', 'slot = "9a"  # again', "# again", "another slot has the same slot"),
        ("length = 6", "length = 5", "length = 5", "6 to 16 are allowed (R19)"),
        ("length = 6", "length = 9", "length = 9", "a PIV PIN has 6 to 8 digits"),
        ("length = 8", "length = 7", "length = 7", "exactly 8 digits (R20)"),
        ("tries = 3", "tries = 11", "tries = 11", "1 to 10 are allowed"),
        ("groups = 3", "groups = 2", "group_length", "40 bits"),
        ('"p-256"]', '"p-256", "p-256"]', "algorithms =", "each once"),
        ('"p-256"]', '"p-521"]', "algorithms =", "one of: rsa-2048, rsa-3072, p-256, p-384"),
        ("{number}", "{serial}", "label =", "names 'serial'; known here"),
        ("refuse_trivial = true", "refuse_triviall = true", "refuse_triviall", "known here: length, tries"),
        ('title = "Group certificate on a smartcard"', "", "", "key 'title' is missing"),
    ],
)
def test_a_layout_that_makes_no_sense_is_refused_by_file_and_line(
    tmp_path: Path, old: str, new: str, at: str, words: str
) -> None:
    file = own(tmp_path, "tokens/group-card.toml", old, new)
    error = refused(tmp_path)
    assert words in str(error), str(error)
    assert error.file == str(file)
    assert error.line == line_of(file, at)


def test_a_bad_profile_is_refused_by_file_and_line(tmp_path: Path) -> None:
    file = own(tmp_path, "profiles/group-authentication.toml", "years = 3", "years = 3\nmonths = 2")
    error = refused(tmp_path)
    assert (error.file, error.line) == (str(file), line_of(file, "months"))


def test_a_change_of_profile_under_a_shipped_layout_is_cross_checked(tmp_path: Path) -> None:
    own(tmp_path, "profiles/group-authentication.toml", '["digitalSignature"]', '["keyEncipherment"]')
    assert "decrypts" in str(refused(tmp_path))


@pytest.mark.parametrize(
    ("old", "new", "at", "words"),
    [
        ("DejaVuSansMono-Bold.ttf", "Comic.ttf", "codes =", "no font file 'Comic.ttf'"),
        ("leading = 12.9", "leading = 9.9", "leading = 9.9", "lines would overlap"),
        ("width = 78", "width = 200", "[boxes.address]", "boxes.address: reaches over the edge of the paper"),
        ("names_certificate = true", "names_certificate = false", "names_certificate", "both or neither"),
        ("{subscriber}", "{subscribr}", "{subscribr}", "names 'subscribr'"),
        ("{revoke}", "{revok}", "{revok}", "names 'revok'"),
        ('specimen = "PROEF"', 'specimn = "PROEF"', "specimn", "unknown key 'specimn' in texts.nl"),
        ("frame = 9", "frame = 40", "label_x", "in that order inside the frame"),
        ("module = 0.33", "module = 0.1", "module", "0.19"),
    ],
)
def test_a_mailer_that_makes_no_sense_is_refused_by_file_and_line(
    tmp_path: Path, old: str, new: str, at: str, words: str
) -> None:
    file = own(tmp_path, "mailers/group-letter.toml", old, new)
    error = refused(tmp_path)
    assert words in str(error), str(error)
    assert error.file == str(file)
    assert error.line == line_of(file, at)


def test_a_file_s_name_is_the_layout_s_name(tmp_path: Path) -> None:
    own(tmp_path, "tokens/group-card.toml", name="Group Card")
    assert "lower-case" in str(refused(tmp_path))


def test_no_usage_of_a_key_that_signs_is_one_of_a_key_that_decrypts() -> None:
    for name in LIBRARY.names():
        for slot in LIBRARY.token(name).slots:
            for algorithm in LIBRARY.token(name).algorithms:
                signs = slot.profile.key_usage(algorithm) & {
                    KeyUsage.DIGITAL_SIGNATURE,
                    KeyUsage.NON_REPUDIATION,
                }
                assert bool(signs) is not slot.decrypts
