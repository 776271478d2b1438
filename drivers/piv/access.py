"""Which codes a card accepts: showing them once, and finding out without spending the holder's tries."""

from __future__ import annotations

from collections.abc import Sequence

from drivers.errors import AuthenticationFailed, RetryBudget, Unsupported
from drivers.piv.applet import Applet, CodeMetadata
from drivers.piv.ids import FACTORY, ManagementAlgorithm, Ref
from drivers.secret import Secret
from drivers.tokens import Code, InForce

BUDGET = 3
"""A code is tried for its value only with this many tries left."""

REFS = {Code.PIN: Ref.PIN, Code.PUK: Ref.PUK, Code.ADMIN: Ref.MANAGEMENT}
_FACTORY = {Code.PIN: FACTORY.pin, Code.PUK: FACTORY.puk, Code.ADMIN: FACTORY.admin}


class Access:
    """The codes of one card; `management` is the type of its management key where it does not tell.

    What the card has accepted is remembered and not shown again, as nobody else can reach it meanwhile.
    """

    def __init__(self, applet: Applet, extended: bool, management: ManagementAlgorithm) -> None:
        self._applet = applet
        self._has_metadata = None if extended else False
        self._management_fallback = management
        self._management: ManagementAlgorithm | None = None
        self._shown: dict[Code, Secret] = {}

    @property
    def has_metadata(self) -> bool:
        """Whether the card tells metadata (YK from firmware 5.3)."""
        if self._has_metadata is None:
            self.metadata(Code.PIN)
        return bool(self._has_metadata)

    def metadata(self, code: Code) -> CodeMetadata | None:
        """Metadata of a code as they are now, None on a card without them."""
        if self._has_metadata is False:
            return None
        found = self._applet.code_metadata(REFS[code])
        self._has_metadata = found is not None
        return found

    def management_algorithm(self) -> ManagementAlgorithm:
        """The type of the management key; raises `Unsupported` for one this program does not know."""
        if self._management is None:
            known = self.metadata(Code.ADMIN)
            told = known.algorithm if known else None
            try:
                self._management = self._management_fallback if told is None else ManagementAlgorithm(told)
            except ValueError:
                why = f"the management key is of the unknown type {told:02X}"
                raise Unsupported(why, where=self._applet.where, next="set the token aside") from None
        return self._management

    def show(self, code: Code, value: Secret) -> None:
        """Have PIN or management key accepted, unless this value was; `AuthenticationFailed`, `Blocked`."""
        if self._shown.get(code) == value:
            return
        self.forget(code)
        if code is Code.ADMIN:
            self._applet.authenticate(self.management_algorithm(), value)
        else:
            self._applet.verify(value)
        self._shown[code] = value

    def forget(self, *codes: Code) -> None:
        """Show these codes anew before their next use."""
        for code in codes:
            self._shown.pop(code, None)

    def in_force(self, code: Code, new: Secret, old: Secret) -> InForce:
        """Which of two values the card accepts, as the token port says it.

        The management key has no counter (SP 800-73-4 part 2 §2.4.3 gives one to PIN and PUK only). Where
        metadata say that a value cannot be the factory's, or must be, no try is spent on the other.
        """
        candidates = [(InForce.NEW, new), (InForce.OLD, old)]
        if code is not Code.ADMIN:
            known = self.metadata(code)
            tries = known.left if known else self._tries(code)
            if tries is None or tries < BUDGET:
                return InForce.UNKNOWN
            if known and old == _FACTORY[code]:
                candidates = candidates[1:] if known.default else candidates[:1]
        return self._first(code, candidates)

    def factory_works(self, code: Code, right: Secret) -> bool:
        """Whether a code's factory value is still taken; the counter is restored by the value in force.

        Raises `RetryBudget` on the last try, `AuthenticationFailed` where `right` is wrong.
        """
        if code is Code.ADMIN:
            return self.accepts(code, _FACTORY[code])
        known = self.metadata(code)
        if known and known.default:
            return True
        left = known.left if known else self._tries(code)
        if left in (0, 1) or (left is None and code is Code.PIN):
            told = "not told" if left is None else left
            raise RetryBudget(
                f"the factory {code.upper()} was not tried: tries left are {told}",
                where=self._applet.where,
                next="set the token aside",
            )
        if left is None or left < BUDGET:
            # Nothing tells them, or a look before this one was cut off: fill them up first.
            self._prove(code, right)
        if self.accepts(code, _FACTORY[code]):
            return True
        self._prove(code, right)
        return False

    def accepts(self, code: Code, value: Secret) -> bool:
        """Whether the card takes a value; costs a try where it does not and the code has a counter."""
        try:
            self._prove(code, value)
        except AuthenticationFailed:
            return False
        return True

    def _prove(self, code: Code, value: Secret) -> None:
        if code is Code.PUK:  # no VERIFY for it: changed into itself (rules, step 2)
            self._applet.change(Ref.PUK, value, value)
        else:
            self.forget(code)
            self.show(code, value)

    def _tries(self, code: Code) -> int | None:
        if code is not Code.PIN:
            return None
        self.forget(code)
        return self._applet.pin_tries()

    def _first(self, code: Code, candidates: Sequence[tuple[InForce, Secret]]) -> InForce:
        return next((which for which, value in candidates if self.accepts(code, value)), InForce.NEITHER)
