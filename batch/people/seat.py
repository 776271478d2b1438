"""The operators' seat, in a process of its own: one operator's token, its login, signatures and secrets.

What is sealed to an operator is opened in this process only, and leaves it sealed to somebody else.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from batch.custody.sealing import open_with, seal_to
from batch.people.challenges import is_challenge
from batch.people.statements import is_message
from drivers.errors import DriverError, NoToken, TokenLost, Unsupported
from drivers.foreign_certificates import load_certificate, spki
from drivers.keys import EcAgreementKey
from drivers.personal.port import PersonalDriver, PersonalToken
from drivers.registry import find
from drivers.secret import Secret

WHERE = "operators' seat"


class OperatorSeat:
    """Serves the token in the operators' seat to the desk; every method raises `DriverError`.

    `driver` is one of the group `station.personal`. A token that was pulled is gone until `wait`.
    """

    def __init__(self, driver: str, options: Mapping[str, Any]) -> None:
        self._driver: PersonalDriver = find("station.personal", driver)(WHERE, options)
        self._held: PersonalToken | None = None

    def ready(self) -> bool:
        """Whether a token is in the seat, without taking it; raises where reader or module is not there."""
        answers = iter((False,))
        # Ports wait until cancelled: the first look may be taken, a second may not.
        return self._driver.await_token(lambda: next(answers, True))

    def place(self) -> str:
        """The reader or slot, as lanes name theirs."""
        return self._driver.place

    def wait(self, seconds: float) -> bytes | None:
        """The authentication certificate (DER) of the token in the seat, waiting for one; None without.

        A token that leaves before it is read is waited for again.
        """
        self._let_go()
        until = time.monotonic() + seconds
        while self._driver.await_token(lambda: time.monotonic() > until):
            try:
                self._held = self._driver.connect()
                return self._held.certificate()
            except (NoToken, TokenLost):
                self._let_go()
        return None

    def wait_for_removal(self, seconds: float) -> bool:
        """Whether the seat is empty within so many seconds."""
        self._let_go()
        until = time.monotonic() + seconds
        return self._driver.await_removal(lambda: time.monotonic() > until)

    def present(self) -> bool:
        """Whether the token that `wait` found is still there."""
        return self._held is not None and self._held.present()

    def login(self, pin: Secret) -> None:
        """Show the PIN, never for its last try: `AuthenticationFailed`, `Blocked`, `RetryBudget`."""
        self._token.login(pin)

    def answer(self, challenge: bytes) -> bytes:
        """The signature over a login challenge, and over nothing else."""
        if not is_challenge(challenge):
            raise Unsupported("this is no login challenge", where=WHERE, next="report this as a bug")
        return self._token.sign(challenge)

    def sign(self, message: bytes) -> bytes:
        """The signature over the message of a statement, and over nothing else."""
        if not is_message(message):
            raise Unsupported("this is no statement", where=WHERE, next="report this as a bug")
        return self._token.sign(message)

    def agreement_key(self) -> bytes | None:
        """The P-256 key (SPKI, DER) that what is for this operator is sealed to; None without."""
        found = self._token.agreement_certificate()
        return None if found is None else spki(load_certificate(found))

    def reseal(self, sealed: bytes, context: bytes, recipient: bytes, new_context: bytes) -> bytes:
        """What is sealed to this operator under `context`, sealed to `recipient` (SPKI, DER) under another.

        Raises `DriverError` where it is sealed to another operator, or for something else.
        """
        try:
            value = open_with(sealed, self._agreement(), context)
        except InvalidTag:
            raise DriverError(
                "what is sealed does not open with this token",
                where=WHERE,
                next="insert the token of the operator it was sealed to",
            ) from None
        return seal_to(value.reveal(), recipient, new_context)

    def close(self) -> None:
        """Let go of token and reader."""
        self._let_go()
        self._driver.close()

    @property
    def _token(self) -> PersonalToken:
        if self._held is None:
            raise NoToken("no operator's token was found yet", where=WHERE, next="insert your own")
        return self._held

    def _agreement(self) -> EcAgreementKey:
        public, token = self.agreement_key(), self._token
        if public is None:
            raise Unsupported(
                "this token has no key that opens what is sealed to its operator",
                where=WHERE,
                next="take it back to whoever issued it: a P-256 key for key agreement is needed",
            )
        key = load_der_public_key(public)
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise Unsupported("its key for key agreement is not on P-256", where=WHERE)

        def agree(peer: ec.EllipticCurvePublicKey) -> bytes:
            return token.exchange(peer.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

        return EcAgreementKey(key, agree)

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held.close()
