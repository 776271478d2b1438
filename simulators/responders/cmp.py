"""A CMP server (RFC 9810): its messages are made and verified by openssl's own mock server, one run for each.

The mock server returns whatever certificate it is given; here that is one for the CSR that came. Earlier
messages of a transaction are played to it again, so that connections may come and go.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from drivers.wire.tlv import decode, need
from simulators.responders.issuing import Issuer, Profile
from simulators.responders.server import Asked, Reply, Responder, Wrong

_ROOT = "/.well-known/cmp"
_TYPE = "application/pkixcmp"
_REASONS = {
    1: x509.ReasonFlags.key_compromise,
    3: x509.ReasonFlags.affiliation_changed,
    4: x509.ReasonFlags.superseded,
    5: x509.ReasonFlags.cessation_of_operation,
    9: x509.ReasonFlags.privilege_withdrawn,
}
_P10CR, _RR, _GENM, _CERT_CONF = 0xA4, 0xAB, 0xB5, 0xB8

REFERENCE, SECRET = "issuance-desk", "correct horse battery staple"

Repeated = Literal["same", "refused", "another"]


@dataclass
class _Transaction:
    """A request, the certificate it was answered with, and how often it is to be polled before."""

    request: bytes
    certificate: x509.Certificate
    polls: int = 0


class CmpResponder(Responder):
    """Issues by path. Its messages are protected by `mac` or a signature, as it wants the desk's to be.

    What it does with a request it gets again under its transaction ID: it gives the `same` certificate, has
    it `refused` (transactionIdInUse), or issues `another`. What is `forged` was changed on the way.
    """

    def __init__(
        self,
        folder: Path,
        profiles: Mapping[str, Profile],
        *,
        mac: bool = True,
        repeated: Repeated = "another",
        issuer: Issuer | None = None,
    ) -> None:
        self._profiles, self._mac, self._repeated = profiles, mac, repeated
        self._open: dict[bytes, _Transaction] = {}
        self.forged = False
        self.later = 1
        """Seconds after which it wants to be polled."""
        self.closed = False
        """Whether it takes no confirmation, because it gave the transaction up."""
        self.made = threading.Event()
        """Set once a certificate was made, though nobody may have waited for it."""
        self.confirmed: list[int] = []
        """Serial numbers of what was confirmed."""
        super().__init__(folder, issuer)
        (folder / "secret").write_text(SECRET)
        (folder / "secret").chmod(0o600)
        (folder / "issuer.pem").write_bytes(
            b"".join(one.public_bytes(Encoding.PEM) for one in (self.issuer.certificate, self.issuer.root))
        )

    def options(self) -> dict[str, Any]:
        files = {name: str(self.folder / f"{name}.pem") for name in ("trust", "issuer", "desk")}
        own = {"certificate": files["desk"], "key": str(self.folder / "desk.key")}
        mac = {"reference": REFERENCE, "secret_file": str(self.folder / "secret")}
        protection = {"mac": mac} if self._mac else {"signature": {**own, "trust": files["trust"]}}
        tls = {"trust": files["trust"], **own}
        return {"url": self.url, "issuer": files["issuer"], "tls": tls, **protection}

    def enrols(self, asked: Asked) -> bool:
        return _kind(asked.body) == _P10CR

    def answer(self, asked: Asked, wrong: Wrong | None) -> Reply:
        label = asked.path.removeprefix(_ROOT).removeprefix("/p/")
        if not asked.path.startswith(_ROOT) or (label and label not in self._profiles):
            return Reply(404, b"no such CMP alias")
        if wrong == "busy":
            return Reply(503, b"maintenance", retry_after=1)
        if wrong == "refuse":
            told = ["-pkistatus", "2", "-failure", "19", "-statusstring", "this subject is not known"]
            return self._play([asked.body], told)
        kind = _kind(asked.body)
        if kind == _GENM:
            return self._play([asked.body], [])
        if kind == _RR:
            return self._revoked(asked.body)
        if kind != _P10CR:
            return self._followed(asked.body)
        reply = self._enrolled(asked.body, self._profiles[label], wrong)
        if wrong == "fail":
            return Reply(500, b"internal error")
        if wrong == "rubbish":
            return Reply(200, b"\x30\x04rubb", _TYPE)
        return reply

    def _enrolled(self, message: bytes, profile: Profile, wrong: Wrong | None) -> Reply:
        known = self._open.get(_transaction(message))
        if known is not None and self._repeated == "refused":
            return self._play([message], ["-pkistatus", "2", "-failure", "21"])
        if known is None or self._repeated == "another":
            csr = x509.load_der_x509_csr(_body(message))
            mistake = wrong if wrong in ("key", "subject", "expired") else None
            # Only whoever shares the secret, or has a certificate of this PKI, gets as far as that.
            known = _Transaction(message, self.issuer.issue(csr, profile, wrong=mistake))
            reply = self._play([message], ["-rsp_cert", self._file(known.certificate)])
            if reply.status != 200 or _kind(reply.body) != 0xA3:
                self.issuer.issued.remove(known.certificate)
                return reply
            self._open[_transaction(message)] = known
            self.made.set()
        if wrong == "pending":
            known.polls = 3
        return self._play(
            [message], ["-rsp_cert", self._file(known.certificate), *self._polling(known.polls)]
        )

    def _followed(self, message: bytes) -> Reply:
        known = self._open[_transaction(message)]
        if self.closed and _kind(message) == _CERT_CONF:
            return self._play([message], [], csr=known.request)
        given = ["-rsp_cert", self._file(known.certificate)]
        if _kind(message) == _CERT_CONF:
            self.confirmed.append(known.certificate.serial_number)
            return self._play([known.request, message], given)
        polls, known.polls = max(1, known.polls), known.polls - 1
        return self._play([known.request, message], [*given, *self._polling(polls)])

    def _revoked(self, message: bytes) -> Reply:
        details = need(need(need(_body(message), 0x30), 0x30), 0x30)
        serial = int.from_bytes(need(details, 0x81), "big")
        found = next((one for one in self.issuer.issued if one.serial_number == serial), None)
        if found is None:
            return self._play([message], ["-pkistatus", "2", "-failure", "4"], self.issuer.certificate)
        given = ["-rsp_cert", self._file(found)]
        if serial in self.issuer.revoked:
            return self._play([message], [*given, "-pkistatus", "2", "-failure", "10"], found)
        self.issuer.revoked[serial] = _reason(message)
        return self._play([message], given, found)

    def _file(self, certificate: x509.Certificate) -> str:
        path = self.folder / f"{certificate.serial_number:x}.pem"
        path.write_bytes(certificate.public_bytes(Encoding.PEM))
        return str(path)

    def _play(
        self,
        messages: Sequence[bytes],
        options: Sequence[str],
        revoked: x509.Certificate | None = None,
        csr: bytes | None = None,
    ) -> Reply:
        """The mock server's answer to the last of some messages, the first of which, or `csr`, is a p10cr."""
        with tempfile.TemporaryDirectory() as kept:
            folder = Path(kept)
            for number, message in enumerate(messages):
                (folder / f"q{number}.der").write_bytes(message)
            about = ["-cmd", "rr", "-oldcert", self._file(revoked)] if revoked else ["-cmd", "p10cr"]
            if _kind(messages[0]) == _GENM:
                about = ["-cmd", "genm"]
            elif not revoked:
                (folder / "csr.der").write_bytes(_body(csr or messages[0]))
                about += ["-csr", "csr.der"]
            asked = ",".join(f"q{number}.der" for number in range(len(messages)))
            answered = ",".join(f"r{number}.der" for number in range(len(messages)))
            command = ["openssl", "cmp", "-config", "", "-batch", "-use_mock_srv", *about]
            command += ["-reqin", asked, "-rspout", answered, "-certout", "out.pem"]
            command += [*self._credentials(), *options]
            subprocess.run(command, cwd=folder, capture_output=True, check=False, env={}, timeout=60)
            answer = folder / f"r{len(messages) - 1}.der"
            if not answer.exists():
                return Reply(400, b"the message is not taken")
            body = answer.read_bytes()
            # Its last byte is one of the protection.
            return Reply(200, body[:-1] + bytes([body[-1] ^ 1]) if self.forged else body, _TYPE)

    def _polling(self, count: int) -> list[str]:
        """The CA wants to be polled; the run is over before the mock client does."""
        wanted = ["-poll_count", str(count), "-check_after", str(self.later)]
        return [*wanted, "-total_timeout", "5"] if count else []

    def _credentials(self) -> list[str]:
        """Those of both sides: the mock server's, and the desk's for messages that are played again."""
        if self._mac:
            secret = f"file:{self.folder / 'secret'}"
            return ["-ref", REFERENCE, "-secret", secret, "-srv_ref", "ca", "-srv_secret", secret]
        own, server, trust = (str(self.folder / name) for name in ("desk", "server", "trust.pem"))
        return [
            *("-cert", f"{own}.pem", "-key", f"{own}.key", "-trusted", trust),
            *("-srv_cert", f"{server}.pem", "-srv_key", f"{server}.key", "-srv_trusted", trust),
        ]


def _parts(message: bytes) -> tuple[bytes, int, bytes]:
    (_, header), (kind, body) = list(decode(need(message, 0x30)))[:2]
    return header, kind, body


def _kind(message: bytes) -> int:
    try:
        return _parts(message)[1]
    except ValueError:
        return 0


def _body(message: bytes) -> bytes:
    return _parts(message)[2]


def _transaction(message: bytes) -> bytes:
    # Version, sender and recipient go before; a name has the transaction ID's tag, too.
    return next(value for tag, value in list(decode(_parts(message)[0]))[3:] if tag == 0xA4)


def _reason(message: bytes) -> x509.ReasonFlags | None:
    """The reason in a revocation request; ENUMERATED in a CRL entry extension."""
    (_, details), *_ = decode(need(_body(message), 0x30))
    extensions = [value for tag, value in decode(details) if tag == 0x30][1:]
    for number, flag in _REASONS.items():
        if any(bytes((0x04, 3, 0x0A, 1, number)) in one for one in extensions):
            return flag
    return None
