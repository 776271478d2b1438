"""All that is on record of one token, as facts and folding sections: its making, its life, its log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batch.audit.chain import facts_of
from batch.life.field.showing import life_facts
from batch.model.events import Entry
from batch.model.orders import Item
from batch.model.states import ItemState, LifeState
from batch.production.report import timeline
from batch.store import certificate_list, items, log_list, orders, renewals
from batch.store.certificate_list import CertificatesWanted
from batch.store.clock import now
from batch.store.database import Records
from batch.store.log_list import EntriesWanted
from station.tui.desk_screen import words
from station.tui.event_words import event_in_words
from station.tui.state_words import told
from station.tui.widgets.facts import Fact
from station.tui.widgets.folds import Section
from station.tui.words import _

SECTIONS = (
    "keys",
    "letter",
    "parcels",
    "field",
    "renewals",
    "revocations",
    "former",
    "tries",
    "steps",
    "log",
)
"""The sections of a token, in their order."""

Told = Mapping[str, Any]


@dataclass(frozen=True)
class TokenDetails:
    """What the screen shows of a token, and what its acts ask."""

    number: str
    serial: str | None
    order: str
    state: ItemState
    life: LifeState | None
    renewal: str | None
    """The renewal of it that is under way."""
    facts: tuple[Fact, ...]
    sections: tuple[Section, ...]


def details_of(records: Records, number: str) -> TokenDetails:
    """Everything on record of a token; raises `NotFound`."""
    item = items.item(records, number)
    order = orders.order_of(records, item.order_id)
    life, made = life_facts(records, item), timeline(records, item)
    entries = log_list.page(records, EntriesWanted(item=item.mailer_number), newest=True)
    state = LifeState(life["life"]) if life["life"] else None
    going = [one.number for one in renewals.of_item(records, item.id) if one.ended_at is None]
    return TokenDetails(
        item.mailer_number,
        item.token_serial,
        order.number,
        item.state,
        state,
        going[0] if going else None,
        tuple(_facts(records, item, order.number, order.subscriber, life)),
        (
            *making_sections(made),
            Section("letter", _("Letter and forms"), _letter(life)),
            Section("parcels", _("Parcels and acknowledgements"), _parcels(life)),
            Section("field", _("In the field"), tuple(_done(one) for one in life["field"])),
            Section("renewals", _("Renewals"), tuple(_renewal(one) for one in life["renewals"])),
            Section("log", _("Log"), tuple(_entry(one) for one in reversed(entries.rows))),
        ),
    )


def making_sections(made: Mapping[str, Sequence[Told]]) -> tuple[Section, ...]:
    """How a token was made: keys with certificates and evidence, tries, steps; and what was revoked."""
    return (
        Section("keys", _("Keys and certificates"), tuple(_key(one) for one in made["keys"])),
        Section("former", _("Former keys"), tuple(_key(one) for one in made["former keys"])),
        Section("revocations", _("Revocations"), tuple(_revoked(one) for one in made["revocations"])),
        Section("tries", _("Tries at its codes"), tuple(_tried(one) for one in made["tries"])),
        Section("steps", _("Steps"), tuple(_step(one) for one in made["steps"])),
    )


def moment_told(text: object) -> str | None:
    """A moment as the records write it, to the second (UTC)."""
    return str(text)[:19].replace("T", " ") if text else None


def _facts(records: Records, item: Item, order: str, subscriber: str, life: Told) -> list[Fact]:
    wanted = CertificatesWanted(item_id=item.id)
    certificates = certificate_list.page(records, wanted, now()).rows
    standing = ", ".join(dict.fromkeys(told(one.state) for one in certificates if not one.former))
    ends = min((one.ends for one in certificates if one.ends and not one.former), default=None)
    until = _("until {day}").format(day=f"{ends:%Y-%m-%d}") if ends else None
    where = words((told(life["life"]), moment_told(life["since"]))) if life["life"] else None
    other = items.replacement(records, item.id)
    replaces = items.item_of(records, item.replaces).mailer_number if item.replaces else None
    fields = item.fields
    return [
        (_("Token"), words((item.mailer_number, item.called))),
        (_("Order"), words((order, subscriber))),
        (_("State"), words((told(item.state), item.reason))),
        (_("Where"), where),
        (_("Certificates"), words((standing, until)) or None),
        (_("Manager"), words((fields.get("manager"), fields.get("manager_email"))) or None),
        (_("Chip"), words((item.token_serial, item.seat, item.layout))),
        (_("Replaces"), replaces),
        (_("Replaced by"), other.mailer_number if other else None),
    ]


def _key(key: Told) -> str:
    ends = _("until {day}").format(day=key["expires"]) if key.get("expires") else None
    serial = _("serial {number}").format(number=key["serial"]) if key.get("serial") else _("no certificate")
    evidence = _("evidence: {kind}").format(kind=key["evidence"]) if key.get("evidence") else None
    renewed = _("put aside by {renewal}").format(renewal=key["until"]) if key.get("until") else None
    return words((f"{key['key']} ({key['slot']})", serial, ends, key.get("subject"), evidence, renewed))


def _letter(life: Told) -> tuple[str, ...]:
    state = [
        words((told(one["state"]), one.get("printer"), one.get("by"), moment_told(one.get("printed"))))
        for one in life["letter"]
    ]
    forms = [
        words(
            (
                _("form {number}").format(number=one["number"]),
                told(one["state"]),
                moment_told(one.get("since")),
                one.get("by"),
                one.get("witness"),
                one.get("reason"),
            )
        )
        for one in life["forms"]
    ]
    left = [
        words(
            (
                _("left {moment}").format(moment=moment_told(one["sent"])),
                one.get("by"),
                one.get("how"),
                one.get("reference"),
                _("came back {moment}").format(moment=moment_told(one["returned"]))
                if one.get("returned")
                else None,
            )
        )
        for one in life["postings"]
    ]
    return (*state, *forms, *left)


def _parcels(life: Told) -> tuple[str, ...]:
    parcels = [
        words(
            (
                _("parcel {number}").format(number=one["number"]),
                told(one["state"]),
                moment_told(one.get("sent")),
                one.get("by"),
                one.get("courier"),
                one.get("reference"),
            )
        )
        for one in life["parcels"]
    ]
    said = [
        words(
            (
                _("acknowledgement by {means}").format(means=one["means"]),
                told(one["state"]),
                moment_told(one.get("taken")),
                one.get("by"),
                moment_told(one.get("decided")),
                one.get("decided_by"),
            )
        )
        for one in life["acknowledgements"]
    ]
    return (*parcels, *said)


def _done(done: Told) -> str:
    consents = _("consents: {names}").format(names=done["consents"]) if done.get("consents") else None
    people = (done.get("by"), done.get("with"), done.get("to"))
    return words((moment_told(done["at"]), _(str(done["act"])), *people, consents, done.get("why")))


def _renewal(renewal: Told) -> str:
    people = (
        renewal.get("by"),
        renewal.get("role_by"),
        renewal.get("approved_by"),
        renewal.get("carried_out_by"),
    )
    times = (moment_told(renewal.get("begun")), moment_told(renewal.get("ended")))
    return words((renewal["number"], told(renewal["state"]), renewal.get("way"), *times, *people))


def _revoked(one: Told) -> str:
    return words((one["reason"], one["outcome"], one["request"]))


def _tried(one: Told) -> str:
    return words((str(one["code"]), _("at worst {left}").format(left=one["at worst"])))


def _step(step: Told) -> str:
    sign = "✓" if step["state"] == "done" else "✗" if step["state"] == "failed" else "!"
    again = _("{number} times").format(number=step["attempts"]) if step["attempts"] != 1 else None
    return words((f"{sign} {step['step']}", moment_told(step["began"]), again, step["reason"]))


def _entry(entry: Entry) -> str:
    facts = facts_of(entry)
    detail = facts.get("detail")
    why = detail.get("why") or detail.get("reason") if isinstance(detail, dict) else None
    said = str(why) if why else None
    event = event_in_words(str(facts.get("event")))
    return words((moment_told(facts.get("at")), event, str(facts.get("operator")), said))
