"""Taking files in: picked, looked at before anything is stored, taken."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from station.conversation.messages import Fault
from station.tui.acts import Outcome
from station.tui.desk_screen import DeskScreen
from station.tui.dialogs.act import ActDialog
from station.tui.dialogs.arrival import Arrival, ArrivalChoice
from station.tui.dialogs.faults import Faults, FaultsChoice
from station.tui.dialogs.picking import PickFile
from station.tui.faulty_table import faulty_table
from station.tui.words import _

ORDER_FILES = (".csv", ".xlsx", ".p7m", ".p7s")
REGISTRY_FILES = (".csv",)


async def import_order(screen: DeskScreen) -> bool:
    """Take an order in, from the picking of its file on; whether one was taken."""
    picker = PickFile(_("Import an order"), screen.station.samples, ORDER_FILES)
    file = await screen.app.push_screen_wait(picker)
    if file is None:
        return False
    signature = await asyncio.to_thread(_beside, file)
    while True:
        given = () if signature is None else ("--signature", str(signature))
        outcome = await look(screen, "order", "check", str(file), *given)
        if outcome is None:
            return False
        found = outcome.document
        if found["reference"] is None:
            if not await mend(screen, file, found):
                return False
            continue
        choice = await screen.app.push_screen_wait(Arrival(found, signature.name if signature else None))
        match choice:
            case None:
                screen.notify(_("Nothing was taken in."))
                return False
            case ArrivalChoice.SIGNATURE:
                title = _("The manager's signature")
                picked = await screen.app.push_screen_wait(
                    PickFile(title, screen.station.folder, (".p7s", ".p7m"))
                )
                signature = picked or signature
            case ArrivalChoice.TAKE:
                taken = await screen.act(_("Import an order"), "order", "import", str(file), *given)
                return taken.done


async def look(screen: DeskScreen, *command: str) -> Outcome | None:
    """What a `check` tells of a file, good or bad; None where it told nothing."""
    dialog = ActDialog(_("Looking at the file"), (*command, "--json"), checks=True)
    outcome = await screen.app.push_screen_wait(dialog)
    return outcome if outcome.output.strip() else None


async def mend(screen: DeskScreen, file: Path, found: Mapping[str, Any]) -> bool:
    """Show the faults of a file at their rows and columns; whether it is to be looked at again."""
    faults = [Fault(one["row"], one["column"], one["what"], one["next"] or "") for one in found["faults"]]
    choice = await screen.app.push_screen_wait(Faults(found["source"], faulty_table(faults, found["table"])))
    return choice is FaultsChoice.AGAIN


def _beside(file: Path) -> Path | None:
    """The signature of a file that lies beside it under its name."""
    if file.suffix.lower() in (".p7m", ".p7s"):
        return None
    names: Sequence[Path] = (file.with_name(f"{file.name}.p7s"), file.with_suffix(".p7s"))
    return next((one for one in names if one.is_file()), None)
