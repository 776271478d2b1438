"""A CA that goes wrong when a bench is told so: it stands before a real one, which does all the work."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from drivers.authorities.port import CertificateRequest, KeyUsage, Provision, Reason
from drivers.errors import CaRefused, CaUnavailable
from drivers.options import typed
from drivers.registry import open_authority
from simulators.bench.client import Bench
from simulators.bench.errors import BenchError
from simulators.faults.model import Fault

_COMMON_NAME = NameOID.COMMON_NAME.dotted_string


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bench: str
    driver: str = "embedded"
    options: dict[str, Any] = {}


class SimulatedAuthority:
    """The CA `driver` with its `options`, and the faults of the bench in the directory `bench`.

    Where no bench runs, it is that CA and nothing else.
    """

    def __init__(self, options: Mapping[str, Any], provision: Provision) -> None:
        read = typed(options, _Options, "simulated CA")
        self._bench = Bench(Path(read.bench))
        self._ca = open_authority(read.driver, read.options, provision)

    def issue(self, request: CertificateRequest) -> bytes:
        fault = self._fault()
        if fault is None:
            return self._ca.issue(request)
        where = f"transaction {request.transaction}"
        match fault.do:
            case "refuse":
                raise CaRefused("the CA refuses the request", where=where, next="ask who runs the CA")
            case "lost-answer":
                self._ca.issue(request)
                raise CaUnavailable("the CA did not answer in time", where=where)
            case "wrong":
                return self._ca.issue(self._mistaken(request, fault.wrong))
            case "twice":
                self._ca.issue(replace(request, transaction=_another(request)))
            case "slow" if fault.when == "before":
                time.sleep(fault.seconds or 0)
        issued = self._ca.issue(request)
        if fault.do == "slow" and fault.when == "after":
            time.sleep(fault.seconds or 0)
        return issued

    def find(self, transaction: str) -> bytes | None:
        return self._ca.find(transaction)

    def issued_for(self, public_key: bytes) -> tuple[bytes, ...]:
        return self._ca.issued_for(public_key)

    def revoke(self, certificate: bytes, reason: Reason, at: datetime) -> None:
        self._ca.revoke(certificate, reason, at)

    def crl(self, at: datetime) -> bytes:
        return self._ca.crl(at)

    def ocsp(self, request: bytes, at: datetime) -> bytes:
        return self._ca.ocsp(request, at)

    def chain(self) -> tuple[bytes, ...]:
        return self._ca.chain()

    def doubtful(self) -> tuple[str, ...]:
        return self._ca.doubtful()

    def settle(self, transaction: str, certificate: bytes | None) -> None:
        self._ca.settle(transaction, certificate)

    def close(self) -> None:
        self._ca.close()

    def _fault(self) -> Fault | None:
        try:
            return self._bench.exchange("ca", "issue")
        except BenchError:  # most often none is running
            return None

    def _mistaken(self, request: CertificateRequest, wrong: str | None) -> CertificateRequest:
        """The request as a CA would have to misread it to issue that certificate.

        The subject of another comes with the other's key: no CA takes a CSR under a name it does not have.
        """
        template = request.template
        match wrong:
            case "expired":
                begin = x509.load_der_x509_certificate(self._ca.chain()[0]).not_valid_before_utc
                template = replace(template, not_before=begin, not_after=begin + timedelta(seconds=1))
            case "usage":
                other = {KeyUsage.KEY_ENCIPHERMENT, KeyUsage.DIGITAL_SIGNATURE}
                template = replace(template, key_usage=frozenset(other - template.key_usage or other))
            case "subject":
                named = [(oid, value) for oid, value in template.subject if oid != _COMMON_NAME]
                template = replace(template, subject=(*named, (_COMMON_NAME, "Iemand Anders")))
        csr = _csr_of_another(template.subject) if wrong in ("key", "subject") else request.csr
        return CertificateRequest(_another(request), csr, template)


def _another(request: CertificateRequest) -> str:
    return f"{request.transaction} {secrets.token_hex(4)}"


def _csr_of_another(subject: tuple[tuple[str, str], ...]) -> bytes:
    name = x509.Name([x509.NameAttribute(ObjectIdentifier(oid), value) for oid, value in subject])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), SHA256()).public_bytes(Encoding.DER)
