"""A CA behind EST, over real TLS on loopback: its answers, and what is made of those that never came."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from batch.production.certificates import WrongCertificate
from drivers import replies
from drivers.authorities import keeping
from drivers.authorities.port import Reason
from drivers.authorities.remote.errors import Busy
from drivers.authorities.remote.est import EstCa
from drivers.errors import CaPending, CaRefused, CaUnavailable, CaUnclear, DriverError, Unsupported
from drivers.foreign_certificates import load_certificate
from drivers.secret import Secret
from simulators.responders.est import EstResponder
from simulators.responders.issuing import Issuer
from simulators.responders.server import Wrong, running
from tests.contract.elsewhere import PIN, PROFILE, judged, provision, public_key, renewing, request

NOW = request().template.not_before
PROFILES = {"authentication": "auth", "plain": ""}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EstResponder]:
    with running(EstResponder(tmp_path, {"auth": PROFILE, "": PROFILE})) as responder:
        assert isinstance(responder, EstResponder)
        yield responder


@pytest.fixture
def make(server: EstResponder, tmp_path: Path) -> Iterator[Callable[..., EstCa]]:
    """Makes the desk's side anew, as after a crash, with options of its own."""
    made: list[EstCa] = []

    def desk(pin: Secret = PIN, **more: Any) -> EstCa:
        options = {**server.options(), "profiles": PROFILES, "answer_seconds": 20.0, **more}
        given = {name: value for name, value in options.items() if value is not None}
        made.append(EstCa(given, provision(tmp_path / "ca", pin)))
        return made[-1]

    yield desk
    for one in made:
        one.close()


def test_a_certificate_is_issued_under_the_label_of_its_profile_and_given_again_without_asking(
    server: EstResponder, make: Callable[..., EstCa]
) -> None:
    ca, first, plain = make(), request(), request("000002/authentication/1", profile="plain")
    issued = ca.issue(first)
    judged(ca, first, issued)
    judged(ca, plain, ca.issue(plain))
    paths = [asked.path for asked in server.asked if server.enrols(asked)]
    assert paths == ["/.well-known/est/auth/simpleenroll", "/.well-known/est/simpleenroll"]
    assert {asked.client for asked in server.asked} == {"Issuance desk"}
    again = make()
    assert again.issue(first) == again.find(first.transaction) == issued
    assert len(server.issuer.issued) == 2
    assert again.find("000003/authentication/1") is None
    with pytest.raises(CaRefused, match="another CSR"):
        again.issue(request(first.transaction))
    with pytest.raises(Unsupported):
        again.issued_for(public_key(first))


def test_a_renewal_is_asked_for_as_one_where_nothing_but_the_key_changes(
    server: EstResponder, make: Callable[..., EstCa]
) -> None:
    ca, first = make(reenroll=True), request()
    old = ca.issue(first)
    ca.issue(renewing(first, old, "000001/authentication/2"))
    ca.issue(renewing(request(common_name="Balie 2"), old, "000001/authentication/3"))
    operations = [asked.path.rpartition("/")[2] for asked in server.asked if server.enrols(asked)]
    assert operations == ["simpleenroll", "simplereenroll", "simpleenroll"]


def test_a_profile_without_label_is_told_before_anything_is_asked(
    server: EstResponder, make: Callable[..., EstCa]
) -> None:
    with pytest.raises(CaUnavailable, match="no label for the certificate profile 'signature'"):
        make().issue(request(profile="signature"))
    assert server.asked == []


def test_the_chain_is_put_in_order_or_is_the_one_that_was_configured(
    server: EstResponder, make: Callable[..., EstCa], tmp_path: Path
) -> None:
    chain = [server.issuer.certificate, server.issuer.root]
    assert [load_certificate(one) for one in make().chain()] == chain
    pinned = tmp_path / "issuer.pem"
    pinned.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in chain))
    assert [load_certificate(one) for one in make(issuer=str(pinned)).chain()] == chain
    pinned.write_bytes(Issuer("Other").certificate.public_bytes(Encoding.PEM))
    with pytest.raises(CaUnavailable, match="Other Issuing CA"):
        make(issuer=str(pinned)).chain()


