"""What independent linters say of certificates, revocation lists and OCSP answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LINTERS = {
    "certificate": ("lint_pkix_cert", "lint"),
    "crl": ("lint_crl", "lint", "-t", "CRL", "-p", "PKIX"),
    "ocsp": ("lint_ocsp_response", "lint"),
}


def lint(kind: str, der: bytes, directory: Path, severity: str = "WARNING") -> str:
    """What pkilint finds, empty where nothing that grave (RFC 5280, RFC 6960)."""
    name, *arguments = LINTERS[kind]
    file = directory / f"{kind}.der"
    file.write_bytes(der)
    program = Path(sys.executable).with_name(name)
    done = subprocess.run(
        [program, *arguments, "-s", severity, "--document-format", "DER", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    return (done.stdout + done.stderr).strip()
