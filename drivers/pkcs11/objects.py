"""Keys and certificates as PKCS#11 objects: templates, SPKI, signatures as X.509 wants them."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from typing import Any

import pkcs11
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pkcs11 import KDF, MGF, Attribute, CertificateType, KeyType, Mechanism, MechanismFlag, ObjectClass

from drivers.errors import DeviceFailed, EvidenceMissing, Unsupported
from drivers.foreign_certificates import UNREADABLE, load_certificate
from drivers.tokens import Algorithm, Evidence, KeyState, SignatureScheme
from drivers.wire import tlv

_CURVES: Mapping[bytes, ec.EllipticCurve] = {
    bytes.fromhex("06082a8648ce3d030107"): ec.SECP256R1(),
    bytes.fromhex("06052b81040022"): ec.SECP384R1(),
}
_EC_PARAMS = {
    Algorithm.P256: bytes.fromhex("06082a8648ce3d030107"),
    Algorithm.P384: bytes.fromhex("06052b81040022"),
}
_ED25519_PARAMS = bytes.fromhex("06032b6570")
"""id-Ed25519 as CKA_EC_PARAMS (PKCS#11 v3.0 §2.3.10)."""

_ED25519_LENGTH = 32
_CMAC_LENGTH = 16
_SHARED_BITS = 256
"""Length of the x coordinate on P-256."""

_RSA_BITS = {Algorithm.RSA2048: 2048, Algorithm.RSA3072: 3072}
_DIGEST_INFO_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
"""DER of DigestInfo before a SHA-256 digest (RFC 8017 §9.2)."""

_PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | Ed25519PublicKey

_GENERATED_BY = {"EC": Mechanism.EC_KEY_PAIR_GEN, "RSA": Mechanism.RSA_PKCS_KEY_PAIR_GEN}
"""CKA_KEY_GEN_MECHANISM by key type."""


def generate(
    session: pkcs11.Session,
    algorithm: Algorithm,
    *,
    key_id: bytes,
    label: str,
    signs: bool = True,
    decrypts: bool = False,
    always_authenticate: bool = False,
    store: bool = True,
) -> tuple[Any, Any]:
    """Make a key pair that never leaves the token; (public, private) object. Raises `PKCS11Error`.

    `decrypts` is DECRYPT for RSA and DERIVE for elliptic curves; without `store` they end with the session.
    """
    curve = _EC_PARAMS.get(algorithm)
    able = MechanismFlag(0)
    if signs:
        able |= MechanismFlag.SIGN | MechanismFlag.VERIFY
    if decrypts:
        able |= MechanismFlag.DERIVE if curve else MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT
    private: dict[Attribute, Any] = {Attribute.EXTRACTABLE: False}
    if always_authenticate:
        private[Attribute.ALWAYS_AUTHENTICATE] = True
    common: dict[str, Any] = {
        "id": key_id,
        "label": label,
        "store": store,
        "capabilities": able,
        "public_template": {Attribute.PRIVATE: False},
        "private_template": private,
    }
    if curve is None:
        public_key, private_key = session.generate_keypair(KeyType.RSA, _RSA_BITS[algorithm], **common)
    else:
        parameters = session.create_domain_parameters(KeyType.EC, {Attribute.EC_PARAMS: curve}, local=True)
        public_key, private_key = parameters.generate_keypair(**common)
    return public_key, private_key


def generate_ed25519(session: pkcs11.Session, *, key_id: bytes, label: str, store: bool) -> tuple[Any, Any]:
    """Make an Ed25519 key pair that never leaves the token; (public, private). Raises `PKCS11Error`."""
    curve = {Attribute.EC_PARAMS: _ED25519_PARAMS}
    public_key, private_key = session.create_domain_parameters(
        KeyType.EC_EDWARDS, curve, local=True
    ).generate_keypair(
        mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
        id=key_id,
        label=label,
        store=store,
        capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
        public_template={Attribute.PRIVATE: False},
        private_template={Attribute.EXTRACTABLE: False},
    )
    return public_key, private_key


def generate_mac_key(session: pkcs11.Session, *, label: str) -> None:
    """Make an AES-256 key for AES-CMAC alone that never leaves the token. Raises `PKCS11Error`."""
    session.generate_key(
        KeyType.AES,
        256,
        label=label,
        store=True,
        capabilities=MechanismFlag.SIGN,
        template={Attribute.PRIVATE: True, Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
    )


def mac(secret_key: Any, message: bytes) -> bytes:
    """The AES-CMAC of a message (SP 800-38B), 16 bytes."""
    code: bytes = secret_key.sign(message, mechanism=Mechanism.AES_CMAC)
    if len(code) != _CMAC_LENGTH:
        raise DeviceFailed("the token gave no AES-CMAC")
    return code


def find(session: pkcs11.Session, kind: ObjectClass, attributes: Mapping[Attribute, Any]) -> list[Any]:
    """All objects of a class with these attributes; private ones only where the user is logged in."""
    return list(session.get_objects({Attribute.CLASS: kind, **attributes}))


def spki(public_key: Any) -> bytes:
    """SubjectPublicKeyInfo (DER) of a public key object; `Unsupported` for types we do not make.

    Raises `DeviceFailed` where a token pulled out has left it half-written.
    """
    try:
        return _der(_public(public_key))
    except (pkcs11.AttributeTypeInvalid, KeyError, struct.error, *UNREADABLE):
        raise DeviceFailed("the token shows a key without all of its parts") from None


def spki_if_whole(public_key: Any) -> bytes | None:
    """The same, None for a half-written key: what is there of it can only be made anew."""
    try:
        return spki(public_key)
    except DeviceFailed:
        return None


def key_states(session: pkcs11.Session) -> tuple[KeyState, ...]:
    """The public keys and certificates on a token, by CKA_ID."""
    publics = {
        key[Attribute.ID].hex(): spki_if_whole(key)
        for key in find(session, ObjectClass.PUBLIC_KEY, {Attribute.TOKEN: True})
    }
    held = {key_id.hex(): certificate for key_id, certificate in certificates(session)}
    slots = sorted({*publics, *held})
    return tuple(KeyState(slot, publics.get(slot), held.get(slot)) for slot in slots)


def _public(public_key: Any) -> _PublicKey:
    if public_key[Attribute.KEY_TYPE] == KeyType.RSA:
        found = public_key.get_attributes([Attribute.MODULUS, Attribute.PUBLIC_EXPONENT])
        modulus = int.from_bytes(found[Attribute.MODULUS], "big")
        exponent = int.from_bytes(found[Attribute.PUBLIC_EXPONENT], "big")
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    found = public_key.get_attributes([Attribute.EC_PARAMS, Attribute.EC_POINT])
    parameters, point = found.get(Attribute.EC_PARAMS, b""), found.get(Attribute.EC_POINT, b"")
    if not parameters:
        raise ValueError("a key without its curve")
    if public_key[Attribute.KEY_TYPE] == KeyType.EC_EDWARDS and parameters == _ED25519_PARAMS:
        return Ed25519PublicKey.from_public_bytes(point[-_ED25519_LENGTH:])
    curve = _CURVES.get(parameters)
    if curve is None:
        raise Unsupported("the token holds a key of a type or curve unknown here")
    length = 1 + 2 * ((curve.key_size + 7) // 8)
    # A DER OCTET STRING by the standard, the bare point on some tokens.
    return ec.EllipticCurvePublicKey.from_encoded_point(curve, point[-length:])


def _der(key: _PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def sign(private_key: Any, scheme: SignatureScheme, message: bytes, pin: str | None = None) -> bytes:
    """Hash `message` here and sign it there; ECDSA as DER. `pin` for keys that ask before each signature."""
    match scheme:
        case SignatureScheme.ECDSA_SHA256 | SignatureScheme.ECDSA_SHA384:
            wide = scheme is SignatureScheme.ECDSA_SHA384
            digest = hashlib.new("sha384" if wide else "sha256", message).digest()
            raw: bytes = private_key.sign(digest, mechanism=Mechanism.ECDSA, pin=pin)
            half = len(raw) // 2
            if not raw or len(raw) % 2:
                raise DeviceFailed("the token gave no ECDSA signature")
            return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))
        case SignatureScheme.RSA_PKCS1_SHA256:
            data = _DIGEST_INFO_SHA256 + hashlib.sha256(message).digest()
            signature: bytes = private_key.sign(data, mechanism=Mechanism.RSA_PKCS, pin=pin)
            return signature
        case SignatureScheme.RSA_PSS_SHA256:
            digest = hashlib.sha256(message).digest()
            parameters = (Mechanism.SHA256, MGF.SHA256, hashlib.sha256().digest_size)
            signature = private_key.sign(
                digest, mechanism=Mechanism.RSA_PKCS_PSS, mechanism_param=parameters, pin=pin
            )
            return signature


def agree(private_key: Any, peer: ec.EllipticCurvePublicKey) -> bytes:
    """The x coordinate shared with `peer` on the same curve, P-256 (CKM_ECDH1_DERIVE with CKD_NULL).

    It is a session object for a moment, destroyed as soon as it is read.
    """
    point = peer.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    derived = private_key.derive_key(
        KeyType.GENERIC_SECRET,
        _SHARED_BITS,
        mechanism_param=(KDF.NULL, None, point),
        template={Attribute.TOKEN: False, Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True},
    )
    try:
        shared: bytes = derived[Attribute.VALUE]
    finally:
        derived.destroy()
    return shared


def certificates(session: pkcs11.Session) -> list[tuple[bytes, bytes]]:
    """CKA_ID and DER of every certificate on the token, in the order of their CKA_ID."""
    found = find(session, ObjectClass.CERTIFICATE, {Attribute.TOKEN: True})
    return sorted((one[Attribute.ID], one[Attribute.VALUE]) for one in found)


def private_key(session: pkcs11.Session, key_id: bytes) -> Any | None:
    """The private key of a CKA_ID, None where the one logged in sees none."""
    wanted = {Attribute.ID: key_id, Attribute.TOKEN: True}
    return next(iter(find(session, ObjectClass.PRIVATE_KEY, wanted)), None)


def sign_ed25519(private_key: Any, message: bytes) -> bytes:
    """Sign a message with Ed25519 (RFC 8032), 64 bytes."""
    signature: bytes = private_key.sign(message, mechanism=Mechanism.EDDSA)
    return signature


def evidence(private_key: Any, where: str) -> Evidence:
    """What the token says of a private key's origin (R31); `EvidenceMissing` where that is not enough."""
    told: dict[str, bool | str] = {}
    for attribute in (Attribute.LOCAL, Attribute.ALWAYS_SENSITIVE, Attribute.NEVER_EXTRACTABLE):
        if not _told(private_key, attribute):
            raise EvidenceMissing(f"the token does not show CKA_{attribute.name}", where=where)
        told[f"CKA_{attribute.name}"] = True
    mechanism = _told(private_key, Attribute.KEY_GEN_MECHANISM)
    if mechanism is None or mechanism != _GENERATED_BY.get(private_key[Attribute.KEY_TYPE].name):
        raise EvidenceMissing("the token does not show CKA_KEY_GEN_MECHANISM", where=where)
    told["CKA_KEY_GEN_MECHANISM"] = f"CKM_{mechanism.name}"
    return Evidence("attributes", attributes=told)


def asks_each_time(private_key: Any) -> bool:
    """CKA_ALWAYS_AUTHENTICATE; False on tokens that do not know it."""
    return bool(_told(private_key, Attribute.ALWAYS_AUTHENTICATE))


def _told(key: Any, attribute: Attribute) -> Any:
    try:
        return key[attribute]
    # CK_UNAVAILABLE_INFORMATION is no known mechanism.
    except (pkcs11.AttributeTypeInvalid, pkcs11.FunctionFailed, ValueError, struct.error):
        return None


def store_certificate(session: pkcs11.Session, key_id: bytes, label: str, certificate: bytes) -> None:
    """C_CreateObject for a certificate (DER), public, under the CKA_ID of its key."""
    parsed = load_certificate(certificate)
    session.create_object(
        {
            Attribute.CLASS: ObjectClass.CERTIFICATE,
            Attribute.CERTIFICATE_TYPE: CertificateType.X_509,
            Attribute.TOKEN: True,
            Attribute.PRIVATE: False,
            Attribute.ID: key_id,
            Attribute.LABEL: label,
            Attribute.SUBJECT: parsed.subject.public_bytes(),
            Attribute.ISSUER: parsed.issuer.public_bytes(),
            Attribute.SERIAL_NUMBER: _integer(parsed.serial_number),
            Attribute.VALUE: certificate,
        }
    )


def _integer(value: int) -> bytes:
    return tlv.encode(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))
