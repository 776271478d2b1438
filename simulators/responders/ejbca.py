"""The part of EJBCA's REST interface that a desk uses, shaped as EJBCA 8 answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from simulators.responders.issuing import Issuer, Profile
from simulators.responders.server import Asked, Reply, Responder, Wrong

CA = "Issuing"
_ROOT = "/ejbca/ejbca-rest-api/v1"
_ENROL = f"{_ROOT}/certificate/pkcs10enroll"
_LATER = 1
_REASONS = {
    "UNSPECIFIED": None,
    "KEY_COMPROMISE": x509.ReasonFlags.key_compromise,
    "AFFILIATION_CHANGED": x509.ReasonFlags.affiliation_changed,
    "SUPERSEDED": x509.ReasonFlags.superseded,
    "CESSATION_OF_OPERATION": x509.ReasonFlags.cessation_of_operation,
    "PRIVILEGES_WITHDRAWN": x509.ReasonFlags.privilege_withdrawn,
}


class EjbcaResponder(Responder):
    """Issues by the names of certificate profiles; end entities keep all that was issued for them."""

    def __init__(
        self, folder: Path, profiles: Mapping[str, Profile], *, issuer: Issuer | None = None
    ) -> None:
        self._profiles = profiles
        self.entities: dict[str, list[x509.Certificate]] = {}
        super().__init__(folder, issuer)

    def enrols(self, asked: Asked) -> bool:
        return asked.path == _ENROL

    def late(self) -> None:
        """Issue what was asked for last, as one that was slow does after the client has gone."""
        self._issue(json.loads([one for one in self.asked if self.enrols(one)][-1].body), None)

    def answer(self, asked: Asked, wrong: Wrong | None) -> Reply:
        path, _, query = asked.path.partition("?")
        words = [unquote(one) for one in path.removeprefix(f"{_ROOT}/").split("/")]
        subject = self.issuer.certificate.subject.rfc4514_string()
        match asked.method, words:
            case "GET", ["ca"]:
                told = {"name": CA, "subject_dn": subject, "issuer_dn": "", "id": 1}
                return _json({"certificate_authorities": [told]})
            case "GET", ["ca", dn, "certificate", "download"] if dn == subject:
                chain = (self.issuer.certificate, self.issuer.root)
                return Reply(200, b"".join(one.public_bytes(Encoding.PEM) for one in chain))
            case "GET", ["ca", dn, "getLatestCrl"] if dn == subject:
                return _json({"crl": _text(self.issuer.crl()), "response_format": "DER"})
            case "POST", ["ca", dn, "createcrl"] if dn == subject:
                return _json({"all_success": True})
            case "POST", ["certificate", "search"]:
                return self._search(json.loads(asked.body))
            case "POST", ["certificate", "pkcs10enroll"]:
                return self._enrol(json.loads(asked.body), wrong)
            case "PUT", ["certificate", dn, serial, "revoke"] if dn == subject:
                return self._revoke(int(serial, 16), parse_qs(query)["reason"][0])
            case "GET", ["certificate", dn, serial, "revocationstatus"] if dn == subject:
                return _json({"revoked": int(serial, 16) in self.issuer.revoked})
        return _fault(404, "no such resource")

    def _enrol(self, body: dict[str, Any], wrong: Wrong | None) -> Reply:
        match wrong:
            case "refuse":
                return _fault(400, "the end entity profile does not allow this subject")
            case "busy":
                return Reply(503, b"maintenance", retry_after=_LATER)
            case "pending":
                return _fault(202, "Waiting for approval from administrator")
        if body["certificate_authority_name"] != CA:
            return _fault(400, "no such CA")
        if body["certificate_profile_name"] not in self._profiles or not body["password"]:
            return _fault(400, "no such certificate profile, or no password")
        made = self._issue(body, wrong)
        if wrong == "twice":
            self._issue(body, wrong)
        if wrong == "fail":
            return _fault(500, "internal error")
        if wrong == "rubbish":
            return _json({"certificate": "no certificate"}, 201)
        told = {"certificate": _text(made.public_bytes(Encoding.DER)), "response_format": "DER"}
        return _json({**told, "serial_number": f"{made.serial_number:X}"}, 201)

    def _issue(self, body: dict[str, Any], wrong: Wrong | None) -> x509.Certificate:
        csr = x509.load_pem_x509_csr(body["certificate_request"].encode())
        mistake = wrong if wrong in ("key", "subject", "expired") else None
        profile = self._profiles[body["certificate_profile_name"]]
        made = self.issuer.issue(csr, profile, wrong=mistake)
        self.entities.setdefault(body["username"], []).append(made)
        return made

    def _search(self, body: dict[str, Any]) -> Reply:
        (asked,) = body["criteria"]
        assert (asked["property"], asked["operation"]) == ("QUERY", "EQUAL")
        found = self.entities.get(asked["value"], [])[: body["max_number_of_results"]]
        # As EJBCA does: base64 of base64.
        told = [_text(_text(one.public_bytes(Encoding.DER)).encode()) for one in found]
        return _json({"certificates": [{"certificate": one} for one in told], "more_results": False})

    def _revoke(self, serial: int, reason: str) -> Reply:
        if serial in self.issuer.revoked:
            return _fault(409, "already revoked")
        if serial not in {one.serial_number for one in self.issuer.issued}:
            return _fault(404, "no such certificate")
        self.issuer.revoked[serial] = _REASONS[reason]
        return _json({"revoked": True})


def _json(told: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(told).encode(), "application/json")


def _fault(status: int, message: str) -> Reply:
    return _json({"error_code": status, "error_message": message}, status)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
