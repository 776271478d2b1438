"""Whether who logs in is who they say: certificate, chain, revocation, and the answer to a challenge.

Reads no records: the desk looks here, and so may any process that has to see for itself.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from batch.model.errors import Refused
from batch.model.people import Operator
from batch.people.anchors import FaultyAnchors, revocation_list
from batch.people.challenges import Challenge, Challenges
from drivers.errors import CaUnavailable, Unsupported
from drivers.foreign_certificates import load_certificate, shown, spki
from drivers.personal.signing import is_signature

_READABLE = "%Y-%m-%d %H:%M UTC"


class Fault(enum.StrEnum):
    """What a certificate or an answer is refused for."""

    UNREADABLE = "unreadable"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    ANOTHER_CA = "another-ca"
    WRONG_USAGE = "wrong-usage"
    REVOKED = "revoked"
    NO_REVOCATION_LIST = "no-revocation-list"
    WRONG_SIGNATURE = "wrong-signature"
    NOBODY = "nobody"


class NotProven(Refused):
    """A login or certificate that does not hold; `fault` says why, for scripts."""

    def __init__(self, fault: Fault, what: str, *, where: str | None = None, next: str | None = None) -> None:
        super().__init__(what, where=where, next=next)
        self.fault = fault


def check_login(
    challenges: Challenges,
    challenge: Challenge,
    signature: bytes,
    certificate: bytes,
    anchors: Sequence[x509.Certificate],
    at: datetime,
    crls: Sequence[x509.CertificateRevocationList] | None = None,
    *,
    online: bool = False,
) -> x509.Certificate:
    """The certificate (given as DER) of who answered; uses the challenge up, whatever comes of it.

    Raises `StaleChallenge` for one that was answered before or too late, else `NotProven`. That the
    certificate is the one this operator is registered with is for the caller to see.
    """
    where = f"operator {challenge.operator}"
    challenges.take(challenge, at)
    found = check_certificate(certificate, anchors, at, crls, online=online, where=where)
    try:
        good = is_signature(spki(found), challenge.text, signature)
    except Unsupported as error:
        raise NotProven(Fault.WRONG_USAGE, error.what, where=where, next=error.next) from None
    if not good:
        raise NotProven(
            Fault.WRONG_SIGNATURE,
            "the answer to the challenge is not signed with the key of this certificate",
            where=where,
            next="log in again; where it happens twice, tell the administrators",
        )
    return found


def holder(operators: Iterable[Operator], certificate: bytes) -> Operator:
    """Whose certificate (DER) this is, to the byte, of those who work here; raises `NotProven`."""
    known = tuple(operators)
    for operator in known:
        if operator.certificate == certificate:
            return operator
    with suppress(ValueError):
        key = spki(load_certificate(certificate))
        if renewed := next((one for one in known if one.key == key), None):
            raise NotProven(
                Fault.NOBODY,
                f"the certificate is not the one {renewed.name} is registered with, though its key is",
                where=f"operator {renewed.name}",
                next="have the new certificate registered by two administrators",
            )
    raise NotProven(
        Fault.NOBODY,
        "no operator is registered with the token in the operators' seat",
        next="insert your own token, or have it registered by two administrators",
    )


def check_certificate(
    certificate: bytes,
    anchors: Sequence[x509.Certificate],
    at: datetime,
    crls: Sequence[x509.CertificateRevocationList] | None = None,
    *,
    online: bool = False,
    where: str | None = None,
) -> x509.Certificate:
    """A person's authentication certificate (DER) that one of `anchors` issued and that holds at `at`.

    With `crls` its issuer's must be among them and up to date; None asks for no revocation list. `online`
    asks where the certificate says, of its OCSP responder or for its list. Raises `NotProven`.
    """
    try:
        found = load_certificate(certificate)
    except ValueError as error:
        raise NotProven(
            Fault.UNREADABLE, f"the certificate cannot be read: {error}", where=where, next="take another"
        ) from None
    _check_dates(found, at, where)
    issuer = _check_chain(found, anchors, at, where)
    _check_usage(found, where)
    if crls is not None:
        _check_revocation(found, issuer, crls, at, where)
    if online:
        _check_online(found, issuer, at, where)
    return found


def _check_dates(found: x509.Certificate, at: datetime, where: str | None) -> None:
    if at > found.not_valid_after_utc:
        raise NotProven(
            Fault.EXPIRED,
            f"the certificate expired on {found.not_valid_after_utc:{_READABLE}}",
            where=where,
            next="have the token renewed by whoever issued it",
        )
    if at < found.not_valid_before_utc:
        raise NotProven(
            Fault.NOT_YET_VALID,
            f"the certificate is valid from {found.not_valid_before_utc:{_READABLE}} only",
            where=where,
            next="wait until then, or look at this computer's clock",
        )


def _check_chain(
    found: x509.Certificate, anchors: Sequence[x509.Certificate], at: datetime, where: str | None
) -> x509.Certificate:
    """The issuer among the anchors; every anchor counts as such, be it a root or not (RFC 5280 §6.1.1)."""
    if not any(anchor.subject == found.issuer for anchor in anchors):
        raise NotProven(
            Fault.ANOTHER_CA,
            f"the certificate is issued by {shown(found.issuer)}, which is none of this station's anchors",
            where=where,
            next="insert the token of your own organisation, or add its CA to [operators] anchors",
        )
    verifier = (
        PolicyBuilder()
        .store(Store(list(anchors)))
        .time(at)
        .extension_policies(ca_policy=_CA, ee_policy=_PERSON)
        .build_client_verifier()
    )
    try:
        return verifier.verify(found, []).chain[1]
    except VerificationError as error:
        raise NotProven(
            Fault.ANOTHER_CA,
            f"the certificate does not chain to this station's anchors: {' '.join(str(error).split())}",
            where=where,
            next="insert the token of your own organisation, or look at [operators] anchors",
        ) from None


def _check_usage(found: x509.Certificate, where: str | None) -> None:
    """KeyUsage with digitalSignature; ExtendedKeyUsage, where there, with clientAuth (RFC 5280 §4.2.1)."""
    usages = found.extensions
    try:
        signs = usages.get_extension_for_class(x509.KeyUsage).value.digital_signature
    except x509.ExtensionNotFound:
        signs = False
    try:
        extended = usages.get_extension_for_class(x509.ExtendedKeyUsage).value
        logs_in = any(
            use in extended
            for use in (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
        )
    except x509.ExtensionNotFound:
        logs_in = True
    if not (signs and logs_in):
        missing = "clientAuth" if signs else "digitalSignature"
        raise NotProven(
            Fault.WRONG_USAGE,
            f"the certificate is not for logging in: {missing} is not among its uses",
            where=where,
            next="take a token with an authentication certificate",
        )


def _check_revocation(
    found: x509.Certificate,
    issuer: x509.Certificate,
    crls: Sequence[x509.CertificateRevocationList],
    at: datetime,
    where: str | None,
) -> None:
    issued = [crl for crl in crls if _is_from(crl, issuer)]
    current = [crl for crl in issued if crl.next_update_utc is not None and at <= crl.next_update_utc]
    for crl in issued:  # an old list still knows whom it revoked
        entry = crl.get_revoked_certificate_by_serial_number(found.serial_number)
        if entry is not None:
            raise _revoked(entry.revocation_date_utc, where)
    if not current:
        name = shown(issuer.subject)
        what = f"the revocation list of {name} is out of date" if issued else f"{name} has no revocation list"
        raise NotProven(
            Fault.NO_REVOCATION_LIST,
            f"{what}, so nobody knows whether the certificate still holds",
            where=where,
            next="fetch the list anew into the file named in [operators] crl",
        )


def _check_online(found: x509.Certificate, issuer: x509.Certificate, at: datetime, where: str | None) -> None:
    """OCSP first, which is of today; the list where no responder can be relied on."""
    # With all it needs to speak over a network; most logins ask nobody.
    from drivers.authorities.revocation_status import fetched_list, revoked_by_ocsp

    try:
        since = revoked_by_ocsp(found, issuer, at)
    except CaUnavailable as unanswered:
        try:
            url, fetched = fetched_list(found)
            listed = revocation_list(fetched, url, url)
        except (CaUnavailable, FaultyAnchors) as error:
            raise NotProven(
                Fault.NO_REVOCATION_LIST,
                f"nobody tells whether the certificate still holds: {unanswered}; {error}",
                where=where,
                next="try again; where it stays so, have a list fetched and named in [operators] crl",
            ) from None
        _check_revocation(found, issuer, [listed], at, where)
    else:
        if since is not None:
            raise _revoked(since, where)


def _revoked(since: datetime, where: str | None) -> NotProven:
    return NotProven(
        Fault.REVOKED,
        f"the certificate was revoked on {since:{_READABLE}}",
        where=where,
        next="take the token to the administrators",
    )


def _is_from(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    return crl.issuer == issuer.subject and crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]


def _need_signing(policy: Policy, certificate: x509.Certificate, found: x509.KeyUsage | None) -> None:
    if found is not None and not found.key_cert_sign:
        raise ValueError("an issuer may not sign certificates")


# That an issuer's basicConstraints say CA is seen to by the verifier itself.
_CA = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _need_signing)
)
# The name of a person's certificate is in its subject: the web's profile wants a subjectAltName.
_PERSON = ExtensionPolicy.permit_all()
