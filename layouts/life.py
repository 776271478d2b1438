"""What a layout says of a token's life after production: letters, deadlines, hand-over, renewal."""

from __future__ import annotations

import enum

import msgspec

from layouts.strict import Wrong


class Release(enum.StrEnum):
    """When a PIN letter may be printed and leave (R2).

    AFTER_ACKNOWLEDGEMENT: once its token is acknowledged. BEFORE_HAND_OVER: before its token, which is handed
    over only to who has it.
    """

    AFTER_ACKNOWLEDGEMENT = "after-acknowledgement"
    BEFORE_HAND_OVER = "before-hand-over"


class Consent(enum.StrEnum):
    """What a holder agrees to when a token is handed over (R6)."""

    TERMS = "terms"
    DEVICE = "device"
    RECIPIENT = "recipient"


class LifeRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules of a token's life.

    `release`: None for what the kind of certificate wants. `gap_days`: the smallest gap between
    the leaving of token and letter (R5). `acknowledge_days`: within which a token is acknowledged (R4),
    `remind_days`: after which a reminder is due. `consents`: without which no token is handed over (R6).
    `unblock_persons`: how many unblock a PIN at the desk. `renew_days`: from how long before its end a
    certificate is renewed. `renew_on_token`: on the same token where it can. `confirm_role`: another officer
    confirms first that the role still holds.
    """

    release: Release | None = None
    gap_days: int = 2
    acknowledge_days: int = 42
    remind_days: tuple[int, ...] = (14, 28)
    consents: tuple[Consent, ...] = ()
    unblock_persons: int = 1
    renew_days: int = 60
    renew_on_token: bool = True
    confirm_role: bool = False

    def __post_init__(self) -> None:
        for name, least, most in (
            ("gap_days", 0, 60),
            ("acknowledge_days", 1, 365),
            ("unblock_persons", 1, 2),
            ("renew_days", 1, 730),
        ):
            if not least <= getattr(self, name) <= most:
                raise Wrong(name, f"{getattr(self, name)}; {least} to {most} are allowed")
        days = self.remind_days
        if list(days) != sorted(set(days)) or any(not 0 < one < self.acknowledge_days for one in days):
            raise Wrong("remind_days", "rising numbers of days, below acknowledge_days")
        if len(set(self.consents)) != len(self.consents):
            raise Wrong("consents", "name each once")
