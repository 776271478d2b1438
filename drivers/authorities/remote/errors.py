"""Why a CA elsewhere gave no answer, told apart by whether it may have acted on the request."""

from __future__ import annotations

from drivers.errors import CaUnavailable


class NotSent(CaUnavailable):
    """Nothing of the request reached the CA, so that it may be sent again."""


class Lost(CaUnavailable):
    """The request left, and no whole answer came: whether the CA acted on it is not known."""


class Busy(CaUnavailable):
    """The CA did not look at the request; it wants to be asked again after `seconds`, None where untold."""

    def __init__(
        self, what: str, *, seconds: float | None = None, where: str | None = None, next: str | None = None
    ) -> None:
        super().__init__(what, where=where, next=next)
        self.seconds = seconds
