"""Acting under one's name in a command: who it is, how they prove it, and with what they sign (R35)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from batch.model.errors import Refused
from batch.model.people import Means, Operator
from batch.people import logins
from batch.people.acting import Actor, permitted, register_of
from batch.people.challenges import Challenges
from batch.people.proof import holder
from batch.people.separation import RULES, Act, Before, same
from batch.production.lock import only_one
from batch.store import logins as stored
from batch.store.clock import now
from batch.store.database import Records
from batch.store.logins import StoredSession
from drivers.errors import AuthenticationFailed
from drivers.personal.signing import is_signature
from drivers.process import Child, harden
from drivers.secret import Secret
from station.errors import ConfigurationError
from station.operators_seat import OperatorsSeat
from station.terminal import Terminal
from station.wiring import Desk

_ANSWER = 60.0
"""Seconds within which a token or passphrase must have signed."""

_SEAT = "operators' seat"
_GLANCE = 1.0
"""Seconds in which a reader tells of a token that is in it."""

TO_PRESENT = 60.0
"""Seconds to put the right token into the operators' seat."""

Tell = Callable[[str], None]


@contextmanager
def actors(
    desk: Desk,
    records: Records,
    people: Sequence[tuple[str | None, Act]],
    *,
    where: str,
    before: Before | None = None,
    tell: Tell = lambda text: None,
    counted: bool = True,
) -> Iterator[tuple[Actor, ...]]:
    """The operators of these names, each of whom may do their act and has proven who they are.

    None is whoever is logged in here, or whose token is in the operators' seat; no two are the same. Raises
    `Refused` for who may not before any PIN or passphrase is asked for, and for who does not prove it.
    """
    with ExitStack() as held:
        hands = Hands(desk, records, held, tell, counted=counted)
        found: list[tuple[Actor, _Keys | None]] = []
        earlier: dict[Act, list[str]] = {key: list(names) for key, names in (before or {}).items()}
        for name, act in people:
            operator, session = hands.who(name)
            keys = _Keys(hands, operator)
            reseal = keys.reseal if operator.agreement else None
            actor = Actor(operator, keys.sign, reseal, keys.at_hand)
            permitted(records, actor, act, where=where, before=earlier)
            if any(same(actor.name, other.name) for other, _ in found):
                raise Refused(
                    f"it takes {len(people)} persons, and {actor.name} is one",
                    where=where,
                    next="name another with --with",
                )
            found.append((actor, keys if session is None else None))
            earlier.setdefault(act, []).append(actor.name)
        for _, unproven in reversed(found):  # who acts first then has the seat
            if unproven is not None:
                unproven.prove()
        yield tuple(actor for actor, _ in found)


def refuse_fewer(act: Act, persons: int, where: str) -> None:
    """Raise `Refused` for fewer persons than an act takes."""
    wanted = RULES[act].persons
    if persons < wanted:
        raise Refused(
            f"it takes {wanted} persons, who both are here", where=where, next="name the other with --with"
        )


def logged_in(desk: Desk, records: Records) -> StoredSession | None:
    """The session of this terminal, used at this moment; None where nobody is logged in.

    Raises `Refused` for one that ended just now.
    """
    terminal = Terminal(desk.home)
    kept = terminal.kept()
    if kept is None:
        return None
    found = logins.session_of(records, kept, terminal.place, limits(desk), terminal.forget)
    if found is not None:
        terminal.renew()
    return found


def log_in(desk: Desk, records: Records, name: str | None, tell: Tell) -> tuple[Operator, datetime]:
    """Begin a session of this terminal, in the place of what was there: whose, and until when at the latest.

    Who it is has to be proven whatever session there is; raises `Refused`.
    """
    with ExitStack() as held:
        hands = Hands(desk, records, held, tell)
        operator = hands.named(name)
        register_of(records).check_working(operator, now())
        hands.open(operator)
    log_out(desk, records)
    terminal = Terminal(desk.home)
    key = terminal.keep()
    return operator, logins.begin_session(records, operator.name, key, terminal.place, limits(desk))


