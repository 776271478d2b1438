"""QR codes on a page."""

from __future__ import annotations

from reportlab.graphics import renderPDF
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.pdfgen.canvas import Canvas


def draw_qr(canvas: Canvas, text: str, x: float, y: float, side: float) -> None:
    """A QR code of a text, its left lower corner and the length of its side in points."""
    code = QrCodeWidget(text, barLevel="M")
    left, bottom, right, top = code.getBounds()
    scale = side / max(right - left, top - bottom)
    drawing = Drawing(side, side, transform=(scale, 0, 0, scale, 0, 0))
    drawing.add(code)
    renderPDF.draw(drawing, canvas, x, y)
