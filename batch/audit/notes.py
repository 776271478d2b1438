"""Checkpoints as signed notes: C2SP tlog-checkpoint in C2SP signed-note, signed with Ed25519 (RFC 8032)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import unicodedata
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from batch.audit.merkle import SIZE
from batch.model.errors import FaultyNote

LARGEST_NOTE = 100_000
"""Characters; room for all the signatures that witnesses may add."""

_ED25519 = b"\x01"
"""The signature type of signed-note."""

_KEY_LENGTH, _ID_LENGTH = 32, 4
_DASH = "— "
_AS_WRITTEN = "give the file as it was written"
_BODY = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([^\n]+)\n(?:[^\n]+\n)*")


@dataclass(frozen=True)
class VerifierKey:
    """An Ed25519 public key (32 bytes) with the name it signs under."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes by which signature lines name it."""
        told = self.name.encode() + b"\n" + _ED25519 + self.public
        return hashlib.sha256(told).digest()[:_ID_LENGTH]

    def __str__(self) -> str:
        """The one line in which signed-note writes verifier keys: name, id, type and key."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read that line; raises `FaultyNote`."""
        name, _, rest = text.strip().partition("+")
        told, _, encoded = rest.partition("+")
        key = _unbase64(encoded)
        if (
            key is None
            or len(key) != len(_ED25519) + _KEY_LENGTH
            or key[:1] != _ED25519
            or not _is_name(name)
        ):
            raise FaultyNote(
                "is no Ed25519 verifier key", where=repr(text[:80]), next="see `station audit key`"
            )
        found = cls(name, key[1:])
        if found.id.hex() != told.lower():
            raise FaultyNote(
                "the key is not the one its id tells", where=repr(text[:80]), next="copy it again"
            )
        return found

    def pem(self) -> str:
        """The key as openssl reads it: SubjectPublicKeyInfo (RFC 8410)."""
        key = Ed25519PublicKey.from_public_bytes(self.public)
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def has_signed(self, text: bytes, signature: bytes) -> bool:
        """Whether a signature over `text` is this key's."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


def signed(text: str, key: VerifierKey, signature: bytes) -> str:
    """A text of whole lines as a signed note with one signature (64 bytes) over it."""
    return f"{text}\n{_DASH}{key.name} {base64.b64encode(key.id + signature).decode()}\n"


@dataclass(frozen=True)
class Checkpoint:
    """The root over the first `size` entries of the log `origin`."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def signed(self, key: VerifierKey, signature: bytes) -> str:
        """The checkpoint with the one signature of its log."""
        return signed(self.text(), key, signature)


@dataclass(frozen=True)
class SignedText:
    """A text as it was signed; its signatures by key name and id, none of them verified yet."""

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]

    @classmethod
    def read(cls, content: str, where: str, what: str) -> SignedText:
        """Read a signed note, which is to be some `what`; raises `FaultyNote`."""
        split = content.rfind("\n\n")
        lines = content[split + 2 :].split("\n")
        if len(content) > LARGEST_NOTE or split < 0 or lines.pop() or not lines:
            raise FaultyNote(f"is no signed {what}", where=where, next=_AS_WRITTEN)
        signatures = [_signature(line) for line in lines]
        known = tuple(one for one in signatures if one is not None)
        if len(known) != len(signatures) or _has_controls(content) or _has_halves(content):
            raise FaultyNote(f"the signed {what} is not well-formed", where=where, next=_AS_WRITTEN)
        return cls(content[: split + 1], known)

    def verified_by(self, key: VerifierKey) -> bool:
        """Whether the note bears a good signature of `key` and none of it that is bad."""
        own = [signature for name, id_, signature in self.signatures if (name, id_) == (key.name, key.id)]
        return bool(own) and all(key.has_signed(self.text.encode(), signature) for signature in own)


@dataclass(frozen=True)
class Note(SignedText):
    """A signed checkpoint as read."""

    checkpoint: Checkpoint

    @classmethod
    def parse(cls, content: str, where: str) -> Note:
        """Read a signed checkpoint; raises `FaultyNote`."""
        signed = SignedText.read(content, where, "checkpoint")
        body = _BODY.fullmatch(signed.text)
        root = _unbase64(body[3]) if body else None
        if body is None or root is None or len(root) != SIZE:
            raise FaultyNote("is no signed checkpoint", where=where, next=_AS_WRITTEN)
        return cls(signed.text, signed.signatures, Checkpoint(body[1], int(body[2]), root))


def origin_of(station: str) -> str:
    """A log's origin, and its key's name, from the name of the station that keeps it."""
    plain = unicodedata.normalize("NFKD", station).encode("ascii", "ignore").decode().lower()
    return f"{re.sub(r'[^a-z0-9]+', '-', plain).strip('-') or 'station'}/audit"


def _signature(line: str) -> tuple[str, bytes, bytes] | None:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    value = _unbase64(encoded)
    if not line.startswith(_DASH) or not _is_name(name) or value is None or len(value) <= _ID_LENGTH:
        return None
    return name, value[:_ID_LENGTH], value[_ID_LENGTH:]


def _is_name(name: str) -> bool:
    return bool(name) and not any(letter.isspace() or letter == "+" for letter in name)


def _has_controls(content: str) -> bool:
    return any(letter < " " and letter != "\n" for letter in content)


def _has_halves(content: str) -> bool:
    """Whether it has halves of characters, which JSON lets through and UTF-8 does not."""
    return any("\ud800" <= letter <= "\udfff" for letter in content)


def _unbase64(text: str) -> bytes | None:
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    # One value has one text: bits left over at the end must be zero.
    return value if base64.b64encode(value).decode() == text else None
