"""Every word of the screen is in every language, and each operator's language is kept."""

from __future__ import annotations

import ast
import gettext
import io
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from batch.model import assessment, dispatch, field, quarantine, registry, renewals, states
from batch.model.people import Means, Role
from batch.people.separation import RULES, Act
from station.tui import event_words, state_words
from station.tui.areas import AREAS
from station.tui.words import DOMAIN, FOLDER, LANGUAGES, speak, spoken
from tests.tui.playing import NORMAL, Player, playing

ROOT = Path(__file__).parents[2]
CATALOGUES = sorted(set(LANGUAGES) - {"en"})
KEYWORDS = {**DEFAULT_KEYWORDS, "n_": (1, 2), "N_": None}

SHOWN: tuple[type[StrEnum], ...] = (
    states.OrderState,
    states.ItemState,
    states.LetterState,
    states.FormState,
    states.LifeState,
    states.RenewalState,
    states.ParcelState,
    states.LoanState,
    states.AcknowledgementState,
    states.SubscriberState,
    states.PersonState,
    dispatch.Device,
    Means,
    dispatch.Channel,
    dispatch.Doubt,
    renewals.Pause,
    field.FieldAct,
    quarantine.Way,
    assessment.Level,
    assessment.SignatureResult,
    registry.Function,
    registry.Document,
)
"""Enums of `batch` of which the screen shows the members themselves."""

NO_EVENTS = {"find", "with_name", "joinpath"}
"""Functions that are given names of drivers and files, which look like those of events."""

CEREMONIES = {f"custody.{one}" for one in ("make", "split", "prove", "epochs", "destroy", "recover")}
SPOILING = set(quarantine.Way) - {quarantine.Way.RESUME}
TO_BE_SIGNED = {f"{act}.asked" for act, rule in RULES.items() if rule.persons > 1} - {
    # Whoever is needed signs at once.
    f"{act}.asked"
    for act in (Act.FOUND, Act.MANAGE_CUSTODY, Act.OPEN_CUSTODY)
}
PUT_TOGETHER = {
    "blanks.{how}": {f"blanks.{one}" for one in dispatch.Departure},
    "custody.{begun.kind}": CEREMONIES,
    "custody.{kind}.begun": {f"{one}.begun" for one in CEREMONIES},
    "forms.{to}": {f"forms.{one}" for one in ("spoiled", "missing", "destroyed")},
    "letter.{state}": {f"letter.{one}" for one in states.LetterState},
    "loan.{to}": {f"loan.{one}" for one in states.LoanState},
    "quarantine.{way}-begun": {f"quarantine.{one}-begun" for one in SPOILING},
    "token.{act}": {f"token.{one}" for one in field.FieldAct},
    "token.{done.act}": {f"token.{one}" for one in field.FieldAct},
    "token.{FieldAct.UNBLOCKED}": {"token.unblocked"},
    "{act}.asked": TO_BE_SIGNED,
    "{given.statement.act}.asked": TO_BE_SIGNED,
    "{_REPRINTED}.asked": set[str](),
}
"""Events whose names are put together in `batch`, by how they are, with all they may be."""

Words = str | tuple[str, ...] | list[str]


def catalogue(language: str) -> Catalog:
    with open(FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po", "rb") as file:
        return read_po(file, locale=language)


def words_in_code() -> set[str]:
    found = extract_from_dir(ROOT / "station" / "tui", keywords=KEYWORDS)
    return {in_one(one[2]) for one in found}


def messages(language: str) -> dict[str, tuple[str, ...]]:
    """What is said in how many forms, by the last form of it in English."""
    return {in_one(one.id): each(one.string) for one in catalogue(language) if one.id}


def in_one(words: Words) -> str:
    return words if isinstance(words, str) else words[-1]


def each(words: Words | None) -> tuple[str, ...]:
    return (words or "",) if words is None or isinstance(words, str) else tuple(words)


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{\w*\}", text))


def compiled(made: gettext.GNUTranslations) -> dict[object, str]:
    """What is in a compiled catalogue beside its header, which has the moment in it."""
    return {said: told for said, told in vars(made)["_catalog"].items() if said}


def events_written() -> Iterator[str]:
    """Every text such as `order.taken-back` that `batch` hands on, about a subject the log knows; one that is
    put together, such as `f"letter.{state}"`, with all that may stand in it.
    """
    subjects = {one.split()[0] for one in event_words.MARKED}
    event = re.compile(rf"(?:{'|'.join(subjects)})\.[a-z-]+")
    put_together = re.compile(rf"""f'(?:(?:{"|".join(subjects)})\.|{{\S*act}}\.)[^' ]*'""")
    for path in (ROOT / "batch").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr) and put_together.fullmatch(ast.unparse(node)):
                yield from PUT_TOGETHER[ast.unparse(node)[2:-1]]
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] not in NO_EVENTS:
                for given in (*node.args, *(one.value for one in node.keywords)):
                    if isinstance(given, ast.Constant) and event.fullmatch(str(given.value)):
                        yield str(given.value)


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_catalogue_has_the_words_of_the_code_and_no_others(language: str) -> None:
    code = words_in_code()
    kept = set(messages(language))
    assert code - kept == set(), "run `make words`, then translate"
    assert kept - code == set(), "run `make words`"


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_word_is_translated_for_certain(language: str) -> None:
    empty = [one.id for one in catalogue(language) if one.id and not all(each(one.string))]
    assert empty == []
    assert [one.id for one in catalogue(language) if one.id and one.fuzzy] == []


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_translation_holds_the_same_placeholders(language: str) -> None:
    for said, told in messages(language).items():
        for one in told:
            assert placeholders(one) == placeholders(said), said


