"""Bytes of an order file to text: UTF-8, UTF-16 with a mark, and Windows-1252 as Excel writes it."""

from __future__ import annotations

import codecs

from batch.tables.faults import FaultList

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_NOT_CSV = (
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook, or one with a password"),
    (b"%PDF", "is a PDF"),
    (b"{\\rtf", "is a word processor's document"),
)

_SAVE = "save it as 'CSV UTF-8'"


def decode(data: bytes, faults: FaultList) -> str:
    """The text of a file; raises `TableFaults` where it is none, naming the line that shows it.

    What is not UTF-8 is read as Windows-1252; a name that this turns into nonsense is found later, by cell.
    """
    for start, what in _NOT_CSV:
        if data.startswith(start):
            faults.add(0, "", "", what, f"{_SAVE} and import that")
            faults.stop()
    encoding, body = _encoding(data)
    if encoding == "utf-8":
        _refuse_zeros(body, faults)
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8" or body is not data:
            faults.add(_line(body, error.start, encoding), "", "", f"is not {encoding.upper()} here", _SAVE)
            faults.stop()
        text = _windows(data, faults)
    if (zero := text.find("\0")) >= 0:
        faults.add(text.count("\n", 0, zero) + 1, "", "", "a zero character stands here", _SAVE)
        faults.stop()
    return text


def _encoding(data: bytes) -> tuple[str, bytes]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding, data[len(mark) :]
    return "utf-8", data


def _refuse_zeros(body: bytes, faults: FaultList) -> None:
    zero = body.find(b"\0")
    if zero < 0:
        return
    wide = body[:2000].count(0) * 3 > len(body[:2000])
    wrong = "looks like UTF-16 without its mark" if wide else "a zero byte stands here, this is no text"
    faults.add(_line(body, zero, "utf-8"), "", "", wrong, _SAVE)
    faults.stop()


def _windows(data: bytes, faults: FaultList) -> str:
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError as error:
        byte = data[error.start]
        wrong = f"byte 0x{byte:02X} is neither UTF-8 nor Windows-1252"
        faults.add(_line(data, error.start, "utf-8"), "", "", wrong, _SAVE)
        faults.stop()


def _line(body: bytes, at: int, encoding: str) -> int:
    before = body[:at].decode(encoding if encoding != "utf-8" else "latin-1", errors="replace")
    return before.count("\n") + before.replace("\r\n", "").count("\r") + 1