def log_out(desk: Desk, records: Records) -> str | None:
    """End the session of this terminal: whose it was, None where nobody was logged in."""
    terminal = Terminal(desk.home)
    kept = terminal.kept()
    terminal.forget()
    if kept is None:
        return None
    return logins.log_out(records, kept, terminal.place)


def await_token(seat: OperatorsSeat, name: str, theirs: Callable[[bytes], bool], tell: Tell) -> bytes:
    """The certificate (DER) of the token in the seat once it is `theirs`; raises `Refused`, `DriverError`."""
    certificate = seat.wait(_GLANCE)
    while certificate is None or not theirs(certificate):
        wrong = "there is none" if certificate is None else "the one in it is another's"
        tell(f"put the token of {name} into the operators' seat; {wrong}")
        gone = certificate is None or seat.wait_for_removal(TO_PRESENT)
        certificate = seat.wait(TO_PRESENT) if gone else None
        if certificate is None:
            raise Refused(
                f"the token of {name} was not put into the operators' seat",
                where=_SEAT,
                next="run this again with the token at hand",
            )
    return certificate


def limits(desk: Desk) -> logins.Limits:
    """How long sessions last, as configured."""
    configured = desk.configuration.operators
    if configured is None:
        raise ConfigurationError(
            "says nothing of operators",
            where=str(desk.home.configuration),
            next="add [operators]; docs/configuration.md explains it",
        )
    return logins.Limits(
        timedelta(minutes=configured.idle_minutes), timedelta(hours=configured.session_hours)
    )


