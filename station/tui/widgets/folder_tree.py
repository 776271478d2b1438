"""A tree of folders and files, none of which holds up a key where its disk hangs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from rich.text import Text, TextType
from textual import events, work
from textual.widgets import DirectoryTree, Tree
from textual.widgets.directory_tree import DirEntry

from drivers.errors import printable

MOST_ENTRIES = 2000
"""Entries of a folder that are shown."""


def holds(ask: Callable[[], bool]) -> bool:
    """Whether something is so of a path; of one that cannot be looked at nothing is."""
    with suppress(OSError, ValueError):
        return ask()
    return False


class FolderTree(DirectoryTree):
    """Folders, and files of some endings; no name that is shown can move the cursor."""

    ICON_NODE, ICON_NODE_EXPANDED, ICON_FILE = "▸ ", "▾ ", "· "

    def __init__(self, path: Path, suffixes: Sequence[str], typed: Callable[[str], None], *, id: str) -> None:
        """`suffixes`: endings of the files that are shown, such as `.csv`; none: folders only. `typed` takes
        the first character of a path or name, and the focus.
        """
        self._take = typed
        self._suffixes = tuple(suffixes)
        self._folders: set[Path] = set()
        super().__init__(path, id=id)
        self.every = False
        """Whether all files are shown, hidden ones too."""

    def on_key(self, event: events.Key) -> None:
        """A letter is for a field."""
        if event.is_printable and event.key != "space":
            event.stop()
            event.prevent_default()
            self._take(event.character or "")

    def on_idle(self, event: events.Idle) -> None:
        """A folder that is being read holds the tree's lock, and no key waits for that."""
        if self.lock.is_locked:
            event.prevent_default()

    # The disk is asked in the loading thread alone: a folder that hangs must not hold up a key.

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        return list(islice((one for one in paths if self._wanted(one)), MOST_ENTRIES))

    def _safe_is_dir(self, path: Path) -> bool:  # type: ignore[override]
        return path in self._folders or path == self.path

    async def on_tree_node_expanded(self, event: Tree.NodeExpanded[DirEntry]) -> None:
        """Read a folder, apart from the screen."""
        event.stop()
        event.prevent_default()
        if event.node.data is not None and self._safe_is_dir(event.node.data.path):
            self._add_to_load_queue(event.node)

    async def watch_path(self) -> None:
        """Show another folder, as soon as it answers."""
        self.reset_node(self.root, str(self.path), DirEntry(self.PATH(self.path)))
        self.look_again()

    @work(group="look", exclusive=True, exit_on_error=False)
    async def look_again(self) -> None:
        """Have the folder read anew, the cursor at its top."""
        await self.reload()
        self.cursor_line = 0
        self.scroll_to(0, 0, animate=False)

    def process_label(self, label: TextType) -> Text:
        plain = label if isinstance(label, str) else label.plain
        return Text(printable(plain).replace("\n", "\\n"))

    def _wanted(self, path: Path) -> bool:
        if path.name.startswith(".") and not self.every:
            return False
        if holds(path.is_dir):
            self._folders.add(path)
            return True
        wanted = self.every or path.name.lower().endswith(self._suffixes)
        # A pipe has no end to be read to.
        return bool(self._suffixes) and wanted and holds(path.is_file)
