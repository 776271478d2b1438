"""The papers of a parcel as one PDF: its address label, its packing list, the letter that goes with it.

Nothing is cut: what does not fit its column is broken over lines, what cannot be printed is a `TextFault`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from reportlab.graphics.barcode.code128 import Code128
from reportlab.pdfgen.canvas import Canvas

from layouts.composition import MM
from layouts.errors import TextFault
from layouts.fields import fill
from layouts.forms import FontRole
from layouts.papers import PaperLayout, PaperTexts, ParcelContent, Sheet
from layouts.qr import draw_qr
from layouts.typesetting import clean, folded, font_name, unprintable

_BAR = 0.33
"""Millimetres of the narrowest bar."""

_QR = 30.0
_MOST_IN_QR = 700
"""Octets of an answer that a telephone reads from a QR code of that size in millimetres."""

_ROW = 13.0
_SIZE = 9.5


def render(layout: PaperLayout, parcel: ParcelContent) -> bytes:
    """All papers of a parcel as PDF; equal input gives equal bytes.

    Raises `TextFault` for what cannot be printed, `UnknownLayout` for a language without texts.
    """
    texts = layout.texts(parcel.language)
    out = io.BytesIO()
    canvas = Canvas(
        out,
        invariant=1,
        pageCompression=1,
        lang=parcel.language,
        initialFontName=font_name(layout.fonts["text"]),  # type: ignore[arg-type] # the stub is wrong
    )
    canvas.setTitle(f"{layout.title} {parcel.parcel}")
    canvas.setAuthor(layout.file.sender.name)
    canvas.setCreator("Issuance Station")
    _Label(layout, canvas, layout.file.label, parcel, texts).draw()
    _PackingList(layout, canvas, layout.file.sheet, parcel, texts).draw()
    _CoverLetter(layout, canvas, layout.file.sheet, parcel, texts).draw()
    canvas.save()
    return out.getvalue()


def answer(layout: PaperLayout, parcel: ParcelContent) -> str:
    """A `mailto:` link that begins the e-mail which acknowledges a parcel's tokens (RFC 6068).

    Without its text where that is too long for a QR code.
    """
    texts = layout.texts(parcel.language)
    subject = fill(texts.subject, _known(layout, parcel), f"papers {layout.name}, subject")
    start = f"mailto:{quote(layout.file.sender.reply, safe='@')}?subject={quote(subject)}"
    body = "\r\n".join(f"{token.certificate}: {token.quoted}" for token in parcel.tokens)
    whole = f"{start}&body={quote(body)}"
    return whole if len(whole.encode()) <= _MOST_IN_QR else start


def _known(layout: PaperLayout, parcel: ParcelContent) -> dict[str, str]:
    sender = layout.file.sender
    return {
        "parcel": parcel.parcel,
        "order": parcel.order,
        "subscriber": parcel.subscriber,
        "manager": parcel.manager,
        "tokens": str(len(parcel.tokens)),
        "loans": str(len(parcel.loans)),
        "day": parcel.day.isoformat(),
        "by": parcel.by.isoformat(),
        "sender": sender.name,
        "sender_address": sender.address,
        "reply": sender.reply,
        "help": sender.help,
    }


@dataclass
class _Paper:
    """One kind of page; `y` is the baseline that was last written on, in points from the bottom."""

    layout: PaperLayout
    canvas: Canvas
    sheet: Sheet
    parcel: ParcelContent
    texts: PaperTexts
    y: float = 0.0
    page: int = 0

    @property
    def left(self) -> float:
        return self.sheet.margin * MM

    @property
    def room(self) -> float:
        return (self.sheet.width - 2 * self.sheet.margin) * MM

    def begin(self) -> None:
        """A new page, with the parcel's number and the page's at its foot."""
        if self.page:
            self.canvas.showPage()
        self.page += 1
        self.canvas.setPageSize((self.sheet.width * MM, self.sheet.height * MM))
        self.y = (self.sheet.height - self.sheet.margin) * MM
        self._write("text", f"{self.parcel.parcel} · {self.page}", self.left, 0.45 * self.left, 7.5, 0.35)

    def end(self) -> None:
        """The last page of its kind is full."""
        self.canvas.showPage()

    def need(self, tall: float) -> None:
        """Begin another page where so many points do not fit any more."""
        if self.y - tall < self.sheet.margin * MM:
            self.begin()

    def paragraph(
        self,
        text: str,
        size: float = _SIZE,
        role: FontRole = "text",
        *,
        after: float = 6.0,
        indent: float = 0.0,
        room: float | None = None,
    ) -> None:
        """Text below what is there, broken at spaces."""
        for part in text.strip().split("\n"):
            for line in self._wrapped(part, role, size, (room or self.room) - indent):
                self.need(size * 1.35)
                self.y -= size * 1.35
                self._write(role, line, self.left + indent, self.y, size)
        self.y -= after

    def filled(self, template: str) -> str:
        """A text with its fields, line breaks of the file apart from empty lines being spaces."""
        known = _known(self.layout, self.parcel)
        return fill(template, known, f"papers {self.layout.name}")

    def table(self, head: Sequence[str], shares: Sequence[float], rows: Sequence[Sequence[str]]) -> None:
        """Rows below a heading, which is repeated on every page; `shares` are parts of the width."""
        self._row(head, shares, "bold")
        for row in rows:
            page = self.page
            if self.y - self._tall(row, shares) < self.sheet.margin * MM:
                self.begin()
            if self.page != page:
                self._row(head, shares, "bold")
            self._row(row, shares, "text")
        self.y -= 10

    def code128(self, x: float, y: float, tall: float) -> None:
        """The parcel's number as Code 128 with its bottom left corner at a place in points."""
        code = Code128(self.parcel.parcel, barWidth=_BAR * MM, barHeight=tall * MM, quiet=False)
        if code.width > self.room:
            raise self._fault(self.parcel.parcel, "does not fit as a bar code")
        self.canvas.setFillGray(0)
        code.drawOn(self.canvas, x, y)

    def _row(self, cells: Sequence[str], shares: Sequence[float], role: FontRole) -> None:
        top, x = self.y, self.left
        for index, (cell, share) in enumerate(zip(cells, shares, strict=True)):
            y = top
            used: FontRole = "codes" if role == "text" and index == len(cells) - 1 else role
            for line in self._cell(cell, share, used):
                y -= _ROW
                self._write(used, line, x, y, 8.5)
            self.y = min(self.y, y)
            x += share * self.room
        self.y -= 2
        self.canvas.setStrokeGray(0.75)
        self.canvas.setLineWidth(0.4)
        self.canvas.line(self.left, self.y - 2, self.left + self.room, self.y - 2)

    def _cell(self, cell: str, share: float, role: FontRole) -> list[str]:
        return self._wrapped(cell, role, 8.5, share * self.room - 6)

    def _tall(self, row: Sequence[str], shares: Sequence[float]) -> float:
        most = max(len(self._cell(cell, share, "bold")) for cell, share in zip(row, shares, strict=True))
        return most * _ROW + 4

    def _wrapped(self, text: str, role: FontRole, size: float, room: float) -> list[str]:
        font, text = font_name(self.layout.fonts[role]), clean(text)
        if character := unprintable(text, font):
            raise self._fault(text, f"has U+{ord(character):04X}, which the papers' fonts cannot show")
        return folded(text, font, size, room)

    def _write(self, role: FontRole, text: str, x: float, y: float, size: float, ink: float = 0.0) -> None:
        self.canvas.setFillGray(ink)
        self.canvas.setFont(font_name(self.layout.fonts[role]), size)
        self.canvas.drawString(x, y, text)

    def _fault(self, text: str, what: str) -> TextFault:
        return TextFault(f"{text!r} {what}", field="papers", mailer=self.layout.name)


