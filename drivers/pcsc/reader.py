"""One reader of a seat: waits for tokens and takes them exclusively."""

from __future__ import annotations

import time

from smartcard import scard

from drivers.errors import DeviceFailed, NoToken, TokenLost
from drivers.pcsc.context import GONE, NO_READERS, OK, PNP, Context, failure, name, serial_of
from drivers.pcsc.readers import POLL_MS, find, is_present, missing
from drivers.tokens import Cancel

_SERVICE_ENDED = frozenset(
    {"SCARD_E_NO_SERVICE", "SCARD_E_SERVICE_STOPPED", "SCARD_E_INVALID_HANDLE", "SCARD_F_COMM_ERROR"}
)


class Reader:
    """The reader called `name`, with `serial` where the seat names one.

    `usb_token` holds for tokens that are their own reader: a reader that is not there counts as empty then,
    where otherwise it is an error. Another program in the reader is waited for `patience` seconds.
    """

    def __init__(
        self,
        name: str,
        serial: str | None = None,
        *,
        where: str | None = None,
        usb_token: bool = False,
        patience: float = 3.0,
    ) -> None:
        self._name, self._serial = name, serial
        self._where = where or name
        self._usb_token = usb_token
        self._patience = patience
        self._pcsc: Context | None = None
        self._found: str | None = None

    def await_token(self, cancel: Cancel) -> bool:
        """Block until a card is in the reader; False when cancelled."""
        return self._await(True, cancel)

    def await_removal(self, cancel: Cancel) -> bool:
        """Block until the reader is empty or gone; False when cancelled."""
        return self._await(False, cancel)

    def connect(self) -> PcscCard:
        """Take the card exclusively; raises `NoToken`, `Unsupported` or `DeviceFailed`."""
        try:
            return self._connect()
        except DeviceFailed as error:
            self._renew(error)
            raise

    def _connect(self) -> PcscCard:
        pcsc = self._context()
        reader = self._reader(pcsc)
        if reader is None:
            raise NoToken("no token is plugged in", where=self._where, next="plug one in")
        deadline = time.monotonic() + self._patience
        state = scard.SCARD_STATE_UNAWARE
        while True:
            code, card, protocol = scard.SCardConnect(
                pcsc.handle,
                reader,
                scard.SCARD_SHARE_EXCLUSIVE,
                scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1,
            )
            if code == OK:
                self._check_reader(pcsc, card)
                return PcscCard(card, protocol, self._where)
            left = deadline - time.monotonic()
            if code != scard.SCARD_E_SHARING_VIOLATION or left <= 0:
                raise failure(code, "connecting", f"{self._where} ({reader})")
            # pcscd reports a change of state when the other program lets go of the reader
            ((_, state, _),) = pcsc.wait([(reader, state)], min(POLL_MS, int(left * 1000) + 1))

    def _check_reader(self, pcsc: Context, card: int) -> None:
        """Refuse a card in a reader that took over the name of the seat's; readers may be plugged in anew."""
        if self._serial is not None and serial_of(card) != self._serial:
            scard.SCardDisconnect(card, scard.SCARD_LEAVE_CARD)
            self._found = None
            raise missing(pcsc, self._name, self._serial, self._where)

    def close(self) -> None:
        """Give the PC/SC context back."""
        if self._pcsc is not None:
            self._pcsc.close()
            self._pcsc = None

    def _context(self) -> Context:
        if self._pcsc is None:
            self._pcsc = Context()
        return self._pcsc

    def _reader(self, pcsc: Context) -> str | None:
        """The reader's full name, None where a USB token is not plugged in; raises `DeviceFailed`."""
        if self._found is None or self._usb_token:
            self._found = find(pcsc, self._name, self._serial)
        if self._found is None and not self._usb_token:
            raise missing(pcsc, self._name, self._serial, self._where)
        return self._found

    def _renew(self, error: DeviceFailed) -> None:
        """Ask for a new context next time, where the PC/SC service ended or was started anew."""
        if error.code in _SERVICE_ENDED:
            self.close()

    def _await(self, wanted: bool, cancel: Cancel) -> bool:
        try:
            return self._watch(wanted, cancel)
        except DeviceFailed as error:
            self._renew(error)
            raise

    def _watch(self, wanted: bool, cancel: Cancel) -> bool:
        pcsc = self._context()
        watched: str | None = None
        state = scard.SCARD_STATE_UNAWARE
        while not cancel():
            # Telling readers apart touches them, which would disturb whoever works with the token in one.
            reader = self._reader(pcsc) if wanted or self._found is None else self._found
            if reader is None and not wanted:
                return True
            if (reader or PNP) != watched:
                watched = reader or PNP
                state = len(pcsc.readers()) << 16 if reader is None else scard.SCARD_STATE_UNAWARE
            try:
                ((_, state, _),) = pcsc.wait([(watched, state)], POLL_MS)
            except NoToken:
                self._found, watched = None, None
                continue
            if reader is not None and is_present(state) == wanted:
                return True
            if reader is not None and state & (scard.SCARD_STATE_UNKNOWN | scard.SCARD_STATE_UNAVAILABLE):
                self._found, watched = None, None
        return False


class PcscCard:
    """A card held exclusively; a transport."""

    def __init__(self, card: int, protocol: int, where: str) -> None:
        self._card: int | None = card
        self._t0 = protocol == scard.SCARD_PROTOCOL_T0
        self._protocol = protocol
        self._where = where

    def transmit(self, apdu: bytes) -> tuple[bytes, int]:
        """Send one short APDU; raises `TokenLost` where the card was removed, reset or does not answer."""
        if self._card is None:
            raise TokenLost("the token was lost earlier", where=self._where, next="insert it again")
        if self._t0 and len(apdu) > 5 and len(apdu) == 6 + apdu[4]:
            apdu = apdu[:-1]  # T=0 knows no Le beside data; the card answers 61xx
        code, answer = scard.SCardTransmit(self._card, self._protocol, list(apdu))
        if code == OK and len(answer) >= 2:
            return bytes(answer[:-2]), answer[-2] << 8 | answer[-1]
        self.close()
        raise self._lost(code)

    def close(self) -> None:
        """Let go of the card, resetting it so that nothing stays logged in."""
        if self._card is not None:
            scard.SCardDisconnect(self._card, scard.SCARD_RESET_CARD)
            self._card = None

    def _lost(self, code: int) -> TokenLost | DeviceFailed:
        if code in GONE or code == NO_READERS:
            what = "the token was taken out while it worked"
        elif code in (scard.SCARD_W_RESET_CARD, scard.SCARD_W_UNPOWERED_CARD):
            what = "the token was reset by another program or lost power while it worked"
        else:
            what = f"the token gave no answer ({'empty answer' if code == OK else name(code)})"
        return TokenLost(what, where=self._where, next="insert it again; its state will be read from it")
