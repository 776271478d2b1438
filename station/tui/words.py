"""The screen's words in the operator's language (gettext); what the desk's commands say stays as it is."""

from __future__ import annotations

import gettext
from pathlib import Path

DOMAIN = "station"
FOLDER = Path(__file__).parent / "locale"

LANGUAGES = {"en": "English", "nl": "Nederlands", "it": "Italiano"}
"""Every language there is a catalogue for, in its own words; English is what stands in the code."""


class _Spoken:
    """The catalogue in use; one screen speaks one language at a time."""

    language = "en"
    catalogue: gettext.NullTranslations = gettext.NullTranslations()


def speak(language: str) -> None:
    """Use a language from here on; one without a catalogue is English."""
    known = language if language in LANGUAGES else "en"
    _Spoken.language = known
    _Spoken.catalogue = gettext.translation(DOMAIN, FOLDER, languages=[known], fallback=True)


def spoken() -> str:
    """The language in use, such as `nl`."""
    return _Spoken.language


def _(text: str) -> str:
    """A text in the language in use; itself where the catalogue has none."""
    return _Spoken.catalogue.gettext(text) if text else ""


def n_(one: str, many: str, number: int) -> str:
    """A text for a number of things, with the number in it as `{number}`."""
    return _Spoken.catalogue.ngettext(one, many, number).format(number=number)


def N_(text: str) -> str:  # noqa: N802
    """Mark a text that is translated where it is shown, because it is written down before that."""
    return text