class Hands:
    """The operators' seat and the passphrases of one command; only one token is in the seat at a time."""

    def __init__(
        self, desk: Desk, records: Records, held: ExitStack, tell: Tell, *, counted: bool = True
    ) -> None:
        self._desk, self._records, self._held, self._tell = desk, records, held, tell
        self._counted = counted
        self._seat: OperatorsSeat | None = None

    def who(self, name: str | None) -> tuple[Operator, StoredSession | None]:
        """The operator of a name and the session that proves it, None where it is still to be proven."""
        try:
            session = logged_in(self._desk, self._records)
        except Refused:
            if name is None:
                raise
            session = None
        if name is None and session is not None:
            return self.named(session.operator), session
        operator = self.named(name)
        return operator, session if session is not None and same(session.operator, operator.name) else None

    def named(self, name: str | None) -> Operator:
        """The operator of a name, or whose token is in the operators' seat."""
        register = register_of(self._records)
        return register.operator(name, now()) if name is not None else self._in_seat()

    def open(self, operator: Operator) -> Child | OperatorsSeat:
        """The operator's keys, opened with their PIN or passphrase and proven to be theirs."""
        harden()
        if operator.means is Means.TOKEN:
            return self._token(operator)
        return self._passphrase(operator)

    def holds(self, operator: Operator) -> bool:
        """Whether the operator's token is still the one in the seat."""
        seat = self._seat
        there = seat is not None and seat.holder == operator.name and seat.present()
        return operator.means is Means.PASSPHRASE or there

    def _passphrase(self, operator: Operator) -> Child:
        if not self._desk.passphrases:
            raise Refused(
                "operators have no passphrases at this desk",
                where=operator.name,
                next="two administrators enrol your token, or set `passphrases` in [operators]",
            )
        sealed = stored.sealed_keys(self._records, operator.key)
        if sealed is None:
            raise Refused(
                "the operator's keys are not on record",
                where=operator.name,
                next="two administrators enrol the operator anew: `station operator change`",
            )
        arguments = (sealed, operator.name)
        child = Child(f"keys of {operator.name}", "batch.people.passphrase:PassphraseKeys", arguments)
        self._held.callback(child.close)

        def prove(secret: Secret) -> None:
            child.ask("login", secret, timeout=_ANSWER)

        self._log_in(operator, "passphrase", prove)
        challenges = Challenges(self._desk.configuration.station.name)
        challenge = challenges.ask(operator.name, now())
        answer = child.ask("answer", challenge.text, timeout=_ANSWER)
        challenges.take(challenge, now())
        if not is_signature(operator.key, challenge.text, answer):
            raise Refused(
                "the keys on record are not the operator's",
                where=operator.name,
                next="somebody changed the records: see `station audit verify`",
            )
        return child

    def _token(self, operator: Operator) -> OperatorsSeat:
        seat, station = self._served(), self._desk.configuration.station.name
        certificate = operator.certificate
        assert certificate is not None, "a token's operator has a certificate"
        self._desk.present(operator.name)
        await_token(seat, operator.name, lambda found: found == certificate, self._tell)

        def prove(secret: Secret) -> None:
            seat.log_in(station, operator.name, certificate, secret, now)

        self._log_in(operator, "PIN", prove)
        return seat

    def _in_seat(self) -> Operator:
        """Whose token is in the operators' seat."""
        nobody = Refused(
            "nobody is logged in", where="operator", next="`station login`, or say who you are with --as NAME"
        )
        configured = self._desk.configuration.operators
        if configured is None or configured.driver is None:
            raise nobody
        certificate = self._served().wait(_GLANCE)
        if certificate is None:
            raise nobody
        return holder(register_of(self._records).active(now()), certificate)

    def _served(self) -> OperatorsSeat:
        if self._seat is None:
            self._seat = self._held.enter_context(self._desk.operators_seat())
        return self._seat

    def _log_in(self, operator: Operator, what: str, prove: Callable[[Secret], None]) -> None:
        logins.check_wait(self._records, operator.name)
        secret = self._desk.pins.of_operator(operator.name, what)
        # One at a time, so that guessing side by side is no faster.
        with only_one(self._login_lock(operator.name), "login", wait=_ANSWER):
            logins.check_wait(self._records, operator.name)
            try:
                prove(secret)
            except AuthenticationFailed as error:
                told, left = error.what, error.remaining
            else:
                if self._counted:
                    logins.count_success(self._records, operator.name)
                return
            wait = logins.wait_of(0)
            if self._counted:
                wait = logins.count_refusal(self._records, operator.name, told, left)
        tries = "" if left is None else f"; {left} tries are left"
        raise Refused(
            f"the {what} is wrong{tries}",
            where=operator.name,
            next=f"wait {round(wait.total_seconds())} s, then run this again",
        )

    def _login_lock(self, name: str) -> Path:
        digest = hashlib.sha256(name.casefold().encode()).hexdigest()[:16]
        return self._desk.run_directory / f"login-{digest}.lock"


class _Keys:
    """One operator's keys, opened when first needed."""

    def __init__(self, hands: Hands, operator: Operator) -> None:
        self._hands, self._operator = hands, operator
        self._child: Child | OperatorsSeat | None = None

    def prove(self) -> None:
        """Open them, which proves that the operator is there."""
        self._opened()

    def at_hand(self) -> bool:
        """Whether they are open, the token in the seat where they are on one."""
        return self._child is not None and self._hands.holds(self._operator)

    def sign(self, message: bytes) -> bytes:
        """The signature over a statement's message."""
        keys = self._opened()
        if isinstance(keys, OperatorsSeat):
            return keys.sign(message)
        return bytes(keys.ask("sign", message, timeout=_ANSWER))

    def reseal(self, sealed: bytes, context: bytes, recipient: bytes, new_context: bytes) -> bytes:
        """What is sealed to the operator, sealed to somebody else."""
        keys = self._opened()
        if isinstance(keys, OperatorsSeat):
            return keys.reseal(sealed, context, recipient, new_context)
        return bytes(keys.ask("reseal", sealed, context, recipient, new_context, timeout=_ANSWER))

    def _opened(self) -> Child | OperatorsSeat:
        # Another operator's token may be in the seat since.
        if self._child is None or not self.at_hand():
            self._child = self._hands.open(self._operator)
        return self._child
