"""Tokens whose certificates end: how a time is written, and how they are listed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from station.cli.output import listing

if TYPE_CHECKING:
    from datetime import date, timedelta

    from batch.store.database import Records

_DAYS = {"d": 1, "w": 7, "m": 30}
_LONGEST = 36_500
_TIME = re.compile(r"([0-9]{1,5})([dwm])")

COLUMNS = {
    "number": "Number",
    "order": "Order",
    "subscriber": "Subscriber",
    "name": "Name",
    "layout": "Layout",
    "serial": "Token",
    "expires": "Expires",
    "days": "Days left",
    "reminded": "Reminded",
    "renewal": "Renewal",
}


class Within(click.ParamType["timedelta"]):
    """A time such as 60d, 8w or 2m; a month has 30 days."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The time; fails for anything else."""
        from datetime import timedelta

        if isinstance(value, timedelta):
            return value
        found = _TIME.fullmatch(str(value))
        days = int(found[1]) * _DAYS[found[2]] if found else 0
        if not 0 < days <= _LONGEST:
            self.fail("write it as 60d, 8w or 2m: days, weeks or months", param, ctx)
        return timedelta(days=days)


def list_expiring(
    records: Records,
    within: timedelta,
    on: date,
    *,
    order: str | None,
    subscriber: str | None,
    layout: str | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """List the tokens whose certificates end within a time from a day on, the first to end first."""
    from datetime import UTC, datetime, time

    from batch.life.renewal.expiring import listed
    from batch.store.orders import order_of

    at = datetime.combine(on, time.min, UTC)
    rows = []
    for one in listed(records, within, at):
        of = order_of(records, one.item.order_id)
        row = {
            "number": one.item.mailer_number,
            "order": of.number,
            "subscriber": of.subscriber,
            "name": one.called,
            "layout": one.item.layout,
            "serial": one.item.token_serial,
            "expires": one.expiring.not_after.date().isoformat(),
            "days": one.expiring.days(at),
            "reminded": one.expiring.reminded.date().isoformat() if one.expiring.reminded else None,
            "renewal": one.expiring.renewal,
        }
        if (
            order in (None, of.number, of.reference)
            and subscriber in (None, of.organisation, of.subscriber)
            and layout in (None, one.item.layout, one.item.layout.partition(":")[0])
        ):
            rows.append(row)
    listing(rows, COLUMNS, as_json=as_json, as_csv=as_csv, empty="No certificate ends by then.")
