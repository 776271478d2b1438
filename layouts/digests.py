"""Digests of layouts: whoever approved one can tell whether it is the one that is used."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

import msgspec

from layouts.errors import LayoutError
from layouts.forms import MailerFile, MailerLayout
from layouts.life import LifeRule
from layouts.profile import ProfileFile
from layouts.token import TokenLayout, release_of


def token_digest(layout: TokenLayout) -> str:
    """SHA-256, hexadecimal, of all that shapes a token, its codes and its certificates; not of its letter.

    Of the rules of its life only that by which its letter leaves, where it is not that of its kind.
    """
    parts = {one.name: getattr(layout, one.name) for one in dataclasses.fields(layout)}
    del parts["mailer"]
    # Orders that were approved before there were such rules stay approved.
    parts["life"] = (layout.release, layout.life.gap_days)
    if parts["life"] == (release_of(layout.kind), LifeRule().gap_days):
        del parts["life"]
    return _digest(parts)


def mailer_digest(layout: MailerLayout) -> str:
    """SHA-256, hexadecimal, of all that shapes a letter, the fonts it is set in included.

    Raises `LayoutError` for a font that cannot be read.
    """
    return _digest(layout)


def _digest(value: object) -> str:
    text = json.dumps(_plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: object) -> object:
    """A value as JSON has it, without any order but that of lists, and a file as its content."""
    match value:
        case Path():
            return _content(value)
        case ProfileFile():
            # What it is held against makes no other certificate.
            return {
                name: _plain(getattr(value, name)) for name in value.__struct_fields__ if name != "standard"
            }
        case MailerFile() if value.impact is None:
            # Orders that were approved before there were forms for impact printers stay approved.
            return {
                name: _plain(getattr(value, name)) for name in value.__struct_fields__ if name != "impact"
            }
        case msgspec.Struct():
            return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
        case Mapping():
            return {str(name): _plain(one) for name, one in value.items()}
        case tuple() | list():
            return [_plain(one) for one in value]
        case frozenset() | set():
            return sorted(str(one) for one in value)
        case Enum():
            return str(value.value)
        case _ if dataclasses.is_dataclass(value):
            return {one.name: _plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{type(value).__name__} has no digest")


def _content(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise LayoutError(f"cannot be read: {error.strerror}", where=str(path)) from None
