"""The CA as a production knows it: its own certificates, and how often in a row it failed."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import datetime

from cryptography.exceptions import InvalidSignature

from batch.production.certificates import WrongCertificate, check_certificate
from drivers.authorities.port import CertificateTemplate
from drivers.errors import CaRefused, CaUnavailable
from drivers.foreign_certificates import UNREADABLE, load_certificate, shown

_FAILURES = 3
"""So many failures in a row are the CA's own fault, and no token is put aside for them any more."""


class CaAtFault(CaUnavailable):
    """The CA refuses everything or issues nothing but wrong certificates; no token is at fault."""


class Issuer:
    """The CA's certificates (DER), the issuer of leaves first, each signed by the next."""

    def __init__(self, chain: Iterable[bytes]) -> None:
        """Raises `CaUnavailable` where they are none, or do not sign one another."""
        try:
            self._chain = [load_certificate(one) for one in chain]
            for lower, upper in itertools.pairwise(self._chain):
                lower.verify_directly_issued_by(upper)
        except (*UNREADABLE, InvalidSignature) as error:
            raise _unfit(f"the CA's certificates make no chain: {error or 'wrong signature'}") from error
        if not self._chain:
            raise _unfit("the CA shows no certificate of its own")
        self._failures = 0
        self.misissued = 0
        """Certificates that nobody asked for, found out in this production."""

    def check_validity(self, at: datetime) -> None:
        """Raises `CaUnavailable` where one of its certificates is not valid at that moment."""
        for one in self._chain:
            name = shown(one.subject)
            begin, end = one.not_valid_before_utc, one.not_valid_after_utc
            if at > end:
                raise _unfit(f"the CA certificate {name} expired on {end:%Y-%m-%d}")
            if at < begin:
                raise CaUnavailable(
                    f"the CA certificate {name} is valid from {begin:%Y-%m-%d %H:%M} UTC, "
                    f"and the desk's clock says {at:%Y-%m-%d %H:%M}",
                    next="look whether the clock is right",
                )

    def check(
        self, certificate: bytes, public_key: bytes, template: CertificateTemplate, at: datetime
    ) -> None:
        """Refuse a certificate that is not what this CA was asked for, or that it could not sign (R34).

        Raises `CaUnavailable` where its own certificate is not valid, else `WrongCertificate`.
        """
        self.check_validity(at)
        check_certificate(certificate, public_key, template, self._chain[0], at)

    def succeeded(self) -> None:
        """It did as it was asked."""
        self._failures = 0

    def failed(self, error: CaRefused | WrongCertificate) -> CaRefused | WrongCertificate | CaAtFault:
        """It did not: one token's error, or from the third in a row on the CA's own."""
        self._failures += 1
        if self._failures < _FAILURES:
            return error
        return CaAtFault(
            f"the CA failed {self._failures} times in a row, last: {error.what}",
            where=error.where,
            next="find out what is wrong with the CA, then go on with the same command",
        )


def _unfit(what: str) -> CaUnavailable:
    return CaUnavailable(what, next="issue nothing with it; renew or mend the CA first")
