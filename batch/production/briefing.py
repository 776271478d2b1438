"""From an item and its layout to a lane's assignment."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from batch.model.codes import Binding
from batch.model.orders import Item
from batch.production.assignment import Assignment, CodeTask, KeyTask, LaneFacts
from drivers.errors import Unsupported
from drivers.tokens import Act, Code, Initialisation
from layouts.errors import LayoutError
from layouts.token import Attestation, TokenLayout

_GUIDS = uuid.UUID("6b1f5a3e-6c0c-5d0b-9a43-0d6f6f0a7a51")
"""Namespace of the GUIDs this station gives to tokens (RFC 9562, version 5)."""

Layouts = Callable[[str], TokenLayout]
"""The token layout of a reference."""


def token_guid(item: Item) -> uuid.UUID:
    """The GUID an item's token gets: fixed beforehand, so that a half-made token is known again."""
    return uuid.uuid5(_GUIDS, f"{item.subject_key}/{item.mailer_number}")


def brief(item: Item, facts: LaneFacts, layout: TokenLayout) -> Assignment:
    """An item's assignment; raises `Unsupported` where the layout asks what this kind of token cannot."""
    where = f"item {item.mailer_number}, layout {layout.ref}"
    _check_codes(layout, facts, where)
    not_before = (item.began_at or datetime.now(UTC)).replace(microsecond=0)
    try:
        return Assignment(
            binding=Binding(item.id, item.mailer_number),
            initialisation=Initialisation(
                label=layout.token_label(item.fields),
                guid=token_guid(item).bytes,
                pin_tries=layout.pin.tries,
                puk_tries=layout.puk.tries,
            ),
            codes=CodeTask(
                layout.pin.length,
                layout.puk.length,
                layout.revocation.groups,
                layout.revocation.group_length,
            ),
            keys=key_tasks(item.fields, not_before, layout),
            attestation_required=layout.attestation is Attestation.REQUIRE,
            diversified=layout.diversified,
        )
    except LayoutError as error:
        raise Unsupported(str(error), where=where, next="mend the layout or the order") from error


def key_tasks(fields: Mapping[str, str], not_before: datetime, layout: TokenLayout) -> tuple[KeyTask, ...]:
    """The keys of a layout, their certificates to be valid from a moment on; raises `LayoutError`."""
    return tuple(
        KeyTask(
            slot.name,
            slot.key(layout.algorithm),
            slot.profile.scheme(layout.algorithm),
            slot.profile.template(fields, not_before, layout.algorithm),
        )
        for slot in layout.slots
    )


def _check_codes(layout: TokenLayout, facts: LaneFacts, where: str) -> None:
    rules = facts.rules
    mend = "choose a layout for this kind of token"
    for name, length, bounds in (
        ("PIN", layout.pin.length, rules.pin),
        ("PUK", layout.puk.length, rules.puk),
    ):
        if length not in bounds:
            allowed = f"{bounds.start} to {bounds.stop - 1}"
            raise Unsupported(
                f"a {name} of {length} digits; the token takes {allowed}", where=where, next=mend
            )
    if layout.diversified and rules.admin_is_puk:
        what = "its SO PIN stands on the letter as PUK, so custody has it and it cannot be diversified"
        raise Unsupported(what, where=where, next=mend)
    if layout.diversified and not (Act.SET_ADMIN in facts.sequence or Code.ADMIN in rules.by_initialise):
        what = "this seat leaves admin credentials as they are, so it cannot be diversified"
        raise Unsupported(what, where=where, next=mend)
    if not (rules.admin_is_puk or Act.SET_PUK in facts.sequence):
        raise Unsupported("its letter names a PUK, but this token model has none", where=where, next=mend)
