"""What one cell may hold: a check gives the value to keep, or says what is wrong and what is right."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from batch.tables.faults import quoted

Check = Callable[[str], str]

LANGUAGES = ("nl", "en", "it")

KINDS = {
    "group": "group",
    "groep": "group",
    "gruppo": "group",
    "person": "person",
    "persoon": "person",
    "persona": "person",
}

MOST_TOKENS_PER_ROW = 10_000

_ISO_3166 = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV
BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES
ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE
IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY
MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU
NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM
SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE
VG VI VN VU WF WS YE YT ZA ZM ZW
"""

COUNTRIES = frozenset(_ISO_3166.split())
"""ISO 3166-1 alpha-2."""

_FORMULA = "=+-@＝＋－＠"
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9./-]*")
_PERSONAL = "'’ʼ‘`´-‐.,· "
_SCRIPTS = {"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "HEBREW", "ARABIC"}
_LONGEST_CELL = 1_000
"""Characters; the longest value of any column has 254, and normalising a heap of marks takes its square."""

# Default_Ignorable_Code_Point (UAX #44) of categories that are none of _HIDDEN, and the empty Braille cell.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_HIDDEN = {
    "Cc": "a control character",
    "Cf": "an invisible or direction-changing character",
    "Cn": "an unassigned character",
    "Co": "a private-use character",
    "Cs": "half a character",
    "Zl": "a line break",
    "Zp": "a line break",
}


class BadValue(Exception):
    """A cell was refused: what is `wrong` with it, what would be `right`."""

    def __init__(self, wrong: str, right: str) -> None:
        super().__init__(wrong, right)
        self.wrong, self.right = wrong, right


def clean(raw: str) -> str:
    """The value in NFC, without spaces around it, every kind of space a plain one.

    Refuses characters nobody can see or that turn the direction of text, and what was lost in a conversion.
    """
    if raw.isascii() and raw.isprintable():
        return raw.strip(" ")
    if raw.isascii():
        value = raw.strip(" ")
    else:
        if len(raw) > _LONGEST_CELL:
            raise BadValue(f"has {len(raw):,} characters", "write the value alone")
        spaced = "".join(" " if unicodedata.category(char) == "Zs" else char for char in raw)
        value = unicodedata.normalize("NFC", spaced).strip(" ")
        if not value.isascii():
            _refuse_lost(value)
            if unseen := _UNSEEN.search(value):
                raise BadValue(*_hidden("an invisible character", unseen[0]))
    for char in value:
        if hidden := _HIDDEN.get(unicodedata.category(char)):
            hidden = {"\n": "a line break", "\r": "a line break", "\t": "a tab"}.get(char, hidden)
            raise BadValue(*_hidden(hidden, char))
    return value


def _hidden(what: str, char: str) -> tuple[str, str]:
    return f"has {what} in it (U+{ord(char):04X})", "take it out; one cell is one line of text"


def _refuse_lost(value: str) -> None:
    if "\ufffd" in value:
        raise BadValue("lost a character in a conversion", "type it again and save as 'CSV UTF-8'")
    try:
        meant = value.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return
    raise BadValue("was converted to UTF-8 twice", f"write {quoted(meant)} and save as 'CSV UTF-8'")


def folded(name: str) -> str:
    """A name as RFC 5280 §7.1 compares it: without case, compatibility forms and doubled spaces."""
    # Folding can undo the normal form: it makes an iota of U+0345, which then takes the accent behind it.
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join(plain.split())


def unaccented(text: str) -> str:
    """A text without accents and compatibility forms, as people type it who look for it."""
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))


def text(most: int) -> Check:
    """A check for free text of at most `most` characters that no spreadsheet takes for a formula."""

    def check(value: str) -> str:
        if value.startswith(tuple(_FORMULA)):
            wrong = f"begins with {value[0]}, which a spreadsheet would run as a formula"
            raise BadValue(wrong, "begin with a letter or digit")
        if len(value) > most:
            raise BadValue(f"has {len(value)} characters", f"use at most {most}")
        return value

    return check


