"""Layouts whose words are there in several languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from layouts.errors import UnknownLayout
from layouts.strict import Wrong

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class TranslatedFile(Protocol[T_co]):
    """A file with a title and its texts by language."""

    @property
    def title(self) -> str:
        """What it is for, in words."""
        ...

    @property
    def texts(self) -> Mapping[str, T_co]:
        """By language, such as `nl`."""
        ...


@dataclass(frozen=True)
class Translated(Generic[T]):
    """A layout by its name, with the file it is written in."""

    name: str
    file: TranslatedFile[T]

    @property
    def title(self) -> str:
        """What it is for, in words."""
        return self.file.title

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages it is written in."""
        return tuple(sorted(self.file.texts))

    def texts_in(self, language: str, kind: str) -> T:
        """The words in a language; raises `UnknownLayout`, which calls the layout by its kind."""
        found = self.file.texts.get(language)
        if found is None:
            raise UnknownLayout(
                f"there is no text in language {language!r}",
                where=f"{kind} {self.name}",
                next=f"there are: {', '.join(self.languages)}",
            )
        return found


def need_texts(texts: Mapping[str, object]) -> None:
    """Raise `Wrong` for a file without any language."""
    if not texts:
        raise Wrong("texts", "at least one language is needed")
