"""The forms of the registry, and the options of its commands that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from batch.model.registry import Person, Subscriber
from station.tui.desk_screen import DeskScreen
from station.tui.dialogs.form import Field, Form
from station.tui.words import _

_SEVERAL = {"visiting": ";", "postal": ";", "function": " "}
"""Options that are given once for each part of what was typed, and what parts them."""


def subscriber_fields(before: Subscriber | None) -> list[Field]:
    """What is asked of a subscriber; its number is of new ones only."""
    number = [Field("organisation", _("Number"), "", _("such as NTRNL-90001234"))]
    lines = _("lines with ; between")
    return [
        *([] if before else number),
        Field("name", _("Name"), before.name if before else ""),
        Field("visiting", _("Visiting address"), "; ".join(before.visiting) if before else "", lines),
        Field("postal", _("Postal address"), "; ".join(before.postal) if before else "", lines),
        Field("country", _("Country"), before.country if before else "", _("such as NL")),
        Field("language", _("Language"), before.language if before else "", "nl, en, it"),
        Field("email", _("Notices to"), before.email if before else "", _("an e-mail address")),
        Field(
            "quota",
            _("Most tokens"),
            str(before.quota) if before and before.quota is not None else "",
            _("empty: any number"),
        ),
    ]


def person_fields(before: Person | None) -> list[Field]:
    """What is asked of a person."""

    def day(value: object) -> str:
        return str(value) if value else ""

    return [
        Field("name", _("Name"), before.name if before else ""),
        Field(
            "function",
            _("Functions"),
            " ".join(before.functions) if before else "manager",
            "representative contact manager",
        ),
        Field("email", _("E-mail"), before.email if before else ""),
        Field("phone", _("Telephone"), before.phone if before else ""),
        Field("language", _("Language"), before.language if before else "", "nl, en, it"),
        Field("from", _("First day"), day(before.valid_from) if before else "", "2026-12-31"),
        Field("until", _("Last day"), day(before.valid_until) if before else "", "2026-12-31"),
    ]


async def fill_in(
    screen: DeskScreen, title: str, fields: Sequence[Field], command: Sequence[str], about: str | None
) -> None:
    """Ask for what `command` (of `station registry`) takes in, as often as it is refused.

    `about` is whom it changes, or whose person it adds; None: whose number is typed.
    """
    before = fields if "change" in command else ()
    while typed := await screen.app.push_screen_wait(Form(title, fields, _("Save"))):
        options = given(typed, before)
        if before and not options:
            return
        number = typed["organisation"] if about is None else about
        if (await screen.act(title, "registry", *command, *options, "--", number)).done:
            return
        fields = [replace(one, value=typed[one.name]) for one in fields]


def given(typed: Mapping[str, str], before: Sequence[Field]) -> list[str]:
    """The options for what was typed otherwise than it stood there, or for all that was where nothing did."""
    stood = {one.name: one.value for one in before}
    options: list[str] = []
    for name, value in typed.items():
        if name == "organisation" or value == stood.get(name, ""):
            continue
        mark = _SEVERAL.get(name)
        parts = [value] if mark is None else [part.strip() for part in value.split(mark)]
        options += [f"--{name}={part}" for part in parts]
    return options
