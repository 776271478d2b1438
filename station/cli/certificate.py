"""`station certificate`: every certificate that is on a token or was, and how it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from station.cli.filters import expiring_filter, need_one_of, order_filter, subscriber_filter
from station.cli.invocation import Invocation, csv_option, json_option, on_option, pass_invocation
from station.cli.output import listing

if TYPE_CHECKING:
    from datetime import date, datetime, timedelta

    from batch.store.certificate_list import ListedCertificate

_COLUMNS = {
    "number": "Number",
    "order": "Order",
    "key": "Key",
    "serial": "Serial",
    "subject": "Subject",
    "from": "From",
    "until": "Until",
    "days": "Days left",
    "state": "State",
    "reason": "Reason",
}


@click.group()
def certificate() -> None:
    """List certificates: whose they are, until when, and whether they hold."""


@certificate.command("list")
@order_filter
@subscriber_filter
@click.option("--token", metavar="NUMBER", help="Only those of this token, by its number or serial.")
@expiring_filter("Only those that end within this time, such as 60d, 8w or 2m.")
@click.option("--state", help="Only those that stand like this, such as `valid` or `revocation-pending`.")
@on_option
@json_option
@csv_option
@pass_invocation
def list_(
    invocation: Invocation,
    number: str | None,
    subscriber: str | None,
    token: str | None,
    expiring: timedelta | None,
    state: str | None,
    on: date,
    as_json: bool,
    as_csv: bool,
) -> None:
    """List the certificates of all tokens, those that renewals put aside too, and how each stands.

    What was forgotten with its order is not listed.
    """
    from batch.store.certificate_list import CertificateState, CertificatesWanted, certificates
    from batch.store.items import item
    from batch.store.orders import order
    from station.wiring import Desk

    need_one_of(CertificateState, state)
    at = _moment(on)
    with Desk.of(invocation.home(), None).records() as records:
        wanted = CertificatesWanted(
            order_id=order(records, number).id if number else None,
            subscriber=subscriber,
            item_id=item(records, token).id if token else None,
            state=CertificateState(state) if state else None,
            ends_since=at if expiring is not None else None,
            ends_until=at + expiring if expiring is not None else None,
        )
        rows = (row_of(one, at) for one in certificates(records, wanted, at))
        listing(rows, _COLUMNS, as_json=as_json, as_csv=as_csv, empty="No certificates.")


def row_of(listed: ListedCertificate, at: datetime) -> dict[str, Any]:
    """A certificate as lists show it."""
    import hashlib

    from drivers.foreign_certificates import load_certificate

    row: dict[str, Any] = {
        "number": listed.number,
        "order": listed.order,
        "subscriber": listed.subscriber,
        "key": f"{listed.key} (former)" if listed.former else listed.key,
        "slot": listed.slot,
        "serial": None,
        "subject": None,
        "from": None,
        "until": listed.ends.date().isoformat() if listed.ends else None,
        "days": (listed.ends - at).days if listed.ends else None,
        "state": str(listed.state),
        "reason": listed.reason,
        "outcome": listed.outcome,
        "sha256": hashlib.sha256(listed.certificate).hexdigest(),
    }
    try:
        found = load_certificate(listed.certificate)
        row["serial"] = f"{found.serial_number:x}"
        row["subject"] = found.subject.rfc4514_string()
        row["from"] = found.not_valid_before_utc.date().isoformat()
    except ValueError:
        row["subject"] = "cannot be read"
    return row


def _moment(on: date) -> datetime:
    """Now where the day is today, else its beginning."""
    from datetime import UTC, datetime, time

    from batch.store.clock import now

    at = now()
    return at if on == at.date() else datetime.combine(on, time(), UTC)
