"""TOML into frozen types that refuse unknown and missing keys and wrong values by name, file and line."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import inspect

from layouts.errors import FileFault
from layouts.toml_text import DEEPEST, LARGEST, Trail, lines, long_number, too_deep

__all__ = ["Document", "Trail", "Wrong", "load", "loads", "read"]

T = TypeVar("T")

_LOCATED = re.compile(r"^(?P<what>.*?)(?: - at `(?:key in )?\$(?P<trail>[^`]*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.(?P<key>[^.\[\]]+)|\[(?P<index>\d+)\]|(?P<any>\[\.\.\.\])")
_FIELD = re.compile(r"^Object (?P<verb>contains unknown|missing required) field `(?P<key>[^`]*)`$")
_CONTROL = re.compile(r"[^\n\t -~\x80-\U0010ffff]")
_SYNTAX = re.compile(r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column \d+|end of document)\)$", re.DOTALL)


class Wrong(ValueError):
    """Raised in `__post_init__` of a strict type: what is wrong with a key of this table, or further in."""

    def __init__(self, key: str | Trail, what: str) -> None:
        super().__init__(what)
        self.trail: Trail = (key,) if isinstance(key, str) else key


@dataclass(frozen=True)
class Document(Generic[T]):
    """One strict file: its value, and the text to find lines in."""

    source: str
    text: str
    value: T

    def fault(self, *trail: str | int, what: str, next: str | None = None) -> FileFault:
        """The error for a value that is well formed but wrong, with its line."""
        return FileFault(f"{_name(trail)}: {what}", file=self.source, line=_line(self.text, trail), next=next)


def load(path: Path, type_: type[T]) -> T:
    """Read a TOML file into `type_`; raises `FileFault` with file and line."""
    return read(path, type_).value


def loads(text: str, source: str, type_: type[T]) -> T:
    """Read TOML text into `type_`; `source` names it in errors. Raises `FileFault` with line."""
    return _document(text, source, type_).value


def read(path: Path, type_: type[T]) -> Document[T]:
    """Read a TOML file into `type_`, keeping its text for later faults; raises `FileFault`."""
    try:
        text = _content(path).decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise FileFault("is not UTF-8", file=str(path), line=line, next="save it as UTF-8") from None
    except OSError as error:
        raise FileFault(f"cannot be read: {error.strerror}", file=str(path), line=1) from None
    return _document(text, str(path), type_)


def _content(path: Path) -> bytes:
    # Opening a pipe would wait for who writes to it, and a device may never end.
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise FileFault("is no plain file", file=str(path), line=1)
        return file.read(LARGEST + 1)


def _document(text: str, source: str, type_: type[T]) -> Document[T]:
    data = _parsed(text, source)
    for trail, value in _texts(data):
        if found := _CONTROL.search(value):
            what = f"{_name(trail)}: holds the control character U+{ord(found[0]):04X}"
            raise FileFault(what, file=source, line=_line(text, trail), next="take it out")
    try:
        return Document(source, text, msgspec.convert(data, type_))
    except msgspec.ValidationError as error:
        raise _explain(error, data, text, source, type_) from None


def _parsed(text: str, source: str) -> dict[str, Any]:
    if len(text.encode()) > LARGEST:
        what, hint = f"has more than {LARGEST:,} bytes", "split it, or take out what is no setting"
        raise FileFault(what, file=source, line=1, next=hint)
    if deep := too_deep(text):
        raise FileFault(f"is nested more than {DEEPEST} deep", file=source, line=deep)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _SYNTAX.match(str(error))
        line = int((found and found["line"]) or text.count("\n") + 1)
        what = found["what"] if found else str(error)
        raise FileFault(f"is not TOML: {what}", file=source, line=line) from None
    except ValueError:
        what = "is not TOML: a number has too many digits"
        raise FileFault(what, file=source, line=long_number(text)) from None


def _texts(node: Any, trail: Trail = ()) -> Iterator[tuple[Trail, str]]:
    """Every text and every key, with the way to it."""
    if isinstance(node, str):
        yield trail, node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield trail, key
            yield from _texts(value, (*trail, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _texts(value, (*trail, index))


def _explain(error: msgspec.ValidationError, data: Any, text: str, source: str, type_: type) -> FileFault:
    found = _LOCATED.match(str(error))
    assert found is not None, "the pattern matches every text"
    what, trail = found["what"], _trail(found["trail"] or "", str(error), data, type_)
    hint = None
    if field := _FIELD.match(what):
        inside = f" in {_name(trail)}" if trail else ""
        if field["verb"] == "missing required":
            return FileFault(f"key {field['key']!r} is missing{inside}", file=source, line=_line(text, trail))
        node = _type_at(inspect.type_info(type_), trail)
        if isinstance(node, inspect.StructType):
            hint = "known here: " + ", ".join(item.encode_name for item in node.fields)
        line = _line(text, (*trail, field["key"]))
        return FileFault(f"unknown key {field['key']!r}{inside}", file=source, line=line, next=hint)
    if isinstance(error.__cause__, Wrong):
        trail = (*trail, *error.__cause__.trail)
    else:
        hint = _choices(_type_at(inspect.type_info(type_), trail))
    what = what[0].lower() + what[1:] if what.startswith(("Expected", "Invalid")) else what
    return FileFault(f"{_name(trail)}: {what}", file=source, line=_line(text, trail), next=hint)


def _name(trail: Trail) -> str:
    text = ""
    for step in trail:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".") or "the file"


def _trail(told: str, message: str, data: Any, type_: type) -> Trail:
    trail: list[str | int] = []
    for step in _STEP.finditer(told):
        if step["any"]:
            # msgspec does not say which key of a free table it means: ask it about one at a time.
            guilty = _guilty(data, trail, message, type_)
            if guilty is None:
                break
            trail.append(guilty)
        else:
            trail.append(step["key"] if step["key"] else int(step["index"]))
    return tuple(trail)


def _guilty(data: Any, trail: list[str | int], message: str, type_: type) -> str | None:
    def only(node: Any, rest: list[str | int], key: str) -> Any:
        if not rest:
            return {key: node[key]}
        copy = node.copy()
        copy[rest[0]] = only(node[rest[0]], rest[1:], key)
        return copy

    table = data
    for step in trail:
        table = table[step]
    for key in table if isinstance(table, dict) else ():
        try:
            msgspec.convert(only(data, trail, key), type_)
        except msgspec.ValidationError as error:
            if str(error) == message:
                return str(key)
    return None


def _type_at(node: inspect.Type, trail: Trail) -> inspect.Type | None:
    for step in trail:
        if isinstance(node, inspect.UnionType):
            node = next((one for one in node.types if not isinstance(one, inspect.NoneType)), node)
        match node:
            case inspect.StructType():
                inner = [item.type for item in node.fields if item.encode_name == step]
            case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
                inner = [node.item_type]
            case inspect.DictType():
                inner = [node.value_type]
            case _:
                inner = []
        if not inner:
            return None
        node = inner[0]
    return node


def _choices(node: inspect.Type | None) -> str | None:
    match node:
        case inspect.EnumType():
            return "one of: " + ", ".join(str(member.value) for member in node.cls)
        case inspect.LiteralType():
            return "one of: " + ", ".join(str(value) for value in node.values)
        case _:
            return None


def _line(text: str, trail: Trail) -> int:
    places: dict[Trail, int] = {}
    for found, line in lines(text):
        # What holds a value begins no later than the value: `[a.b]` may be all there is of `a`.
        for length in range(len(found) + 1):
            places.setdefault(found[:length], line)
    places[()] = 1
    while trail and trail not in places:
        trail = trail[:-1]
    return places.get(trail, 1)
