"""How each operator likes the screen: language, theme, bell. In the home, apart from the records."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from station.home import Home

_FILE = "screen.json"


class Preferences(msgspec.Struct, frozen=True):
    """One operator's; the theme by its name in `station.tui.themes`, the folder files were picked in last."""

    language: str = "en"
    theme: str = "station-dark"
    bell: bool = True
    folder: str = ""


def of_operator(home: Home, name: str | None) -> Preferences:
    """What an operator chose, else what was chosen with nobody logged in, else what `LANG` asks for."""
    kept = _kept(home)
    found = kept.get(_key(name)) or kept.get("")
    return found or unknown()


def unknown() -> Preferences:
    """What `LANG` asks for."""
    return Preferences(language=os.environ.get("LANG", "")[:2] or "en")


def keep(home: Home, name: str | None, preferences: Preferences) -> None:
    """Keep what an operator chose; a home that cannot be written to keeps what it had."""
    kept = {**_kept(home), _key(name): preferences}
    path = home.path / _FILE
    beside = path.with_suffix(".new")
    with suppress(OSError):
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(kept)))
        beside.replace(path)


def _kept(home: Home) -> dict[str, Preferences]:
    try:
        return msgspec.json.decode(_read(home.path / _FILE), type=dict[str, Preferences])
    except (OSError, msgspec.MsgspecError):
        return {}


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        return file.read(1_000_000)


def _key(name: str | None) -> str:
    return (name or "").strip().casefold()
