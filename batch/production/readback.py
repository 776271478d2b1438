"""What is asked of a key on a token before its token counts as produced."""

from __future__ import annotations

import secrets

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_certificate

from batch.production.assignment import KeyTask
from batch.production.certificates import verify_signature
from drivers.errors import ReadBackFailed
from drivers.tokens import Credentials, Evidence, TokenSession


def verify_key(session: TokenSession, task: KeyTask, certificate: bytes, credentials: Credentials) -> None:
    """A key signs, and the certificate on record is its own and on the token; else `ReadBackFailed`."""
    if session.read_certificate(task.spec.slot) != certificate:
        raise ReadBackFailed(f"certificate {task.name} on the token is not the one on record")
    public = load_der_x509_certificate(certificate).public_key()
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    challenge = secrets.token_bytes(32)
    signature = session.sign(task.spec, task.scheme, challenge, credentials)
    if not verify_signature(spki, task.scheme, challenge, signature):
        raise ReadBackFailed(f"key {task.name} signs, but its certificate does not verify it")


def proves(evidence: Evidence) -> bool:
    """What PKCS#11 says of a key counts, because this desk initialised the token itself (R31)."""
    rooted = evidence.attributes.get("rooted", True) is not False
    return evidence.kind == "attributes" or (evidence.kind == "attestation" and rooted)
