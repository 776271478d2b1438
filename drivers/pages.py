"""In which form a printer takes a page."""

from __future__ import annotations

import enum


class PageFormat(enum.StrEnum):
    """PDF, or the commands of an impact printer."""

    PDF = "pdf"
    ESCP_9 = "escp-9"
    """Epson ESC/P, 9 pins."""
    ESCP_24 = "escp-24"
    """Epson ESC/P and ESC/P 2, 24 pins."""
    PROPRINTER = "proprinter"
    """IBM Proprinter III and its kin."""
