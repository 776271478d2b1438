"""All that is due at a desk, collected from every part of its work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from batch.life.dispatch import due as dispatch_due
from batch.life.due import desk as desk_duties
from batch.life.due import letters as letters_due
from batch.life.duties import Duty
from batch.life.field import due as field_due
from batch.life.field.due import LayoutOf
from batch.life.renewal import expiring
from batch.model.people import Role
from batch.people.forgetting import Retention
from batch.store.database import Records
from layouts.errors import LayoutError


def due(
    records: Records, layout_of: LayoutOf, retention: Retention, *, on: date, role: Role | None = None
) -> list[Duty]:
    """What every role, or one, must do on a day, the longest due first; what has time yet is told too."""
    with records.snapshot():
        found = [
            *desk_duties.duties(records, retention, on),
            *_with_layouts(field_due.duties(records, layout_of, on), on),
            *_with_layouts(letters_due.duties(records, layout_of, on), on),
            *_with_layouts(expiring.duties(records, layout_of, on), on),
            *_with_layouts(dispatch_due.duties(records, layout_of, on), on),
        ]
    wanted = (one for one in found if role is None or one.role is role)
    return sorted(wanted, key=lambda one: (one.by, one.role, one.about, one.what))


def _with_layouts(found: Iterator[Duty], on: date) -> Iterator[Duty]:
    """Where a layout is not there any more, that is due, and hides nothing of the other parts."""
    try:
        yield from found
    except LayoutError as error:
        what = f"put a layout back that tokens were made with: {error}"
        yield Duty(Role.ADMINISTRATOR, what, "layouts", on, "station layouts")
