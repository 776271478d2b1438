"""A revocation list is given out whole or not at all; a revocation stands whatever becomes of its list."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from batch.audit.log import log
from batch.model.events import Event
from batch.production.revocation import ask_for
from batch.store import revocations
from batch.store.database import Records
from drivers.authorities.port import Reason
from drivers.errors import CaUnavailable
from drivers.process import Child
from station.errors import ConfigurationError, PinUnavailable
from station.revocations import Told, again, publish, tell_ca
from station.wiring import Desk
from tests.unit.field_kit import produced
from tests.unit.warrant_kit import Case


class Ca:
    """A CA whose answers go wrong so many times, in this process."""

    alive = True

    def __init__(self, away: int = 0) -> None:
        self.away, self.revoked = away, 0

    def ask(self, method: str, *arguments: Any, timeout: float | None = None) -> Any:
        if self.away:
            self.away -= 1
            raise CaUnavailable("the CA did not answer", where="ca")
        if method == "crl":
            return crl()
        self.revoked += method == "revoke"
        return () if method == "issued_for" else None


def crl() -> bytes:
    """An empty list."""
    at = datetime.now(UTC)
    builder = (
        x509.CertificateRevocationListBuilder().last_update(at).next_update(at.replace(year=at.year + 1))
    )
    name = x509.Name.from_rfc4514_string("CN=CA")
    made = builder.issuer_name(name).sign(ec.generate_private_key(ec.SECP256R1()), SHA256())
    return made.public_bytes(Encoding.DER)


@dataclass
class Wired:
    """As much of a desk as telling the CA takes."""

    crl_file: Path | None
    ca: Ca = field(default_factory=Ca)
    pin: bool = True

    @contextmanager
    def authority(self) -> Iterator[Ca]:
        if not self.pin:
            raise PinUnavailable("there is no terminal to ask at")
        yield self.ca


def as_desk(wired: Wired) -> Desk:
    """It has what is asked of a desk here."""
    return wired  # type: ignore[return-value]


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    case = Case.make(tmp_path)
    with closing(case.records) as records:
        item = produced(records)
        with records.transaction():
            ask_for(records, item, Reason.KEY_COMPROMISE, "rob")
            log(records, Event("prepared", "rob"))
        yield records


def test_what_was_revoked_is_published_at_once_for_everybody_to_read(
    records: Records, tmp_path: Path
) -> None:
    file = tmp_path / "web" / "ca.crl"
    file.parent.mkdir()
    told = tell_ca(as_desk(Wired(file)), records, "rob")
    assert (told.revoked, told.waiting, told.published) == (2, 0, file)
    x509.load_der_x509_crl(file.read_bytes())
    assert file.stat().st_mode & 0o777 == 0o644
    assert [path.name for path in file.parent.iterdir()] == ["ca.crl"]
    assert tell_ca(as_desk(Wired(file)), records, "rob") == Told()


def test_a_list_that_cannot_be_written_takes_nothing_back(records: Records, tmp_path: Path) -> None:
    wired = Wired(tmp_path / "not there" / "ca.crl")
    told = tell_ca(as_desk(wired), records, "rob")
    assert (told.revoked, told.waiting, told.published) == (2, 0, None)
    assert "cannot be written" in str(told.reason)
    assert revocations.waiting(records) == []
    child: Child = wired.ca  # type: ignore[assignment]
    with pytest.raises(ConfigurationError, match="crl_file"):
        publish(as_desk(wired), records, child, "rob")


def test_without_the_cas_pin_or_the_ca_it_stays_asked_for(records: Records) -> None:
    for wired in (Wired(None, pin=False), Wired(None, Ca(away=9))):
        told = tell_ca(as_desk(wired), records, "rob")
        assert (told.revoked, told.waiting) == (0, 2)
        assert told.reason
    assert len(revocations.waiting(records)) == 2


def test_a_ca_that_is_away_is_asked_again_as_often_as_there_are_pauses(records: Records) -> None:
    ca = Ca(away=3)
    child: Child = ca  # type: ignore[assignment]
    given_up = again(records, child, "rob", (0.0, 0.0))
    assert (given_up.revoked, given_up.waiting) == (0, 2)
    ca.away = 2
    done = again(records, child, "rob", (0.0, 0.0))
    assert (done.revoked, done.waiting, ca.revoked) == (2, 0, 2)
