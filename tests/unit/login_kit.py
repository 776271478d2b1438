"""Operators with passphrases at a home, for tests of commands and of how people log in."""

from __future__ import annotations

import os
from contextlib import closing
from datetime import timedelta

from batch.audit.log import log
from batch.model.events import Event
from batch.model.people import Means, Operator, Role
from batch.people import logins
from batch.people.acting import Actor, register_of
from batch.people.operators import enrol, found
from batch.people.passphrase import KeyMaker, PassphraseKeys
from batch.store.clock import now
from batch.store.database import Records
from batch.store.logins import add_keys, sealed_keys
from drivers.secret import Secret
from station.home import Home
from station.terminal import Terminal

OPERATORS = "\n[operators]\npassphrases = true\n"
"""What a station.toml says where operators have passphrases."""

LIMITS = logins.Limits(timedelta(minutes=15), timedelta(hours=10))


def passphrase(name: str) -> str:
    """What opens an operator's keys."""
    return f"{name} likes to walk at night"


def staff(records: Records, **people: tuple[Role, ...]) -> dict[str, Actor]:
    """Found a register with two administrators, ann and ben, and enrol people by name and roles."""
    both = {"ann": (Role.ADMINISTRATOR,), "ben": (Role.ADMINISTRATOR,)}
    actors = {name: _actor(records, name, roles) for name, roles in {**both, **people}.items()}
    founders = [actors[name] for name in both]
    found(records, founders, name="Desk", anchors=[], anchor=lambda trust: None)
    register = register_of(records)
    founders = [Actor(register.operator(one.name), one.sign) for one in founders]
    for name in people:
        for one in founders:
            enrol(records, one, actors[name].operator, anchor=lambda trust: None)
    register = register_of(records)
    return {name: Actor(register.operator(name), one.sign) for name, one in actors.items()}


def staffed(home: Home, **people: tuple[Role, ...]) -> None:
    """The same at a home, whose configuration allows passphrases from here on."""
    text = home.configuration.read_text()
    told = "[operators]" in text
    allowed = text.replace("passphrases = false", "passphrases = true") if told else text + OPERATORS
    home.configuration.write_text(allowed)
    with closing(Records(home.records)) as records:
        staff(records, **people)


def actor_of(records: Records, name: str) -> Actor:
    """Somebody of the staff, whose passphrase was typed."""
    operator = register_of(records).operator(name)
    sealed = sealed_keys(records, operator.key)
    assert sealed is not None, "the staff have passphrases"
    keys = PassphraseKeys(sealed, name)
    keys.login(Secret.text(passphrase(name)))
    return Actor(operator, keys.sign, keys.reseal)


def log_in(home: Home, name: str) -> None:
    """Begin a session of this terminal at a home."""
    terminal = Terminal(home)
    with closing(Records(home.records)) as records:
        logins.begin_session(records, name, terminal.keep(), terminal.place, LIMITS)


def pin_fd(**given: str) -> str:
    """A descriptor that delivers these PINs or passphrases by name, for --pin-fd; read to its end once."""
    ours, theirs = os.pipe()
    with open(theirs, "w") as file:
        file.writelines(f"{name} {secret}\n" for name, secret in given.items())
    return str(ours)


def _actor(records: Records, name: str, roles: tuple[Role, ...]) -> Actor:
    made = KeyMaker().make(Secret.text(passphrase(name)), name)
    with records.transaction():
        add_keys(records, made.key, name, made.sealed)
        log(records, Event("operator.keys-made", name))
    keys = PassphraseKeys(made.sealed, name)
    keys.login(Secret.text(passphrase(name)))
    operator = Operator(name, frozenset(roles), Means.PASSPHRASE, made.key, made.agreement, None, now())
    return Actor(operator, keys.sign, keys.reseal)
