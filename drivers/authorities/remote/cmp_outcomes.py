"""What became of a CMP request, by openssl's words and the message that came back."""

from __future__ import annotations

from drivers.authorities.remote.cmp_client import Run
from drivers.authorities.remote.cmp_messages import Failure, Message
from drivers.authorities.remote.cmp_transaction import Transaction
from drivers.authorities.remote.errors import Lost
from drivers.errors import CaRefused, CaUnavailable

_NOT_SENT = (
    "connect error",
    "connect timeout",
    "alert unknown ca",
    "alert bad certificate",
    "alert certificate required",
    "alert certificate expired",
    "alert certificate revoked",
    "alert certificate unknown",
    "alert unsupported certificate",
    "alert access denied",
    "alert handshake failure",
)
"""What openssl says where no request was read: no connection, or a server that told in its handshake why not.

What it says of certificates it verified itself is no sign: it says so of the desk's own as well.
"""

_TOLD = ("received error:PKIStatus", "request rejected by server")
"""What openssl says of a refusal whose protection it verified, or TLS vouched for."""

_NOT_WELCOME = {
    Failure.BAD_MESSAGE_CHECK,
    Failure.BAD_TIME,
    Failure.WRONG_INTEGRITY,
    Failure.SIGNER_NOT_TRUSTED,
    Failure.NOT_AUTHORIZED,
}
_DOUBTFUL = {Failure.SYSTEM_FAILURE, Failure.TRANSACTION_ID_IN_USE, Failure.DUPLICATE_CERT_REQ}


def certificate(transaction: Transaction, run: Run) -> bytes | None:
    """The certificate (DER) of an answer whose protection openssl verified, be it the right one or not."""
    message = transaction.message()
    if message is None or message.certificate is None:
        return None
    return message.certificate if run.good or run.says("certificate not accepted") else None


def unsent(run: Run) -> bool:
    """Whether nothing of the request was read by the CA."""
    # Whoever answered with a status read it, whatever words stand beside that.
    return not run.late and not run.says("received error") and run.says(*_NOT_SENT)


def told(run: Run) -> bool:
    """Whether it is the CA that says no."""
    return run.says(*_TOLD)


def unwelcome(message: Message) -> bool:
    """Whether the CA does not know this desk, or does not let it do that."""
    return bool(message.failures & _NOT_WELCOME)


def lost(run: Run, where: str) -> Lost:
    """The error for a request that left, and was not answered."""
    why = "it took too long" if run.late else run.words
    return Lost(f"the CA gave no whole answer: {why}", where=where, next="look at the CA's log")


def refusal(message: Message, what: str, where: str) -> CaRefused | CaUnavailable:
    """The error for a CA that says no to `what`: for good, to this desk, later, or not for sure (`Lost`)."""
    failures = message.failures
    if unwelcome(message):
        return CaUnavailable(
            f"the CA does not let this desk do that: {words(message)}",
            where=where,
            next="look at `mac` or `signature` in [authority.options], and at its rights at the CA",
        )
    if Failure.SYSTEM_UNAVAILABLE in failures:
        return CaUnavailable(f"the CA is busy: {words(message)}", where=where, next="ask again later")
    if failures & _DOUBTFUL:
        return Lost(f"the CA gives no certificate: {words(message)}", where=where)
    return CaRefused(f"the CA refuses {what}: {words(message)}", where=where)


def words(message: Message) -> str:
    """Why the CA said no: in its own words, else by the names of RFC 9810 §5.2.3."""
    names = [one.name.lower().replace("_", " ") for one in Failure if one in message.failures]
    return message.words or ", ".join(names) or f"status {message.status}"
