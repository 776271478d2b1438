"""An offline CA made of `openssl ca`, as its people work it: a bundle comes in, certificates go out."""

from __future__ import annotations

import io
import json
import os
import subprocess
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_CONFIGURATION = """\
[ca]
default_ca = here
[here]
database = {at}/index.txt
new_certs_dir = {at}/new
serial = {at}/serial
crlnumber = {at}/crlnumber
certificate = {at}/ca.pem
private_key = {at}/ca.key
default_md = sha256
default_crl_days = 30
unique_subject = no
policy = anything
[anything]
commonName = optional
[req]
distinguished_name = nobody
prompt = no
x509_extensions = root
[nobody]
O = Example
CN = {name}
[root]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""
_DATES = "%Y%m%d%H%M%SZ"


@dataclass(frozen=True)
class Bundle:
    """A bundle of requests as it was opened: its manifest, and every CSR (PEM) by transaction."""

    manifest: dict[str, Any]
    csrs: Mapping[str, bytes]

    @property
    def entries(self) -> Mapping[str, dict[str, Any]]:
        """What is asked for, by transaction."""
        return {one["transaction"]: one for one in self.manifest["requests"]}


class OpensslCa:
    """A CA in a folder; certificates are PEM."""

    def __init__(self, at: Path, name: str = "Offline Test CA") -> None:
        self.at = at
        (at / "new").mkdir(parents=True)
        (at / "index.txt").touch()
        (at / "serial").write_text("1000\n")
        (at / "crlnumber").write_text("01\n")
        (at / "openssl.cnf").write_text(_CONFIGURATION.format(at=at, name=name))
        self._openssl(
            *("req", "-x509", "-config", "openssl.cnf", "-newkey", "ec", "-pkeyopt"),
            *("ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "7300"),
        )
        self.certificate = at / "ca.pem"

    def open(self, content: bytes, signer: str) -> Bundle:
        """A bundle whose manifest verifies under the certificate with this SHA-256, every CSR under it."""
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        for name in ("manifest.json", "manifest.p7s", "signer.pem"):
            (self.at / name).write_bytes(files[name])
        told = self._openssl("x509", "-in", "signer.pem", "-noout", "-fingerprint", "-sha256")
        assert told.decode().partition("=")[2].strip().replace(":", "").lower() == signer
        self._openssl(
            *("cms", "-verify", "-binary", "-inform", "DER", "-in", "manifest.p7s"),
            *("-content", "manifest.json", "-CAfile", "signer.pem", "-out", os.devnull),
        )
        manifest = json.loads(files["manifest.json"])
        csrs = {one["transaction"]: files[one["csr"]] for one in manifest["requests"]}
        for one in manifest["requests"]:
            der = self._openssl("req", "-outform", "DER", "-verify", given=csrs[one["transaction"]])
            digest = self._openssl("dgst", "-sha256", "-r", given=der).split()[0].decode()
            assert digest == one["csr_sha256"]
        return Bundle(manifest, csrs)

    def sign(self, bundle: Bundle, transaction: str, **other: Any) -> bytes:
        """The certificate the manifest asks for, but for what is `other`; it begins today."""
        entry = {**bundle.entries[transaction], **other}
        names = [f"email:{one}" for one in entry["emails"]] + [f"URI:{one}" for one in entry["uris"]]
        lines = {
            "basicConstraints": "critical, CA:FALSE",
            "keyUsage": "critical, " + ", ".join(entry["key_usage"]),
            "extendedKeyUsage": ", ".join(entry["extended_key_usage"]),
            "certificatePolicies": ", ".join(entry["policies"]),
            "subjectAltName": ", ".join(names),
            "subjectKeyIdentifier": "hash",
            "authorityKeyIdentifier": "keyid",
        }
        (self.at / "ext.cnf").write_text(
            "".join(f"{key} = {value}\n" for key, value in lines.items() if value)
        )
        (self.at / "one.csr").write_bytes(bundle.csrs[transaction])
        end = datetime.fromisoformat(entry["not_after"]).astimezone(UTC)
        self._openssl(
            *("ca", "-config", "openssl.cnf", "-batch", "-notext", "-preserveDN", "-in", "one.csr"),
            *("-extfile", "ext.cnf", "-startdate", f"{datetime.now(UTC):{_DATES}}"),
            *("-enddate", f"{end:{_DATES}}", "-out", "one.pem"),
        )
        return (self.at / "one.pem").read_bytes()

    def revoke(self, serial: str) -> None:
        """Revoke a certificate by its serial number in hex digits."""
        (issued,) = (one for one in (self.at / "new").iterdir() if int(one.stem, 16) == int(serial, 16))
        self._openssl("ca", "-config", "openssl.cnf", "-revoke", str(issued))

    def crl(self) -> bytes:
        """A new revocation list (PEM)."""
        return self._openssl("ca", "-config", "openssl.cnf", "-gencrl")

    def pkcs7(self, certificates: Iterable[bytes], form: str = "DER") -> bytes:
        """Certificates and the CA's own as one PKCS#7 message."""
        (self.at / "all.pem").write_bytes(b"".join((*certificates, self.certificate.read_bytes())))
        return self._openssl("crl2pkcs7", "-nocrl", "-certfile", "all.pem", "-outform", form)

    def der(self, certificate: bytes) -> bytes:
        """A certificate (PEM) as DER."""
        return self._openssl("x509", "-outform", "DER", given=certificate)

    def _openssl(self, *words: str, given: bytes | None = None) -> bytes:
        done = subprocess.run(
            ["openssl", *words], cwd=self.at, input=given, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"openssl {words}: {done.stderr.decode()}"
        return done.stdout
