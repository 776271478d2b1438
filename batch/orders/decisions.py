"""Taking an order in, and deciding on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from batch.audit.contents import Asked
from batch.audit.log import log
from batch.audit.merkle import Tree
from batch.model.assessment import OrderSignature
from batch.model.custody import CustodyKey
from batch.model.errors import NotTrusted, Refused
from batch.model.events import Event
from batch.model.orders import Item, Order
from batch.model.states import ItemState, OrderState
from batch.orders.assessment import need_assessed, need_quota, refuse_unassessed, undecided
from batch.orders.draft import Layouts, OrderDraft, organisation
from batch.orders.epochs import KeyTaken, take
from batch.people import registry
from batch.people.acting import Actor, Given, Who, give, keep, name_of, signing
from batch.people.evidence import received_of, tree_of
from batch.people.separation import Act, apart
from batch.people.statements import read
from batch.people.warrants import approving, leaf, receiving
from batch.store import assessments, items, orders, restores, statements
from batch.store.database import Records
from layouts.digests import mailer_digest, token_digest
from layouts.token import TokenLayout

NextKey = Callable[[Records], CustodyKey]
"""The custody key in stock that an order takes; raises `Refused` where there is none."""


TokenLayouts = Callable[[str], TokenLayout]
"""The token layout of a reference; raises `LayoutError`."""


def receive(records: Records, draft: OrderDraft, who: Who, signature: OrderSignature | None = None) -> Order:
    """Take a faultless draft in: the order, its signature, an item with its mailer number for every token.

    Who takes it in signs for every item. A manager whom the registry does not know is named in it. Raises
    `Refused` where the subscriber's quota does not hold, and after a restore, until it is known which numbers
    were given.
    """
    of = organisation(draft.country, draft.subscriber_number)
    restores.refuse_open(records)
    need_quota(records, of, draft.count, where=draft.source)
    actor, operator = signing(records, who, where=draft.reference), name_of(who)
    salts = [items.new_salt() for _ in range(draft.count)]
    given = _receipt(records, draft, salts, actor) if actor else None
    with records.transaction():
        restores.refuse_open(records)
        need_quota(records, of, draft.count, where=draft.source)
        order = orders.add_order(
            records,
            reference=draft.reference,
            subscriber=draft.subscriber,
            organisation=of,
            source=draft.source,
            sha256=draft.sha256,
            operator=operator,
        )
        if signature is not None:
            assessments.add_signature(records, order.id, signature)
        salt = iter(salts)
        for row in draft.rows:
            for _ in range(row.count):
                items.add_item(
                    records,
                    order,
                    layout=row.layout,
                    subject_key=row.subject_key,
                    fields=row.fields,
                    salt=next(salt),
                    renews=row.renews,
                )
        detail = {
            "source": draft.source,
            "sha256": draft.sha256,
            "tokens": draft.count,
            "committed": Asked(items.items(records, order)).committed(order.id),
            "signature": signature.facts() if signature else None,
        }
        if given is not None:
            if _received(records, order) != given.statement.about:
                raise Refused(
                    "another order was taken in meanwhile, and has its number",
                    where=draft.reference,
                    next="run this again",
                )
            keep(records, given)
            detail["statement"] = given.digest
        kept = orders.whole(records, order)
        if given is not None:
            kept["statement"] = statements.whole(records, given.digest)
        log(records, Event("order.received", operator, order=order.number, detail=detail, kept=kept))
        name_managers(records, order, operator)
    return order


def approve(
    records: Records,
    number: str,
    who: Who,
    next_key: NextKey,
    assessed_by: Layouts,
    layouts: TokenLayouts | None = None,
) -> Order:
    """A second person approves an assessed order, and its custody epoch opens (R35, R42).

    They sign for what was received, its `layouts` and the custody key. Raises `Refused` for the person who
    brought it in, and where its assessment refuses or no longer holds under the layouts it is `assessed_by`;
    `NotTrusted` for what is not as it was received, `Transition` where it was decided on.
    """
    while True:
        try:
            return _approve(records, number, who, next_key, assessed_by, layouts)
        except KeyTaken:
            # Somebody approved another order meanwhile; this one is signed for with the next key.
            continue


def _approve(
    records: Records,
    number: str,
    who: Who,
    next_key: NextKey,
    assessed_by: Layouts,
    layouts: TokenLayouts | None,
) -> Order:
    order = undecided(records, number)
    actor, operator = signing(records, who, where=order.number), name_of(who)
    apart(Act.APPROVE, operator, where=order.number, before={Act.RECEIVE: (order.imported_by,)})
    assessed = refuse_unassessed(records, order)
    key = next_key(records)
    given: Given | None = None
    if actor is not None:
        assert layouts is not None, "who signs tells the layouts"
        given = _approval(records, order, actor, key.public_key, layouts, assessed.digest)
    with records.transaction():
        order = undecided(records, order.number)
        assessment = need_assessed(records, order, assessed_by)
        if assessment.digest != assessed.digest:
            raise Refused("it was assessed anew meanwhile", where=order.number, next="run this again")
        orders.set_order_state(records, order, OrderState.APPROVED, decided_by=operator)
        take(records, order, key)
        detail = {"epoch": key.name, "assessment": assessment.digest}
        if given is not None:
            keep(records, given)
            detail["statement"] = given.digest
        log(records, Event("order.approved", operator, order=order.number, detail=detail))
    return orders.order(records, order.number)


def reject(records: Records, number: str, operator: str, reason: str) -> Order:
    """Reject an order with the reason; its subjects may be ordered again."""
    with records.transaction():
        order = undecided(records, number)
        orders.set_order_state(records, order, OrderState.REJECTED, decided_by=operator, reason=reason)
        log(records, Event("order.rejected", operator, order=order.number, detail={"reason": reason}))
    return orders.order(records, order.number)


def name_managers(records: Records, order: Order, operator: str) -> None:
    """Let the registry know every manager an order names; called in the transaction that takes it in."""
    seen: set[str] = set()
    for item in items.items(records, order):
        name, email, language = (item.fields.get(one, "") for one in ("manager", "manager_email", "language"))
        if email and email.casefold() not in seen:
            seen.add(email.casefold())
            registry.name_manager(
                records,
                organisation=order.organisation,
                name=name,
                email=email,
                language=language,
                operator=operator,
            )


def _receipt(records: Records, draft: OrderDraft, salts: Sequence[bytes], actor: Actor) -> Given:
    """Signed before anything is on record: a token that asks for its PIN must not hold up the records."""
    number = orders.next_number(records)
    leaves = b"".join(leaf(item) for item in _planned(draft, items.next_id(records), salts))
    tree = Tree(leaves)
    about = receiving(number, draft.sha256, tree.size, tree.root(tree.size))
    return give(records, actor, Act.RECEIVE, about, subject=number, where=draft.reference)


def _planned(draft: OrderDraft, first: int, salts: Sequence[bytes]) -> Iterator[Item]:
    """The items that a draft becomes."""
    rows = [row for row in draft.rows for _ in range(row.count)]
    for id_, (row, salt) in enumerate(zip(rows, salts, strict=True), first):
        number = f"{id_:06d}"
        fields = {**row.fields, "number": number}
        yield Item(
            id=id_,
            order_id=0,
            mailer_number=number,
            layout=row.layout,
            subject_key=row.subject_key,
            fields=fields,
            state=ItemState.PLANNED,
            seat=None,
            token_driver=None,
            token_serial=None,
            reason=None,
            began_at=None,
            ended_at=None,
            salt=salt,
        )


def _received(records: Records, order: Order) -> dict[str, object]:
    """What RECEIVE says of an order as it is on record."""
    tree = tree_of(records, order)
    return receiving(order.number, order.sha256, tree.size, tree.root(tree.size))


def _approval(
    records: Records, order: Order, actor: Actor, custody: bytes, layouts: TokenLayouts, assessment: str
) -> Given:
    received = received_of(records, order)
    if read(received).about != _received(records, order):
        raise NotTrusted(
            "it is not what was received: somebody changed the records",
            where=order.number,
            next="see `station audit verify`, then restore a backup",
        )
    digests = {
        ref: (token_digest(layouts(ref)), mailer_digest(layouts(ref).mailer))
        for ref in items.layouts_of(records, order)
    }
    return give(
        records,
        actor,
        Act.APPROVE,
        approving(order.number, received, digests, custody, assessment),
        subject=order.number,
        where=order.number,
        before={Act.RECEIVE: received.signers},
    )
