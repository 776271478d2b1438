"""The cards and tokens of a bench that exist, and the trays of those that are in no seat."""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from simulators.bench.errors import BenchError
from simulators.bench.layout import Layout
from simulators.bench.model import PIV, PKCS11, Kept, Setup
from simulators.faults.card import PowerlessCard

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Shelf(Protocol):
    """Where the cards or tokens of one kind of seat are kept, by name."""

    def names(self) -> list[str]:
        """All there are, inserted ones too."""
        ...

    def add(self) -> str:
        """Make a new blank and return its name."""
        ...


class CardShelf:
    """PIV cards, one state file each."""

    def __init__(self, layout: Layout, setup: Setup) -> None:
        # The cards need a cryptography library: loaded while pcscd starts.
        from simulators.piv.attestation import AttestationRoot
        from simulators.piv.card import VirtualCard
        from simulators.piv.state import Delays

        self._cards, self._setup, self._card = layout.cards, setup, VirtualCard
        self._delays = msgspec.convert(setup.delays, Delays)
        path = layout.attestation_root
        self._root = AttestationRoot.load(path) if path.exists() else AttestationRoot.create(path)
        self._fresh = _fresh("card", self.names())

    def names(self) -> list[str]:
        return [path.stem for path in self._cards.glob("*.json")]

    def add(self) -> str:
        name = next(self._fresh)
        extended = self._setup.profile == "yubikey"
        firmware = {} if self._setup.firmware is None else {"firmware": self._setup.firmware}
        self._card.create(
            self._path(name),
            root=self._root if extended else None,
            # Drawn, not counted: a station remembers the serials of benches that are long gone.
            serial=secrets.choice(range(10_000_000, 100_000_000)) if extended else None,
            profile=self._setup.profile,
            delays=self._delays,
            **firmware,
        )
        return name

    def load(self, name: str) -> PowerlessCard:
        """The card as it was left; raises `BenchError` where its file is damaged."""
        try:
            return self._card.load(self._path(name))
        except Exception as error:
            raise BenchError(
                f"the card's file cannot be read ({type(error).__name__})",
                where=str(self._path(name)),
                next="insert another card",
            ) from error

    def _path(self, name: str) -> Path:
        return self._cards / f"{name}.json"


class TokenShelf:
    """USB tokens, one SoftHSM directory each; an empty one is a blank."""

    def __init__(self, layout: Layout) -> None:
        self._tokens = layout.tokens
        self._fresh = _fresh("token", self.names())

    def names(self) -> list[str]:
        return [path.name for path in self._tokens.iterdir() if path.is_dir()]

    def add(self) -> str:
        name = next(self._fresh)
        (self._tokens / name).mkdir(mode=0o700)
        return name


class Trays:
    """What was written on the envelopes of kept cards and tokens; survives the daemon.

    The file has a JSON line for each change, so that a change costs the same however many there are.
    """

    def __init__(self, layout: Layout) -> None:
        self._path = layout.trays
        self._kept: dict[str, Kept] = {}
        if self._path.exists():
            for line in self._path.read_bytes().splitlines():
                kept = msgspec.json.decode(line, type=Kept)
                self._kept[kept.name] = kept

    def put(self, kept: Kept) -> None:
        """Remember where a card or token went."""
        self._kept[kept.name] = kept
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(kept) + b"\n")

    def take(self, name: str, driver: str) -> None:
        """Forget the envelope of one that is inserted again."""
        if name in self._kept:
            self.put(Kept(name, driver))

    def of(self, name: str, driver: str) -> Kept:
        """The envelope of a kept one, an unmarked one where it was never put in a tray."""
        return self._kept.get(name) or Kept(name, driver)


def need_name(name: str, shelf: Shelf, driver: str) -> None:
    """Raises `BenchError` where the shelf has nothing of that name."""
    names = shelf.names()
    if _NAME.fullmatch(name) is None or name not in names:
        kind = {PIV: "card", PKCS11: "token"}[driver]
        there = ", ".join(sorted(names, key=_natural)[-8:]) or "none yet"
        raise BenchError(
            f"no {kind} {name!r} on this bench", next=f"name one of these ({there}), or none for a new blank"
        )


def _fresh(kind: str, names: list[str]) -> Iterator[str]:
    used = [int(name.removeprefix(f"{kind}-")) for name in names if re.fullmatch(rf"{kind}-\d+", name)]
    return (f"{kind}-{number}" for number in itertools.count(max(used, default=0) + 1))


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
