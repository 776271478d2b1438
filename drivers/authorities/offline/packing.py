"""The archive that goes to an offline CA: CSRs, a manifest of what is asked, and its signature."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from drivers.authorities.offline.requests import Asked
from drivers.authorities.records import Revocation
from drivers.foreign_certificates import load_csr
from drivers.keys import TokenKey, scheme_arguments
from drivers.tokens import SignatureScheme

FORMAT = "issuance-station-requests/1"

_READ_ME = """\
Requests of an issuance station for its certificate authority.

manifest.json   what is asked for: one entry for each CSR in csr/, with the certificate's whole content;
                requests that are withdrawn; certificates that are to be revoked
manifest.p7s    its signature (CMS, detached, DER)
signer.pem      the certificate it is signed with; compare its fingerprint with the one you were told

To verify it:
openssl cms -verify -binary -inform DER -in manifest.p7s -content manifest.json \\
    -CAfile signer.pem -out /dev/null

The manifest tells the SHA-256 of every CSR (DER). Issue one certificate for each, with exactly what the
manifest says; it may begin later than asked. Send them back as PKCS#7, PEM, DER or a zip of these.
"""


def manifest(
    station: str,
    number: int,
    at: datetime,
    requests: Sequence[tuple[Asked, Sequence[int]]],
    withdrawn: Mapping[str, Sequence[int]],
    revocations: Sequence[Revocation],
) -> bytes:
    """The manifest (JSON) of a bundle; requests, also withdrawn ones, with the bundles they were in."""
    told = {
        "format": FORMAT,
        "station": station,
        "bundle": number,
        "made": at.isoformat(),
        "requests": [_told(place, asked, before) for place, (asked, before) in enumerate(requests, start=1)],
        "withdrawn": [{"transaction": name, "bundles": list(before)} for name, before in withdrawn.items()],
        "revocations": [
            {"serial": f"{one.serial:x}", "reason": str(one.reason), "asked": one.at.isoformat()}
            for one in revocations
        ],
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n"


def archive(
    content: bytes,
    requests: Sequence[Asked],
    signer: x509.Certificate,
    key: TokenKey,
    scheme: SignatureScheme,
) -> bytes:
    """The archive (zip) of a manifest with its CSRs, the manifest signed by `key`."""
    algorithm = scheme_arguments(scheme)["algorithm"]
    builder = pkcs7.PKCS7SignatureBuilder().set_data(content).add_signer(signer, key, algorithm)
    options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("README.txt", _READ_ME)
        zipped.writestr("manifest.json", content)
        zipped.writestr("manifest.p7s", builder.sign(Encoding.DER, options))
        zipped.writestr("signer.pem", signer.public_bytes(Encoding.PEM))
        for place, asked in enumerate(requests, start=1):
            pem = load_csr(asked.request.csr).public_bytes(Encoding.PEM)
            zipped.writestr(_file(place, asked), pem)
    return made.getvalue()


def _told(place: int, asked: Asked, before: Sequence[int]) -> dict[str, Any]:
    request, template = asked.request, asked.request.template
    return {
        "transaction": request.transaction,
        "csr": _file(place, asked),
        "csr_sha256": hashlib.sha256(request.csr).hexdigest(),
        "public_key_sha256": hashlib.sha256(asked.public_key).hexdigest(),
        "asked": asked.asked_at.isoformat(),
        "earlier_bundles": list(before),
        "profile": template.profile,
        "subject": [list(pair) for pair in template.subject],
        "key_usage": sorted(template.key_usage),
        "extended_key_usage": list(template.extended_usage),
        "policies": list(template.policies),
        "emails": list(template.emails),
        "uris": list(template.uris),
        "not_before": template.not_before.isoformat(),
        "not_after": template.not_after.isoformat(),
    }


def _file(place: int, asked: Asked) -> str:
    safe = re.sub(r"[^A-Za-z0-9]+", "-", asked.request.transaction)[:60]
    return f"csr/{place:05d}-{safe}.pem"
