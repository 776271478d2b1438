"""Labels on sheets, as PDF for an ordinary printer."""

from __future__ import annotations

import io
from collections.abc import Iterable

from reportlab.pdfgen.canvas import Canvas

from layouts.composition import MM
from layouts.label import Label, LabelLayout
from layouts.typesetting import font_name


def draw_sheets(layout: LabelLayout, labels: Iterable[Label], first: int = 1) -> bytes:
    """Sheets of labels as PDF, the first in place `first`, counted from 1 in rows from the left.

    Equal input gives equal bytes. Raises `ValueError` for a place that a sheet does not have.
    """
    sheet = layout.file.sheet
    places = sheet.columns * sheet.rows
    if not 1 <= first <= places:
        raise ValueError(f"a sheet of {layout.title} has places 1 to {places}")
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(sheet.width * MM, sheet.height * MM), invariant=1, pageCompression=1)
    canvas.setTitle(layout.title)
    canvas.setCreator("Issuance Station")
    for count, label in enumerate(labels, first - 1):
        if count >= places and count % places == 0:
            canvas.showPage()
        row, column = divmod(count % places, sheet.columns)
        left, top = sheet.left + column * sheet.pitch_x, sheet.top + row * sheet.pitch_y
        _draw(canvas, label, left * MM, (sheet.height - top) * MM)
    canvas.save()
    return out.getvalue()


def _draw(canvas: Canvas, label: Label, left: float, top: float) -> None:
    canvas.setFillGray(0)
    for text in label.texts:
        canvas.setFont(font_name(text.font), text.size)
        canvas.drawString(left + text.x * MM, top - text.y * MM, text.text)
    bars = label.bars
    for index, ink in enumerate(bars.modules):
        if ink:
            x = left + (bars.x + index * bars.module) * MM
            canvas.rect(
                x, top - (bars.y + bars.height) * MM, bars.module * MM, bars.height * MM, stroke=0, fill=1
            )