class _Label(_Paper):
    """The label: whom the parcel goes to, who sends it, its number."""

    def draw(self) -> None:
        """One page."""
        sender = self.layout.file.sender
        self.begin()
        self.paragraph(f"{sender.name} · {sender.address}", 7.5, after=14)
        lines = [self.parcel.subscriber, self.parcel.manager, *self.parcel.address]
        for number, line in enumerate(lines):
            self.paragraph(line, 12, "bold" if number == 0 else "text", after=3)
        tall = 14.0
        self.need((tall + 8) * MM)
        self.code128(self.left, (self.sheet.margin + 7) * MM, tall)
        self._write("codes", self.parcel.parcel, self.left, (self.sheet.margin + 2) * MM, 12)
        self.end()


class _PackingList(_Paper):
    """The packing list: every token and every device by their numbers."""

    def draw(self) -> None:
        """As many pages as it takes."""
        parcel, texts = self.parcel, self.texts
        self.begin()
        self.code128(self.left, self.y - 12 * MM, 12)
        self.y -= 14 * MM
        self.paragraph(self.filled(texts.list_heading), 13, "bold")
        self.paragraph("\n".join((parcel.subscriber, parcel.manager, *parcel.address)), after=8)
        self.table(
            (texts.token, texts.certificate, texts.serial),
            (0.16, 0.52, 0.32),
            [(one.number, one.certificate, one.serial) for one in parcel.tokens],
        )
        if parcel.loans:
            self.table(
                (texts.loan, texts.device, texts.due, texts.serial),
                (0.16, 0.30, 0.22, 0.32),
                [
                    (one.number, texts.devices.get(one.kind, one.kind), one.due.isoformat(), one.serial)
                    for one in parcel.loans
                ],
            )
        self.paragraph(f"{texts.packed_by}: {parcel.packed_by}, {parcel.day.isoformat()}")
        self.end()


class _CoverLetter(_Paper):
    """The letter that goes with the tokens: what is asked of who gets them."""

    def draw(self) -> None:
        """As many pages as it takes."""
        parcel, texts, sender = self.parcel, self.texts, self.layout.file.sender
        self.begin()
        self._qr()
        beside = self.room - (_QR + 5) * MM
        self.paragraph(sender.name, 13, "bold", after=2, room=beside)
        self.paragraph(sender.address, 8, after=14, room=beside)
        address = "\n".join((parcel.subscriber, parcel.manager, *parcel.address))
        self.paragraph(address, 10, after=14, room=beside)
        self.paragraph(self.filled(texts.letter_heading), 13, "bold")
        for paragraph in (texts.greeting, texts.intro):
            self.paragraph(self.filled(paragraph))
        self.table(
            (texts.certificate, texts.serial, texts.acknowledge),
            (0.46, 0.26, 0.28),
            [(one.certificate, one.serial, one.quoted) for one in parcel.tokens],
        )
        last = texts.letter_came if parcel.letter_first else texts.letter_follows
        for number, step in enumerate((*texts.steps, last), 1):
            self.need(2 * _SIZE * 1.35)
            self._write("bold", f"{number}.", self.left, self.y - _SIZE * 1.35, _SIZE)
            self.paragraph(self.filled(step), indent=16)
        if parcel.loans:
            self.paragraph(self.filled(texts.loans))
        self.paragraph(self.filled(texts.closing))
        self.end()

    def _qr(self) -> None:
        """A QR code that begins the answer, in the right upper corner."""
        link, side = answer(self.layout, self.parcel), _QR * MM
        draw_qr(self.canvas, link, self.left + self.room - side, self.y - side, side)