def name(most: int) -> Check:
    """A check for a part of a subject name: as `text`, and no word mixed from look-alike scripts (R30)."""
    plain = text(most)

    def check(value: str) -> str:
        plain(value)
        if not any(char.isalnum() for char in value):
            raise BadValue("has no letter or digit", "write the name")
        if not value.isascii():
            if other := next((char for char in value if char.isdecimal() and not char.isascii()), None):
                raise BadValue(f"has the digit {quoted(other)} in it", "write digits as 0 to 9")
            for word in value.split():
                scripts = {unicodedata.name(char, "").partition(" ")[0] for char in word if char.isalpha()}
                if len(mixed := sorted(scripts & _SCRIPTS)) > 1:
                    wrong = f"mixes {' and '.join(script.title() for script in mixed)} letters in one word"
                    raise BadValue(wrong, "type the word again in one script")
        return value

    return check


def personal_name(value: str) -> str:
    """A given name or surname: at most 64 letters and their marks, spaces, hyphens, apostrophes, . and ,."""
    name(64)(value)
    for char in value:
        if not (char in _PERSONAL or unicodedata.category(char)[0] in "LM"):
            raise BadValue(
                f"has {quoted(char)} in it", "a person's name has letters, spaces, - ' . and , only"
            )
    return value


def number(most: int) -> Check:
    """A check for a number as a register or an employer gives it, fit for a PrintableString (X.520)."""
    plain = text(most)

    def check(value: str) -> str:
        plain(value)
        if not _NUMBER.fullmatch(value):
            raise BadValue(
                "is no such number",
                "use letters A-Z, digits, . / and - only, beginning with a letter or digit",
            )
        return value

    return check


def legal_number(value: str, country: str) -> str:
    """The number in the register of legal persons, without `NTRNL-` before it: 8 digits in NL (R27)."""
    bare = re.sub(rf"(?i)^NTR{country}-", "", value)
    if country != "NL":
        return number(20)(bare)
    if not (len(bare) == 8 and bare.isascii() and bare.isdigit()):
        dropped = bare.isascii() and bare.isdigit() and 5 <= len(bare) < 8
        hint = f"; spreadsheets drop leading zeros, was it {bare:0>8}?" if dropped else ""
        raise BadValue("is no number of the trade register", f"write its 8 digits{hint}")
    return bare


def email(value: str) -> str:
    """An address that fits an rfc822Name (RFC 5280 §4.2.1.6: ASCII only); whether it exists is not asked."""
    text(254)(value)
    if not value.isascii():
        raise BadValue(
            "has letters outside ASCII",
            "write the domain in its xn-- form, the part before @ in plain letters",
        )
    local, _, domain = value.rpartition("@")
    labels = domain.split(".")
    plausible = (
        len(local) <= 64
        and _LOCAL.fullmatch(local)
        and len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
    )
    if not plausible:
        raise BadValue("is no e-mail address", "write one address like name@example.org")
    return value


def country(value: str) -> str:
    """An ISO 3166-1 alpha-2 code in capitals."""
    if (code := value.upper()) not in COUNTRIES:
        raise BadValue("is no country code", "use the two letters of ISO 3166, such as NL, IT or GB")
    return code


def language(value: str) -> str:
    """One of `LANGUAGES`."""
    if (code := value.lower()) not in LANGUAGES:
        raise BadValue("is no language of this desk", f"use {', '.join(LANGUAGES[:-1])} or {LANGUAGES[-1]}")
    return code


def kind(value: str) -> str:
    """`group` or `person`, also in Dutch and Italian."""
    if (found := KINDS.get(value.casefold())) is None:
        raise BadValue("is no kind of token", "use group or person")
    return found


def count(value: str) -> str:
    """A whole number from 1 to `MOST_TOKENS_PER_ROW`, without leading zeros."""
    digits = value.isascii() and value.isdigit() and len(value) <= 12
    if not digits:
        whole = re.fullmatch(r"([1-9][0-9]{0,4})[.,]0+", value)
        right = f"write {whole[1]}" if whole else "write digits only, such as 12"
        raise BadValue("is no whole number", right)
    if not 1 <= int(value) <= MOST_TOKENS_PER_ROW:
        raise BadValue("is out of range", f"order 1 to {MOST_TOKENS_PER_ROW} tokens in one row")
    return str(int(value))
