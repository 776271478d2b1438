"""The virtual card as a reader sees it: power, APDUs, chaining, applications, and its file.

It is pretence, for benches and tests: PIN, PUK, management key and private keys lie in clear in the file.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import xor
from pathlib import Path

from drivers.wire import tlv
from drivers.wire.apdu import Command, StatusWord
from simulators.piv import admin, attestation, facts, keys, objects, pins, power, state
from simulators.piv.applet import Applet, Refused, Security, need
from simulators.piv.attestation import AttestationRoot
from simulators.piv.state import MANAGEMENT, NO_DELAYS, CardState, Delays, Firmware, Profile

__all__ = ["NO_DELAYS", "AttestationRoot", "Delays", "VirtualCard"]

Handler = Callable[[Applet, Command], bytes]

SELECT, GET_RESPONSE = 0xA4, 0xC0
CHAINED, SECURE_MESSAGING = 0x10, 0x0C
LONGEST_CHAIN = 16384

RID = objects.AID[:5]
CARD_MANAGER = bytes.fromhex("A000000151000000")
YUBIKEY_MANAGEMENT = bytes.fromhex("A000000527471117")
# Part 2, table 3: the PIX of the application, and in 79 whose AIDs these are.
APPLICATION = tlv.encode(0x61, tlv.encode(0x4F, objects.AID[5:]) + tlv.encode(0x79, tlv.encode(0x4F, RID)))

YUBIKEY_5_ATR = bytes.fromhex("3BFD1300008131FE158073C021C057597562694B657940")
YUBIKEY_4_ATR = bytes.fromhex("3BF81300008131FE15597562696B657934D4")
OLDEST_FIRMWARE: Firmware = (4, 0, 0)


def _plain_atr() -> bytes:
    # Historical bytes in compact TLV (ISO/IEC 7816-4, 8.1.1): the AID, then chaining and extended length.
    historical = b"\x80\xf9" + objects.AID[:9] + bytes.fromhex("73C021C0")
    body = bytes([0xD0 | len(historical)]) + bytes.fromhex("96008131FE15") + historical
    return b"\x3b" + body + bytes([reduce(xor, body)])


PLAIN_ATR = _plain_atr()


def _general_authenticate(applet: Applet, command: Command) -> bytes:
    if command.p2 == MANAGEMENT:
        return admin.authenticate(applet, command)
    return keys.authenticate(applet, command)


STANDARD: Mapping[int, Handler] = {
    0x20: pins.verify,
    0x24: pins.change_reference_data,
    0x2C: pins.reset_retry_counter,
    0x47: keys.generate,
    0x87: _general_authenticate,
    0xCB: objects.get_data,
    0xDB: objects.put_data,
}

EXTENSIONS: Mapping[int, tuple[Handler, Firmware]] = {
    0xF6: (keys.move, (5, 7, 0)),
    0xF7: (facts.metadata, (5, 3, 0)),
    0xF8: (facts.serial, (5, 0, 3)),
    0xF9: (attestation.attest, (4, 3, 0)),
    0xFA: (pins.set_retries, OLDEST_FIRMWARE),
    0xFB: (admin.reset, OLDEST_FIRMWARE),
    0xFD: (facts.version, OLDEST_FIRMWARE),
    0xFE: (keys.import_key, OLDEST_FIRMWARE),
    0xFF: (admin.set_management_key, OLDEST_FIRMWARE),
}
"""YubiKey's instructions and the firmware each came with."""

VERIFY = 0x20


@dataclass
class _Exchange:
    # What lies between two APDUs of one command: parts received so far, and what is left to fetch.
    chain: Command | None = None
    left: bytes = b""
    selected: bool = False


