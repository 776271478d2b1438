"""Picking a file to be read, and the place of one to be written."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, DirectoryTree, Input, Label, OptionList
from textual.widgets.option_list import Option

from drivers.errors import printable
from station.tui.dialogs.base import Choice, Dialog, back
from station.tui.widgets.folder_tree import MOST_ENTRIES, FolderTree, holds
from station.tui.widgets.path_field import PathField
from station.tui.words import N_, _

_MEDIA = ("/media", "/run/media", "/mnt")


class _Picker(Dialog[Path]):
    """Dismissed with a path that was chosen in the tree, typed or pasted."""

    BINDINGS = [
        Binding("backspace", "up", N_("The folder above"), show=False),
        Binding("ctrl+a", "all", N_("All files"), show=False),
    ]

    def __init__(self, title: str, begun: Path, folder: Path, suffixes: Sequence[str], label: str) -> None:
        super().__init__(title, (back(), Choice(label, None)))
        self._begun, self._folder, self._suffixes = begun, folder, suffixes

    def body(self) -> ComposeResult:
        yield Label(self.hint(), id="picking-hint", markup=False)
        yield PathField(str(self._begun), id="path")
        with Horizontal(id="picking"):
            with Vertical(id="places-pane"):
                yield OptionList(id="places", markup=False)
            yield FolderTree(self._folder, self._suffixes, self._into_field, id="tree")
        yield Label("", id="picking-trouble", classes="failed", markup=False)

    def hint(self) -> str:
        """What is shown, and how more is."""
        return ""

    def on_mount(self) -> None:
        """Where there may be files is looked up apart from the screen."""
        self.add_class("picker")
        self.query_one("#picking-trouble", Label).display = False
        self.run_worker(self._offer(), exclusive=True, group="places")

    async def _offer(self) -> None:
        found = await asyncio.to_thread(_places, self._folder)
        places = self.query_one("#places", OptionList)
        places.add_options([Option(printable(str(one)), id=f"place-{at}") for at, one in enumerate(found)])
        self._offered = found

    @on(OptionList.OptionSelected, "#places")
    def to_place(self, event: OptionList.OptionSelected) -> None:
        """Open the tree there."""
        event.stop()
        self.open_folder(self._offered[event.option_index])

    def open_folder(self, folder: Path) -> None:
        """Show a folder in the tree."""
        tree = self.query_one("#tree", FolderTree)
        tree.path = folder
        tree.focus()

    def on_directory_tree_file_selected(self, event: DirectoryTree.FileSelected) -> None:
        """It was chosen."""
        event.stop()
        self.take(event.path)

    def action_up(self) -> None:
        """Show the folder above."""
        tree = self.query_one("#tree", FolderTree)
        self.open_folder(Path(tree.path).parent)

    def action_all(self) -> None:
        """Show all files, or those only that are likely meant."""
        tree = self.query_one("#tree", FolderTree)
        tree.every = not tree.every
        tree.look_again()

    def on_key(self, event: events.Key) -> None:
        """What begins like a path is typed into the field."""
        if event.character in ("/", "~"):
            event.stop()
            event.prevent_default()
            self._into_field(event.character)

    def _into_field(self, begun: str) -> None:
        field = self.query_one("#path", PathField)
        self.set_focus(field)
        field.take(begun)

    def on_paste(self, event: events.Paste) -> None:
        """A path that is pasted stands in the field."""
        field = self.query_one("#path", PathField)
        if self.focused is not field:
            event.stop()
            self.set_focus(field)
            field.take(event.text.partition("\n")[0].strip())

    def chosen(self, choice: Choice[Path | None]) -> None:
        if choice is self.choices[0]:
            self.dismiss(None)
        else:
            self.run_worker(self._typed(), exclusive=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter takes what stands there."""
        event.stop()
        self.run_worker(self._typed(), exclusive=True)

    async def _typed(self) -> None:
        text = self.query_one("#path", PathField).value.strip().strip("'\"")
        if not text:
            self.refuse(_("Choose a file, or type where it is."))
            return
        path = Path(text.removeprefix("file://")).expanduser()
        if not path.is_absolute():
            path = Path(self.query_one("#tree", FolderTree).path) / path
        await self.typed(path)

    @abstractmethod
    async def typed(self, path: Path) -> None:
        """Something stands in the field and is to be taken."""

    def take(self, path: Path) -> None:
        """Done; its folder is where the next picking begins. Not among samples: nothing is written there."""
        if path.parent != self.station.samples:
            self.station.remember_folder(path.parent)
        self.dismiss(path)

    def refuse(self, why: str) -> None:
        """Say why nothing was taken."""
        trouble = self.query_one("#picking-trouble", Label)
        trouble.update(f"✗ {why}")
        trouble.display = True


