"""Whether an operator's certificate was revoked is asked where it says; an independent PKI answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography import x509

from batch.people.proof import Fault, NotProven, check_certificate
from drivers.process import Child
from station.config import Operators
from station.operators_seat import OperatorsSeat
from tests.contract.independent_pki import Pki, independent_pki


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pki]:
    with independent_pki(tmp_path_factory.mktemp("office")) as made:
        yield made


@pytest.fixture
def pki(office: Pki) -> Iterator[Pki]:
    office.asked.clear()
    yield office
    office.instead = None


def check(pki: Pki, name: str, later: timedelta = timedelta(0)) -> None:
    root = x509.load_der_x509_certificate(pki.certificate("root"))
    check_certificate(pki.certificate(name), [root], pki.now + later, online=True)


def refused(pki: Pki, name: str, later: timedelta = timedelta(0)) -> NotProven:
    with pytest.raises(NotProven) as error:
        check(pki, name, later)
    return error.value


@pytest.mark.parametrize("where", ["ocsp", "list", "ocsp+list", "forged+list"])
def test_a_good_certificate_is_believed_and_a_revoked_one_is_not(pki: Pki, where: str) -> None:
    check(pki, f"{where}-good")
    said = refused(pki, f"{where}-revoked")
    assert said.fault is Fault.REVOKED
    assert "revoked on 2024-01-01 00:00 UTC" in said.what


def test_the_list_is_fetched_only_where_no_responder_can_be_relied_on(pki: Pki) -> None:
    check(pki, "ocsp+list-good")
    assert pki.asked == ["/office/ocsp/ocsp"]
    pki.asked.clear()
    check(pki, "forged+list-good")
    assert pki.asked == ["/office/ocsp/forged", "/office/crls/list/latest.crl"]


def test_an_answer_that_nobody_signed_for_the_ca_says_nothing(pki: Pki) -> None:
    said = refused(pki, "forged-good")
    assert said.fault is Fault.NO_REVOCATION_LIST
    assert "/office/ocsp/forged: the answer is not signed by the CA, nor for it" in said.what
    assert "the certificate names no revocation list" in said.what


def test_a_certificate_that_says_nothing_is_not_believed(pki: Pki) -> None:
    assert refused(pki, "nowhere-good").fault is Fault.NO_REVOCATION_LIST
    assert pki.asked == []


def test_an_answer_and_a_list_of_last_year_say_nothing(pki: Pki) -> None:
    year = timedelta(days=365)
    assert "the answer is of" in refused(pki, "ocsp-good", year).what
    assert "is out of date" in refused(pki, "list-good", year).what


def repeated(pki: Pki) -> Callable[..., Iterable[bytes]]:
    """The first answer to everybody."""
    kept: list[bytes] = []

    def again(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if not kept:
            kept.append(b"".join(pki.animator(environ, lambda *_: None)))
        start("200 OK", [])
        return kept

    return again


def test_an_answer_given_before_is_not_taken_again(pki: Pki) -> None:
    pki.instead = repeated(pki)
    check(pki, "ocsp-good")
    said = refused(pki, "ocsp-good")
    assert said.fault is Fault.NO_REVOCATION_LIST
    assert "the answer is one to another question" in said.what


def test_an_answer_about_somebody_else_is_not_taken(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many responders leave out what tells answers from each other, so that they can be made beforehand."""
    monkeypatch.setattr("drivers.authorities.revocation_status._check_nonce", lambda *_: None)
    pki.instead = repeated(pki)
    check(pki, "ocsp-good")
    assert "the answer is about another certificate" in refused(pki, "ocsp-revoked").what


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        ("503 Service Unavailable", [b""], "it answers 503"),
        ("200 OK", [b"<html>maintenance</html>"], "cannot be read"),
        ("200 OK", [b"\0" * 1024] * 100, "the answer has more than 65,536 bytes"),
    ],
)
def test_a_responder_that_fails_is_told_by_its_address(
    pki: Pki, status: str, body: list[bytes], told: str
) -> None:
    def fail(_environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start(status, [])
        return body

    pki.instead = fail
    said = refused(pki, "ocsp-good")
    assert said.fault is Fault.NO_REVOCATION_LIST
    assert f"{pki.url}/office/ocsp/ocsp: " in said.what
    assert told in said.what


def test_where_nobody_answers_the_certificate_is_not_believed(tmp_path: Path) -> None:
    with independent_pki(tmp_path) as gone:
        pass
    said = refused(gone, "ocsp+list-good")
    assert said.fault is Fault.NO_REVOCATION_LIST
    assert said.what.count("no answer") == 2


@pytest.mark.parametrize("online", [True, False])
def test_the_operators_seat_asks_where_the_configuration_says_so(
    pki: Pki, online: bool, tmp_path: Path
) -> None:
    anchor = tmp_path / "office.der"
    anchor.write_bytes(pki.certificate("root"))
    operators = Operators(driver="piv", anchors=(str(anchor),), online=online)
    # Its process has the token, which a certificate is not asked of.
    seat = OperatorsSeat(operators, cast("Child", None))
    if online:
        with pytest.raises(NotProven, match="was revoked"):
            seat.check(pki.certificate("ocsp-revoked"), pki.now)
    else:
        seat.check(pki.certificate("ocsp-revoked"), pki.now)
    assert len(pki.asked) == online