class VirtualCard:
    """A PIV card in one file of mode 0600, written before the answer to each APDU that changes it."""

    def __init__(self, path: Path, kept: CardState, encoded: bytes) -> None:
        self.path = path
        self._encoded = encoded
        self._applet = Applet(kept)
        self._exchange = _Exchange()

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        root: AttestationRoot | None,
        serial: int | None,
        firmware: Firmware = (5, 4, 3),
        profile: Profile = "yubikey",
        delays: Delays = NO_DELAYS,
    ) -> VirtualCard:
        """Make a factory-new card; raises `FileExistsError`, or `ValueError` for what no such card has.

        A `plain` card has no extensions, so it never tells `serial` or `firmware` and takes no `root`; a
        YubiKey without `root` cannot attest.
        """
        if path.exists():
            raise FileExistsError(f"{path} is taken; give the new card another file")
        if profile == "yubikey" and firmware < OLDEST_FIRMWARE:
            raise ValueError(f"firmware {firmware} is older than {OLDEST_FIRMWARE}, the oldest there is here")
        if serial is not None and not 0 <= serial < 1 << 32:
            raise ValueError(f"serial {serial} does not fit four bytes")
        kept = CardState(
            profile, firmware, serial, state.factory_management_key(profile, firmware), delays=delays
        )
        if root is not None and profile == "yubikey" and firmware >= EXTENSIONS[0xF9][1]:
            root.equip(kept.keys, kept.objects)
        encoded = state.encode(kept)
        state.write(path, encoded)
        return cls(path, kept, encoded)

    @classmethod
    def load(cls, path: Path) -> VirtualCard:
        """The card kept in a file; raises `OSError`, or `CardFileDamaged` where it is no card."""
        encoded = path.read_bytes()
        return cls(path, state.decode(encoded), encoded)

    @property
    def atr(self) -> bytes:
        """The answer to reset."""
        if not self._applet.state.extended:
            return PLAIN_ATR
        return YUBIKEY_5_ATR if self._applet.state.since((5, 0, 0)) else YUBIKEY_4_ATR

    def power_on(self) -> None:
        """Start without any security status and without a selected application."""
        self.reset()

    def power_off(self) -> None:
        """Forget all but what the file keeps."""
        self.reset()

    def reset(self) -> None:
        """Forget all but what the file keeps, as after a warm reset."""
        self._applet.security = Security()
        self._exchange = _Exchange()

    def transmit(self, apdu: bytes) -> bytes:
        """Carry out one APDU and answer data and status word; what is malformed gets a status word too."""
        if self._applet.state.delays.apdu > 0:
            time.sleep(self._applet.state.delays.apdu)
        try:
            command = Command.parse(apdu)
        except ValueError:
            return _word(StatusWord.WRONG_LENGTH)
        try:
            return self._take(command, _room(apdu, command))
        except Refused as refusal:
            return _word(refusal.sw)

    def lose_power(self, apdu: bytes) -> None:
        """Carry out as much of an APDU as is done when power goes in the middle of it."""
        with contextlib.suppress(ValueError, Refused):
            whole = self._join(Command.parse(apdu))
            if whole is not None and self._exchange.selected:
                power.interrupt(self._applet, whole)
                self._keep()
        self.power_off()

    def _take(self, command: Command, room: int) -> bytes:
        need(command.cla & ~(CHAINED | SECURE_MESSAGING) == 0, StatusWord.CLA_UNSUPPORTED)
        need(command.cla & SECURE_MESSAGING == 0, StatusWord.SECURE_MESSAGING_UNSUPPORTED)
        if command.ins == GET_RESPONSE:
            need(bool(self._exchange.left), StatusWord.CONDITIONS_NOT_SATISFIED)
            return self._answer(room)
        self._exchange.left = b""
        whole = self._join(command)
        if whole is None:
            return _word(StatusWord.OK)
        try:
            self._exchange.left = self._carry_out(whole)
        finally:
            self._keep()
        return self._answer(room)

    def _join(self, command: Command) -> Command | None:
        """Collect a chained command (ISO/IEC 7816-4, 5.3.3); None while parts are missing."""
        begun, self._exchange.chain = self._exchange.chain, None
        if begun and (begun.ins, begun.p1, begun.p2) == (command.ins, command.p1, command.p2):
            command = replace(command, data=begun.data + command.data)
        need(len(command.data) <= LONGEST_CHAIN, StatusWord.WRONG_LENGTH)
        if not command.cla & CHAINED:
            return command
        self._exchange.chain = command
        return None

    def _carry_out(self, command: Command) -> bytes:
        if command.ins == SELECT:
            return self._select(command)
        need(self._exchange.selected, StatusWord.INS_UNSUPPORTED)
        handler = self._handler(command.ins)
        try:
            return handler(self._applet, command)
        except ValueError:
            raise Refused(StatusWord.INCORRECT_DATA) from None
        finally:
            if command.ins != VERIFY:
                self._applet.security.pin_fresh = False

    def _handler(self, ins: int) -> Handler:
        if ins in STANDARD:
            return STANDARD[ins]
        need(ins in EXTENSIONS, StatusWord.INS_UNSUPPORTED)
        handler, firmware = EXTENSIONS[ins]
        need(self._applet.state.since(firmware), StatusWord.INS_UNSUPPORTED)
        return handler

    def _select(self, command: Command) -> bytes:
        """SELECT (part 2, 3.1.1): PIV again changes nothing, another application ends the security status."""
        need((command.p1, command.p2) == (0x04, 0x00), StatusWord.INCORRECT_P1P2)
        name = command.data
        if len(name) >= len(RID) and objects.AID.startswith(name):
            self._exchange.selected = True
            return APPLICATION
        others = (CARD_MANAGER, YUBIKEY_MANAGEMENT) if self._applet.state.extended else (CARD_MANAGER,)
        need(name in others, StatusWord.NOT_FOUND)
        self.reset()
        return b""

    def _keep(self) -> None:
        encoded = state.encode(self._applet.state)
        if encoded == self._encoded:
            return
        try:
            state.write(self.path, encoded)
        except OSError:
            self._applet.state = state.decode(self._encoded)
            raise Refused(StatusWord.MEMORY_FAILURE) from None
        self._encoded = encoded

    def _answer(self, room: int) -> bytes:
        data, self._exchange.left = self._exchange.left[:room], self._exchange.left[room:]
        left = len(self._exchange.left)
        return data + _word(StatusWord.MORE_DATA | min(left, 0xFF) if left else StatusWord.OK)


def _room(apdu: bytes, command: Command) -> int:
    # Le 0 asks for all there is, and many hosts leave Le out where the protocol is T=1.
    extended = len(apdu) > 6 and apdu[4] == 0
    return command.le or (65536 if extended else 256)


def _word(sw: int) -> bytes:
    return sw.to_bytes(2, "big")
