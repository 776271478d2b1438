"""Notices to a subscriber about an order: what they say in each language, as TOML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import msgspec

from layouts.fields import columns, fill
from layouts.forms import Name, Words
from layouts.languages import Translated, need_texts
from layouts.strict import Wrong

_OF_ORDER = frozenset(
    {"number", "reference", "subscriber", "managers", "tokens", "received", "decided", "reason"}
)
_OF_PARCEL = frozenset({"parcel", "subscriber", "managers", "certificates", "sent", "courier", "by"})
_OF_EXPIRY = frozenset({"subscriber", "managers", "certificates", "by", "days"})
_OF_LOAN = frozenset({"number", "subscriber", "managers", "device", "lent", "by"})

NOTICES: Mapping[str, frozenset[str]] = {
    "received": _OF_ORDER,
    "approved": _OF_ORDER,
    "rejected": _OF_ORDER,
    "acknowledge": _OF_PARCEL,
    "unacknowledged": _OF_PARCEL,
    "loan": _OF_LOAN,
    "expiring": _OF_EXPIRY,
}
"""The notices there are, each a file of that name, and what its texts may name besides its sender."""

NOTICE_FIELDS: frozenset[str] = frozenset().union(*NOTICES.values())

SENDER_FIELDS: frozenset[str] = frozenset({"sender", "help"})

Body = Annotated[str, msgspec.Meta(min_length=1, max_length=8_000)]


class NoticeSender(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who writes, and whom to ask."""

    name: Name
    help: Words


class NoticeTexts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A notice in one language: its subject in one line, and its body."""

    subject: Words
    body: Body

    def __post_init__(self) -> None:
        if "\n" in self.subject:
            raise Wrong("subject", "is one line")
        for name, template in (("subject", self.subject), ("body", self.body)):
            try:
                columns(template, NOTICE_FIELDS | SENDER_FIELDS)
            except ValueError as error:
                raise Wrong(name, str(error)) from None


class NoticeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of `notices/`, as it is written."""

    title: Name
    sender: NoticeSender
    texts: dict[str, NoticeTexts]

    def __post_init__(self) -> None:
        need_texts(self.texts)


@dataclass(frozen=True)
class Notice:
    """A notice filled in: its subject in one line, and its body, which ends with a line break."""

    language: str
    subject: str
    body: str


@dataclass(frozen=True)
class NoticeLayout(Translated[NoticeTexts]):
    """A notice layout by its name."""

    file: NoticeFile
    columns: ClassVar[frozenset[str]] = frozenset()
    """No column of an order's row: a notice tells of the order."""

    optional_columns: ClassVar[frozenset[str]] = frozenset()

    def compose(self, language: str, fields: Mapping[str, str]) -> Notice:
        """The notice in a language; `fields` are those of `NOTICE_FIELDS` that are known.

        Raises `UnknownLayout` for a language without texts, `FieldFault` for a field that is not filled.
        """
        texts, where = self.texts_in(language, "notice"), f"notice {self.name}"
        sender = {"sender": self.file.sender.name, "help": self.file.sender.help}
        known = {**dict.fromkeys(NOTICE_FIELDS, ""), **fields, **sender}
        subject, body = (fill(template, known, where) for template in (texts.subject, texts.body))
        return Notice(language, " ".join(subject.split()), f"{body.rstrip()}\n")
