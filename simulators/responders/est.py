"""An EST server (RFC 7030): /cacerts, /simpleenroll, /simplereenroll, under labels."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from simulators.responders.issuing import Issuer, Profile
from simulators.responders.server import Asked, Reply, Responder, Wrong

_ROOT = "/.well-known/est/"
_ENROLMENTS = ("simpleenroll", "simplereenroll")
_LATER = 1


class EstResponder(Responder):
    """Issues by label. What it does with a CSR that it answered: `repeated` is the `same`, `refused`, or
    `another` certificate.
    """

    def __init__(
        self,
        folder: Path,
        profiles: Mapping[str, Profile],
        *,
        repeated: str = "another",
        issuer: Issuer | None = None,
    ) -> None:
        self._profiles, self._repeated = profiles, repeated
        self._answered: dict[bytes, x509.Certificate] = {}
        super().__init__(folder, issuer)

    def enrols(self, asked: Asked) -> bool:
        return asked.path.endswith(_ENROLMENTS)

    def answer(self, asked: Asked, wrong: Wrong | None) -> Reply:
        label, _, operation = asked.path.removeprefix(_ROOT).rpartition("/")
        if operation == "cacerts":
            return _certificates([self.issuer.root, self.issuer.certificate])
        if operation not in _ENROLMENTS or label not in self._profiles:
            return Reply(404, b"no such resource")
        match wrong:
            case "refuse":
                return Reply(400, b"the registration authority does not know this subject")
            case "busy":
                return Reply(503, b"maintenance", retry_after=_LATER)
            case "pending":
                return Reply(202, retry_after=_LATER)
            case "long":
                return Reply(202, retry_after=3600)
        csr = x509.load_der_x509_csr(base64.b64decode(asked.body))
        if not csr.is_signature_valid:
            return Reply(400, b"no proof of possession")
        if (known := self._answered.get(asked.body)) is not None and self._repeated != "another":
            refused = Reply(400, b"this key has a certificate")
            return _certificates([known]) if self._repeated == "same" else refused
        mistake = wrong if wrong in ("key", "subject", "expired") else None
        made = self.issuer.issue(csr, self._profiles[label], wrong=mistake)
        if wrong == "twice":
            self.issuer.issue(csr, self._profiles[label])
        self._answered[asked.body] = made
        if wrong == "fail":
            return Reply(500, b"internal error")
        if wrong == "endless":
            return Reply(200, b"A" * 2_000_000, "application/pkcs7-mime")
        if wrong == "rubbish":
            return Reply(200, base64.b64encode(b"\x30\x82no message"), "application/pkcs7-mime")
        return _certificates([made])


def _certificates(found: list[x509.Certificate]) -> Reply:
    body = base64.encodebytes(pkcs7.serialize_certificates(found, Encoding.DER))
    return Reply(200, body, "application/pkcs7-mime; smime-type=certs-only")
