"""A label as ZPL II: drawn dot by dot here, so that every printer shows the same, in its own fonts."""

from __future__ import annotations

import base64
import binascii
import zlib

from PIL import Image, ImageDraw, ImageFont

from layouts.composition import MM
from layouts.errors import LayoutError
from layouts.label import Bars, Label

DENSITIES = (6, 8, 12, 24)
"""Dots to a millimetre that print heads have: 150, 203, 300 and 600 to the inch."""


def to_zpl(label: Label, density: int) -> bytes:
    """One label as a ZPL II format, for a head of `density` dots to a millimetre.

    Raises `LayoutError` where a bar would be narrower than a dot.
    """
    picture = draw(label, density)
    rows, width = picture.height, picture.width // 8
    # In ZPL a dot that is set is black.
    dots = picture.tobytes("raw", "1;I")
    packed = base64.b64encode(zlib.compress(dots, 9))
    check = f"{binascii.crc_hqx(packed, 0):04X}"
    graphic = f"^GFA,{len(dots)},{len(dots)},{width},:Z64:{packed.decode()}:{check}"
    return f"^XA^PW{picture.width}^LL{rows}^LH0,0^FO0,0{graphic}^FS^PQ1^XZ\n".encode("ascii")


def draw(label: Label, density: int) -> Image.Image:
    """A label in dots, black on white; its width is a multiple of eight."""
    size = (-(-round(label.width * density) // 8) * 8, round(label.height * density))
    picture = Image.new("1", size, 1)
    canvas = ImageDraw.Draw(picture)
    canvas.fontmode = "1"
    for text in label.texts:
        font = ImageFont.truetype(str(text.font), max(1, round(text.size / MM * density)))
        canvas.text(
            (round(text.x * density), round(text.y * density)), text.text, fill=0, font=font, anchor="ls"
        )
    _bars(canvas, label.bars, density)
    return picture


def _bars(canvas: ImageDraw.ImageDraw, bars: Bars, density: int) -> None:
    """Every module has the same whole number of dots, else readers misread."""
    dots = round(bars.module * density)
    if dots < 1:
        raise LayoutError(
            f"a bar of {bars.module} mm is narrower than a dot", next="give the bar code a wider module"
        )
    left, top, bottom = (
        round(bars.x * density),
        round(bars.y * density),
        round((bars.y + bars.height) * density),
    )
    for index, ink in enumerate(bars.modules):
        if ink:
            x = left + index * dots
            canvas.rectangle((x, top, x + dots - 1, bottom - 1), fill=0)