def test_later_means_that_the_same_request_is_asked_again_and_not_before_the_ca_wants(
    server: EstResponder, make: Callable[..., EstCa]
) -> None:
    server.wrong.extend(["pending", "pending"])
    ca, one = make(), request()
    clock = Clock(ca)
    with pytest.raises(CaUnavailable, match=r"wants to be asked for .* again after"):
        ca.issue(one)
    with pytest.raises(CaUnavailable, match="wants to be asked"):
        ca.issue(one)
    assert sum(map(server.enrols, server.asked)) == 1
    with pytest.raises(CaUnclear, match="may issue"):
        ca.find(one.transaction)
    clock.later(2)
    with pytest.raises(CaUnavailable):
        ca.issue(one)
    clock.later(4)
    judged(ca, one, ca.issue(one))
    bodies = {asked.body for asked in server.asked if server.enrols(asked)}
    assert len(bodies) == len(server.issuer.issued) == 1


def test_where_later_is_in_an_hour_nobody_waits_and_nothing_is_asked_meanwhile(
    server: EstResponder, make: Callable[..., EstCa]
) -> None:
    server.wrong.append("long")
    ca, one = make(), request()
    clock = Clock(ca)
    for ask in (ca.issue, ca.issue, lambda _: ca.find(one.transaction)):
        with pytest.raises(CaPending):
            ask(one)
    assert sum(map(server.enrols, server.asked)) == 1
    clock.later(3601)
    with pytest.raises(CaUnclear):
        ca.find(one.transaction)
    judged(ca, one, ca.issue(one))


@pytest.mark.parametrize("wrong", ["die", "mute", "fail", "rubbish", "endless", "die-before"])
def test_a_request_whose_answer_was_lost_is_not_sent_again_until_somebody_looked(
    server: EstResponder, make: Callable[..., EstCa], wrong: Wrong
) -> None:
    server.wrong.append(wrong)
    one = request()
    with pytest.raises(CaUnclear, match="may have issued"):
        make(answer_seconds=0.5 if wrong == "mute" else 20.0).issue(one)
    ca = make()
    words = f"station ca settle {one.transaction}"
    with pytest.raises(CaUnclear, match=words):
        ca.issue(one)
    with pytest.raises(CaUnclear, match=words):
        ca.find(one.transaction)
    assert sum(map(server.enrols, server.asked)) == 1
    assert ca.doubtful() == (one.transaction,)
    if server.issuer.issued:
        (made,) = server.issuer.issued
        der = made.public_bytes(Encoding.DER)
        other = ca.issue(request("000002/authentication/1"))
        with pytest.raises(CaRefused, match="another key"):
            ca.settle(one.transaction, other)
        ca.settle(one.transaction, der)
        assert ca.issue(one) == ca.find(one.transaction) == der
        judged(ca, one, der)
        assert len(server.issuer.issued) == 2
    else:
        ca.settle(one.transaction, None)
        assert ca.find(one.transaction) is None
        judged(ca, one, ca.issue(one))
        assert len(server.issuer.issued) == 1
    assert ca.doubtful() == ()
    with pytest.raises(CaRefused, match="nothing is unclear"):
        ca.settle(one.transaction, None)


def test_a_desk_that_died_while_it_asked_does_not_ask_again(
    server: EstResponder, make: Callable[..., EstCa]
) -> None:
    ca, one = make(), request()
    ca._exchanges.leaving(one)
    with pytest.raises(CaUnclear):
        make().issue(one)
    assert not any(map(server.enrols, server.asked))


def test_a_ca_that_gives_the_same_again_is_asked_again(tmp_path: Path) -> None:
    with running(EstResponder(tmp_path, {"auth": PROFILE}, repeated="same")) as server:
        server.wrong.append("die")
        options = {**server.options(), "profiles": PROFILES, "repeated": "same"}
        ca, one = EstCa(options, provision(tmp_path / "ca")), request()
        with pytest.raises(CaUnavailable, match="no whole answer"):
            ca.issue(one)
        judged(ca, one, ca.issue(one))
        assert len(server.issuer.issued) == 1
        ca.close()


def test_a_ca_that_refuses_a_second_one_is_asked_again_and_its_refusal_is_no_proof(tmp_path: Path) -> None:
    with running(EstResponder(tmp_path, {"auth": PROFILE}, repeated="refused")) as server:
        server.wrong.extend(["die", "die-before"])
        options = {**server.options(), "profiles": PROFILES, "repeated": "refused"}
        ca, one, other = EstCa(options, provision(tmp_path / "ca")), request(), request("000002/x/1")
        for each in (one, other):
            with pytest.raises(CaUnavailable, match="no whole answer"):
                ca.issue(each)
        with pytest.raises(CaUnclear, match="refuses a request whose answer was lost"):
            ca.issue(one)
        judged(ca, other, ca.issue(other))
        assert len(server.issuer.issued) == 2
        assert ca.doubtful() == (one.transaction,)
        ca.close()


