"""The sample order as a play at the screen: what is seen, and the keys a person presses then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from station.tui.practice.guiding import Practice

_ORDER = "2026-"
"""How the number begins that a desk gives to its first order; its year is of no interest."""

_PARCELS = (("P-000005", 1), ("P-000004", 2), ("P-000003", 2), ("P-000002", 2), ("P-000001", 1))
"""The parcels of the sample order as the screen lists them, and of how many kinds their tokens are."""


class World(Protocol):
    """What lies outside the screen: hands at the seats, and managers who write mails."""

    papers: Path
    """The folder for what is printed and written."""

    def put_in(self, seat: str, token: str) -> None:
        """Put a finished token into a seat, in the place of what is there."""
        ...

    def write_mails(self) -> None:
        """Every manager acknowledges the parcel that came, in `papers`/PARCEL.eml."""
        ...


@dataclass(frozen=True)
class LogIn:
    """Choose a name at the login, and type the PIN."""

    name: str


@dataclass(frozen=True)
class Lock:
    """Lock the screen, for the next to log in."""


@dataclass(frozen=True)
class Press:
    """Press keys, once a text is on the screen."""

    sees: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Write:
    """Type a text and Enter, once another is on the screen."""

    sees: str
    text: str


@dataclass(frozen=True)
class Choose:
    """Go to a button by its label, and press it."""

    label: str


@dataclass(frozen=True)
class Pin:
    """Type somebody's PIN when one is asked for."""

    name: str


@dataclass(frozen=True)
class Pins:
    """Type whatever PINs are asked for, until a text is on the screen."""

    until: str


@dataclass(frozen=True)
class Feed:
    """Put each token that is asked for into the seat, and type the PIN, until a text is on the screen."""

    until: str


@dataclass(frozen=True)
class Mails:
    """The managers write their mails."""


@dataclass(frozen=True)
class See:
    """Wait until a text is on the screen, or is there no more."""

    text: str
    there: bool = True


@dataclass(frozen=True)
class Picture:
    """Keep what is on the screen as NAME.svg, where pictures are wanted."""

    name: str


Step = LogIn | Lock | Press | Write | Choose | Pin | Pins | Feed | Mails | See | Picture


def script(practice: Practice, papers: Path) -> tuple[Step, ...]:
    """The sample order, from an empty desk to its printed letters; mails and papers lie in a folder."""
    return (
        *_order(practice),
        *_production(),
        *_dispatch(),
        *_acknowledgements(papers),
        *_letters(),
    )


def _order(practice: Practice) -> Iterator[Step]:
    yield from (
        Picture("login"),
        LogIn("olga"),
        Press("olga", ("f9", "i")),
        Write("Import", str(practice.registry)),
        Choose("Take it in"),
        See("NTRNL-"),
        Press("olga", ("f3", "i")),
        Write("Import an order", str(practice.order)),
        See("no faults"),
        Picture("import"),
        Choose("Take it in"),
        Pin("olga"),
        See("received"),
        Press("olga", ("a",)),
        See("Nothing refuses it"),
        Picture("assessment"),
        Choose("Back"),
        Lock(),
        LogIn("bert"),
        Press("bert", ("f3",)),
        Press("· assessed", ("y",)),
        Choose("Approve"),
        Pin("bert"),
        See("✓ approved"),
        Lock(),
    )


def _production() -> Iterator[Step]:
    yield from (
        LogIn("olga"),
        Press("olga", ("f2", "s")),
        Press("Which order?", ("enter",)),
        Press("which seats?", ("enter",)),
        Pins("▶"),
        See("✓ piv-1"),
        Picture("bench"),
        See("The production has ended"),
        Picture("produced"),
        Choose("Close"),
        Lock(),
    )


def _dispatch() -> Iterator[Step]:
    """Every token is read once more, and goes to its manager."""
    yield from (
        LogIn("dirk"),
        Press("dirk", ("f5", "n")),
        Press("tokens may go", ("n",)),
        Press("A parcel for every address", ("enter",)),
        See("Pack tokens of", there=False),
        See("P-000001"),
    )
    for place, (parcel, kinds) in enumerate(_PARCELS):
        for kind in range(kinds):
            yield from (
                Press(parcel, ("k",)),
                Press("Which seat?", ("enter",)),
                Feed("is right; 0 to read" if kinds == 1 or kind else "in a seat of theirs"),
                Choose("Close"),
                See("Read the tokens", there=False),
            )
        yield from (
            Press(parcel, ("c",)),
            Press("Where to write it", ("enter",)),
            See("Close parcel", there=False),
            See("✓ closed"),
            *((Picture("dispatch"),) if place == 2 else ()),
            Press(parcel, ("s",)),
            Press("Courier", () if place else tuple("Demo Courier")),
            Press("Its number", ("enter", *f"DC-{place + 1:04d}", "enter")),
            Choose("It goes"),
            See(parcel, there=False),
        )
    yield Lock()


def _acknowledgements(papers: Path) -> Iterator[Step]:
    """Every manager quotes the numbers of the accompanying letter in a mail (R3)."""
    yield Mails()
    yield LogIn("olga")
    yield Press("olga", ("f5",))
    for parcel, _kinds in reversed(_PARCELS):
        yield from (
            Press("No parcel is under way", ("e",)),
            Write("^a shows all files", str(papers / f"{parcel}.eml")),
            See("is accepted"),
            Choose("Close"),
            See("is accepted", there=False),
        )
    yield Lock()


def _letters() -> Iterator[Step]:
    """Two PIN officers print; each proves who they are, and gives their share of custody."""
    yield from (
        LogIn("pim"),
        Press("pim", ("f4",)),
        Press("24 sealed", ("p",)),
        Press("Who does this with you?", ("enter",)),
        Pins("letters printed"),
        Choose("Close"),
        See("Print the letters", there=False),
        See("! 24"),
        Press(_ORDER, ("enter",)),
        See("confirm its form"),
        Picture("letters"),
        Press(_ORDER, ("escape", "f6")),
        Press("000024", ("enter",)),
        See("Keys and certificates"),
        Picture("token"),
        Press("000024", ("escape", "f4")),
    )
