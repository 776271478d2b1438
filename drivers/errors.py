"""What can go wrong at a device, as one tree, and the base of every error of the program.

DriverError
├── NoToken                  the reader is empty, or the token left it
├── TokenLost                the token left, was reset or lost power while it worked: outcome unknown
├── Unsupported              the device cannot do this, and why
├── NotBlank                 the token has an owner or a past
├── WrongToken               another token is in the reader than the one begun
├── AuthenticationFailed     a code was refused
│   └── Blocked              no tries are left
├── RetryBudget              a try was not made, because too few are left
├── EvidenceMissing          the token cannot show that the key was made on it
├── ReadBackFailed           what the token holds is not what was written
├── DeviceFailed             the device answered with an error nobody expects
├── ProcessDied              the process that drove the device is gone
├── FeederFailed             the feeder jammed, failed or took too long: what it moved may be anywhere
├── FeederEmpty              the feeder has no blank token left
├── PrinterFailed            the printer stopped; `sent` tells how many bytes had left
├── CaRefused                the CA said no, for good
│   └── CaUnclear            it may have issued, and asking again could give a second certificate
└── CaUnavailable            the CA did not answer, or answered "later"
    └── CaPending            the CA has the request and answers in hours or days
"""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with what a terminal would obey or hide written as escapes, line breaks left in."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode()
        for char in text
    )


class ToldError(Exception):
    """Base of every error of this program: `what` happened, `where`, and what to do `next`.

    Crosses pipes whole, with whatever its kind adds. Its texts are `printable`, whatever they quote.
    """

    def __init__(self, what: str, *, where: str | None = None, next: str | None = None) -> None:
        self.what = printable(what)
        self.where = None if where is None else printable(where)
        self.next = None if next is None else printable(next)
        super().__init__(self.what, self.where, self.next)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}; {self.next}" if self.next else text

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.__dict__.copy())


def _rebuild(kind: type[ToldError], state: dict[str, object]) -> ToldError:
    error = kind.__new__(kind)
    Exception.__init__(error, state.get("what"), state.get("where"), state.get("next"))
    error.__dict__.update(state)
    return error


class DriverError(ToldError):
    """Base of all errors of devices; `where` is a token, a reader or a file."""


class NoToken(DriverError):
    """The reader is empty, or its token left it before anything was begun."""


class TokenLost(DriverError):
    """The token left, was reset or lost power while it worked; what it did last is unknown."""


class Unsupported(DriverError):
    """The device cannot do what was asked; `what` says why."""


class NotBlank(DriverError):
    """The token is not blank; `what` lists what was found on it (R36)."""


class WrongToken(DriverError):
    """Another token is in the reader than the one the work was begun on."""


class AuthenticationFailed(DriverError):
    """A PIN, PUK, SO PIN or management key was refused; `remaining` tries, None where not told."""

    def __init__(
        self,
        what: str,
        *,
        remaining: int | None = None,
        where: str | None = None,
        next: str | None = None,
    ) -> None:
        super().__init__(what, where=where, next=next)
        self.remaining = remaining


class Blocked(AuthenticationFailed):
    """No tries are left on this code."""


class RetryBudget(DriverError):
    """A try was not made, because the tries left are kept for the holder."""


class EvidenceMissing(DriverError):
    """The token cannot show that the key was made on it (R31)."""


class ReadBackFailed(DriverError):
    """What was read back from the token is not what was written, or does not work."""


class DeviceFailed(DriverError):
    """The device answered with an error nobody expects; `code` is its status word or CKR name."""

    def __init__(
        self,
        what: str,
        *,
        code: str | None = None,
        where: str | None = None,
        next: str | None = None,
    ) -> None:
        super().__init__(what, where=where, next=next)
        self.code = code


class ProcessDied(DriverError):
    """The child process that drove a device ended or was killed."""


class FeederFailed(DriverError):
    """The feeder jammed, failed or took too long; the token it moved may be anywhere."""


class FeederEmpty(DriverError):
    """The feeder has no blank token left."""


class PrinterFailed(DriverError):
    """The printer stopped; `sent` bytes had left when it did, None where nobody can tell."""

    def __init__(
        self,
        what: str,
        *,
        sent: int | None = None,
        where: str | None = None,
        next: str | None = None,
    ) -> None:
        super().__init__(what, where=where, next=next)
        self.sent = sent


class CaRefused(DriverError):
    """The certificate authority refused the request for good."""


class CaUnclear(CaRefused):
    """Whether the CA issued is not known: its answer was lost, and asking again could give a second one."""


class CaUnavailable(DriverError):
    """The certificate authority did not answer, or asked to come back later."""


class CaPending(CaUnavailable):
    """The certificate authority has the request and answers in hours or days; nobody waits meanwhile."""
