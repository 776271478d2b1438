"""The CMP driver against a responder whose messages openssl makes and verifies, over real TLS."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from batch.production.certificates import WrongCertificate
from drivers.authorities import keeping
from drivers.authorities.port import Reason
from drivers.authorities.remote import cmp_outcomes as outcomes
from drivers.authorities.remote.cmp import CmpCa
from drivers.authorities.remote.cmp_client import Run
from drivers.errors import CaPending, CaRefused, CaUnavailable, CaUnclear, Unsupported
from drivers.foreign_certificates import load_certificate
from drivers.secret import Secret
from simulators.responders.cmp import SECRET, CmpResponder
from simulators.responders.issuing import Issuer
from simulators.responders.server import Wrong, running
from tests.contract.elsewhere import PIN, PROFILE, judged, provision, public_key, request

NOW = request().template.not_before
PROFILES = {"authentication": "auth", "plain": ""}
SERVED = {"auth": PROFILE, "": PROFILE}

Make = Callable[..., CmpCa]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[CmpResponder]:
    with running(CmpResponder(tmp_path, SERVED)) as responder:
        assert isinstance(responder, CmpResponder)
        yield responder


@pytest.fixture
def make(server: CmpResponder, tmp_path: Path) -> Make:
    """Makes the desk's side anew, as after a crash, with options of its own."""
    return lambda **more: desk(server, tmp_path, **more)


def desk(server: CmpResponder, folder: Path, pin: Secret = PIN, **more: Any) -> CmpCa:
    options = {**server.options(), "profiles": PROFILES, "answer_seconds": 20.0, **more}
    given = {name: value for name, value in options.items() if value is not None}
    return CmpCa(given, provision(folder / "ca", pin))


def enrolments(server: CmpResponder) -> list[str]:
    return [asked.path for asked in server.asked if server.enrols(asked)]


def test_a_certificate_is_issued_under_the_path_of_its_profile_confirmed_and_given_again_without_asking(
    server: CmpResponder, make: Make
) -> None:
    ca, first, plain = make(), request(), request("000002/authentication/1", profile="plain")
    issued = ca.issue(first)
    judged(ca, first, issued)
    judged(ca, plain, ca.issue(plain))
    assert enrolments(server) == ["/.well-known/cmp/p/auth", "/.well-known/cmp"]
    assert server.confirmed == [one.serial_number for one in server.issuer.issued]
    assert {asked.client for asked in server.asked} == {"Issuance desk"}
    asked = len(server.asked)
    again = make()
    assert again.issue(first) == again.find(first.transaction) == issued
    assert len(server.asked) == asked
    assert again.find("000003/authentication/1") is None
    with pytest.raises(CaRefused, match="another CSR"):
        again.issue(request(first.transaction))
    with pytest.raises(Unsupported):
        again.issued_for(public_key(first))
    with pytest.raises(CaUnavailable, match="no path for the certificate profile 'signature'"):
        again.issue(request("000004/x/1", profile="signature"))


def test_messages_are_protected_by_a_signature_as_well(tmp_path: Path) -> None:
    with running(CmpResponder(tmp_path, SERVED, mac=False)) as server:
        assert isinstance(server, CmpResponder)
        ca, one = desk(server, tmp_path), request()
        issued = ca.issue(one)
        judged(ca, one, issued)
        ca.revoke(issued, Reason.KEY_COMPROMISE, NOW)
        (serial,) = server.confirmed
        assert server.issuer.revoked == {serial: x509.ReasonFlags.key_compromise}
        (tmp_path / "other.pem").write_bytes(Issuer("Other").root.public_bytes(Encoding.PEM))
        signature = {**server.options()["signature"], "trust": str(tmp_path / "other.pem")}
        with pytest.raises(CaUnclear, match="may have issued"):
            desk(server, tmp_path, signature=signature).issue(request("000002/x/1"))


