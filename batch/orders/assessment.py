"""Assessing an order: everything that must be known before somebody approves it, as findings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from batch.audit.chain import canonical
from batch.audit.contents import Asked
from batch.audit.log import log
from batch.model.assessment import Assessment, Finding, Level, OrderSignature, SignatureResult
from batch.model.errors import NotFound, Refused, Transition
from batch.model.events import Event
from batch.model.orders import Item, Order
from batch.model.registry import Person, Subscriber
from batch.model.states import UNDECIDED, OrderState, PersonState, SubscriberState
from batch.orders.draft import Layouts
from batch.orders.signatures import managers_of, unfit
from batch.people import registry
from batch.store import assessments, items, orders
from batch.store.database import Records

_SHOWN = 5
"""Tokens named in one finding; the rest is counted."""


def assess(records: Records, number: str, layouts: Layouts, operator: str) -> Assessment:
    """Assess an order and keep what was found; it is assessed, or incomplete where something refuses.

    Raises `Transition` where it was decided on already.
    """
    with records.transaction():
        order = undecided(records, number)
        findings, digest = examine(records, order, layouts)
        assessments.add_assessment(records, order, digest=digest, findings=findings, operator=operator)
        refused = [one.check for one in findings if one.level is Level.REFUSING]
        state = OrderState.INCOMPLETE if refused else OrderState.ASSESSED
        if order.state is not state:
            orders.set_order_state(records, order, state)
        # The log names no person, and what is found may.
        levels = {one.check: str(one.level) for one in findings}
        detail = {"digest": digest, "findings": levels, "state": str(state)}
        log(records, Event("order.assessed", operator, order=order.number, detail=detail))
    found = assessments.assessment(records, order.id)
    assert found is not None
    return found


def refuse_unassessed(records: Records, order: Order) -> Assessment:
    """The last assessment of an order; raises `Refused` where there is none, or it refuses."""
    again = f"station order assess {order.number}"
    found = assessments.assessment(records, order.id)
    if found is None:
        raise Refused("the order is not assessed yet", where=order.number, next=again)
    if found.refusing:
        missing = "; ".join(one.what for one in found.refusing)
        raise Refused(f"the assessment refuses it: {missing}", where=order.number, next=again)
    return found


def need_assessed(records: Records, order: Order, layouts: Layouts) -> Assessment:
    """The assessment under which an order may be approved.

    Raises `Refused` where there is none, it refuses, or what it was found from has changed.
    """
    found = refuse_unassessed(records, order)
    _, digest = examine(records, order, layouts)
    if digest != found.digest:
        again = f"station order assess {order.number}"
        raise Refused("what it was assessed by has changed since", where=order.number, next=again)
    return found


def undecided(records: Records, number: str) -> Order:
    """The order of a number; raises `Transition` where it was decided on."""
    order = orders.order(records, number)
    if order.state not in UNDECIDED:
        by = f" by {order.decided_by}" if order.decided_by else ""
        raise Transition(
            f"the order is {order.state}{by}", where=order.number, next="see `station order show`"
        )
    return order


def examine(records: Records, order: Order, layouts: Layouts) -> tuple[tuple[Finding, ...], str]:
    """What is to be found of an order at this moment, and the digest over it and the findings' inputs."""
    wanted = list(items.items(records, order))
    subscriber = registry.subscriber(records, order.organisation)
    people = managers_of(records, order.organisation, [item.fields for item in wanted])
    signature = assessments.signature(records, order.id)
    findings = (
        _complete(wanted, layouts),
        _signature(records, order, signature),
        _subscriber(order, subscriber),
        _quota(records, order, subscriber),
        *_managers(people),
        _subjects(records, order, wanted),
    )
    facts: dict[str, object] = {
        "order": order.number,
        "sha256": order.sha256,
        "committed": Asked(wanted).committed(order.id),
        "signature": signature.facts() if signature else None,
        "findings": [[one.check, str(one.level), one.inputs or one.what] for one in findings],
    }
    return findings, hashlib.sha256(canonical(facts).encode("utf-8", "surrogatepass")).hexdigest()


def need_quota(records: Records, organisation: str, tokens: int, *, where: str) -> None:
    """Raises `Refused` where a subscriber's quota does not hold so many tokens more."""
    subscriber = registry.subscriber(records, organisation)
    if subscriber is None or subscriber.quota is None:
        return
    used = items.counted_for(records, organisation)
    if used + tokens > subscriber.quota:
        raise Refused(
            f"the quota of {organisation} is {subscriber.quota} tokens, {used} are under way or made, and "
            f"this order wants {tokens} more",
            where=where,
            next="order fewer, or have the subscriber's quota raised in the registry",
        )


def _complete(wanted: list[Item], layouts: Layouts) -> Finding:
    tried: dict[str, str] = {}
    for item in wanted:
        if item.replaces is None:
            tried[item.mailer_number] = _lacks(item, layouts)
    bad = {number: why for number, why in tried.items() if why}
    if not bad:
        return Finding("complete", Level.OK, "every token has what its layout needs")
    told = [f"{number}: {why}" for number, why in list(bad.items())[:_SHOWN]]
    more = f", and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
    return Finding(
        "complete",
        Level.REFUSING,
        f"{'; '.join(told)}{more}",
        "mend the layout, or reject the order and ask for a complete one",
    )


