"""The layouts a station has: those shipped, and a site's own, which win by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from layouts.errors import FileFault, UnknownLayout
from layouts.fields import FIELDS, columns
from layouts.forms import FontRole, MailerFile, MailerLayout
from layouts.label import LabelFile, LabelLayout
from layouts.notice import NOTICE_FIELDS, NOTICES, SENDER_FIELDS, NoticeFile, NoticeLayout
from layouts.papers import PaperFile, PaperLayout
from layouts.profile import Profile, ProfileFile
from layouts.strict import Document, read
from layouts.token import DECRYPTING, Slot, TokenFile, TokenLayout

SHIPPED = Path(__file__).parent
"""The directory of the layouts that come with the program: `tokens/`, `profiles/`, `mailers/`, …"""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FONT = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}")
T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """One layout as `station layouts` lists it; `kind` says which, `details` are words."""

    kind: str
    name: str
    title: str
    details: str
    columns: tuple[str, ...]
    optional_columns: tuple[str, ...]
    file: str


class Library:
    """All layouts of the shipped directory and the given ones, later ones replacing earlier ones by name.

    Everything is read and cross-checked at once; raises `FileFault` with file and line.
    """

    def __init__(self, *directories: Path) -> None:
        self._directories = (SHIPPED, *directories)
        self._files: dict[tuple[str, str], Path] = {}
        self._profiles = {
            name: Profile(name, document.value) for name, document in self._read("profiles", ProfileFile)
        }
        self._mailers = {
            name: self._mailer(name, document) for name, document in self._read("mailers", MailerFile)
        }
        self._notices = {
            name: self._notice(name, document) for name, document in self._read("notices", NoticeFile)
        }
        self._papers = {
            name: self._paper(name, document) for name, document in self._read("papers", PaperFile)
        }
        self._labels = {
            name: self._label(name, document) for name, document in self._read("labels", LabelFile)
        }
        self._tokens = {
            name: self._token(name, document) for name, document in self._read("tokens", TokenFile)
        }

    def token(self, ref: str) -> TokenLayout:
        """The layout for `name` or `name:algorithm` as an order gives it; raises `UnknownLayout`."""
        name, colon, wanted = ref.partition(":")
        layout = _find("token layout", name, self._tokens)
        if not colon:
            return layout
        offered = {str(algorithm): algorithm for algorithm in layout.algorithms}
        if wanted not in offered:
            raise UnknownLayout(
                f"token layout {name} has no algorithm {wanted!r}", next=f"it has: {', '.join(offered)}"
            )
        return replace(layout, algorithm=offered[wanted])

    def profile(self, name: str) -> Profile:
        """The certificate profile of that name; raises `UnknownLayout`."""
        return _find("certificate profile", name, self._profiles)

    def mailer(self, name: str) -> MailerLayout:
        """The mailer layout of that name; raises `UnknownLayout`."""
        return _find("mailer", name, self._mailers)

    def notice(self, name: str) -> NoticeLayout:
        """The notice of that name; raises `UnknownLayout`."""
        return _find("notice", name, self._notices)

    def papers(self, name: str) -> PaperLayout:
        """The papers of that name; raises `UnknownLayout`."""
        return _find("layout of papers", name, self._papers)

    def label(self, name: str) -> LabelLayout:
        """The label of that name; raises `UnknownLayout`."""
        return _find("label", name, self._labels)

    def names(self) -> tuple[str, ...]:
        """The names of the token layouts, sorted."""
        return tuple(sorted(self._tokens))

    def describe(self) -> tuple[Row, ...]:
        """Every layout as a row: tokens, profiles, mailers, notices, papers, labels, each sorted by name."""
        rows: list[Row] = []
        for name, token in sorted(self._tokens.items()):
            slots = ", ".join(f"{slot.name} in {slot.slot} ({slot.profile.name})" for slot in token.slots)
            algorithms = ", ".join(token.algorithms)
            details = f"{token.driver}, {token.kind}; {algorithms}; {slots}; mailer {token.mailer.name}"
            rows.append(self._row("token", name, token, details))
        for name, profile in sorted(self._profiles.items()):
            bits = (f"{key}: {', '.join(getattr(profile.file.key_usage, key))}" for key in ("rsa", "ec"))
            rows.append(self._row("profile", name, profile, "; ".join(bits)))
        for name, mailer in sorted(self._mailers.items()):
            paper = mailer.file.paper
            named = "names the certificate" if mailer.file.names_certificate else "names no certificate"
            details = f"{paper.width:g} x {paper.height:g} mm; {', '.join(mailer.languages)}; {named}"
            rows.append(self._row("mailer", name, mailer, details))
        for name, notice in sorted(self._notices.items()):
            rows.append(self._row("notice", name, notice, ", ".join(notice.languages)))
        for name, paper_ in sorted(self._papers.items()):
            rows.append(self._row("paper", name, paper_, ", ".join(paper_.languages)))
        for name, label in sorted(self._labels.items()):
            size = f"{label.file.width:g} x {label.file.height:g} mm"
            rows.append(self._row("label", name, label, f"of a {label.file.of}; {size}"))
        return tuple(rows)

    def _row(
        self,
        kind: str,
        name: str,
        item: TokenLayout | Profile | MailerLayout | NoticeLayout | PaperLayout | LabelLayout,
        details: str,
    ) -> Row:
        return Row(
            kind=kind,
            name=name,
            title=item.title,
            details=details,
            columns=tuple(sorted(item.columns)),
            optional_columns=tuple(sorted(item.optional_columns)),
            file=str(self._files[f"{kind}s", name]),
        )

    def _read(self, folder: str, type_: type[T]) -> Iterator[tuple[str, Document[T]]]:
        found: dict[str, Path] = {}
        for directory in self._directories:
            for path in sorted((directory / folder).glob("*.toml")):
                if not _NAME.fullmatch(path.stem):
                    what = "a layout's file is named in lower-case letters, digits and hyphens"
                    raise FileFault(what, file=str(path), line=1, next="rename it")
                found[path.stem] = path
        for name, path in found.items():
            self._files[folder, name] = path
            yield name, read(path, type_)

    def _paper(self, name: str, document: Document[PaperFile]) -> PaperLayout:
        if name != "parcel":
            raise document.fault(
                "title", what=f"there are no papers {name!r}", next="name the file parcel.toml"
            )
        return PaperLayout(name, document.value, self._fonts(document))

    def _label(self, name: str, document: Document[LabelFile]) -> LabelLayout:
        return LabelLayout(name, document.value, self._fonts(document))

    def _mailer(self, name: str, document: Document[MailerFile]) -> MailerLayout:
        return MailerLayout(name, document.value, self._fonts(document))

    def _fonts(
        self, document: Document[MailerFile] | Document[PaperFile] | Document[LabelFile]
    ) -> dict[FontRole, Path]:
        fonts: dict[FontRole, Path] = {}
        roles: tuple[FontRole, ...] = ("text", "bold", "codes")
        for role in roles:
            wanted = getattr(document.value.fonts, role)
            named = _FONT.fullmatch(wanted) is not None
            places = [directory / "fonts" / wanted for directory in reversed(self._directories) if named]
            path = next((place for place in places if place.is_file()), None)
            if path is None:
                raise document.fault("fonts", role, what=f"there is no font file {wanted!r} in any fonts/")
            fonts[role] = path
        return fonts

    def _notice(self, name: str, document: Document[NoticeFile]) -> NoticeLayout:
        if name not in NOTICES:
            what = f"there is no notice {name!r}"
            raise document.fault("title", what=what, next=f"name the file one of: {', '.join(NOTICES)}")
        known = NOTICES[name] | SENDER_FIELDS
        for language, texts in document.value.texts.items():
            for part in ("subject", "body"):
                if strange := columns(getattr(texts, part), NOTICE_FIELDS | SENDER_FIELDS) - known:
                    what = f"names {', '.join(sorted(strange))}, which this notice does not know"
                    advice = f"known here: {', '.join(sorted(known))}"
                    raise document.fault("texts", language, part, what=what, next=advice)
            if name == "rejected" and "reason" not in columns(texts.body, NOTICE_FIELDS | SENDER_FIELDS):
                raise document.fault("texts", language, "body", what="does not give the {reason}")
        return NoticeLayout(name, document.value)

    def _token(self, name: str, document: Document[TokenFile]) -> TokenLayout:
        file = document.value
        mailer = self._mailers.get(file.mailer)
        if mailer is None:
            raise document.fault(
                "mailer", what=f"there is no mailer {file.mailer!r}", next=_there_are(self._mailers)
            )
        slots = tuple(self._slot(document, index) for index in range(len(file.slots)))
        layout = TokenLayout(
            name=name,
            algorithm=file.algorithms[0],
            title=file.title,
            driver=file.driver,
            kind=file.kind,
            attestation=file.attestation,
            algorithms=file.algorithms,
            label=file.label,
            pin=file.pin,
            puk=file.puk,
            revocation=file.revocation,
            slots=slots,
            mailer=mailer,
            admin=file.admin,
            life=file.life,
        )
        strange = (layout.columns | layout.optional_columns) - FIELDS[file.kind]
        if strange:
            what = f"its label, profiles or mailer need {', '.join(sorted(strange))}"
            raise document.fault("kind", what=f"{what}, which no order for a {file.kind} has")
        return layout

    def _slot(self, document: Document[TokenFile], index: int) -> Slot:
        file = document.value.slots[index]
        profile = self._profiles.get(file.profile)
        if profile is None:
            raise document.fault(
                "slots",
                index,
                "profile",
                what=f"there is no certificate profile {file.profile!r}",
                next=_there_are(self._profiles),
            )
        usages = [profile.key_usage(algorithm) for algorithm in document.value.algorithms]
        if any(file.decrypts != bool(usage & DECRYPTING) for usage in usages):
            does = "does not decrypt" if file.decrypts else "decrypts"
            raise document.fault(
                "slots", index, "decrypts", what=f"is {str(file.decrypts).lower()}, but {profile.name} {does}"
            )
        return Slot(
            name=file.name,
            slot=file.slot,
            profile=profile,
            label=file.label,
            decrypts=file.decrypts,
            pin_policy=file.pin_policy,
            touch_policy=file.touch_policy,
        )


def _find(what: str, name: str, known: Mapping[str, T]) -> T:
    if name not in known:
        raise UnknownLayout(f"there is no {what} {name!r}", next=_there_are(known))
    return known[name]


def _there_are(known: Iterable[str]) -> str:
    return f"there are: {', '.join(sorted(known))}"
