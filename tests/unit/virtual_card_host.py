"""The host's side of the card edge, as plain as can be: for the tests of the virtual card only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from drivers.wire import tlv
from drivers.wire.apdu import Command
from simulators.piv.card import AttestationRoot, VirtualCard

FACTORY_KEY = bytes.fromhex("0102030405060708") * 3
PIN, PUK = "123456", "12345678"
TDES, AES128, AES192, AES256 = 0x03, 0x08, 0x0A, 0x0C
P256, P384, RSA2048, RSA3072 = 0x11, 0x14, 0x07, 0x05
MakeCard = Callable[..., "Host"]


def pad(code: str) -> bytes:
    return code.encode().ljust(8, b"\xff")


def encrypt(algorithm: int, key: bytes, block: bytes) -> bytes:
    cipher = TripleDES(key) if algorithm in (0x00, TDES) else algorithms.AES(key)
    return Cipher(cipher, modes.ECB()).encryptor().update(block)


def decrypt(algorithm: int, key: bytes, block: bytes) -> bytes:
    cipher = TripleDES(key) if algorithm in (0x00, TDES) else algorithms.AES(key)
    return Cipher(cipher, modes.ECB()).decryptor().update(block)


@dataclass
class Host:
    card: VirtualCard

    def raw(self, apdu: str | bytes) -> tuple[bytes, int]:
        answer = self.card.transmit(bytes.fromhex(apdu) if isinstance(apdu, str) else apdu)
        return answer[:-2], int.from_bytes(answer[-2:], "big")

    def send(self, ins: int, p1: int, p2: int, data: bytes = b"") -> tuple[bytes, int]:
        """One command in short APDUs, chained where too long, its answer collected by GET RESPONSE."""
        while len(data) > 255:
            _, sw = self.raw(Command(0x10, ins, p1, p2, data[:255]).short())
            assert sw == 0x9000
            data = data[255:]
        answer, sw = self.raw(Command(0x00, ins, p1, p2, data).short())
        while sw & 0xFF00 == 0x6100:
            more, sw = self.raw(bytes([0x00, 0xC0, 0x00, 0x00, sw & 0xFF]))
            answer += more
        return answer, sw

    def sw(self, ins: int, p1: int, p2: int, data: bytes = b"") -> int:
        return self.send(ins, p1, p2, data)[1]

    def ok(self, ins: int, p1: int, p2: int, data: bytes = b"") -> bytes:
        answer, sw = self.send(ins, p1, p2, data)
        assert sw == 0x9000, f"{sw:04X}"
        return answer

    def select(self) -> Host:
        self.ok(0xA4, 0x04, 0x00, bytes.fromhex("A000000308"))
        return self

    def verify(self, pin: str = PIN) -> int:
        return self.sw(0x20, 0x00, 0x80, pad(pin))

    def pin_state(self) -> int:
        return self.sw(0x20, 0x00, 0x80)

    def change(self, reference: int, old: str, new: str) -> int:
        return self.sw(0x24, 0x00, reference, pad(old) + pad(new))

    def unblock(self, puk: str, new_pin: str) -> int:
        return self.sw(0x2C, 0x00, 0x80, pad(puk) + pad(new_pin))

    def block(self, *references: int) -> None:
        for reference in references:
            while self.change(reference, "00000000", "00000000") != 0x6983:
                pass

    def authenticate(self, algorithm: int = TDES, key: bytes = FACTORY_KEY) -> int:
        """Mutual authentication as in SP 800-73-4 part 2, A.1; checks the card's proof too."""
        answer, sw = self.send(0x87, algorithm, 0x9B, bytes.fromhex("7C028000"))
        if sw != 0x9000:
            return sw
        witness = tlv.need(tlv.need(answer, 0x7C), 0x80)
        challenge = bytes(range(len(witness)))
        proof = tlv.encode_all([(0x80, decrypt(algorithm, key, witness)), (0x81, challenge)])
        answer, sw = self.send(0x87, algorithm, 0x9B, tlv.encode(0x7C, proof))
        if sw == 0x9000:
            assert tlv.need(tlv.need(answer, 0x7C), 0x82) == encrypt(algorithm, key, challenge)
        return sw

    def admin(self) -> Host:
        assert self.authenticate() == 0x9000
        return self

    def generate(self, slot: int, algorithm: int, policies: str = "") -> ec.EllipticCurvePublicKey:
        answer = self.ok(0x47, 0x00, slot, request(algorithm, policies))
        point = tlv.need(tlv.need(answer, 0x7F49), 0x86)
        curve = ec.SECP256R1() if algorithm == P256 else ec.SECP384R1()
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, point)

    def generate_rsa(self, slot: int, algorithm: int) -> rsa.RSAPublicKey:
        template = tlv.need(self.ok(0x47, 0x00, slot, request(algorithm)), 0x7F49)
        n, e = (int.from_bytes(tlv.need(template, tag), "big") for tag in (0x81, 0x82))
        return rsa.RSAPublicNumbers(e, n).public_key()

    def use(self, slot: int, algorithm: int, data: bytes, tag: int = 0x81) -> tuple[bytes, int]:
        template = tlv.encode(0x7C, tlv.encode_all([(0x82, b""), (tag, data)]))
        answer, sw = self.send(0x87, algorithm, slot, template)
        return (tlv.need(tlv.need(answer, 0x7C), 0x82) if answer else b""), sw

    def put(self, tag: int, value: bytes) -> int:
        name = tag.to_bytes(3, "big")
        return self.sw(0xDB, 0x3F, 0xFF, tlv.encode_all([(0x5C, name), (0x53, value)]))

    def get(self, tag: int) -> tuple[bytes, int]:
        size = 1 if tag < 0x100 else 3
        answer, sw = self.send(0xCB, 0x3F, 0xFF, tlv.encode(0x5C, tag.to_bytes(size, "big")))
        return (tlv.find(answer, 0x53) or b"" if tag != 0x7E else answer), sw

    def metadata(self, reference: int) -> dict[int, bytes]:
        return dict(tlv.decode(self.ok(0xF7, 0x00, reference)))

    def reinsert(self) -> Host:
        """The same card file in another reader."""
        return Host(VirtualCard.load(self.card.path)).select()


def request(algorithm: int, policies: str = "") -> bytes:
    return tlv.encode(0xAC, tlv.encode(0x80, bytes([algorithm])) + bytes.fromhex(policies))


def new_card(directory: Path, **wishes: object) -> Host:
    """A factory-new card, powered and selected, below a root of its own directory."""
    path = directory / "root.pem"
    root = AttestationRoot.load(path) if path.exists() else AttestationRoot.create(path)
    name = f"card-{len(list(directory.glob('card-*')))}.json"
    settings: dict[str, object] = {"root": root, "serial": 12345678, **wishes}
    card = VirtualCard.create(directory / name, **settings)  # type: ignore[arg-type]
    card.power_on()
    return Host(card).select()
