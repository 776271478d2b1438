"""The PIV application, command by command; here, once, status words become meaning."""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass
from typing import NoReturn

from drivers.errors import AuthenticationFailed, Blocked, DeviceFailed, Unsupported
from drivers.piv import keys
from drivers.piv.ids import AID, Ins, ManagementAlgorithm, Ref
from drivers.secret import Secret
from drivers.wire import tlv
from drivers.wire.apdu import Command, StatusWord
from drivers.wire.transport import Transport

_NAMES = {Ref.PIN: "PIN", Ref.PUK: "PUK", Ref.MANAGEMENT: "management key"}
_ABSENT = frozenset({StatusWord.NOT_FOUND, StatusWord.REFERENCE_NOT_FOUND})
_UNKNOWN_COMMAND = frozenset(
    {
        StatusWord.INS_UNSUPPORTED,
        StatusWord.CLA_UNSUPPORTED,
        StatusWord.FUNCTION_UNSUPPORTED,
        StatusWord.INCORRECT_P1P2,
    }
)
_SILENT = frozenset({Ins.VERIFY, Ins.CHANGE_REFERENCE_DATA, Ins.RESET_RETRY_COUNTER, Ins.PUT_DATA})
"""Commands that are answered by a status word alone."""

_DOING = {
    Ins.GENERATE: "making a key",
    Ins.GENERAL_AUTHENTICATE: "using a key",
    Ins.GET_DATA: "reading data",
    Ins.PUT_DATA: "writing data",
    Ins.CHANGE_REFERENCE_DATA: "changing a code",
    Ins.RESET_RETRY_COUNTER: "unblocking the PIN",
    Ins.SET_RETRIES: "setting the tries",
    Ins.MOVE_KEY: "moving a key",
    Ins.RESET: "resetting the card",
    Ins.SET_MANAGEMENT_KEY: "setting the management key",
}


@dataclass(frozen=True)
class CodeMetadata:
    """What a YubiKey tells of a code: whether it is the factory's, and its tries; `algorithm` of 9B alone."""

    default: bool
    total: int | None = None
    left: int | None = None
    algorithm: int | None = None