@pytest.mark.parametrize("language", CATALOGUES)
def test_the_bar_of_areas_fits_a_screen_of_80_columns(language: str) -> None:
    told = messages(language)
    keys = len("F2") + sum(len(one.key) - 1 for one in AREAS[1:])
    gaps = len(AREAS) - 1 + len("[]")
    assert keys + gaps + sum(len(told[one.short][0]) for one in AREAS) <= NORMAL[0]


@pytest.mark.parametrize("language", CATALOGUES)
def test_what_is_compiled_is_what_was_written(language: str) -> None:
    made = io.BytesIO()
    write_mo(made, catalogue(language))
    with open(FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.mo", "rb") as file:
        kept = gettext.GNUTranslations(file)
    made.seek(0)
    fresh = gettext.GNUTranslations(made)
    assert compiled(kept) == compiled(fresh), "run `make words`"


@pytest.mark.parametrize("kind", SHOWN, ids=lambda kind: kind.__name__)
def test_every_state_that_is_shown_has_words(kind: type[StrEnum]) -> None:
    assert {one.value for one in kind} - set(state_words.MARKED) == set()


def test_every_role_has_words() -> None:
    assert {one.value.replace("-", " ") for one in Role} - set(state_words.MARKED) == set()


def test_every_event_of_the_log_has_words() -> None:
    written = {_without_stage(one) for one in events_written()}
    assert len(written) > 110
    plain = {one.replace(".", " ").replace("-", " ") for one in written - set(event_words.TOLD)}
    assert plain - set(event_words.MARKED) == set()


def _without_stage(event: str) -> str:
    """The event of an act that is under way as that of the act."""
    act, _dot, stage = event.rpartition(".")
    return act if "." in act and stage in event_words.STAGES else event


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ("operator.enrolled.asked", "medewerker ingeschreven (1 van 2)"),
        ("custody.split.begun", "bewaardelen gemaakt: begonnen"),
        ("quarantine.write-off-begun", "quarantaine: afschrijving begonnen"),
        ("letter.void", "brief vervallen"),
    ],
)
def test_an_event_that_is_put_together_is_told_in_the_operator_s_language(event: str, told: str) -> None:
    speak("nl")
    try:
        assert event_words.event_in_words(event) == told
    finally:
        speak("en")
    assert "." not in event_words.event_in_words(event)


async def speaks(player: Player, language: str) -> None:
    """Choose a language in the palette."""
    await player.press("ctrl+p")
    await player.type(LANGUAGES[language])
    await player.sees(f": {LANGUAGES[language]}")
    await player.press("down", "enter")
    await player.until(lambda: spoken() == language, language)
    await player.settled()


async def locks(player: Player) -> None:
    await player.press("ctrl+l")
    await player.until(lambda: player.app.operator is None, "the lock")


async def test_a_language_is_each_operators_own_and_found_again(home: Path) -> None:
    async with playing(home) as player:
        await player.log_in("olga")
        await player.press("f3")
        await player.sees("Lettr", "Commands, ? help")
        await speaks(player, "nl")
        await player.sees("Brief", "Depot", "Opdrachten, ? hulp")
        await locks(player)
        await player.log_in("dirk")
        await player.sees("Lettr", "Commands, ? help")
        await locks(player)
        await player.log_in("olga")
        await player.sees("Brief", "Opdrachten, ? hulp", "ordermedewerker")
    async with playing(home) as player:
        await player.sees("Brief", "Opdrachten, ? hulp", "ordermedewerker")
