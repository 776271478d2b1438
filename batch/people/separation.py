"""Who may do what, and who may not do what after what: the rules of separation (R35), as one table."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from batch.model.errors import Refused
from batch.model.people import Operator, Role


class Act(enum.StrEnum):
    """What somebody answers for with their name; most are an event of the log as well."""

    FOUND = "operator.founded"
    ENROL = "operator.enrolled"
    CHANGE = "operator.changed"
    RETIRE = "operator.retired"
    KEEP_REGISTRY = "registry.kept"
    FORGET = "registry.forgotten"
    RECEIVE = "order.received"
    ASSESS = "order.assessed"
    APPROVE = "order.approved"
    REJECT = "order.rejected"
    CLOSE = "order.closed"
    ACCOUNT = "order.reported"
    NOTIFY = "order.notice"
    PRODUCE = "production.ordered"
    SET_ASIDE = "token.set-aside"
    GIVE_UP = "token.given-up"
    WITNESS = "token.witnessed"
    RECOVER_ADMIN = "token.admin-recovered"
    RELEASE = "letters.released"
    REPRINT = "letter.reprinted"
    SETTLE = "letter.settled"
    REVOKE = "revocation.ordered"
    KEEP_BLANKS = "blanks.kept"
    LEND = "loan.kept"
    DISPATCH = "token.dispatched"
    LABEL = "labels.printed"
    ACKNOWLEDGE = "token.acknowledged"
    DECIDE = "acknowledgement.decided"
    KEEP_FORMS = "forms.kept"
    SEND_LETTER = "letter.sent"
    HAND_OVER = "token.handed-over"
    ACTIVATE = "token.activated"
    UNBLOCK = "token.unblocked"
    REPORT = "token.reported"
    DESTROY = "token.destroyed"
    RENEW = "renewal.kept"
    CONFIRM_ROLE = "renewal.role-confirmed"
    APPROVE_RENEWAL = "renewal.approved"
    OPEN_CUSTODY = "custody.opened"
    MANAGE_CUSTODY = "custody.managed"
    KEEP_DESK = "desk.kept"
    KEEP_LOG = "log.kept"


@dataclass(frozen=True)
class Rule:
    """Who may do an act: one of `roles`; `persons` different ones sign it; and who did an act of `not_after`
    to the same order or token may not, for the reason that stands there.
    """

    roles: frozenset[Role]
    persons: int = 1
    not_after: Mapping[Act, str] = field(default_factory=dict)


def _by(*roles: Role, persons: int = 1, not_after: Mapping[Act, str] | None = None) -> Rule:
    return Rule(frozenset(roles), persons, not_after or {})


_ADMINISTRATORS = _by(Role.ADMINISTRATOR, persons=2)
_BOTH_HALVES = "who has a token in hand does not have its letter as well (R1)"
_NOT_ITS_LETTER = {
    Act.PRODUCE: "who produced a token does not print its letter (R7)",
    Act.DISPATCH: _BOTH_HALVES,
    Act.HAND_OVER: _BOTH_HALVES,
}

RULES: Mapping[Act, Rule] = {
    Act.FOUND: _ADMINISTRATORS,
    Act.ENROL: _ADMINISTRATORS,
    Act.CHANGE: _ADMINISTRATORS,
    Act.RETIRE: _ADMINISTRATORS,
    Act.KEEP_REGISTRY: _by(Role.ORDER_OFFICER),
    Act.FORGET: _by(Role.ORDER_OFFICER, Role.ADMINISTRATOR),
    Act.RECEIVE: _by(Role.ORDER_OFFICER),
    Act.ASSESS: _by(Role.ORDER_OFFICER, Role.APPROVER),
    Act.APPROVE: _by(
        Role.APPROVER, not_after={Act.RECEIVE: "who brought an order in does not approve it (R35)"}
    ),
    Act.REJECT: _by(Role.APPROVER, Role.ORDER_OFFICER),
    Act.CLOSE: _by(Role.ORDER_OFFICER, Role.APPROVER),
    Act.ACCOUNT: _by(Role.ORDER_OFFICER, Role.APPROVER, Role.AUDITOR),
    Act.NOTIFY: _by(Role.ORDER_OFFICER, Role.APPROVER),
    Act.PRODUCE: _by(
        Role.PERSONALISER, not_after={Act.APPROVE: "who approved an order does not produce it (R35)"}
    ),
    Act.SET_ASIDE: _by(Role.PERSONALISER),
    Act.GIVE_UP: _by(Role.PERSONALISER),
    Act.WITNESS: _by(
        *Role,
        not_after={
            Act.GIVE_UP: "who gives up a token does not witness it (R14)",
            Act.DESTROY: "who destroys a token does not witness it (R14)",
            Act.KEEP_FORMS: "who destroys a form does not witness it (R14)",
        },
    ),
    Act.RECOVER_ADMIN: _by(Role.PIN_OFFICER, persons=2),
    Act.RELEASE: _by(Role.PIN_OFFICER, persons=2, not_after=_NOT_ITS_LETTER),
    Act.REPRINT: _by(Role.PIN_OFFICER, persons=2, not_after=_NOT_ITS_LETTER),
    Act.SETTLE: _by(Role.PIN_OFFICER),
    Act.REVOKE: _by(Role.REVOCATION_OFFICER, persons=2),
    Act.KEEP_BLANKS: _by(Role.PERSONALISER, Role.DISPATCHER),
    Act.LEND: _by(Role.DISPATCHER),
    Act.DISPATCH: _by(Role.DISPATCHER, not_after={Act.RELEASE: _BOTH_HALVES, Act.SEND_LETTER: _BOTH_HALVES}),
    Act.ACKNOWLEDGE: _by(Role.DISPATCHER, Role.ORDER_OFFICER),
    Act.LABEL: _by(Role.PERSONALISER, Role.DISPATCHER),
    Act.DECIDE: _by(
        Role.ORDER_OFFICER,
        Role.APPROVER,
        not_after={
            Act.ACKNOWLEDGE: "who took an acknowledgement in does not decide on it (R3)",
            Act.DISPATCH: "who had a token in hand does not say that it came (R3)",
        },
    ),
    Act.KEEP_FORMS: _by(Role.PIN_OFFICER),
    Act.SEND_LETTER: _by(
        Role.PIN_OFFICER, not_after={Act.DISPATCH: _BOTH_HALVES, Act.HAND_OVER: _BOTH_HALVES}
    ),
    Act.HAND_OVER: _by(
        Role.DISPATCHER,
        not_after={
            Act.RECEIVE: "who registers is not who hands over (R35)",
            Act.RELEASE: _BOTH_HALVES,
            Act.SEND_LETTER: _BOTH_HALVES,
        },
    ),
    Act.ACTIVATE: _by(Role.DISPATCHER, Role.ORDER_OFFICER),
    Act.UNBLOCK: _by(Role.PIN_OFFICER),
    Act.REPORT: _by(Role.DISPATCHER, Role.ORDER_OFFICER, Role.REVOCATION_OFFICER),
    Act.DESTROY: _by(Role.DISPATCHER, Role.PERSONALISER),
    Act.RENEW: _by(Role.ORDER_OFFICER),
    Act.CONFIRM_ROLE: _by(
        Role.APPROVER, not_after={Act.RENEW: "who asks for a renewal does not confirm the role (R35)"}
    ),
    Act.APPROVE_RENEWAL: _by(
        Role.APPROVER, not_after={Act.RENEW: "who asks for a renewal does not approve it (R35)"}
    ),
    Act.OPEN_CUSTODY: _by(Role.PIN_OFFICER, persons=2),
    Act.MANAGE_CUSTODY: _by(Role.PIN_OFFICER, persons=2),
    Act.KEEP_DESK: _by(Role.ADMINISTRATOR),
    Act.KEEP_LOG: _by(Role.AUDITOR, Role.ADMINISTRATOR),
}
"""Every act, who may do it, how many persons it takes, and whom what they did before keeps from it."""

Before = Mapping[Act, Collection[str]]
"""Who did what before to the same order or token, by name."""


def same(one: str, other: str) -> bool:
    """Whether two names are one person's."""
    return one.strip().casefold() == other.strip().casefold()


def check(act: Act, operator: Operator, *, where: str, before: Before | None = None) -> None:
    """Raise `Refused` for who has not the role for an act, or did before what keeps them from it."""
    rule = RULES[act]
    if not rule.roles & operator.roles:
        raise Refused(
            f"{operator.name} is no {named(rule.roles)}",
            where=where,
            next="let somebody with that role do it; see `station operator list`",
        )
    apart(act, operator.name, where=where, before=before or {})


def apart(act: Act, name: str, *, where: str, before: Before) -> None:
    """Raise `Refused` where a rule of separation keeps somebody from an act, having done an earlier one."""
    for earlier, reason in RULES[act].not_after.items():
        if any(same(name, other) for other in before.get(earlier, ())):
            raise Refused(reason, where=where, next=f"someone else than {name} does this")


def named(roles: Iterable[Role]) -> str:
    """Roles in words, such as `approver or order officer`."""
    return " or ".join(sorted(role.replace("-", " ").replace("pin ", "PIN ") for role in roles))
