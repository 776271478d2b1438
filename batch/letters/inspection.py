"""What the print process holds a letter against before it opens its codes: what was signed for it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from batch.model.codes import Binding
from batch.model.errors import NotTrusted
from batch.model.orders import Item
from batch.model.people import Signed
from batch.people.register import Trust, replay
from batch.people.statements import digest
from batch.people.warrants import (
    Proof,
    Receipt,
    Warrant,
    approval_of,
    check_item,
    check_letter,
    check_received,
)
from layouts.digests import mailer_digest, token_digest
from layouts.life import Release
from layouts.mailer import Letter, letter_for
from layouts.token import TokenLayout


@dataclass(frozen=True)
class Grounds:
    """Why a letter may be printed: its item, the proof that it was approved, and what two signed for it.

    `receipts`: that who its token is for has it, as the log tells it.
    """

    item: Item
    proof: Proof
    release: Signed
    receipts: tuple[Receipt, ...] = ()


class LetterInspector:
    """Verifies an order's statements once and then every letter; raises `Refused` or `NotTrusted`."""

    def __init__(self, warrant: Warrant, trust: Trust) -> None:
        self._warrant = warrant
        self._register = replay(warrant.register, trust)
        self._approval = approval_of(self._register, warrant)

    def check_production(self, ordered: str | None, binding: Binding) -> None:
        """Whether the statements tell of the production in which a letter's codes were drawn.

        They do not open under another's name, so nobody hides who produced by taking a statement away. Codes
        that were drawn before there were operators have none.
        """
        if ordered is not None and ordered not in map(_digest, self._warrant.ordered):
            raise NotTrusted(
                "the records do not tell who produced its token",
                where=f"letter {binding.mailer_number}",
                next="see `station audit verify`, then restore a backup",
            )

    def check(
        self,
        grounds: Grounds,
        binding: Binding,
        layout: TokenLayout,
        letter: Letter,
        custody: bytes | None,
        at: datetime | None = None,
    ) -> None:
        """Whether two officers let this letter be printed, and it says what was approved, on this layout.

        Where the token's layout wants it, they named a receipt of its token (R2, R3). `custody` is the key
        (SPKI, DER) in the custody token that is to open its codes.
        """
        item, where = grounds.item, f"letter {binding.mailer_number}"
        check_item(self._register, self._approval, item, grounds.proof)
        check_letter(
            self._register,
            self._warrant,
            self._approval,
            grounds.release,
            item.mailer_number,
            at or datetime.now(UTC),
        )
        if Binding(item.id, item.mailer_number) != binding:
            raise NotTrusted("its codes are another token's", where=where)
        digests = (token_digest(layout), mailer_digest(layout.mailer))
        for name, was, is_ in zip(
            (f"layout {layout.ref}", f"letter layout {layout.mailer.name}"),
            self._approval.layouts[item.layout],
            digests,
            strict=True,
        ):
            if was != is_:
                raise NotTrusted(
                    f"{name} is not as it was when the order was approved",
                    where=where,
                    next="put it back as it was",
                )
        if layout.release is Release.AFTER_ACKNOWLEDGEMENT:
            check_received(grounds.release, grounds.receipts, item.mailer_number)
        if letter_for(layout.mailer, item.fields, item.token_serial) != letter:
            raise NotTrusted("what it says is not what was approved", where=where)
        if custody is None or hashlib.sha256(custody).hexdigest() != self._approval.custody:
            raise NotTrusted("its custody key is not the one that was approved", where=where)


def _digest(signed: Signed) -> str:
    return digest(signed.text)
