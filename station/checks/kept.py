"""What the records tell that somebody must do: operators, custody's keys, signatures, personal data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from batch.life.field.due import WITHIN
from batch.model.custody import KeyState
from batch.model.errors import BatchError, NotTrusted
from batch.orders.epochs import LOW_STOCK
from batch.people.acting import PATIENCE, founded, register_of
from batch.people.forgetting import Retention, due
from batch.people.statements import read
from batch.store import custody
from batch.store.clock import now
from batch.store.database import Records
from batch.store.revocations import pending
from batch.store.statements import waiting
from station.checks.model import Check, fail, ok, warn
from station.config import Configuration
from station.home import Home


def kept_checks(configuration: Configuration, home: Home) -> Iterator[Check]:
    """The register, keys in stock, what wants another signature, revocations, what may be forgotten."""
    try:
        with closing(Records(home.records)) as records:
            yield _register(records)
            yield _stock(records)
            yield _signatures(records)
            yield _revocations(records)
            yield _personal(records, configuration.retention.years())
    except NotTrusted as error:
        yield fail("register", str(error), error.next or "see `station audit verify`")
    except BatchError:
        return  # told by the check of the records


def custody_made(home: Home) -> bool:
    """Whether officers made the custody token, or an older home has one."""
    try:
        with closing(Records(home.records)) as records:
            return bool(custody.ceremonies(records) or custody.keys(records))
    except BatchError:
        return False


def _register(records: Records) -> Check:
    if not founded(records):
        return fail("register", "nobody was made an operator", "run `station operator found`")
    return ok("register", f"operators: {len(register_of(records).active(now()))}")


def _stock(records: Records) -> Check:
    stock = len(custody.keys(records, KeyState.STOCK))
    found = f"{stock} in stock"
    if stock < LOW_STOCK:
        return warn("custody keys", f"{found}; every order takes one", "run `station custody epochs make 20`")
    return ok("custody keys", found)


def _signatures(records: Records) -> Check:
    recent = [
        (signed, statement)
        for signed in waiting(records)
        if now() - (statement := read(signed)).at < PATIENCE
    ]
    if not recent:
        return ok("signatures", "nothing waits for another person")
    what = "; ".join(
        f"{statement.act}, begun by {', '.join(signed.signers)} {statement.at:%Y-%m-%d %H:%M} UTC"
        for signed, statement in recent
    )
    return ok("signatures", f"waiting for another person: {what}")


def _revocations(records: Records) -> Check:
    waiting = pending(records)
    if not waiting:
        return ok("revocations", "the CA was told of all")
    counted = "1 token" if len(waiting) == 1 else f"{len(waiting)} tokens"
    oldest = min(at for _, at in waiting)
    what = f"the CA was not told of {counted}, the first since {oldest:%Y-%m-%d %H:%M} UTC"
    mend = "run `station ca crl`; look why the CA does not answer"
    return (
        fail("revocations", f"{what} (R23)", mend)
        if now() - oldest > WITHIN
        else warn("revocations", what, mend)
    )


def _personal(records: Records, retention: Retention) -> Check:
    number = len(due(records, retention))
    if not number:
        return ok("personal data", "none is due to be forgotten")
    return ok("personal data", f"{number} due to be forgotten: `station registry due`")
