"""Placed lines to PDF: one page, fonts embedded, equal input to equal bytes."""

from __future__ import annotations

import functools
import io
import random
from collections.abc import Iterable, Iterator

from reportlab import rl_config
from reportlab.graphics.barcode.code128 import Code128
from reportlab.pdfgen.canvas import Canvas

from layouts.composition import MM, Line
from layouts.errors import TextFault
from layouts.forms import MailerFile, MailerLayout, Scramble
from layouts.scans import Kind, content
from layouts.typesetting import clean, font_name, unprintable, width

# Printers of today take binary streams; ASCII ones are a quarter longer and slower to make.
rl_config.useA85 = 0

# reportlab.pdfgen.canvas.FILL_EVEN_ODD, which its type stubs leave out.
_EVEN_ODD = 0


def draw(
    layout: MailerLayout, language: str, number: str, lines: Iterable[Line], specimen: str | None = None
) -> bytes:
    """The page as PDF; `specimen` is written across it where it is given. Raises `TextFault`."""
    file = layout.file
    size = (file.paper.width * MM, file.paper.height * MM)
    out = io.BytesIO()
    canvas = Canvas(
        out,
        pagesize=size,
        invariant=1,
        pageCompression=1,
        lang=language,
        # reportlab would name Helvetica, which nobody embeds.
        initialFontName=font_name(layout.fonts["text"]),  # type: ignore[arg-type] # the stub is wrong
    )
    canvas.setTitle(file.title)
    canvas.setAuthor(file.sender.name)
    canvas.setCreator("Issuance Station")
    if specimen:
        _specimen(canvas, layout, specimen)
    _folds(canvas, file)
    _panel(canvas, file)
    for line in lines:
        canvas.setFillGray(line.ink)
        canvas.setFont(line.font, line.size)
        canvas.drawString(line.x, line.y, line.text)
        _underline(canvas, line)
    canvas.setFillGray(0)
    bars = file.barcode
    barcode(layout, number).drawOn(canvas, bars.x * MM, (file.paper.height - bars.y - bars.height) * MM)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def barcode(layout: MailerLayout, number: str) -> Code128:
    """The control number as Code 128, checked and told apart by what it says where there is room for that.

    Raises `TextFault` where even the bare number is too wide for its place.
    """
    place = layout.file.barcode
    for text in (content(Kind.LETTER, number), number):
        code = Code128(text, barWidth=place.module * MM, barHeight=place.height * MM, quiet=False)
        if code.width <= place.width * MM:
            return code
    what = f"{number!r} does not fit its place as a bar code"
    raise TextFault(what, field="barcode", mailer=layout.name, next="shorten it, or change the layout")


def _specimen(canvas: Canvas, layout: MailerLayout, text: str) -> None:
    paper, font, text = layout.file.paper, font_name(layout.fonts["bold"]), clean(text)
    if not text or unprintable(text, font):
        what, hint = f"{text!r} cannot be printed", "write a word that the letter's fonts can show"
        raise TextFault(what, field="specimen", mailer=layout.name, next=hint)
    size = 0.85 * paper.width * MM / width(text, font, 1)
    canvas.saveState()
    canvas.translate(paper.width * MM / 2, paper.height * MM / 2)
    canvas.rotate(45)
    canvas.setFillGray(0.93)
    canvas.setFont(font, size)
    canvas.drawCentredString(0, -0.365 * size, text)
    canvas.restoreState()


def _folds(canvas: Canvas, file: MailerFile) -> None:
    canvas.setLineWidth(0.4)
    canvas.setStrokeGray(0.45)
    for fold in file.paper.folds:
        y = (file.paper.height - fold) * MM
        canvas.line(4 * MM, y, 8 * MM, y)


def _panel(canvas: Canvas, file: MailerFile) -> None:
    panel = file.panel
    left, bottom = panel.x * MM, (file.paper.height - panel.y - panel.height) * MM
    wide, tall, frame = panel.width * MM, panel.height * MM, panel.frame * MM
    canvas.beginForm("scramble", 0, 0, wide, tall)
    ring = canvas.beginPath()
    ring.rect(0, 0, wide, tall)
    ring.rect(frame, frame, wide - 2 * frame, tall - 2 * frame)
    canvas.clipPath(ring, stroke=0, fill=0, fillMode=_EVEN_ODD)
    canvas.addLiteral(_scramble(file.scramble, wide, tall))
    canvas.endForm()
    canvas.saveState()
    canvas.translate(left, bottom)
    canvas.doForm("scramble")
    canvas.setStrokeGray(panel.rule_ink)
    canvas.setLineWidth(0.5)
    canvas.rect(frame, frame, wide - 2 * frame, tall - 2 * frame)
    row = (tall - 2 * frame) / 3
    for line in (1, 2):
        y = frame + line * row
        canvas.line(panel.label_x * MM, y, wide - panel.label_x * MM, y)
    canvas.restoreState()


@functools.cache
def _scramble(scramble: Scramble, wide: float, tall: float) -> str:
    """PDF operators of the pattern: figures of seven strokes, each at random, over one another.

    They are long lines with random dashes, made once in a process: writing them anew takes longer than the
    rest of the page.
    """
    operators = [f"{scramble.stroke * MM:.2f} w"]
    for layer, ink in enumerate(scramble.inks):
        operators.append(f"{ink:.2f} G")
        operators += _figures(scramble, layer, wide, tall)
    return " ".join(operators)


def _figures(scramble: Scramble, layer: int, wide: float, tall: float) -> Iterator[str]:
    chance = random.Random(scramble.seed + layer)  # noqa: S311 (a pattern, no secret)
    across, up = scramble.width * MM, scramble.height * MM
    step_x, step_y = across * 1.5, up * 1.35
    left, bottom = layer * step_x * 0.37 - step_x, layer * step_y * 0.41 - step_y
    for row in range(int(tall / step_y) + 3):
        for part in range(3):
            y = bottom + row * step_y + part * up / 2
            yield f"{_dashes(chance, across, step_x)} {left:.2f} {y:.2f} m {wide:.2f} {y:.2f} l S"
    for column in range(int(wide / step_x) + 3):
        for side in range(2):
            x = left + column * step_x + side * across
            yield f"{_dashes(chance, up, step_y)} {x:.2f} {bottom:.2f} m {x:.2f} {tall:.2f} l S"


def _dashes(chance: random.Random, on: float, step: float) -> str:
    """A dash pattern: strokes of length `on` at multiples of `step`, some left out.

    PostScript takes ten numbers at most.
    """
    dashes: list[float] = []
    for _ in range(5):
        dashes += [on, step * chance.choice((1, 1, 1, 2)) - on]
    phase = step * chance.randrange(round(sum(dashes) / step))
    return f"[{' '.join(f'{dash:.2f}' for dash in dashes)}] {phase:.2f} d"


def _underline(canvas: Canvas, line: Line) -> None:
    """Groups of digits are underlined rather than parted, so that a code stays one word of the page."""
    canvas.setStrokeGray(0.55)
    canvas.setLineWidth(0.7)
    start, y = 0, line.y - line.size * 0.2
    for length in line.groups:
        left = line.x + width(line.text[:start], line.font, line.size)
        right = line.x + width(line.text[: start + length], line.font, line.size)
        canvas.line(left + 1, y, right - 1, y)
        start += length