class Applet:
    """The PIV application of one card; `where` names seat and token in errors.

    Every method raises `DeviceFailed` for an answer nobody expects, besides what its own sentence says.
    """

    def __init__(self, transport: Transport, where: str) -> None:
        self._transport = transport
        self.where = where

    def select(self) -> None:
        """Select the application; raises `Unsupported` where the card has none (3.1.1)."""
        _, sw = self._send(Ins.SELECT, 0x04, 0, AID)
        if sw == StatusWord.OK:
            return
        if sw in _ABSENT | _UNKNOWN_COMMAND:
            raise Unsupported(
                f"this card has no PIV application ({sw:04X})", where=self.where, next="set it aside"
            )
        self._fail(Ins.SELECT, sw)

    def version(self) -> tuple[int, int, int] | None:
        """The firmware (YK), None on a card without these extensions."""
        data, sw = self._send(Ins.VERSION)
        if sw != StatusWord.OK or len(data) != 3:
            return None
        major, minor, patch = data
        return major, minor, patch

    def serial(self) -> str | None:
        """The serial number in decimal digits (YK), None where the card does not tell it."""
        data, sw = self._send(Ins.SERIAL)
        return str(int.from_bytes(data, "big")) if sw == StatusWord.OK and len(data) == 4 else None

    def code_metadata(self, code: Ref) -> CodeMetadata | None:
        """Metadata of PIN, PUK or management key (YK), None where the card has none."""
        data, sw = self._send(Ins.METADATA, 0, code)
        if sw != StatusWord.OK:
            return None
        fields = self._fields(data)
        tries = fields.get(0x06, b"")
        return CodeMetadata(
            default=fields.get(0x05) == b"\x01",
            total=tries[0] if len(tries) == 2 else None,
            left=tries[1] if len(tries) == 2 else None,
            algorithm=fields[0x01][0] if fields.get(0x01) else None,
        )

    def key_metadata(self, key: int) -> bytes | None:
        """The SPKI (DER) of the key in a slot (YK), None where there is none; `Unsupported` for odd types."""
        data, sw = self._send(Ins.METADATA, 0, key)
        if sw in _ABSENT:
            return None
        if sw != StatusWord.OK:
            self._fail(Ins.METADATA, sw)
        fields = self._fields(data)
        try:
            return keys.spki(fields[0x01][0], fields[0x04])
        except (KeyError, IndexError, ValueError):
            self._malformed(Ins.METADATA)

    def get(self, obj: int) -> bytes | None:
        """The content of a data object, None where absent or emptied (3.1.2)."""
        data, sw = self._send(Ins.GET_DATA, 0x3F, 0xFF, tlv.encode(0x5C, tlv.number(obj)))
        if sw in _ABSENT:
            return None
        if sw != StatusWord.OK:
            self._fail(Ins.GET_DATA, sw)
        try:
            return tlv.need(data, 0x53) or None
        except tlv.TlvError:
            self._malformed(Ins.GET_DATA)

    def put(self, obj: int, content: bytes) -> None:
        """Write a data object; the management key has been shown before (3.3.2)."""
        data = tlv.encode(0x5C, tlv.number(obj)) + tlv.encode(0x53, content)
        _, sw = self._send(Ins.PUT_DATA, 0x3F, 0xFF, data)
        if sw != StatusWord.OK:
            self._fail(Ins.PUT_DATA, sw)

    def pin_tries(self) -> int | None:
        """Tries left on the PIN by an empty VERIFY, None where the card does not tell (3.2.1)."""
        _, sw = self._send(Ins.VERIFY, 0, Ref.PIN)
        if sw == StatusWord.OK:  # someone left it verified: forget that first
            self._send(Ins.VERIFY, 0xFF, Ref.PIN)
            _, sw = self._send(Ins.VERIFY, 0, Ref.PIN)
        return _remaining(sw)

    def verify(self, pin: Secret) -> None:
        """Show the PIN; raises `AuthenticationFailed` or `Blocked` (3.2.1)."""
        _, sw = self._send(Ins.VERIFY, 0, Ref.PIN, _padded(pin))
        self._authenticated(Ins.VERIFY, Ref.PIN, sw)

    def change(self, code: Ref, old: Secret, new: Secret) -> None:
        """Change PIN or PUK; raises `AuthenticationFailed` or `Blocked` (3.2.2)."""
        _, sw = self._send(Ins.CHANGE_REFERENCE_DATA, 0, code, _padded(old) + _padded(new))
        self._authenticated(Ins.CHANGE_REFERENCE_DATA, code, sw)

    def unblock(self, puk: Secret, new: Secret) -> None:
        """Set a new PIN by the PUK; raises `AuthenticationFailed` or `Blocked` of the PUK (3.2.3)."""
        _, sw = self._send(Ins.RESET_RETRY_COUNTER, 0, Ref.PIN, _padded(puk) + _padded(new))
        if sw in _UNKNOWN_COMMAND:
            raise Unsupported("this card's PIN cannot be unblocked", where=self.where, next="replace it")
        self._authenticated(Ins.RESET_RETRY_COUNTER, Ref.PUK, sw)

    def authenticate(self, algorithm: ManagementAlgorithm, key: Secret) -> None:
        """Mutual authentication with the management key; `AuthenticationFailed` or `Unsupported` (A.1).

        A card that cannot answer our challenge does not know the key, and is refused as well.
        """
        cipher = keys.management_cipher(algorithm, key.reveal())
        answer, sw = self._authenticate(algorithm, tlv.encode(0x80, b""))
        if sw in (StatusWord.INCORRECT_P1P2, StatusWord.INCORRECT_DATA):
            raise Unsupported(
                f"the card's management key is not of type {algorithm.name}",
                where=self.where,
                next="name its type in the seat (management_algorithm)",
            )
        self._authenticated(Ins.GENERAL_AUTHENTICATE, Ref.MANAGEMENT, sw)
        witness = self._template(answer, 0x80)
        if len(witness) != algorithm.block_length:
            self._malformed(Ins.GENERAL_AUTHENTICATE)
        challenge = os.urandom(algorithm.block_length)
        decrypted = cipher.decryptor().update(witness)
        answer, sw = self._authenticate(algorithm, tlv.encode_all([(0x80, decrypted), (0x81, challenge)]))
        if sw == StatusWord.INCORRECT_DATA:  # some cards' word for a witness that is wrong
            sw = StatusWord.SECURITY_STATUS_NOT_SATISFIED
        self._authenticated(Ins.GENERAL_AUTHENTICATE, Ref.MANAGEMENT, sw)
        expected = cipher.encryptor().update(challenge)
        if not hmac.compare_digest(self._template(answer, 0x82), expected):
            raise AuthenticationFailed(
                "the card does not know the management key", where=self.where, next="set it aside"
            )

    def generate(self, key: int, algorithm: int, policies: bytes) -> bytes:
        """Make a key pair; its SPKI (DER). `Unsupported` for a type or policy unknown to the card (3.3.1)."""
        template = tlv.encode(0xAC, tlv.encode(0x80, bytes([algorithm])) + policies)
        data, sw = self._send(Ins.GENERATE, 0, key, template)
        if sw in (StatusWord.INCORRECT_DATA, StatusWord.FUNCTION_UNSUPPORTED, StatusWord.INCORRECT_P1P2):
            raise Unsupported(
                f"the card makes no key of this type with these policies in slot {key:02X} ({sw:04X})",
                where=self.where,
                next="change the token layout, or use another kind of card",
            )
        if sw != StatusWord.OK:
            self._fail(Ins.GENERATE, sw)
        try:
            return keys.spki(algorithm, tlv.need(data, 0x7F49))
        except ValueError:
            self._malformed(Ins.GENERATE)

    def sign(self, key: int, algorithm: int, challenge: bytes) -> bytes:
        """The signature of a padded digest; `AuthenticationFailed` where the PIN was not shown (3.2.4)."""
        return self._use(key, algorithm, 0x81, challenge)

    def agree(self, key: int, algorithm: int, point: bytes) -> bytes:
        """The x coordinate shared with an uncompressed point (ECDH); raises as `sign` (3.2.4, A.5)."""
        return self._use(key, algorithm, 0x85, point)

    def _use(self, key: int, algorithm: int, tag: int, value: bytes) -> bytes:
        template = tlv.encode(0x7C, tlv.encode_all([(0x82, b""), (tag, value)]))
        data, sw = self._send(Ins.GENERAL_AUTHENTICATE, algorithm, key, template)
        if sw == StatusWord.SECURITY_STATUS_NOT_SATISFIED:
            raise AuthenticationFailed(
                f"the key in slot {key:02X} was refused",
                where=self.where,
                next="if it wants a touch, touch the token in time; else its PIN policy is not the layout's",
            )
        if sw in _ABSENT or sw in (StatusWord.INCORRECT_DATA, StatusWord.INCORRECT_P1P2):
            raise DeviceFailed(
                f"there is no key of this type in slot {key:02X}", code=f"{sw:04X}", where=self.where
            )
        if sw != StatusWord.OK:
            self._fail(Ins.GENERAL_AUTHENTICATE, sw)
        return self._template(data, 0x82)

    def attest(self, key: int) -> bytes | None:
        """The attestation certificate (DER) of a key (YK), None where the card cannot attest it."""
        data, sw = self._send(Ins.ATTEST, key)
        return data if sw == StatusWord.OK and data else None

    def move(self, key: int, to: int = 0xFF) -> None:
        """Move a key to another slot, or destroy it (YK); the management key has been shown before."""
        _, sw = self._send(Ins.MOVE_KEY, to, key)
        if sw in _UNKNOWN_COMMAND:
            raise Unsupported("this card moves no keys", where=self.where, next="renew on a new token")
        if sw != StatusWord.OK:
            self._fail(Ins.MOVE_KEY, sw)

    def set_retries(self, pin: int, puk: int) -> None:
        """Set both counters, and both codes back to the factory's (YK)."""
        _, sw = self._send(Ins.SET_RETRIES, pin, puk)
        if sw in _UNKNOWN_COMMAND:
            raise Unsupported(
                "this card's tries are fixed", where=self.where, next="leave them out of the layout"
            )
        if sw != StatusWord.OK:
            self._fail(Ins.SET_RETRIES, sw)

    def set_management_key(self, algorithm: ManagementAlgorithm, key: Secret) -> None:
        """Set the management key, never asking for a touch (YK)."""
        data = bytes([algorithm]) + tlv.encode(Ref.MANAGEMENT, key.reveal())
        _, sw = self._send(Ins.SET_MANAGEMENT_KEY, 0xFF, 0xFF, data)
        if sw in _UNKNOWN_COMMAND:
            raise Unsupported("this card's management key cannot be set this way", where=self.where)
        if sw != StatusWord.OK:
            self._fail(Ins.SET_MANAGEMENT_KEY, sw)

    def reset(self) -> None:
        """Wipe all but the attestation key; PIN and PUK must be blocked (YK)."""
        _, sw = self._send(Ins.RESET)
        if sw in _UNKNOWN_COMMAND:
            raise Unsupported("this card has no command that resets it", where=self.where)
        if sw != StatusWord.OK:
            self._fail(Ins.RESET, sw)

    def _send(self, ins: Ins, p1: int = 0, p2: int = 0, data: bytes = b"") -> tuple[bytes, int]:
        le = None if ins in _SILENT else 0
        return self._transport.transmit(Command(0, ins, p1, p2, data, le).encode())

    def _authenticate(self, algorithm: ManagementAlgorithm, fields: bytes) -> tuple[bytes, int]:
        return self._send(Ins.GENERAL_AUTHENTICATE, algorithm, Ref.MANAGEMENT, tlv.encode(0x7C, fields))

    def _template(self, data: bytes, tag: int) -> bytes:
        try:
            return tlv.need(tlv.need(data, 0x7C), tag)
        except tlv.TlvError:
            self._malformed(Ins.GENERAL_AUTHENTICATE)

    def _fields(self, data: bytes) -> dict[int, bytes]:
        try:
            return dict(tlv.decode(data))
        except tlv.TlvError:
            self._malformed(Ins.METADATA)

    def _authenticated(self, ins: Ins, code: Ref, sw: int) -> None:
        if sw == StatusWord.OK:
            return
        name, remaining = _NAMES[code], _remaining(sw)
        if remaining == 0:
            raise Blocked(f"the {name} is blocked", remaining=0, where=self.where, next="set the token aside")
        if remaining is not None:
            raise AuthenticationFailed(
                f"the {name} was refused, tries left: {remaining}", remaining=remaining, where=self.where
            )
        if sw == StatusWord.SECURITY_STATUS_NOT_SATISFIED:
            raise AuthenticationFailed(f"the {name} was refused", where=self.where)
        self._fail(ins, sw)

    def _fail(self, ins: Ins, sw: int) -> NoReturn:
        doing = _DOING.get(ins, ins.name.replace("_", " "))
        known = (
            next((word.name for word in StatusWord if word == sw), "unknown status").lower().replace("_", " ")
        )
        if sw == StatusWord.SECURITY_STATUS_NOT_SATISFIED:
            raise AuthenticationFailed(f"{doing} was refused: {known}", where=self.where)
        raise DeviceFailed(f"{doing} failed: {known} ({sw:04X})", code=f"{sw:04X}", where=self.where)

    def _malformed(self, ins: Ins) -> NoReturn:
        raise DeviceFailed(f"the card's answer to {ins.name} is malformed", where=self.where) from None


def _padded(code: Secret) -> bytes:
    """A PIN or PUK as it crosses the card edge, 8 bytes filled up with FF (SP 800-73-4 part 2 §2.4.3)."""
    return code.reveal().ljust(8, b"\xff")


def _remaining(sw: int) -> int | None:
    if sw == StatusWord.AUTHENTICATION_BLOCKED:
        return 0
    return sw & 0x0F if sw & 0xFFF0 == StatusWord.VERIFY_FAILED else None
