"""The steps by which one token is made, in the order its kind of token wants them."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from drivers.tokens import Act


class Kind(enum.StrEnum):
    """What a step does. CERTIFY happens at the CA, RELEASE in the bench's token, all else in the lane."""

    SEAL = "seal"
    INITIALISE = "initialise"
    GENERATE = "generate"
    CERTIFY = "certify"
    LOAD = "load"
    SET_ADMIN = "set-admin"
    SET_PUK = "set-puk"
    SET_PIN = "set-pin"
    VERIFY = "verify"
    RELEASE = "release"


class Repeat(enum.Enum):
    """What may be done about a step whose outcome is unknown.

    REPEATABLE leaves no trace, OVERWRITING replaces its own, ONCE is first looked up on the token by its
    probe and done again only where the probe says that it never took place.
    """

    REPEATABLE = "repeatable"
    OVERWRITING = "overwriting"
    ONCE = "once"


REPEAT = {
    Kind.SEAL: Repeat.REPEATABLE,
    Kind.INITIALISE: Repeat.OVERWRITING,
    Kind.GENERATE: Repeat.ONCE,
    Kind.CERTIFY: Repeat.REPEATABLE,
    Kind.LOAD: Repeat.OVERWRITING,
    Kind.SET_ADMIN: Repeat.ONCE,
    Kind.SET_PUK: Repeat.ONCE,
    Kind.SET_PIN: Repeat.ONCE,
    Kind.VERIFY: Repeat.REPEATABLE,
    Kind.RELEASE: Repeat.REPEATABLE,
}

_ACTS = {
    Act.INITIALISE: Kind.INITIALISE,
    Act.SET_ADMIN: Kind.SET_ADMIN,
    Act.SET_PUK: Kind.SET_PUK,
    Act.SET_PIN: Kind.SET_PIN,
}


@dataclass(frozen=True)
class Step:
    """One step; `key` names the key it is about, where it is about one."""

    kind: Kind
    key: str | None = None

    @property
    def name(self) -> str:
        """Its name in the journal, such as `load:authentication`."""
        return f"{self.kind}:{self.key}" if self.key else str(self.kind)

    @property
    def repeat(self) -> Repeat:
        """What may be done when its outcome is unknown."""
        return REPEAT[self.kind]


def plan(sequence: Sequence[Act], keys: Sequence[str]) -> tuple[Step, ...]:
    """All steps of one token: codes are sealed before anything is written, read-back comes last (R41)."""
    steps = [Step(Kind.SEAL)]
    for act in sequence:
        if act is Act.KEYS:
            for key in keys:
                steps += [Step(Kind.GENERATE, key), Step(Kind.CERTIFY, key), Step(Kind.LOAD, key)]
        else:
            steps.append(Step(_ACTS[act]))
    return (*steps, Step(Kind.VERIFY), Step(Kind.RELEASE))
