"""A fault of the simulated bench: where, at which exchange, what happens; and which make sense where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

When = Literal["before", "during", "after"]
Target = Literal["piv", "pkcs11", "printer", "feeder", "ca", "disk", "clock"]


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault; `when` says whether the exchange had its effect, the fields below it belong to some actions.

    It happens at the `on`-th exchange with `at` since it was armed, where `of` is named at the `on`-th of
    that kind, and at the next ones until it has happened `times` times.
    """

    at: str
    do: str
    on: int = 1
    of: str | None = None
    when: When = "before"
    times: int = 1
    sw: str | None = None
    ckr: str | None = None
    seconds: float | None = None
    card: str | None = None
    wrong: str | None = None

    @property
    def target(self) -> Target | None:
        """What kind of thing `at` names; None where there is nothing like it on a bench."""
        return target_of(self.at)


@dataclass(frozen=True)
class Action:
    """What an action takes beside `at`, `on`, `of` and `times`."""

    when: tuple[When, ...] = ("before",)
    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()


ACTIONS: Mapping[Target, Mapping[str, Action]] = {
    "piv": {
        "pull": Action(("before", "during", "after")),
        "answer": Action(("before", "after"), needs=("sw",)),
        "garbage": Action(("before", "after"), may=("sw",)),
        "hang": Action(("before", "after")),
        "slow": Action(("before", "after"), needs=("seconds",)),
        "reset": Action(("before", "during", "after")),
        "power-loss": Action(("before", "during", "after")),
        "swap": Action(("before", "during", "after"), may=("card",)),
    },
    "pkcs11": {
        "fail": Action(("before", "after"), needs=("ckr",)),
        "hang": Action(("before", "after")),
        "slow": Action(("before", "after"), needs=("seconds",)),
        "crash": Action(("before", "after")),
        "pull": Action(("before", "during", "after")),
        "swap": Action(("before", "during", "after"), may=("card",)),
    },
    "printer": {
        "paper-out": Action(may=("seconds",)),
        "cover-open": Action(may=("seconds",)),
        "jam": Action(may=("seconds",)),
        "offline": Action(),
        "busy": Action(),
        "cancel": Action(),
        "abort": Action(),
        "cut": Action(("during", "after")),
        "slow": Action(("before", "during", "after"), needs=("seconds",)),
    },
    "feeder": {
        "jam": Action(("before", "after")),
        "empty": Action(),
        "idle": Action(),
        "hang": Action(),
    },
    "ca": {
        "slow": Action(("before", "after"), needs=("seconds",)),
        "refuse": Action(),
        "lost-answer": Action(),
        "wrong": Action(needs=("wrong",)),
        "twice": Action(),
    },
    "disk": {"full": Action(), "kill": Action(("before", "after"))},
    "clock": {"back": Action(needs=("seconds",))},
}
"""What can go wrong where."""

WRONG = ("key", "subject", "expired", "usage")
"""What can be wrong with a certificate."""

_OPTIONAL = ("sw", "ckr", "seconds", "card", "wrong")
_FORMS: Mapping[str, tuple[str, str]] = {
    "sw": (r"[0-9A-Fa-f]{4}", 'four hex digits, such as "6581"'),
    "ckr": (r"CKR_[A-Z0-9_]+", 'the name of a PKCS#11 error, such as "CKR_DEVICE_ERROR"'),
    "card": (r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "the name of a card or token, or nothing for a new blank"),
    "wrong": ("|".join(WRONG), f"one of {', '.join(WRONG)}"),
}
_KINDS: Mapping[Target, tuple[str, str]] = {
    "piv": (r"[0-9A-Fa-f]{2}", 'the INS of an APDU as two hex digits, such as "47"'),
    "pkcs11": (r"C_[A-Za-z]+", 'the name of a PKCS#11 function, such as "C_GenerateKeyPair"'),
    "printer": (r"page", '"page"'),
    "feeder": (r"next|good|reject", '"next", "good" or "reject"'),
    "ca": (r"issue", '"issue"'),
    "disk": (r"[a-z]+", "the name of a system call"),
    "clock": (r"[a-z_]+", "the name of a system call"),
}
_SEAT = re.compile(r"(piv|usb)-[1-9]\d*")


def target_of(at: str) -> Target | None:
    """The kind of thing a name is on a bench, None for nothing there is."""
    if seat := _SEAT.fullmatch(at):
        return "piv" if seat[1] == "piv" else "pkcs11"
    named: Mapping[str, Target] = {
        "operators": "piv",
        "printer": "printer",
        "feeder": "feeder",
        "ca": "ca",
        "disk": "disk",
        "clock": "clock",
    }
    return named.get(at)


def complaint(fault: Fault) -> str | None:
    """What is wrong with a fault and what is allowed instead, None where nothing is."""
    target = fault.target
    if target is None:
        there = "a seat (piv-1, usb-2, operators), printer, feeder, ca, disk, clock"
        return f"at = {fault.at!r} is nothing on a bench; allowed: {there}"
    actions = ACTIONS[target]
    if fault.do not in actions:
        return f"do = {fault.do!r} is nothing {fault.at} can do; allowed: {', '.join(actions)}"
    action = actions[fault.do]
    if fault.when not in action.when:
        return f"when = {fault.when!r} does not fit {fault.do}; allowed: {', '.join(action.when)}"
    for name, number in (("on", fault.on), ("times", fault.times)):
        if number < 1:
            return f"{name} = {number}; allowed: 1 or more"
    if fault.of is not None and re.fullmatch(_KINDS[target][0], fault.of) is None:
        return f"of = {fault.of!r} does not fit {fault.at}; allowed: {_KINDS[target][1]}"
    return _fields(fault, action)


def _fields(fault: Fault, action: Action) -> str | None:
    for name in _OPTIONAL:
        value = getattr(fault, name)
        if value is None:
            if name in action.needs:
                return f"{fault.do} needs {name}"
            continue
        if name not in action.needs + action.may:
            takes = ", ".join(action.needs + action.may) or "nothing more"
            return f"{name} does not belong to {fault.do}, which takes {takes}"
        if name == "seconds":
            if not 0 < value < float("inf"):
                return f"seconds = {value}; allowed: more than 0"
        elif re.fullmatch(_FORMS[name][0], value) is None:
            return f"{name} = {value!r}; allowed: {_FORMS[name][1]}"
    return None
