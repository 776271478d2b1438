"""A CA behind EJBCA's REST interface, over real TLS on loopback: whatever it issued is found again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from batch.production.certificates import WrongCertificate
from drivers.authorities.port import Reason
from drivers.authorities.remote.ejbca import EjbcaCa
from drivers.errors import CaPending, CaRefused, CaUnavailable, CaUnclear, Unsupported
from drivers.foreign_certificates import load_certificate
from simulators.responders.ejbca import CA, EjbcaResponder
from simulators.responders.issuing import Issuer
from simulators.responders.server import Wrong, running
from tests.contract.elsewhere import PROFILE, judged, provision, public_key, request

NOW = request().template.not_before
NAMES = {"certificate_profile": "SmartcardAuth", "end_entity_profile": "Groups"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EjbcaResponder]:
    with running(EjbcaResponder(tmp_path, {"SmartcardAuth": PROFILE})) as responder:
        assert isinstance(responder, EjbcaResponder)
        yield responder


@pytest.fixture
def make(server: EjbcaResponder, tmp_path: Path) -> Iterator[Callable[..., EjbcaCa]]:
    """Makes the desk's side anew, as after a crash; `directory` is another one's, as after a disaster."""
    made: list[EjbcaCa] = []

    def desk(directory: str = "ca", **more: Any) -> EjbcaCa:
        named = {"ca": CA, "station": "desk-1", "profiles": {"authentication": NAMES}}
        options = {**server.options(), **named, "answer_seconds": 20.0, "doubt_seconds": 0, **more}
        made.append(EjbcaCa(options, provision(tmp_path / directory)))
        return made[-1]

    yield desk
    for one in made:
        one.close()


def enrolments(server: EjbcaResponder) -> list[dict[str, Any]]:
    return [json.loads(asked.body) for asked in server.asked if server.enrols(asked)]


def test_a_certificate_is_issued_by_the_cas_own_profiles_to_an_end_entity_of_its_own(
    server: EjbcaResponder, make: Callable[..., EjbcaCa]
) -> None:
    ca, one, other = make(), request(), request("000002/authentication/1")
    issued = ca.issue(one)
    judged(ca, one, issued)
    judged(ca, other, ca.issue(other))
    first, second = enrolments(server)
    assert {name: first[f"{name}_name"] for name in NAMES} == NAMES
    assert (first["certificate_authority_name"], first["username"]) == (CA, "desk-1-000001-authentication-1")
    assert second["username"] == "desk-1-000002-authentication-1"
    assert len({first["password"], second["password"]}) == 2
    assert make().issue(one) == make().find(one.transaction) == issued
    assert len(server.issuer.issued) == 2
    with pytest.raises(CaRefused, match="another CSR"):
        ca.issue(request(one.transaction))
    with pytest.raises(CaUnavailable, match="no profiles for the certificate profile 'signature'"):
        ca.issue(request("000003/signature/1", profile="signature"))


@pytest.mark.parametrize("wrong", ["die", "mute", "fail", "rubbish"])
def test_what_was_issued_and_never_came_is_found_and_not_asked_for_again(
    server: EjbcaResponder, make: Callable[..., EjbcaCa], wrong: Wrong
) -> None:
    server.wrong.append(wrong)
    one = request()
    with pytest.raises(CaUnavailable, match="answer") as told:
        make(answer_seconds=0.5 if wrong == "mute" else 20.0).issue(one)
    assert not isinstance(told.value, CaUnclear)
    assert "looked for at the CA as desk-1-000001-authentication-1" in str(told.value)
    ca = make()
    (made,) = server.issuer.issued
    der = made.public_bytes(Encoding.DER)
    assert ca.issue(one) == ca.find(one.transaction) == der
    assert ca.issued_for(public_key(one)) == (der,)
    judged(ca, one, der)
    assert len(enrolments(server)) == 1


def test_a_ca_that_may_still_be_at_work_is_not_asked_again_before_it_had_its_time(
    server: EjbcaResponder, make: Callable[..., EjbcaCa]
) -> None:
    server.wrong.append("die-before")
    patient, one = make(doubt_seconds=600), request()
    with pytest.raises(CaUnavailable):
        patient.issue(one)
    for ask in (patient.issue, lambda _: patient.find(one.transaction)):
        with pytest.raises(CaUnavailable, match="may still be at work"):
            ask(one)
    assert len(enrolments(server)) == 1
    server.late()
    judged(patient, one, patient.issue(one))
    assert len(enrolments(server)) == len(server.issuer.issued) == 1


def test_what_surely_was_not_issued_is_asked_for_once_more_and_a_second_one_is_noticed(
    server: EjbcaResponder, make: Callable[..., EjbcaCa]
) -> None:
    server.wrong.append("die-before")
    ca, one = make(), request()
    with pytest.raises(CaUnavailable):
        ca.issue(one)
    assert ca.find(one.transaction) is None
    issued = ca.issue(one)
    assert ca.issued_for(public_key(one)) == (issued,)
    server.late()
    first, second = ca.issued_for(public_key(one))
    assert first == issued
    assert load_certificate(second) == server.issuer.issued[1]
    assert ca.issue(one) == issued
    assert ca.issued_for(public_key(request())) == ()


def test_a_desk_that_lost_all_it_knew_finds_what_was_issued(
    server: EjbcaResponder, make: Callable[..., EjbcaCa]
) -> None:
    one = request()
    issued = make().issue(one)
    bare = make("other")
    assert bare.find(one.transaction) == issued
    assert bare.find("000009/authentication/1") is None
    assert bare.issue(one) == issued
    assert len(server.issuer.issued) == 1
    with pytest.raises(CaUnavailable, match="not of this desk's making"):
        make("third").issue(request(one.transaction))


def test_what_did_not_reach_the_ca_and_what_it_refuses_may_be_asked_again(
    server: EjbcaResponder, make: Callable[..., EjbcaCa]
) -> None:
    ca, one = make(doubt_seconds=600), request()
    server.away = True
    with pytest.raises(CaUnavailable, match="cannot be reached"):
        ca.issue(one)
    server.away = False
    server.wrong.append("refuse")
    with pytest.raises(CaRefused, match="400 the end entity profile does not allow this subject"):
        ca.issue(one)
    judged(ca, one, ca.issue(one))
    later_words: dict[Wrong, str] = {"busy": "503 maintenance", "pending": "202 Waiting for approval"}
    for wrong, words in later_words.items():
        server.wrong.append(wrong)
        later = request(f"000002/{wrong}/1")
        with pytest.raises(CaPending if wrong == "pending" else CaUnavailable, match=words):
            ca.issue(later)
        with pytest.raises(CaUnavailable, match="wants to be asked"):
            ca.issue(later)
    assert len(server.issuer.issued) == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [("key", "its key is not"), ("subject", "its subject is"), ("expired", "it expired on")],
)
def test_a_wrong_certificate_is_handed_on_as_it_is_to_be_put_on_record(
    server: EjbcaResponder, make: Callable[..., EjbcaCa], wrong: Wrong, words: str
) -> None:
    server.wrong.append(wrong)
    ca, one = make(), request()
    with pytest.raises(WrongCertificate, match=words):
        judged(ca, one, ca.issue(one))


def test_a_certificate_is_revoked_once_and_is_on_the_list(
    server: EjbcaResponder, make: Callable[..., EjbcaCa]
) -> None:
    ca, one = make(create_crl=True), request()
    issued = ca.issue(one)
    serial = load_certificate(issued).serial_number
    ca.revoke(issued, Reason.PRIVILEGE_WITHDRAWN, NOW)
    ca.revoke(issued, Reason.KEY_COMPROMISE, NOW)
    assert server.issuer.revoked == {serial: x509.ReasonFlags.privilege_withdrawn}
    listed = x509.load_der_x509_crl(ca.crl(NOW))
    assert [entry.serial_number for entry in listed] == [serial]
    with pytest.raises(CaRefused, match="not from this CA"):
        ca.revoke(Issuer("Other").certificate.public_bytes(Encoding.DER), Reason.SUPERSEDED, NOW)
    with pytest.raises(Unsupported):
        ca.ocsp(b"", NOW)
    assert ca.doubtful() == ()


def test_the_chain_is_that_of_the_ca_that_is_named(
    server: EjbcaResponder, make: Callable[..., EjbcaCa], tmp_path: Path
) -> None:
    chain = [server.issuer.certificate, server.issuer.root]
    assert [load_certificate(one) for one in make().chain()] == chain
    with pytest.raises(CaUnavailable, match="there is no CA 'Other'; there are: Issuing"):
        make(ca="Other").chain()
    pinned = tmp_path / "issuer.pem"
    pinned.write_bytes(Issuer("Other").certificate.public_bytes(Encoding.PEM))
    with pytest.raises(CaUnavailable, match="does not show 'CN=Other Issuing CA'"):
        make(issuer=str(pinned)).chain()