def test_what_did_not_reach_the_ca_is_sent_again(server: EstResponder, make: Callable[..., EstCa]) -> None:
    ca, one = make(), request()
    server.away = True
    with pytest.raises(CaUnavailable, match="cannot be reached"):
        ca.issue(one)
    server.away = False
    server.wrong.append("busy")
    with pytest.raises(CaUnavailable, match="busy: 503 maintenance"):
        ca.issue(one)
    Clock(ca).later(2)
    judged(ca, one, ca.issue(one))
    assert len(server.issuer.issued) == 1


def test_a_refusal_is_told_in_the_cas_words_and_may_be_asked_again(
    server: EstResponder, make: Callable[..., EstCa]
) -> None:
    server.wrong.append("refuse")
    ca, one = make(), request()
    with pytest.raises(CaRefused, match="400 the registration authority does not know this subject") as told:
        ca.issue(one)
    assert not isinstance(told.value, CaUnclear)
    judged(ca, one, ca.issue(one))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [("key", "its key is not"), ("subject", "its subject is"), ("expired", "it expired on")],
)
def test_a_wrong_certificate_is_handed_on_as_it_is_to_be_put_on_record(
    server: EstResponder, make: Callable[..., EstCa], wrong: Wrong, words: str
) -> None:
    server.wrong.append(wrong)
    ca, one = make(), request()
    issued = ca.issue(one)
    with pytest.raises(WrongCertificate, match=words):
        judged(ca, one, issued)
    assert ca.find(one.transaction) == issued


def test_a_revocation_waits_until_it_is_on_the_list_of_the_ca(
    server: EstResponder, make: Callable[..., EstCa]
) -> None:
    url = server.crl_url
    bare, one = make(), request()
    issued = bare.issue(one)
    serial = load_certificate(issued).serial_number
    with pytest.raises(CaRefused, match=f"EST cannot revoke: have serial number {serial:x} revoked"):
        bare.revoke(issued, Reason.SUPERSEDED, NOW)
    with pytest.raises(Unsupported):
        bare.crl(NOW)
    ca = make(crl_url=url)
    with pytest.raises(CaRefused):
        ca.revoke(issued, Reason.SUPERSEDED, NOW)
    server.issuer.revoked[serial] = None
    ca.revoke(issued, Reason.SUPERSEDED, NOW)
    assert x509.load_der_x509_crl(ca.crl(NOW)).get_revoked_certificate_by_serial_number(serial) is not None
    server.issuer = Issuer("Another")
    with pytest.raises(CaUnavailable, match="not signed by the CA"):
        ca.revoke(issued, Reason.SUPERSEDED, NOW)


def test_only_a_server_of_the_configured_ca_is_asked_and_only_a_desk_it_knows_is_answered(
    server: EstResponder, make: Callable[..., EstCa], tmp_path: Path
) -> None:
    stranger = Issuer("Stranger")
    (tmp_path / "other.pem").write_bytes(stranger.root.public_bytes(Encoding.PEM))
    one = request()
    with pytest.raises(CaUnavailable, match="certificate verify failed") as told:
        make(trust=str(tmp_path / "other.pem")).issue(one)
    assert "not from a CA in `trust`" in (told.value.next or "")
    by_address = server.options()["url"].replace("localhost", "127.0.0.1")
    with pytest.raises(CaUnavailable, match="IP address mismatch"):
        make(url=by_address).issue(one)
    for name, content in zip(("theirs.pem", "theirs.key"), stranger.identity("Desk"), strict=True):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    for theirs in (
        {"certificate": str(tmp_path / "theirs.pem"), "key": str(tmp_path / "theirs.key")},
        {"certificate": None, "key": None},
    ):
        desk = make(**theirs)
        with pytest.raises(CaUnavailable):
            desk.issue(one)
        assert desk.doubtful() == ()
    assert server.asked == []


