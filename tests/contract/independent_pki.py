"""A PKI nobody here wrote (certomancer): persons' certificates, OCSP and lists over HTTP on loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from certomancer.integrations.animator import Animator, AnimatorArchStore
from certomancer.registry import ArchLabel, CertLabel, CertomancerConfig
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from werkzeug.serving import WSGIRequestHandler, make_server

REVOKED_SINCE = datetime(2024, 1, 1, tzinfo=UTC)
_VALIDITY = {"valid-from": "2020-01-01T00:00:00+0000", "valid-to": "2100-01-01T00:00:00+0000"}

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Pki:
    """Who was asked for, in order, is in `asked`; `instead` answers in place of the PKI where it is given."""

    def __init__(self, directory: Path) -> None:
        self.asked: list[str] = []
        self.instead: Application | None = None
        self._server = make_server("127.0.0.1", 0, self._serve, threaded=True, request_handler=_Silent)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        _keys(directory / "keys", ("root", "ocsp", "stranger"))
        told = CertomancerConfig(
            _configuration(), key_search_dir=str(directory), external_url_prefix=self.url
        )
        self._office = told.get_pki_arch(ArchLabel("office"))
        # RFC 6960 wants whole seconds.
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.animator = Animator(AnimatorArchStore(told.pki_archs), at_time=self.now, with_web_ui=False)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def certificate(self, name: str) -> bytes:
        """A certificate (DER) by name."""
        der: bytes = self._office.get_cert(CertLabel(name)).dump()
        return der

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        self.asked.append(environ["PATH_INFO"])
        found: Iterable[bytes] = (self.instead or self.animator)(environ, start)
        return found


class _Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass


@contextmanager
def independent_pki(directory: Path) -> Iterator[Pki]:
    """One that answers as long as it is open."""
    made = Pki(directory)
    try:
        yield made
    finally:
        made.close()


def _keys(directory: Path, names: Iterable[str]) -> None:
    directory.mkdir()
    for name in names:
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (directory / f"{name}.pem").write_bytes(pem)


def _configuration() -> dict[str, Any]:
    """Each person's certificate names what its label says: `ocsp`, `list`, both, or a `forged` responder."""
    persons = {
        f"{where}-{state}": _person(where.split("+"), state)
        for where in ("ocsp", "list", "ocsp+list", "forged", "forged+list", "nowhere")
        for state in ("good", "revoked")
    }
    names = ("root", "ocsp", "stranger")
    authority = {
        "basic_constraints": {"critical": True, "value": {"ca": True}},
        "key_usage": {"critical": True, "smart-value": _usage("key_cert_sign", "crl_sign")},
    }
    return {
        "keysets": {
            "keys": {"path-prefix": "keys", "keys": {name: {"path": f"{name}.pem"} for name in names}}
        },
        "pki-architectures": {
            "office": {
                "keyset": "keys",
                "entity-defaults": {"country-name": "NL", "organization-name": "Example"},
                "entities": {name: {"common-name": name} for name in (*names, *persons)},
                "certs": {
                    "root": _certificate("root", "root", authority),
                    "ocsp": _certificate("ocsp", "ocsp", {"extended_key_usage": {"value": ["ocsp_signing"]}}),
                    "stranger": _certificate("stranger", "stranger", {}),
                    **persons,
                },
                "services": {
                    "ocsp": {
                        "ocsp": {"for-issuer": "root", "responder-cert": "ocsp", "signing-key": "ocsp"},
                        "forged": {
                            "for-issuer": "root",
                            "responder-cert": "stranger",
                            "signing-key": "stranger",
                        },
                    },
                    "crl-repo": {
                        "list": {
                            "for-issuer": "root",
                            "signing-key": "root",
                            "simulated-update-schedule": "P30D",
                        }
                    },
                },
            }
        },
    }


def _person(where: list[str], state: str) -> dict[str, Any]:
    extensions: dict[str, Any] = {
        "key_usage": {"critical": True, "smart-value": _usage("digital_signature")},
        "extended_key_usage": {"value": ["client_auth"]},
    }
    if "list" in where:
        params = {"crl-repo-names": ["list"]}
        extensions["crl_distribution_points"] = {"smart-value": {"schema": "crl-dist-url", "params": params}}
    if responders := [one for one in where if one in ("ocsp", "forged")]:
        params = {"ocsp-responder-names": responders}
        extensions["authority_information_access"] = {"smart-value": {"schema": "aia-urls", "params": params}}
    made = _certificate("+".join(where) + f"-{state}", "stranger", extensions)
    if state == "revoked":
        made["revocation"] = {"revoked-since": REVOKED_SINCE.isoformat(), "reason": "key_compromise"}
    return made


def _certificate(subject: str, key: str, extensions: dict[str, Any]) -> dict[str, Any]:
    return {
        "subject": subject,
        "subject-key": key,
        "issuer": "root",
        "authority-key": "root",
        "validity": _VALIDITY,
        "extensions": [{"id": name, **value} for name, value in extensions.items()],
    }


def _usage(*names: str) -> dict[str, Any]:
    return {"schema": "key-usage", "params": [*names]}
