"""Certificate managers who sign order files, with openssl as they would."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Signer:
    """A key and its certificate in files."""

    key: Path
    certificate: Path

    def der(self) -> bytes:
        """The certificate."""
        return _openssl("x509", "-in", str(self.certificate), "-outform", "DER")

    def sign(self, file: Path, *options: str, detached: bool = False, form: str = "DER") -> bytes:
        """The file signed (CMS), with the file in it unless detached."""
        apart = () if detached else ("-nodetach",)
        pair = ("-signer", str(self.certificate), "-inkey", str(self.key))
        return _openssl(
            "cms", "-sign", "-binary", *apart, "-in", str(file), *pair, "-outform", form, *options
        )


def signer(
    folder: Path, name: str, *options: str, kind: str = "ec", usage: str = "digitalSignature"
) -> Signer:
    """A new signer; `options` are those of `openssl req -x509`, such as the dates."""
    made = Signer(folder / f"{name}.key", folder / f"{name}.pem")
    new = {"ec": ("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), "rsa": ("rsa:2048",)}[kind]
    _openssl(
        *("req", "-x509", "-nodes", "-newkey", *new, "-keyout", str(made.key), "-out", str(made.certificate)),
        *("-subj", f"/CN={name}", "-addext", f"keyUsage=critical,{usage}"),
        *("-addext", "basicConstraints=critical,CA:FALSE", *options),
    )
    return made


def _openssl(*arguments: str) -> bytes:
    done = subprocess.run(["openssl", *arguments], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