def test_the_shared_secret_is_seen_by_nobody_and_may_be_the_pin_of_the_key_token(
    server: CmpResponder, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    spy = tmp_path / "openssl"
    spy.write_text(f'#!/bin/sh\n(env; echo "$@") >>{seen}\nexec /usr/bin/openssl "$@"\n')
    spy.chmod(0o755)
    make(openssl=str(spy)).issue(request())
    told = seen.read_text()
    assert "-secret file:/proc/self/fd/" in told
    assert SECRET not in told
    by_pin = server.options()["mac"] | {"secret_file": None}
    by_pin = {name: value for name, value in by_pin.items() if value is not None}
    ca = make(pin=Secret(SECRET.encode()), mac=by_pin)
    ca.issue(request("000002/x/1"))
    with pytest.raises(CaRefused, match="wrong pbm value"):
        make(mac=by_pin).issue(request("000003/x/1"))
    (tmp_path / "secret").chmod(0o644)
    with pytest.raises(Unsupported, match="others may read the shared secret"):
        make()


def test_later_means_that_the_same_transaction_is_polled_and_not_before_the_ca_wants(
    server: CmpResponder, make: Make
) -> None:
    server.wrong.append("pending")
    one = request()
    # Too little time for a poll, as where the CA wants to be asked tomorrow.
    with pytest.raises(CaUnavailable, match="wants to be asked"):
        make(answer_seconds=0.1).issue(one)
    ca = make()
    with pytest.raises(CaUnavailable, match="wants to be asked"):
        ca.issue(one)
    clock = Clock(ca)
    clock.later(5)
    judged(ca, one, ca.issue(one))
    assert len(enrolments(server)) == len(server.issuer.issued) == len(server.confirmed) == 1


def test_a_ca_that_wants_hours_holds_up_nobody(server: CmpResponder, make: Make) -> None:
    server.wrong.append("pending")
    server.later = 3600
    ca, one = make(), request()
    for _ in range(2):
        with pytest.raises(CaPending, match="wants to be asked"):
            ca.issue(one)
    with pytest.raises(CaPending, match="wants to be asked"):
        ca.find(one.transaction)
    # Polled once each time it is due.
    clock = Clock(ca)
    clock.later(3700)
    with pytest.raises(CaPending, match="wants to be asked"):
        ca.issue(one)
    clock.later(7400)
    judged(ca, one, ca.issue(one))
    assert len(enrolments(server)) == len(server.issuer.issued) == len(server.confirmed) == 1


def test_a_transaction_that_the_ca_holds_open_is_found_by_polling_it(
    server: CmpResponder, make: Make
) -> None:
    server.wrong.append("pending")
    one = request()
    with pytest.raises(CaUnavailable, match="wants to be asked"):
        make(answer_seconds=0.1).issue(one)
    found = make().find(one.transaction)
    assert found is not None
    judged(make(), one, found)
    assert make().issue(one) == found
    assert len(enrolments(server)) == len(server.issuer.issued) == len(server.confirmed) == 1


@pytest.mark.parametrize("wrong", ["die", "mute", "fail", "rubbish", "die-before"])
def test_a_request_whose_answer_was_lost_is_not_sent_again_until_somebody_looked(
    server: CmpResponder, make: Make, wrong: Wrong
) -> None:
    server.wrong.append(wrong)
    one = request()
    with pytest.raises(CaUnclear, match="may have issued"):
        make(answer_seconds=0.5 if wrong == "mute" else 20.0).issue(one)
    if wrong != "die-before":
        server.made.wait(60)
    ca = make()
    words = f"station ca settle {one.transaction}"
    with pytest.raises(CaUnclear, match=words):
        ca.issue(one)
    with pytest.raises(CaUnclear, match=words):
        ca.find(one.transaction)
    assert len(enrolments(server)) == 1
    assert ca.doubtful() == (one.transaction,)
    if server.issuer.issued:
        (made,) = server.issuer.issued
        der = made.public_bytes(Encoding.DER)
        ca.settle(one.transaction, der)
        assert ca.issue(one) == ca.find(one.transaction) == der
        judged(ca, one, der)
    else:
        ca.settle(one.transaction, None)
        assert ca.find(one.transaction) is None
        judged(ca, one, ca.issue(one))
    assert len(server.issuer.issued) == 1
    assert ca.doubtful() == ()


def test_a_desk_that_died_with_the_answer_on_disk_goes_on_without_asking_again(
    server: CmpResponder, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca, one = make(), request()
    monkeypatch.setattr(ca._exchanges, "keep", _dies)
    with pytest.raises(KeyboardInterrupt):
        ca.issue(one)
    assert server.confirmed == []
    again = make()
    assert again.doubtful() == (one.transaction,)
    judged(again, one, again.issue(one))
    assert again.doubtful() == ()
    assert len(enrolments(server)) == len(server.issuer.issued) == len(server.confirmed) == 1


def test_a_desk_that_died_while_it_asked_does_not_ask_again(server: CmpResponder, make: Make) -> None:
    ca, one = make(), request()
    ca._exchanges.leaving(one)
    for repeated in ("never", "same"):
        with pytest.raises(CaUnclear, match="may have issued"):
            make(repeated=repeated).issue(one)
    assert server.asked == []


def test_what_the_openssl_of_a_dead_desk_still_asks_is_asked_by_nobody_else(
    server: CmpResponder, make: Make, tmp_path: Path
) -> None:
    server.wrong.append("refuse")
    ca, one = make(), request()
    with pytest.raises(CaRefused):
        ca.issue(one)
    (lock,) = (tmp_path / "ca/cmp").glob("*/*/lock")
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for again in (ca, make()):
            with pytest.raises(CaUnavailable, match="under way to the CA"):
                again.issue(one)
    judged(ca, one, ca.issue(one))


def test_a_transaction_that_is_not_in_the_backup_is_unclear(
    server: CmpResponder, make: Make, tmp_path: Path
) -> None:
    server.wrong.append("pending")
    server.later = 3600
    one = request()
    with pytest.raises(CaPending):
        make().issue(one)
    kept = dict(keeping.files(tmp_path / "ca"))
    shutil.rmtree(tmp_path / "ca")
    for name, content in kept.items():
        keeping.put_back(tmp_path / "ca", name, content)
    ca = make(repeated="same")
    with pytest.raises(CaUnclear, match="may have issued"):
        ca.issue(one)
    assert ca.doubtful() == (one.transaction,)
    (made,) = server.issuer.issued
    ca.settle(one.transaction, made.public_bytes(Encoding.DER))
    assert ca.issue(one) == made.public_bytes(Encoding.DER)


def test_a_ca_that_gives_the_same_again_is_sent_the_same_message_again(tmp_path: Path) -> None:
    with running(CmpResponder(tmp_path, SERVED, repeated="same")) as server:
        assert isinstance(server, CmpResponder)
        server.wrong.append("die")
        ca, one = desk(server, tmp_path, repeated="same"), request()
        with pytest.raises(CaUnavailable, match="no whole answer"):
            ca.issue(one)
        judged(ca, one, ca.issue(one))
        assert len({asked.body for asked in server.asked if server.enrols(asked)}) == 1
        assert len(server.issuer.issued) == len(server.confirmed) == 1


def test_a_ca_that_refuses_a_transaction_it_knows_is_asked_again_and_its_refusal_is_no_proof(
    tmp_path: Path,
) -> None:
    with running(CmpResponder(tmp_path, SERVED, repeated="refused")) as server:
        assert isinstance(server, CmpResponder)
        server.wrong.extend(["die", "die-before"])
        ca, one, other = desk(server, tmp_path, repeated="refused"), request(), request("000002/x/1")
        for each in (one, other):
            with pytest.raises(CaUnavailable, match="no whole answer"):
                ca.issue(each)
        with pytest.raises(CaUnavailable, match="transaction id in use"):
            ca.issue(one)
        assert ca.doubtful() == (one.transaction, other.transaction)
        judged(ca, other, ca.issue(other))
        assert len(server.issuer.issued) == 2
        assert ca.doubtful() == (one.transaction,)


def test_what_did_not_reach_the_ca_is_sent_again(server: CmpResponder, make: Make) -> None:
    ca, one = make(), request()
    server.wrong.append("busy")
    with pytest.raises(CaUnavailable, match="busy"):
        ca.issue(one)
    judged(ca, one, ca.issue(one))
    assert len(server.issuer.issued) == 1
    with pytest.raises(CaUnavailable, match="code=404"):
        make(profiles={"authentication": "elsewhere"}).issue(request("000002/x/1"))
    server.down()
    with pytest.raises(CaUnavailable, match="cannot be reached"):
        make(attempts=1).issue(request("000003/x/1"))
    assert make().doubtful() == ()


def test_a_refusal_is_told_in_the_cas_words_and_may_be_asked_again(server: CmpResponder, make: Make) -> None:
    server.wrong.append("refuse")
    ca, one = make(), request()
    with pytest.raises(CaRefused, match="this subject is not known") as told:
        ca.issue(one)
    assert not isinstance(told.value, CaUnclear)
    judged(ca, one, ca.issue(one))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [("key", "its key is not"), ("subject", "its subject is"), ("expired", "it expired on")],
)
def test_a_wrong_certificate_is_handed_on_to_be_put_on_record_and_never_confirmed(
    server: CmpResponder, make: Make, wrong: Wrong, words: str
) -> None:
    server.wrong.append(wrong)
    ca, one = make(), request()
    issued = ca.issue(one)
    with pytest.raises(WrongCertificate, match=words):
        judged(ca, one, issued)
    assert ca.find(one.transaction) == ca.issue(one) == issued
    assert server.confirmed == []


def test_an_answer_without_the_right_protection_is_none(server: CmpResponder, make: Make) -> None:
    server.forged = True
    one = request()
    with pytest.raises(CaUnclear, match="may have issued"):
        make().issue(one)
    assert make().doubtful() == (one.transaction,)


def test_a_certificate_that_cannot_be_confirmed_is_kept_and_told(server: CmpResponder, make: Make) -> None:
    server.closed = True
    ca, one = make(), request()
    for _ in range(2):
        with pytest.raises(CaRefused, match="does not take the confirmation"):
            ca.issue(one)
    assert len(enrolments(server)) == 1
    (made,) = server.issuer.issued
    assert ca.find(one.transaction) == made.public_bytes(Encoding.DER)


def test_a_certificate_is_revoked_with_its_reason_and_once(server: CmpResponder, make: Make) -> None:
    ca, one = make(crl_url=server.crl_url), request()
    issued = ca.issue(one)
    for _ in range(2):
        ca.revoke(issued, Reason.SUPERSEDED, NOW)
    serial = load_certificate(issued).serial_number
    assert server.issuer.revoked == {serial: x509.ReasonFlags.superseded}
    assert x509.load_der_x509_crl(ca.crl(NOW)).get_revoked_certificate_by_serial_number(serial) is not None
    with pytest.raises(Unsupported):
        make().crl(NOW)
    stranger = Issuer("Stranger").certificate.public_bytes(Encoding.DER)
    with pytest.raises(CaRefused, match="not from this CA"):
        ca.revoke(stranger, Reason.SUPERSEDED, NOW)
    server.issuer.issued.clear()
    with pytest.raises(CaRefused, match="refuses to revoke serial number"):
        ca.revoke(issued, Reason.SUPERSEDED, NOW)


def test_only_a_server_of_the_configured_ca_is_asked(
    server: CmpResponder, make: Make, tmp_path: Path
) -> None:
    (tmp_path / "other.pem").write_bytes(Issuer("Other").root.public_bytes(Encoding.PEM))
    tls = {**server.options()["tls"], "trust": str(tmp_path / "other.pem")}
    with pytest.raises(CaUnavailable, match="not who it should be"):
        make(tls=tls, attempts=1).issue(request())
    # Nor is any request sent by a desk that the server does not let in.
    certificate, key = Issuer("Other").identity("Desk")
    for name, content in (("theirs.pem", certificate), ("theirs.key", key)):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    trust = server.options()["tls"]["trust"]
    own = {"certificate": str(tmp_path / "theirs.pem"), "key": str(tmp_path / "theirs.key")}
    for tls in ({"trust": trust, **own}, {"trust": trust}):
        with pytest.raises(CaUnavailable):
            make(tls=tls, attempts=1).issue(request("000002/x/1"))
    assert make().doubtful() == ()
    assert server.asked == []
    for wrong, words in (
        ({"tls": None}, "https URL"),
        ({"mac": None}, "`mac` or `signature`"),
        ({"url": "ldap://x"}, "no URL"),
        ({"openssl": "no-openssl"}, "not installed"),
    ):
        with pytest.raises(Unsupported, match=words):
            make(**wrong)


def test_what_openssl_says_of_the_desks_own_certificate_is_no_sign_that_nothing_was_sent() -> None:
    own = "certificate verify failed:Verify error:unable to get local issuer certificate; failed reading data"
    assert not outcomes.unsent(Run(False, own))
    assert not outcomes.unsent(Run(False, "received error:code=500, reason=connect error"))
    assert outcomes.unsent(Run(False, "tlsv13 alert certificate required:SSL alert number 116"))


class Clock:
    """The clock by which a driver keeps to what the CA wants."""

    def __init__(self, ca: CmpCa) -> None:
        self._seconds = 0
        ca._exchanges._clock = lambda: datetime.now(UTC) + timedelta(seconds=self._seconds)

    def later(self, seconds: int) -> None:
        self._seconds = seconds


def _dies(*_: object) -> bytes:
    raise KeyboardInterrupt
