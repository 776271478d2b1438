"""Evidence that a key was made on the card: ATTEST (F9), laid out as YubiKey's, below a root of the bench."""

from __future__ import annotations

import datetime
import os
import secrets
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

from drivers.wire import tlv
from drivers.wire.apdu import Command, StatusWord
from simulators.piv import algorithms
from simulators.piv.algorithms import KeyType, PrivateKey
from simulators.piv.applet import KEY_SLOTS, Applet, need
from simulators.piv.state import ATTESTATION_OBJECT, ATTESTATION_SLOT, StoredKey

FIRMWARE_OID = ObjectIdentifier("1.3.6.1.4.1.41482.3.3")
SERIAL_OID = ObjectIdentifier("1.3.6.1.4.1.41482.3.7")
POLICY_OID = ObjectIdentifier("1.3.6.1.4.1.41482.3.8")
FORM_FACTOR_OID = ObjectIdentifier("1.3.6.1.4.1.41482.3.9")
USB_A_KEYCHAIN = b"\x01"

VALID_FOR = datetime.timedelta(days=30 * 365)


class AttestationRoot:
    """The root of a bench's attestation CA: the certificate in `path` (PEM), its key beside it in `.key`."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self.certificate = certificate
        self._key = key

    @classmethod
    def create(cls, path: Path) -> AttestationRoot:
        """Make a root and write both files, the key's for its owner only; `FileExistsError` where it is."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Simulated PIV Attestation Root")
        certificate = _sign(_ca(name, key, depth=1).issuer_name(name), key)
        pem = serialization.Encoding.PEM
        secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        _write_new(_key_path(path), secret, 0o600)
        _write_new(path, certificate.public_bytes(pem), 0o644)
        return cls(certificate, key)

    @classmethod
    def load(cls, path: Path) -> AttestationRoot:
        """The root `create` wrote to `path`; raises `OSError`, or `ValueError` where it is no root."""
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        key = serialization.load_pem_private_key(_key_path(path).read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise ValueError(f"{path}: certificate and key do not belong together; make a new root")
        return cls(certificate, key)

    @property
    def certificate_pem(self) -> bytes:
        """The certificate a desk configures as a trusted attestation root."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def equip(self, keys: dict[int, StoredKey], objects: dict[int, bytes]) -> None:
        """Put an attestation key (F9) and its certificate (5FFF01) on a new card."""
        key = ec.generate_private_key(ec.SECP256R1())
        request = _ca(_name("Simulated PIV Attestation"), key, depth=0)
        certificate = _sign(request.issuer_name(self.certificate.subject), self._key)
        keys[ATTESTATION_SLOT] = StoredKey(KeyType.P256, 1, 1, generated=False, private=algorithms.dump(key))
        der = certificate.public_bytes(serialization.Encoding.DER)
        objects[ATTESTATION_OBJECT] = tlv.encode_all([(0x70, der), (0x71, b"\0"), (0xFE, b"")])


def attest(applet: Applet, command: Command) -> bytes:
    """ATTEST: a certificate (DER) of the key in slot P1, signed by the key in F9.

    Refuses with 6A88 an empty slot, with 6A80 an imported key, with 6A82 a card without attestation key.
    """
    need(command.p1 in KEY_SLOTS and command.p2 == 0, StatusWord.INCORRECT_P1P2)
    state = applet.state
    need(command.p1 in state.keys, StatusWord.REFERENCE_NOT_FOUND)
    key = state.keys[command.p1]
    need(key.generated, StatusWord.INCORRECT_DATA)
    need(ATTESTATION_SLOT in state.keys and ATTESTATION_OBJECT in state.objects, StatusWord.NOT_FOUND)
    issuer = x509.load_der_x509_certificate(tlv.need(state.objects[ATTESTATION_OBJECT], 0x70))
    leaf = (
        x509.CertificateBuilder()
        .serial_number(secrets.randbits(126) | 1 << 126)
        .issuer_name(issuer.subject)
        .subject_name(_name(f"YubiKey PIV Attestation {command.p1:02x}"))
        .not_valid_before(issuer.not_valid_before_utc)
        .not_valid_after(issuer.not_valid_after_utc)
        .public_key(algorithms.load(key.private).public_key())
    )
    policy = bytes([key.pin_policy, key.touch_policy])
    extensions = {FIRMWARE_OID: bytes(state.firmware), POLICY_OID: policy, FORM_FACTOR_OID: USB_A_KEYCHAIN}
    if state.serial is not None:
        number = state.serial.to_bytes(state.serial.bit_length() // 8 + 1, "big")
        extensions[SERIAL_OID] = tlv.encode(0x02, number)
    for oid, value in extensions.items():
        leaf = leaf.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
    signed = _sign(leaf, algorithms.load(state.keys[ATTESTATION_SLOT].private))
    return signed.public_bytes(serialization.Encoding.DER)


def _ca(subject: x509.Name, key: ec.EllipticCurvePrivateKey, depth: int) -> x509.CertificateBuilder:
    # A day back, so that benches whose clocks differ a little agree that it is valid.
    start = datetime.datetime.now(datetime.UTC).replace(microsecond=0) - datetime.timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .subject_name(subject)
        .not_valid_before(start)
        .not_valid_after(start + VALID_FOR)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=depth), critical=True)
    )


def _sign(builder: x509.CertificateBuilder, key: PrivateKey) -> x509.Certificate:
    return builder.sign(key, hashes.SHA256())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_path(path: Path) -> Path:
    return path.with_suffix(".key")


def _write_new(path: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
