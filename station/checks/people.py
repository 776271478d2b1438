"""What logging in needs: the operators' seat, the CAs of their certificates, lists that are up to date."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from batch.model.errors import BatchError
from batch.people.anchors import read_anchors, read_crls
from drivers.errors import DriverError, ToldError
from drivers.foreign_certificates import shown
from station import probes
from station.checks.model import Check, fail, ok, warn
from station.config import Operators
from station.operators_seat import operators_process

_SOON = timedelta(days=30)
_DAY = "%Y-%m-%d"


def people_checks(operators: Operators) -> Iterator[Check]:
    """The anchors, their revocation lists, and the seat, as far as they are configured."""
    now = datetime.now(UTC)
    if operators.driver is None:
        yield ok("operators", "log in with passphrases")
        return
    yield _anchors(operators, now)
    if operators.crl:
        yield _crls(operators, now)
    with probes.several({"seat": (child := operators_process(operators))}):
        answer = probes.ask(child, "ready")
    if isinstance(answer, DriverError):
        yield _failed("operators' seat", answer, "attach it, or correct [operators] in station.toml")
    else:
        yield ok("operators' seat", "a token is in it" if answer else "empty")


def _anchors(operators: Operators, now: datetime) -> Check:
    name = "operators' CAs"
    try:
        found = read_anchors([Path(place) for place in operators.anchors])
    except BatchError as error:
        return _failed(name, error, "correct [operators] anchors")
    ended = [one for one in found if one.not_valid_after_utc < now]
    if len(ended) == len(found):
        return fail(name, "all have expired: nobody can log in", "add the CAs' new certificates")
    soon = min(one.not_valid_after_utc for one in found if one not in ended)
    told = ", ".join(shown(one.subject) for one in found)
    if ended or soon < now + _SOON:
        when = "has expired" if ended else f"expires on {soon:{_DAY}}"
        return warn(name, f"{told}; one {when}", "add the CA's new certificate to [operators] anchors")
    return ok(name, told)


def _crls(operators: Operators, now: datetime) -> Check:
    name = "operators' revocation lists"
    try:
        found = read_crls([Path(place) for place in operators.crl])
        issuers = {one.subject for one in read_anchors([Path(place) for place in operators.anchors])}
    except BatchError as error:
        return _failed(name, error, "correct [operators] crl")
    late = [one for one in found if one.next_update_utc is None or one.next_update_utc < now]
    fresh = {one.issuer for one in found if one not in late}
    if lacking := sorted(shown(one) for one in issuers - fresh):
        return fail(
            name,
            f"none up to date from {', '.join(lacking)}: nobody with its certificates can log in",
            "fetch the lists anew into the files of [operators] crl",
        )
    soonest = min(one.next_update_utc for one in found if one.next_update_utc is not None and one not in late)
    return ok(name, f"good until {soonest:%Y-%m-%d %H:%M} UTC")


def _failed(name: str, error: ToldError, mend: str) -> Check:
    return fail(name, f"{error.where}: {error.what}" if error.where else error.what, error.next or mend)
