"""The text of a TOML file: bounds that keep reading it cheap, and the line of every key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Trail = tuple[str | int, ...]
"""The way to a value: keys, and indices from 0."""

LARGEST = 131_072
"""Bytes of a file; the longest that is shipped has 7,400."""

DEEPEST = 16
"""Tables and arrays in one another; each costs tomllib a part of its stack, and a key its parts squared."""

_TOKEN = re.compile(
    r"""
    \"{3}(?:\\.|[^\\])*?\"{3,5} | '{3}.*?'{3,5}     # strings over several lines
    | "(?:\\.|[^"\\\n])*" | '[^'\n]*'               # strings
    | \#[^\n]*                                      # comments
    | [][{}.,=\n]
    """,
    re.DOTALL | re.VERBOSE,
)
_BLANK = re.compile(r"(?:\s|#[^\n]*)*")
_LONG_NUMBER = re.compile(r"[0-9][0-9_]{4000}")


def too_deep(text: str) -> int | None:
    """The line where brackets or the parts of a key are nested deeper than `DEEPEST`; None where none are."""
    depth = parts = 0
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in ("[", "{"):
            depth += 1
        elif mark in ("]", "}"):
            depth = max(depth - 1, 0)
        if mark == ".":
            parts += 1
        elif mark in ("[", "]", "{", "}", ",", "=", "\n"):
            parts = 0
        if depth > DEEPEST or parts >= DEEPEST:
            return text.count("\n", 0, token.start()) + 1
    return None


def long_number(text: str) -> int:
    """The line of a number with more digits than Python reads; 1 where none is found."""
    found = _LONG_NUMBER.search(text)
    return text.count("\n", 0, found.start()) + 1 if found else 1


def lines(text: str) -> Iterator[tuple[Trail, int]]:
    """Every table, key and array element of well-formed TOML with its line, from 1."""
    table: Trail = ()
    counts: dict[Trail, int] = {}
    for statement in _statements(text):
        parsed = tomllib.loads(statement.text)
        if statement.text.startswith("["):
            table = _header(parsed, counts)
            yield table, statement.line
        else:
            yield from _keys(parsed, table, statement.line, statement.elements)


@dataclass(frozen=True)
class _Statement:
    """A table's head or a key with its value; `elements` are the lines of those of an array."""

    text: str
    line: int
    elements: tuple[int, ...]


def _statements(text: str) -> Iterator[_Statement]:
    begin = depth = at = 0
    line = 1
    starts: list[int] = []
    in_array = valued = False
    for token in (*_TOKEN.finditer(text), None):
        mark = token[0] if token else "\n"
        if mark in ("[", "{"):
            depth += 1
            if depth == 1:
                in_array = valued and mark == "["
        elif mark in ("]", "}"):
            depth -= 1
        elif mark == "=" and depth == 0:
            valued = True
        if token and in_array and depth == 1 and mark in ("[", ","):
            starts.append(token.end())
        if mark == "\n" and (depth == 0 or token is None):
            end = token.start() if token else len(text)
            first = begin + len(text[begin:end]) - len(text[begin:end].lstrip())
            whole = text[first:end].strip()
            line, at = line + text.count("\n", at, first), first
            if whole and not whole.startswith("#"):
                yield _Statement(whole, line, tuple(_element_lines(text, first, line, starts)))
            begin, starts, in_array, valued = end + 1, [], False, False


def _element_lines(text: str, at: int, line: int, starts: list[int]) -> Iterator[int]:
    for start in starts:
        blank = _BLANK.match(text, start)
        place = blank.end() if blank else start
        line, at = line + text.count("\n", at, place), place
        yield line


def _header(parsed: dict[str, Any], counts: dict[Trail, int]) -> Trail:
    trail: Trail = ()
    node: Any = parsed
    while node:
        key, node = next(iter(node.items()))
        trail = (*trail, key)
        if isinstance(node, list):
            counts[trail] = counts.get(trail, -1) + 1
            node = node[0]
        if trail in counts:
            trail = (*trail, counts[trail])
    return trail


def _keys(parsed: Any, trail: Trail, line: int, elements: tuple[int, ...]) -> Iterator[tuple[Trail, int]]:
    if isinstance(parsed, dict):
        for key, value in parsed.items():
            yield (*trail, key), line
            yield from _keys(value, (*trail, key), line, elements)
    elif isinstance(parsed, list):
        for index, value in enumerate(parsed):
            own = elements[index] if index < len(elements) else line
            yield (*trail, index), own
            yield from _keys(value, (*trail, index), own, ())
