"""How `station renew` shows renewals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from station.cli.output import document, listing

if TYPE_CHECKING:
    from batch.model.renewals import Renewal
    from batch.store.database import Records
    from layouts.token import TokenLayout

COLUMNS = {
    "renewal": "Renewal",
    "number": "Token",
    "name": "Name",
    "way": "Way",
    "state": "State",
    "waits": "Waits for",
    "until": "Until",
    "expires": "Expires",
    "new": "New token",
}


def renewal_row(records: Records, renewal: Renewal) -> dict[str, Any]:
    """A renewal as lists show it."""
    from batch.life.renewal.on_new_token import new_token
    from batch.store.expiry import expiry
    from batch.store.items import item_of

    item = item_of(records, renewal.item_id)
    new = new_token(records, renewal)
    ends = expiry(records, new.id if new else item.id)
    person = " ".join(filter(None, (item.fields.get("given_name"), item.fields.get("surname"))))
    return {
        "renewal": renewal.number,
        "number": item.mailer_number,
        "name": item.fields.get("group") or person,
        "way": str(renewal.way),
        "state": str(renewal.state),
        "waits": str(renewal.pause) if renewal.pause else None,
        "until": renewal.pause_until.isoformat() if renewal.pause_until else None,
        "expires": ends.date().isoformat() if ends else None,
        "new": new.mailer_number if new else None,
    }


def show_renewal(records: Records, renewal: Renewal, layout: TokenLayout, as_json: bool) -> None:
    """Print all of a renewal, and on standard error what comes next."""
    from batch.life.renewal.renewing import asks
    from batch.store import renewals

    asked = asks(records, renewal, layout)
    over = renewal.ended_at is not None
    facts = {
        **renewal_row(records, renewal),
        "old": str(renewal.old_ends),
        "changed": dict(renewal.changes),
        "held": list(renewal.held),
        "to confirm": {} if over else dict(asked.fields),
        "role confirmed by": renewal.role_by,
        "approved by": renewal.approved_by,
        "paid": "voucher" if renewal.voucher else renewal.paid,
        "reason": renewal.reason,
        "steps": [
            {"step": name, "state": state, "attempts": attempts, "reason": reason}
            for name, state, attempts, _, _, reason in renewals.history(records, renewal)
        ],
    }
    if as_json:
        document(facts)
    else:
        for key, value in facts.items():
            if isinstance(value, list) and value and isinstance(value[0], dict):
                listing(value, {name: name for name in value[0]}, as_json=False, empty="")
            elif isinstance(value, dict):
                for name, one in value.items():
                    click.echo(f"{key}: {name} = {one}")
            elif value:
                click.echo(f"{key}: {', '.join(value) if isinstance(value, list) else value}")
    if not over and (told := _next(renewal, asked.fields, asked.role)):
        click.echo(f"next: {told}", err=True)


def _next(renewal: Renewal, fields: object, role_wanted: bool) -> str | None:
    from batch.model.renewals import Way
    from batch.model.states import RenewalState

    number = renewal.number
    match renewal.state:
        case RenewalState.BEGUN if fields or renewal.held_by is None:
            return f"station renew confirm {number} --holds all, or --set FIELD=VALUE for what does not"
        case RenewalState.BEGUN if role_wanted:
            return f"another officer: station renew role {number}"
        case RenewalState.BEGUN if renewal.way is Way.SAME:
            return f"an approver: station renew approve {number}"
        case RenewalState.BEGUN:
            return f"station renew order {number}"
        case RenewalState.PAUSED:
            return f"station renew resume {number}"
        case RenewalState.APPROVED | RenewalState.MAKING:
            return f"station renew carry-out {number} --seat SEAT"
        case RenewalState.ORDERED:
            return f"once the new token is active: station renew finish {number}"
        case _:
            return None
