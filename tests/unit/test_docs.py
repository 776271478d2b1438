"""What README and docs tell is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from batch.orders.columns import COLUMNS
from batch.people.registry_columns import COLUMNS as REGISTRY
from layouts.library import Library
from station.cli import station

ROOT = Path(__file__).parents[2]
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_docs_list_exactly_the_columns_an_order_may_have() -> None:
    text = (ROOT / "docs" / "orders.md").read_text("utf-8")
    told = re.findall(r"^\| `(\w+)` \|.*\| (.+) \|$", text, re.MULTILINE)
    assert told == [(column.name, column.meaning) for column in COLUMNS]


def test_docs_tell_of_every_field_of_the_registry_what_it_is_needed_for() -> None:
    text = (ROOT / "docs" / "registry.md").read_text("utf-8")
    told = re.findall(r"^\| `(\w+)` \| [^|]+ \| (.+) \|$", text, re.MULTILINE)
    assert told == [(column.name, column.meaning) for column in REGISTRY]


def test_docs_name_every_shipped_token_layout() -> None:
    text = (ROOT / "docs" / "layouts.md").read_text("utf-8")
    assert all(f"`{name}`" in text for name in Library().names())


def commands(text: str) -> set[tuple[str, ...]]:
    lines = re.findall(r"(?:^\$ |`)station ([a-z][a-z -]*)", text, re.MULTILINE)
    return {tuple(re.split(r"\s+-|\s{2,}|\s+$", line)[0].split()) for line in lines}


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.name))
def test_every_command_that_is_told_is_there(path: Path) -> None:
    for words in commands(path.read_text("utf-8")):
        command: click.Command | None = station
        for word in words:
            if not isinstance(command, click.Group):
                break  # what follows are arguments
            context = click.Context(command)
            command = command.get_command(context, word)
            assert command is not None, f"{path.name} tells `station {' '.join(words)}`"


def test_every_link_to_a_file_leads_somewhere() -> None:
    for path in DOCS:
        for target in re.findall(r"\]\(([\w./-]+)\)|src=\"([\w./-]+)\"", path.read_text("utf-8")):
            assert (path.parent / (target[0] or target[1])).exists(), f"{path.name}: {target}"
