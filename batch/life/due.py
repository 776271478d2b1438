"""All that is due at a desk, collected from every part of its work."""

from __future__ import annotations

from datetime import date

from batch.life import desk_duties, dispatch_due, expiring, field_due, letters_due
from batch.life.duties import Duty
from batch.life.field_due import LayoutOf
from batch.model.people import Role
from batch.people.forgetting import Retention
from batch.store.database import Records


def due(
    records: Records, layout_of: LayoutOf, retention: Retention, *, on: date, role: Role | None = None
) -> list[Duty]:
    """What every role, or one, must do on a day, the longest due first; what has time yet is told too."""
    with records.snapshot():
        found = [
            *desk_duties.duties(records, retention, on),
            *field_due.duties(records, layout_of, on),
            *letters_due.duties(records, layout_of, on),
            *expiring.duties(records, layout_of, on),
            *dispatch_due.duties(records, layout_of, on),
        ]
    wanted = (one for one in found if role is None or one.role is role)
    return sorted(wanted, key=lambda one: (one.by, one.role, one.about, one.what))
