"""Speaks with `openssl cmp -port` through the driver, in a network namespace: that listens everywhere.

Tells as JSON what came of it, by the kind of server.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from drivers.authorities.port import Reason
from drivers.authorities.remote.cmp import CmpCa
from drivers.errors import DriverError
from drivers.foreign_certificates import load_csr
from simulators.responders.issuing import Issuer
from tests.contract.elsewhere import PROFILE, judged, provision, request

_PORT = 8080
_PATIENCE = 60.0


@contextmanager
def served(*options: str) -> Iterator[None]:
    """The mock server, until it is left."""
    command = ["openssl", "cmp", "-config", "", "-port", str(_PORT), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + _PATIENCE
            while True:
                try:
                    socket.create_connection(("localhost", _PORT), 1).close()
                    break
                except OSError:
                    if time.monotonic() > until:
                        raise
            yield
        finally:
            process.kill()


def main(folder: Path) -> dict[str, str]:
    """What came of each kind of server."""
    issuer, one, other = Issuer(), request(), request("000002/x/1")
    certificate = issuer.issue(load_csr(one.csr), PROFILE)
    kept = {"issuer": issuer.certificate, "root": issuer.root, "given": certificate}
    for name, found in kept.items():
        (folder / f"{name}.pem").write_bytes(found.public_bytes(Encoding.PEM))
    for name in ("desk", "ca"):
        chain, key = issuer.identity(name)
        (folder / f"{name}.pem").write_bytes(chain)
        (folder / f"{name}.key").write_bytes(key)
        (folder / f"{name}.key").chmod(0o600)
    (folder / "secret").write_text("only for this test")
    (folder / "secret").chmod(0o600)
    files = {path.name: str(path) for path in folder.iterdir()}
    mac = ("-srv_ref", "ca", "-srv_secret", f"file:{files['secret']}")
    signed = ("-srv_cert", files["ca.pem"], "-srv_key", files["ca.key"], "-srv_trusted", files["root.pem"])
    given = ("-rsp_cert", files["given.pem"], "-grant_implicitconf")
    own = {"certificate": files["desk.pem"], "key": files["desk.key"], "trust": files["root.pem"]}

    def configured(**protection: Any) -> dict[str, Any]:
        return {
            "url": f"http://localhost:{_PORT}/",
            "issuer": files["issuer.pem"],
            "profiles": {"authentication": ""},
            "confirm": "implicit",
            **(protection or {"mac": {"reference": "desk", "secret_file": files["secret"]}}),
        }

    def desk(name: str, **protection: Any) -> CmpCa:
        return CmpCa(configured(**protection), provision(folder / name))

    def issued(ca: CmpCa) -> str:
        try:
            judged(ca, one, ca.issue(one))
            return "issued"
        except DriverError as error:
            return error.what

    told = {}
    with served(*mac, *given):
        ca = desk("mac")
        told["mac"] = issued(ca)
        told["doctor"] = CmpCa.look(configured(), folder / "mac").url
        told["another"] = "same" if ca.issue(other) == certificate.public_bytes(Encoding.DER) else "?"
        ca.revoke(certificate.public_bytes(Encoding.DER), Reason.KEY_COMPROMISE, one.template.not_before)
    with served(*signed, *given):
        told["signature"] = issued(desk("signature", signature=own))
    with served(*mac, *given, "-poll_count", "2", "-check_after", "1"):
        told["polled"] = issued(desk("polled"))
    with served(*mac, "-pkistatus", "2", "-failure", "9", "-statusstring", "no proof"):
        told["refused"] = issued(desk("refused"))
    with served(*mac, *given, "-send_unprotected"):
        told["unprotected"] = issued(desk("unprotected"))
    return told


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))))
