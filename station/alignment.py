"""An alignment print: a specimen with dummy codes on the station's printer, to see where texts fall (R11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from station.errors import ConfigurationError

if TYPE_CHECKING:
    from layouts.forms import MailerLayout
    from station.wiring import Desk

_PAGE_SECONDS = 120.0


def align(desk: Desk, layout: MailerLayout, language: str) -> None:
    """Print a specimen of a letter as the printer takes it; no letter is printed meanwhile.

    Raises `ConfigurationError` where there is no printer, `LayoutError`, `PrinterFailed`.
    """
    from batch.production.lock import only_one
    from layouts.mailer import sample
    from station.probes import PATIENCE, printer_probe

    if (printer := desk.configuration.printer) is None:
        raise ConfigurationError(
            "no printer is configured", where=str(desk.home.configuration), next="add a [printer] table"
        )
    with only_one(desk.printing_lock, "printing"):
        child = printer_probe(printer)
        try:
            page = sample(layout, language, child.ask("takes", timeout=PATIENCE))
            child.ask("print_specimen", page, timeout=_PAGE_SECONDS)
        finally:
            child.close(timeout=2.0)
