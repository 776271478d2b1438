"""Renewing a finished token: what is asked, confirmed, paid and approved before anything is made.

One renewal of a token is under way at a time. It may wait, for payment or approval, and go on later.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from batch.audit.contents import fingerprints
from batch.audit.log import log
from batch.life.renewal.mandate import Wanted, approving, role_of
from batch.life.renewal.renewable import check_fields, checked, renewable, words
from batch.life.renewal.vouchers import spend
from batch.model.errors import Refused
from batch.model.events import Event
from batch.model.orders import Item
from batch.model.people import Signed
from batch.model.renewals import OldEnds, Pause, Renewal, Way
from batch.model.states import RenewalState
from batch.people import registry
from batch.people.acting import Actor, Given, give, keep
from batch.people.separation import Act, Before
from batch.store import items, journal, orders, renewals, restores, statements
from batch.store.clock import now
from batch.store.database import Records
from layouts.token import TokenLayout

APPROVED_FOR = timedelta(days=42)
"""How long an approval holds: so long the token may take to come to the desk."""

_OPEN = (RenewalState.BEGUN, RenewalState.PAUSED)
_AGAIN = (RenewalState.APPROVED, RenewalState.MAKING)


@dataclass(frozen=True)
class Asked:
    """What a renewal still asks for: fields by name with what is on record, and what else is missing."""

    fields: Mapping[str, str]
    role: bool
    approval: bool

    @property
    def nothing(self) -> bool:
        """Whether it may be made."""
        return not (self.fields or self.role or self.approval)


def start(
    records: Records,
    number: str,
    layout: TokenLayout,
    who: Actor,
    *,
    way: Way | None = None,
    old: OldEnds = OldEnds.EXPIRE,
    early: str | None = None,
    at: datetime | None = None,
) -> Renewal:
    """Begin the renewal of a finished token, by the way its layout prefers unless another is asked for.

    Raises `Refused` for a token that is not to be renewed: not finished, lost, revoked, another's by now
    (R30), longer valid than its layout renews before (unless `early` says why), or renewed already.
    """
    restores.refuse_open(records)
    with records.transaction():
        item = items.item(records, number)
        chosen = way or (Way.SAME if layout.life.renew_on_token else Way.NEW)
        renewable(records, item, layout, chosen, early, at or now())
        renewal = renewals.add(records, item.id, way=chosen, old_ends=old, by=who.name)
        renewal = renewals.put(records, renewal, {"salt": items.new_salt()})
        detail: dict[str, object] = {"way": str(chosen), "old": str(old)}
        tell(records, "renewal.begun", who.name, renewal, {**detail, **({"early": early} if early else {})})
    return renewal


def asks(records: Records, renewal: Renewal, layout: TokenLayout) -> Asked:
    """What a renewal still asks for; personal data is no more than what its layout uses."""
    item = items.item_of(records, renewal.item_id)
    said = {*renewal.held, *renewal.changes}
    left = {name: value for name, value in used(records, item, layout).items() if name not in said}
    waits = renewal.way is Way.SAME and renewal.state is not RenewalState.APPROVED
    return Asked(left, layout.life.confirm_role and renewal.role_by is None, waits)


def used(records: Records, item: Item, layout: TokenLayout) -> dict[str, str]:
    """The fields of a token that its layout uses and that are filled."""
    names, known = sorted((layout.columns | layout.optional_columns) - {"number"}), words(records, item)
    return {name: known[name] for name in names if known.get(name)}


def hold(
    records: Records,
    number: str,
    layout: TokenLayout,
    who: Actor,
    *,
    holds: Collection[str] | None,
    changes: Mapping[str, str],
) -> Renewal:
    """Put on record which fields still hold (None: all that were not said), and what others are from now on.

    With the last field the officer signs for the whole. The registry knows a new manager from then on.
    Raises `Refused` for a field that the layout does not use or that tells who the subject is, `FaultyValue`
    or `LayoutError` for a value that does not fit.
    """
    renewal = _open(records, number)
    item = items.item_of(records, renewal.item_id)
    known, changes = used(records, item, layout), checked(number, changes)
    allowed = layout.columns | layout.optional_columns
    check_fields(renewal, known, allowed, holds, changes)
    changed = {**renewal.changes, **changes}
    said = known.keys() if holds is None else holds
    held = tuple(sorted({*renewal.held, *said} - changed.keys()))
    for fault in layout.faults({**words(records, item), **changed}):
        raise fault
    given: Given | None = None
    after = replace(renewal, changes=changed, held=held)
    whole = known.keys() <= {*held, *changed}
    if whole:
        about = wanted(records, after, layout).about()
        given = give(records, who, Act.RENEW, about, subject=renewal.number, where=renewal.number)
    with records.transaction():
        _unchanged(records, renewal)
        if given is not None:
            keep(records, given)
        if "manager_email" in changes:
            known = {**words(records, item), **changed}
            registry.name_manager(
                records,
                organisation=orders.order_of(records, item.order_id).organisation,
                name=known.get("manager", ""),
                email=known["manager_email"],
                language=known.get("language", ""),
                operator=who.name,
            )
        facts = {"changes": changed, "held": held, "held_by": who.name}
        renewal = renewals.put(records, renewal, facts)
        # The log names fields, and never what stands in them.
        detail: dict[str, object] = {"held": list(held), "changed": sorted(changed)}
        tell(
            records,
            "renewal.data-confirmed",
            who.name,
            renewal,
            {**detail, **({"statement": given.digest} if given else {})},
            _kept(records, given) if given else None,
        )
    return renewal


def confirm_role(records: Records, number: str, who: Actor) -> Renewal:
    """Another officer confirms that the role still holds for which the token was given (R35)."""
    renewal = _open(records, number)
    if renewal.role_by is not None:
        raise Refused(f"{renewal.role_by} has confirmed it", where=renewal.number)
    token = items.item_of(records, renewal.item_id).mailer_number
    given = give(
        records,
        who,
        Act.CONFIRM_ROLE,
        role_of(renewal.number, token),
        subject=renewal.number,
        where=renewal.number,
        before=asked_by(records, renewal),
    )
    with records.transaction():
        _unchanged(records, renewal)
        keep(records, given)
        renewal = renewals.put(records, renewal, {"role_by": who.name, "role_at": now()})
        told = {"statement": given.digest}
        tell(records, str(Act.CONFIRM_ROLE), who.name, renewal, told, _kept(records, given))
    return renewal


def pay(
    records: Records, number: str, who: Actor, *, voucher: str | None, paid: str | None, on: date
) -> Renewal:
    """Pay by a prepaid voucher's code, or put the reference of another payment on record; once.

    Raises `Refused` for a voucher that is unknown, spent or over, and for a renewal that was paid or is over.
    """
    with records.transaction():
        restores.refuse_open(records)
        renewal = renewals.renewal(records, number)
        if renewal.state in (RenewalState.DONE, RenewalState.CANCELLED):
            raise Refused(f"the renewal is {renewal.state}", where=renewal.number)
        if renewal.voucher or renewal.paid:
            raise Refused("it was paid already", where=renewal.number, next="see `station renew show`")
        if voucher is not None:
            facts: dict[str, object] = {"voucher": spend(records, voucher, on, where=renewal.number)}
        else:
            facts = {"paid": paid}
        renewal = renewals.put(records, renewal, facts)
        tell(records, "renewal.paid", who.name, renewal, dict(facts))
    return renewal


def pause(records: Records, number: str, who: Actor, what: Pause, until: date | None) -> Renewal:
    """Let a renewal wait, to be asked for again on a day; raises `Transition` once it is being made."""
    with records.transaction():
        renewal = renewals.renewal(records, number)
        renewal = renewals.set_state(records, renewal, RenewalState.PAUSED)
        renewal = renewals.put(records, renewal, {"pause": what, "pause_until": until})
        detail: dict[str, object] = {"for": str(what), "until": until.isoformat() if until else None}
        tell(records, "renewal.paused", who.name, renewal, detail)
    return renewal


def resume(records: Records, number: str, who: Actor) -> Renewal:
    """Let a renewal go on where it waited; raises `Refused` while what it waits for is not on record."""
    with records.transaction():
        renewal = renewals.renewal(records, number)
        if renewal.pause is Pause.PAYMENT and not (renewal.voucher or renewal.paid):
            raise Refused(
                "it waits for payment, and none is on record",
                where=renewal.number,
                next=f"pay it: station renew resume {renewal.number} --voucher CODE, or --paid REFERENCE",
            )
        to = RenewalState.APPROVED if renewal.approved_by else RenewalState.BEGUN
        renewal = renewals.set_state(records, renewal, to)
        renewal = renewals.put(records, renewal, {"pause": None, "pause_until": None})
        tell(records, "renewal.resumed", who.name, renewal, {})
    return renewal


def approve(records: Records, number: str, layout: TokenLayout, who: Actor) -> Renewal:
    """Another than who asked for it approves a renewal on the token itself, and signs (R35).

    One that was approved before is approved anew, such as when its time is over. Raises `Refused` while
    something is missing.
    """
    renewal = renewals.renewal(records, number)
    if renewal.state not in _AGAIN:
        renewal = _open(records, number)
    if renewal.state is RenewalState.PAUSED:
        raise Refused("it is paused", where=renewal.number, next=f"station renew resume {renewal.number}")
    if renewal.way is not Way.SAME:
        raise Refused(
            "a new token goes through an order of its own",
            where=renewal.number,
            next=f"station renew order {renewal.number}",
        )
    missing(records, renewal, layout)
    asked = statements.of_subject(records, Act.RENEW, renewal.number)[-1]
    before = asked_by(records, renewal)
    given = give(
        records,
        who,
        Act.APPROVE_RENEWAL,
        approving(renewal.number, asked, role_signed(records, renewal)),
        subject=renewal.number,
        where=renewal.number,
        until=now() + APPROVED_FOR,
        before=before,
    )
    with records.transaction():
        _unchanged(records, renewal)
        keep(records, given)
        if renewal.state not in _AGAIN:
            renewal = renewals.set_state(records, renewal, RenewalState.APPROVED)
        renewal = renewals.put(records, renewal, {"approved_by": who.name, "statement": given.digest})
        told = {"statement": given.digest}
        tell(records, str(Act.APPROVE_RENEWAL), who.name, renewal, told, _kept(records, given))
    return renewal


def missing(records: Records, renewal: Renewal, layout: TokenLayout) -> None:
    """Raise `Refused` while data or role are not confirmed, naming what is missing."""
    asked = asks(records, renewal, layout)
    if asked.fields or not statements.of_subject(records, Act.RENEW, renewal.number):
        names = ", ".join(asked.fields) or "its data"
        raise Refused(
            f"nobody said whether these still hold: {names}",
            where=renewal.number,
            next=f"station renew confirm {renewal.number} --holds all, or --set FIELD=VALUE",
        )
    if asked.role:
        raise Refused(
            "nobody has confirmed that the role still holds",
            where=renewal.number,
            next=f"let another officer: station renew role {renewal.number}",
        )


def wanted(records: Records, renewal: Renewal, layout: TokenLayout) -> Wanted:
    """A renewal as it is signed for: of its keys those that it found, whatever took their place since."""
    item = items.item_of(records, renewal.item_id)
    keys = journal.keys(records, item.id)
    for former in renewals.former_keys(records, item.id):
        if former.renewal_id == renewal.id:
            keys[former.name] = replace(keys[former.name], certificate=former.certificate)
    return Wanted(
        renewal.number,
        orders.order_of(records, item.order_id).number,
        str(renewal.way),
        replace(item, fields={**words(records, item), **renewal.changes}, salt=renewal.salt),
        layout,
        fingerprints(keys),
        str(renewal.old_ends),
    )


def role_signed(records: Records, renewal: Renewal) -> Signed | None:
    """What was signed to confirm the role, None where nobody did."""
    return next(iter(statements.of_subject(records, Act.CONFIRM_ROLE, renewal.number)), None)


def asked_by(records: Records, renewal: Renewal) -> Before:
    """Who began a renewal and said what holds."""
    signers = (
        name for one in statements.of_subject(records, Act.RENEW, renewal.number) for name in one.signers
    )
    return {Act.RENEW: list(dict.fromkeys([renewal.begun_by, *filter(None, [renewal.held_by]), *signers]))}


def tell(
    records: Records,
    name: str,
    by: str,
    renewal: Renewal,
    detail: Mapping[str, object],
    kept: Mapping[str, object] | None = None,
) -> None:
    """Tell the log of an event of a renewal; its number is in the detail."""
    item = items.item_of(records, renewal.item_id)
    log(
        records,
        Event(
            name,
            by,
            order=orders.order_of(records, item.order_id).number,
            item=item.mailer_number,
            token=item.token_serial,
            detail={"renewal": renewal.number, **detail},
            kept=kept,
        ),
    )


def _kept(records: Records, given: Given) -> Mapping[str, object]:
    """What the ledger keeps of a statement: its digests answer for a key after a restore as well."""
    return {"statement": statements.whole(records, given.digest)}


def _open(records: Records, number: str) -> Renewal:
    renewal = renewals.renewal(records, number)
    if renewal.state not in _OPEN:
        raise Refused(
            f"the renewal is {renewal.state}",
            where=renewal.number,
            next=f"see `station renew show {renewal.number}`",
        )
    return renewal


def _unchanged(records: Records, renewal: Renewal) -> None:
    if renewals.renewal_of(records, renewal.id) != renewal:
        raise Refused("somebody else changed it meanwhile", where=renewal.number, next="run this again")
