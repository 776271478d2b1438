"""What the linter pkilint, where it is installed, finds in a certificate held against a standard."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

PKIX = "PKIX"
"""The type of every certificate: RFC 5280 alone."""


class Severity(enum.StrEnum):
    """How grave a finding is, the gravest first; the first two are breaches of the standard."""

    FATAL = "fatal"
    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


BREACHES = frozenset({Severity.FATAL, Severity.ERROR})


@dataclass(frozen=True)
class Finding:
    """One thing found: its `code` names standard and requirement, `place` the part of the certificate."""

    severity: Severity
    code: str
    place: str
    message: str


def is_installed() -> bool:
    """Whether there is a linter; without one nothing else here may be called."""
    return find_spec("pkilint") is not None


def types() -> tuple[str, ...]:
    """The types a certificate can be held to: PKIX, and those of ETSI EN 319 412-2 to -5."""
    from pkilint.etsi import etsi_constants

    return (PKIX, *(one.to_option_str for one in etsi_constants.CertificateType))


def lint(certificate: bytes, type: str) -> tuple[Finding, ...]:
    """What is found in a certificate (DER) of one of the `types`, the gravest first.

    Raises `ValueError` for what is no certificate.
    """
    from pkilint import loader
    from pkilint.pkix import certificate as pkix

    document = loader.RFC5280CertificateDocumentLoader().load_document(certificate, type)
    decoding, validators, filters = _pkix() if type == PKIX else _etsi(type)
    results = pkix.create_pkix_certificate_validator_container(decoding, validators).validate(document.root)
    if filters:
        from pkilint import finding_filter

        results, _superseded = finding_filter.filter_results(filters, results)
    return tuple(sorted(_findings(results), key=lambda one: [*Severity].index(one.severity)))


def _pkix() -> tuple[Any, Any, Any]:
    from pkilint.pkix import certificate, extension, name

    validators = [
        certificate.create_issuer_validator_container([]),
        certificate.create_validity_validator_container(),
        certificate.create_subject_validator_container([]),
        certificate.create_extensions_validator_container([]),
        certificate.create_spki_validator_container([]),
    ]
    decoding = certificate.create_decoding_validators(
        name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS
    )
    return decoding, validators, []


def _etsi(type: str) -> tuple[Any, Any, Any]:
    from pkilint import etsi
    from pkilint.etsi import etsi_constants

    meant = etsi_constants.CertificateType.from_option_str(type)
    return (
        etsi.create_decoding_validators(meant),
        etsi.create_validators(meant),
        etsi.create_etsi_finding_filters(meant),
    )


def _findings(results: Iterable[Any]) -> Iterable[Finding]:
    """Without what is merely told, such as how a key identifier was made."""
    for result in results:
        for description in result.finding_descriptions:
            name = description.finding.severity.name.lower()
            if name in {*Severity}:
                place = ".".join(str(result.node.path).split(".")[1:])
                yield Finding(Severity(name), description.finding.code, place, description.message or "")