def test_the_key_of_the_desk_may_be_encrypted_and_must_be_private(
    server: EstResponder, make: Callable[..., EstCa], tmp_path: Path
) -> None:
    certificate, key = server.issuer.identity("Issuance desk", PIN.reveal())
    (tmp_path / "own.pem").write_bytes(certificate)
    (tmp_path / "own.key").write_bytes(key)
    (tmp_path / "own.key").chmod(0o644)
    own = {"certificate": str(tmp_path / "own.pem"), "key": str(tmp_path / "own.key")}
    with pytest.raises(Unsupported, match="others may read the desk's key"):
        make(**own)
    (tmp_path / "own.key").chmod(0o600)
    with pytest.raises(Unsupported, match="cannot be used"):
        make(Secret(b"314159"), **own)
    make(**own).chain()
    with pytest.raises(Unsupported, match="not from a PKCS#11 token"):
        make(**{**own, "key": "pkcs11:token=desk"})


def test_doctor_sees_server_certificate_and_what_is_unclear_without_a_key(
    server: EstResponder, make: Callable[..., EstCa], tmp_path: Path
) -> None:
    server.wrong.append("die")
    one, home = request(), tmp_path / "ca"
    options = {**server.options(), "profiles": PROFILES}
    found = EstCa.look(options, tmp_path / "nothing")
    assert (found.url, found.unclear) == (server.url, ())
    assert (
        found.good_until
        == x509.load_pem_x509_certificate((tmp_path / "desk.pem").read_bytes()).not_valid_after_utc
    )
    with pytest.raises(CaUnclear):
        make().issue(one)
    assert EstCa.look(options, home).unclear == (one.transaction,)
    assert not (tmp_path / "nothing").exists()
    (tmp_path / "other.pem").write_bytes(Issuer("Stranger").root.public_bytes(Encoding.PEM))
    with pytest.raises(CaUnavailable, match="not who it should be"):
        EstCa.look({**options, "trust": str(tmp_path / "other.pem")}, home)
    for name in ("trust", "certificate", "key", "issuer"):
        with pytest.raises(Unsupported, match="No such file"):
            EstCa.look({**options, name: str(tmp_path / "missing.pem")}, home)
    with pytest.raises(Unsupported, match="go together"):
        EstCa.look({name: value for name, value in options.items() if name != "key"}, home)
    with pytest.raises(Unsupported, match="its options"):
        EstCa.look({**options, "repeated": "perhaps"}, home)
    server.away = True
    with pytest.raises(CaUnavailable, match="cannot be reached"):
        EstCa.look(options, home)


def test_a_password_is_sent_only_where_it_is_configured(
    server: EstResponder, make: Callable[..., EstCa], tmp_path: Path
) -> None:
    make().chain()
    password = tmp_path / "password"
    password.write_text("geheim\n")
    password.chmod(0o600)
    make(basic={"user": "desk", "password_file": str(password)}).chain()
    assert [asked.authorization for asked in server.asked] == [None, "Basic ZGVzazpnZWhlaW0="]
    with pytest.raises(Unsupported, match="no https URL"):
        make(url=server.url.replace("https", "http"))


def test_what_is_unclear_is_in_a_backup_and_is_put_back(
    server: EstResponder, make: Callable[..., EstCa], tmp_path: Path
) -> None:
    ca, one, lost = make(), request(), request("000002/authentication/1")
    ca.chain()
    ca.issue(one)
    server.wrong.append("die")
    with pytest.raises(CaUnclear):
        ca.issue(lost)
    kept = dict(keeping.files(tmp_path / "ca"))
    shutil.rmtree(tmp_path / "ca")
    for name, content in kept.items():
        assert keeping.put_back(tmp_path / "ca", name, content)
        assert not keeping.put_back(tmp_path / "ca", name, content)
    back = make()
    assert back.find(one.transaction) == ca.issue(one)
    assert back.doubtful() == (lost.transaction,)


def test_errors_are_told_whole_across_the_pipe() -> None:
    for error in (Busy("busy", seconds=3.0), CaUnclear("unclear", next="look")):
        back = replies.load(pickle.dumps(error))
        assert isinstance(back, DriverError)
        assert str(back) == str(error)


class Clock:
    """The clock by which a driver keeps to what the CA wants."""

    def __init__(self, ca: EstCa) -> None:
        self._seconds = 0
        ca._exchanges._clock = lambda: datetime.now(UTC) + timedelta(seconds=self._seconds)

    def later(self, seconds: int) -> None:
        self._seconds = seconds
