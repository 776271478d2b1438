"""Which codes a card accepts: showing them once, and finding out without spending the holder's tries."""

from __future__ import annotations

from contextlib import AbstractContextManager

from drivers.errors import AuthenticationFailed, Unsupported
from drivers.piv.applet import Applet, CodeMetadata
from drivers.piv.ids import FACTORY, ManagementAlgorithm, Ref
from drivers.secret import Secret
from drivers.tokens import UNLIMITED, Code, InForce
from drivers.tries import PROBE, Ledger

REFS = {Code.PIN: Ref.PIN, Code.PUK: Ref.PUK, Code.ADMIN: Ref.MANAGEMENT}
_FACTORY = {Code.PIN: FACTORY.pin, Code.PUK: FACTORY.puk, Code.ADMIN: FACTORY.admin}


class Access:
    """The codes of one card; `management` is the type of its management key where it does not tell.

    What the card has accepted is remembered and not shown again, as nobody else can reach it meanwhile.
    """

    def __init__(self, applet: Applet, extended: bool, management: ManagementAlgorithm) -> None:
        self.ledger = Ledger()
        self._applet = applet
        self._extended = extended
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

    def show(self, code: Code, value: Secret, told: int | None = None) -> None:
        """Have PIN or management key accepted, unless this value was; `AuthenticationFailed`, `RetryBudget`.

        `told` are the tries left as the card told them just now.
        """
        if self._shown.get(code) == value:
            return
        self.forget(code)
        if code is Code.ADMIN:
            algorithm = self.management_algorithm()
            with self._trying(code):
                self._applet.authenticate(algorithm, value)
        else:
            with self._trying(code, told):
                self._applet.verify(value)
        self._shown[code] = value

    def change(self, code: Code, old: Secret, new: Secret) -> None:
        """Change PIN or PUK; raises `AuthenticationFailed`, `Blocked`."""
        self.forget(code)
        with self._trying(code):
            self._applet.change(REFS[code], old, new)

    def unblock(self, puk: Secret, new: Secret) -> None:
        """Set a new PIN by the PUK; raises `AuthenticationFailed`, `RetryBudget`."""
        self.forget(Code.PIN)
        with self._trying(Code.PUK, self.told(Code.PUK)):
            self._applet.unblock(puk, new)
        self.ledger.accepted(Code.PIN)

    def set_management_key(self, new: Secret) -> None:
        """Set the management key of a card on which the old one was shown."""
        self.forget(Code.ADMIN)
        self._applet.set_management_key(self.management_algorithm(), new)
        self.ledger.accepted(Code.ADMIN)

    def forget(self, *codes: Code) -> None:
        """Show these codes anew before their next use."""
        for code in codes:
            self._shown.pop(code, None)

    def told(self, code: Code) -> int | None:
        """Tries left as the card tells them at this moment, None where it does not."""
        if code is Code.ADMIN:
            # A YubiKey counts no tries at its management key; SP 800-73-4 leaves other cards free to.
            return UNLIMITED if self._extended else None
        known = self.metadata(code)
        if known is not None:
            return known.left
        if code is Code.PUK:
            return None
        self.forget(code)
        return self._applet.pin_tries()

    def in_force(self, code: Code, new: Secret, old: Secret) -> InForce:
        """Which of two values the card accepts, as the token port says it.

        Metadata that tell whether the factory's value is in force decide without a try.
        """
        known = None if code is Code.ADMIN else self.metadata(code)
        if known and old == _FACTORY[code]:
            return InForce.OLD if known.default else InForce.NEW
        tries = self.ledger.known(code, known.left if known else self.told(code))
        if tries is None or tries < PROBE:
            return InForce.UNKNOWN
        candidates = ((InForce.NEW, new), (InForce.OLD, old))
        return next((which for which, value in candidates if self.accepts(code, value)), InForce.NEITHER)

    def factory_works(self, code: Code, right: Secret) -> bool:
        """Whether a code's factory value is in force: not where another is taken, so no wrong one is tried.

        Raises `RetryBudget` on the last try, `AuthenticationFailed` where `right` is wrong.
        """
        known = None if code is Code.ADMIN else self.metadata(code)
        if known and known.default:
            return True
        self.prove(code, right, known.left if known else self.told(code))
        return right == _FACTORY[code]

    def accepts(self, code: Code, value: Secret) -> bool:
        """Whether the card takes a value; costs a try where it does not and the code has a counter."""
        try:
            self.prove(code, value)
        except AuthenticationFailed:
            return False
        return True

    def prove(self, code: Code, value: Secret, told: int | None = None) -> None:
        """Show a code anew, once; raises `AuthenticationFailed`, `RetryBudget`."""
        if code is Code.PUK:  # no VERIFY for it: changed into itself (rules, step 2)
            with self._trying(code, told):
                self._applet.change(Ref.PUK, value, value)
        else:
            self.forget(code)
            self.show(code, value, told)

    def _trying(self, code: Code, told: int | None = None) -> AbstractContextManager[None]:
        if code is Code.ADMIN and self._extended:
            told = UNLIMITED
        return self.ledger.trying(code, told, where=self._applet.where)