class PickFile(_Picker):
    """A file that is there."""

    def __init__(self, title: str, folder: Path, suffixes: Sequence[str]) -> None:
        super().__init__(title, folder, folder, suffixes, _("Open"))

    def hint(self) -> str:
        return _("{suffixes}; ^a shows all files, Backspace the folder above; a path may be typed.").format(
            suffixes=" ".join(self._suffixes)
        )

    def on_mount(self) -> None:
        """The tree has the focus."""
        self.set_focus(self.query_one("#tree", FolderTree))

    def on_tree_node_highlighted(self, event: DirectoryTree.NodeHighlighted[object]) -> None:
        """The path under the cursor stands in the field."""
        data = event.node.data
        if data is not None and self.focused is event.node.tree:
            self.query_one("#path", PathField).value = str(getattr(data, "path", ""))

    async def typed(self, path: Path) -> None:
        folder, there = await asyncio.to_thread(lambda: (holds(path.is_dir), holds(path.is_file)))
        if folder:
            self.open_folder(path)
        elif there:
            self.take(path)
        else:
            self.refuse(_("There is no such file."))


class NewFile(_Picker):
    """The place of a file that is to be written; one that is there is not chosen by mistake."""

    def __init__(self, title: str, folder: Path, name: str) -> None:
        super().__init__(title, folder / name, folder, (), _("Write here"))
        self._proposed = name

    def hint(self) -> str:
        return _("Where to write it. Choose a folder, or type a path; Enter writes.")

    def on_mount(self) -> None:
        """The field has the focus."""
        self.set_focus(self.query_one("#path", PathField))
        self.call_after_refresh(self._to_end)

    def _to_end(self) -> None:
        """The name is what is looked at, however long the way to it is."""
        field = self.query_one("#path", PathField)
        field.cursor_position = 0
        field.cursor_position = len(field.value)

    def on_directory_tree_directory_selected(self, event: DirectoryTree.DirectorySelected) -> None:
        """The file comes there."""
        event.stop()
        self._into(event.path)

    def open_folder(self, folder: Path) -> None:
        super().open_folder(folder)
        self._into(folder)

    async def typed(self, path: Path) -> None:
        folder, there, around = await asyncio.to_thread(
            lambda: (holds(path.is_dir), holds(path.exists), holds(path.parent.is_dir))
        )
        if folder:
            self._into(path)
        elif there:
            self.refuse(_("There is a file of that name, which is not written over. Choose another name."))
        elif not around:
            self.refuse(_("There is no such folder."))
        else:
            self.take(path)

    def _into(self, folder: Path) -> None:
        field = self.query_one("#path", PathField)
        name = Path(field.value).name or self._proposed
        field.value = str(folder / name)
        self._to_end()
        button = self.query_one("#choice-1", Button)
        button.focus()


def _places(folder: Path) -> list[Path]:
    """Where there may be files: the folder used last, one's own, and what was plugged in."""
    found = [folder, Path.home()]
    for media in map(Path, _MEDIA):
        with suppress(OSError):
            for one in sorted(islice(media.iterdir(), MOST_ENTRIES)):
                # /run/media has a folder for each person, and their media in it.
                inside = sorted(islice(one.iterdir(), MOST_ENTRIES)) if media.name == "media" else []
                found += [each for each in (inside or [one]) if holds(each.is_dir)]
    return list(dict.fromkeys([*found, Path("/")]))[:50]