def _lacks(item: Item, layouts: Layouts) -> str:
    layout = layouts.find(item.layout)
    if layout is None:
        return f"layout {item.layout} is none of this desk"
    if missing := sorted(name for name in layout.columns if not item.fields.get(name)):
        return f"layout {item.layout} needs {', '.join(missing)}"
    # What an error says may name the person; its place does not.
    places = (f"{getattr(error, 'field', 'a value')} does not fit" for error in layout.faults(item.fields))
    return "; ".join(places)


def _signature(records: Records, order: Order, signature: OrderSignature | None) -> Finding:
    if signature is None:
        advice = "hold it against the signed form, or ask the manager"
        return Finding("signature", Level.WARNING, "the order is not signed", advice)
    if signature.result is SignatureResult.UNVERIFIABLE or signature.person is None:
        what = f"the signature cannot be verified: {signature.reason}"
        advice = "register the manager's certificate, then reject this order and import it again"
        return Finding("signature", Level.WARNING, what, advice)
    when = f" at {signature.signed_at:%Y-%m-%d %H:%M} UTC" if signature.signed_at else ""
    try:
        person = registry.require_person(records, signature.person)
    except NotFound:
        person = None
    certificate = person.certificate if person else None
    if (
        person is None
        or certificate is None
        or signature.certificate != hashlib.sha256(certificate).hexdigest()
    ):
        what = f"signed by {signature.person}{when}, whose certificate was replaced or taken away since"
        return Finding("signature", Level.WARNING, what, "ask the manager whether the order is theirs")
    if wrong := unfit(person, certificate, signature.signed_at):
        return Finding("signature", Level.REFUSING, f"the signature {wrong}", "ask for the order anew")
    return Finding("signature", Level.OK, f"signed by {signature.person}{when}; the signature holds")


def _subscriber(order: Order, subscriber: Subscriber | None) -> Finding:
    if subscriber is None:
        advice = f"station registry add {order.organisation}"
        return Finding("subscriber", Level.REFUSING, f"{order.organisation} is no subscriber here", advice)
    if subscriber.state is not SubscriberState.ACTIVE:
        what = f"subscriber {order.organisation} is {subscriber.state}"
        return Finding("subscriber", Level.REFUSING, what, "reject the order, or make the subscriber active")
    if subscriber.name != order.subscriber:
        what = f"{order.organisation} is called otherwise in the registry: {subscriber.name}"
        return Finding("subscriber", Level.WARNING, what, "ask which name the certificates shall bear")
    return Finding("subscriber", Level.OK, f"subscriber {order.organisation} is {subscriber.state}")


def _quota(records: Records, order: Order, subscriber: Subscriber | None) -> Finding:
    if subscriber is None or subscriber.quota is None:
        return Finding("quota", Level.OK, "the subscriber has no quota")
    used = items.counted_for(records, order.organisation)
    what = f"{used} tokens with this order's, of a quota of {subscriber.quota}"
    inputs = f"quota {subscriber.quota}"
    if used > subscriber.quota:
        return Finding("quota", Level.REFUSING, what, "raise the quota, or reject the order", inputs)
    return Finding("quota", Level.OK, what, inputs=inputs)


def _managers(people: tuple[Person | None, ...]) -> Iterator[Finding]:
    if not people or None in people:
        advice = "add the manager to the registry and identify them"
        yield Finding("manager", Level.REFUSING, "a manager whom the order names is unknown", advice)
    day = registry.today()
    for person in filter(None, people):
        check = f"manager {person.number}"
        if person.state is PersonState.NAMED:
            advice = f"identify first: station registry person identify {person.number}"
            yield Finding(check, Level.REFUSING, f"manager {person.number} is named only", advice)
        elif not person.valid(day):
            what = f"the function of manager {person.number} does not hold today"
            yield Finding(check, Level.REFUSING, what, "ask the subscriber who manages its certificates")
        elif person.terms is None:
            what = f"manager {person.number} is {person.state}, but signed no terms yet (R6)"
            yield Finding(check, Level.WARNING, what, "have the terms signed", "no terms")
        else:
            yield Finding(check, Level.OK, f"manager {person.number} is {person.state}", inputs="known")


def _subjects(records: Records, order: Order, wanted: list[Item]) -> Finding:
    taken: dict[str, str] = {}
    renewed = {
        item.id: orders.order_of(records, items.item_of(records, item.renews).order_id).number
        for item in wanted
        if item.renews is not None
    }
    for item in {item.subject_key: item for item in wanted if item.replaces is None}.values():
        for other, organisation, valid in items.subject_orders(records, item.subject_key):
            group = item.subject_key.startswith("group:")
            if item.renews is not None and other == renewed[item.id]:
                continue
            if other != order.number and (organisation != order.organisation if group else valid):
                taken.setdefault(item.mailer_number, other)
    if not taken:
        return Finding("subjects", Level.OK, "no subject was given to another (R30)")
    told = ", ".join(f"that of {number} in order {other}" for number, other in list(taken.items())[:_SHOWN])
    return Finding("subjects", Level.REFUSING, f"given before (R30): {told}", "reject the order")
