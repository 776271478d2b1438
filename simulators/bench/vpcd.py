"""A virtual card's end of the vpcd protocol: the card is a TCP client of the reader driver.

Each message is a 2-byte big-endian length and as many bytes. A payload of one byte is a control (power off,
power on, reset, get ATR), of which only "get ATR" is answered; everything else is a command APDU, answered
with data and status word (vsmartcard, `vpcd.c`).
"""

from __future__ import annotations

import enum
import socket
from typing import Protocol


class Gone(Exception):
    """The card leaves its reader instead of an answer."""


class Card(Protocol):
    """What a virtual card does in a reader."""

    @property
    def atr(self) -> bytes:
        """The answer to reset (ISO 7816-3)."""
        ...

    def power_on(self) -> None:
        """Begin a session."""
        ...

    def power_off(self) -> None:
        """End the session; what was verified is forgotten."""
        ...

    def reset(self) -> None:
        """A warm reset: as power off and on."""
        ...

    def transmit(self, apdu: bytes) -> bytes:
        """Answer a command APDU with data and status word; raises `Gone`."""
        ...


class Control(enum.IntEnum):
    """The one-byte messages of the reader."""

    POWER_OFF = 0
    POWER_ON = 1
    RESET = 2
    GET_ATR = 4


def connect(link: socket.socket, port: int) -> None:
    """Connect a TCP socket to the reader that listens on the loopback's `port`; raises `OSError`.

    Waits while the reader has not yet looked at the card before; shutting `link` down ends that.
    """
    # Without it the small answers wait for the reader's delayed acknowledgement.
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.connect(("127.0.0.1", port))


def await_look(link: socket.socket, port: int) -> None:
    """Be a card that does not answer until the reader has looked for one; raises `OSError`."""
    connect(link, port)
    while (message := _receive(link)) is not None and message != bytes([Control.GET_ATR]):
        pass


def serve(card: Card, link: socket.socket) -> None:
    """Answer the reader until either side hangs up; the card is left without power."""
    try:
        while (message := _receive(link)) is not None:
            answer = _answer(card, message)
            if answer is not None:
                link.sendall(len(answer).to_bytes(2, "big") + answer)
    except (OSError, Gone):
        pass  # pulled out while it answered
    finally:
        card.power_off()


def _answer(card: Card, message: bytes) -> bytes | None:
    if len(message) != 1:
        return card.transmit(message)
    match message[0]:
        case Control.POWER_OFF:
            card.power_off()
        case Control.POWER_ON:
            card.power_on()
        case Control.RESET:
            card.reset()
        case Control.GET_ATR:
            return card.atr
        case _:
            return card.transmit(message)
    return None


def _receive(link: socket.socket) -> bytes | None:
    header = _exactly(link, 2)
    if header is None:
        return None
    return _exactly(link, int.from_bytes(header, "big"))


def _exactly(link: socket.socket, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        if link.family == socket.AF_INET:
            # The kernel clears this by itself: 48 ms per APDU where it is not set again.
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        chunk = link.recv(size - len(data))
        if not chunk:
            return None
        data += chunk
    return data
