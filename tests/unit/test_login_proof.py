"""Whose login is believed, at every edge: dates, chains, uses, revocation, and answers that come late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from batch.model.people import Means, Operator
from batch.people.anchors import FaultyAnchors, read_anchors, read_crls
from batch.people.challenges import LIFETIME, Challenge, Challenges, StaleChallenge, is_challenge
from batch.people.proof import Fault, NotProven, check_certificate, check_login, holder
from batch.people.statements import is_message, message
from drivers.errors import Unsupported
from drivers.foreign_certificates import load_certificate, spki
from drivers.personal.signing import is_signature
from simulators.bench.employer import Employer, Pair

STATION = "Certificate desk"


@pytest.fixture
def employer(tmp_path: Path) -> Employer:
    return Employer(tmp_path, "employer")


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def anchors(employer: Employer) -> tuple[x509.Certificate, ...]:
    return read_anchors([employer.anchor])


def now() -> datetime:
    return datetime.now(UTC)


def refused(
    certificate: bytes,
    trusted: tuple[x509.Certificate, ...],
    at: datetime | None = None,
    crls: tuple[x509.CertificateRevocationList, ...] | None = None,
) -> Fault:
    with pytest.raises(NotProven) as error:
        check_certificate(certificate, trusted, at or now(), crls)
    assert error.value.next
    return error.value.fault


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def made(
    issuer: x509.Certificate,
    issuing_key: ec.EllipticCurvePrivateKey,
    *extensions: x509.ExtensionType,
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A certificate of one's own making."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(named("olga"))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(issuing_key, hashes.SHA256()), key


SIGNS = x509.KeyUsage(True, False, False, False, False, False, False, False, False)


def test_a_certificate_holds_from_its_first_to_its_last_second(employer: Employer) -> None:
    certificate = employer.issue("olga", "good", agrees=False).certificate
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    trusted, second = anchors(employer), timedelta(seconds=1)
    for at in (begin, end):
        assert check_certificate(der(certificate), trusted, at).subject == certificate.subject
    assert refused(der(certificate), trusted, begin - second) is Fault.NOT_YET_VALID
    assert refused(der(certificate), trusted, end + second) is Fault.EXPIRED


def test_only_a_configured_ca_is_believed(employer: Employer, tmp_path: Path) -> None:
    stranger = Employer(tmp_path, "stranger")
    (tmp_path / "double").mkdir()
    double = Employer(tmp_path / "double", "employer")
    own = employer.issue("olga", "good", agrees=False).certificate
    for other in (stranger, double):
        foreign = other.issue("olga", "good", agrees=False).certificate
        assert refused(der(foreign), anchors(employer)) is Fault.ANOTHER_CA
    assert refused(der(own), ()) is Fault.ANOTHER_CA
    assert check_certificate(der(own), (*anchors(stranger), *anchors(double), *anchors(employer)), now())


def test_an_operator_issues_no_operators(employer: Employer) -> None:
    operator = employer.issue("olga", "good", agrees=False)
    issued, _ = made(operator.certificate, operator.key, SIGNS)
    assert refused(der(issued), (*anchors(employer), operator.certificate)) is Fault.ANOTHER_CA
    # Nor does one whose certificate claims half of what makes a CA.
    claims = x509.KeyUsage(True, False, False, False, False, True, False, False, False)
    for half in (
        (claims,),
        (claims, x509.BasicConstraints(False, None)),
        (SIGNS, x509.BasicConstraints(True, None)),
    ):
        claiming, key = made(operator.certificate, operator.key, *half)
        issued, _ = made(claiming, key, SIGNS)
        assert refused(der(issued), (claiming,)) is Fault.ANOTHER_CA


def test_a_certificate_for_something_else_does_not_log_in(employer: Employer) -> None:
    assert refused(der(employer.issue("olga", "good", agrees=True).certificate), anchors(employer)) is (
        Fault.WRONG_USAGE
    )
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = (
        x509.CertificateBuilder()
        .subject_name(named("CA"))
        .issuer_name(named("CA"))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=9))
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .sign(key, hashes.SHA256())
    )
    mail = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
    log_in = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.CLIENT_AUTH])
    for extensions, good in (((), False), ((SIGNS, mail), False), ((SIGNS, log_in), True), ((SIGNS,), True)):
        certificate, _ = made(issuer, key, *extensions)
        if good:
            assert check_certificate(der(certificate), (issuer,), now())
        else:
            assert refused(der(certificate), (issuer,)) is Fault.WRONG_USAGE


def test_revocation_lists_are_believed_when_they_are_up_to_date(employer: Employer, tmp_path: Path) -> None:
    good = employer.issue("olga", "good", agrees=False).certificate
    barred = employer.issue("pim", "revoked", agrees=False).certificate
    other = employer.issue("ine", "revoked", agrees=False).certificate
    lists, trusted = read_crls([employer.crl]), anchors(employer)
    assert check_certificate(der(good), trusted, now(), lists)
    for certificate in (barred, other):
        assert refused(der(certificate), trusted, crls=lists) is Fault.REVOKED
        assert check_certificate(der(certificate), trusted, now(), None)
    assert refused(der(good), trusted, crls=()) is Fault.NO_REVOCATION_LIST
    (tmp_path / "double").mkdir()
    double = read_crls([Employer(tmp_path / "double", "employer").crl])
    assert refused(der(good), trusted, crls=double) is Fault.NO_REVOCATION_LIST
    (ended,) = (one.next_update_utc for one in lists)
    assert ended is not None
    late = ended - timedelta(days=1)
    assert refused(der(good), trusted, late + timedelta(days=2), lists) in (
        Fault.NO_REVOCATION_LIST,
        Fault.EXPIRED,
    )


def test_a_token_is_its_operators_by_the_certificate_they_are_registered_with(employer: Employer) -> None:
    olga, pim, eva = (employer.issue(name, "good", agrees=False) for name in ("olga", "pim", "eva"))

    def registered(name: str, pair: Pair, key: bytes | None = None) -> Operator:
        certificate = der(pair.certificate)
        own = spki(load_certificate(certificate))
        return Operator(name, frozenset(), Means.TOKEN, key or own, None, certificate, now())

    known = [registered("olga", olga), registered("pim", pim)]
    assert holder(known, der(pim.certificate)).name == "pim"
    renewed = registered("olga", olga, spki(load_certificate(der(eva.certificate))))
    for operators, said in ((known, "no operator is registered"), ([renewed], "though its key is")):
        with pytest.raises(NotProven, match=said) as refused:
            holder(operators, der(eva.certificate))
        assert refused.value.fault is Fault.NOBODY
    passphrase = Operator("ine", frozenset(), Means.PASSPHRASE, b"key", None, None, now())
    with pytest.raises(NotProven, match="no operator is registered"):
        holder([passphrase], b"")


def test_what_cannot_be_read_is_refused(employer: Employer) -> None:
    for broken in (b"", b"\x30\x03\x02\x01\x00", b"x" * 100_000):
        assert refused(broken, anchors(employer)) is Fault.UNREADABLE


def test_a_challenge_is_answered_once_and_soon(employer: Employer) -> None:
    challenges, pair = Challenges(STATION), employer.issue("olga", "good", agrees=False)

    def answered(challenge: Challenge, at: datetime) -> None:
        signature = pair.key.sign(challenge.text, ec.ECDSA(hashes.SHA256()))
        check_login(challenges, challenge, signature, der(pair.certificate), anchors(employer), at)

    at = now()
    answered(challenges.ask("olga", at), at + LIFETIME)
    for wrong in (LIFETIME + timedelta(seconds=1), timedelta(seconds=-1)):
        late = challenges.ask("olga", at)
        with pytest.raises(StaleChallenge, match="within 120 seconds"):
            answered(late, at + wrong)
        with pytest.raises(StaleChallenge, match="answered before"):
            answered(late, at)
    with pytest.raises(StaleChallenge, match="nobody asked"):
        answered(Challenge(STATION, "olga", at, bytes(32)), at)
    asked = challenges.ask("olga", at)
    with pytest.raises(StaleChallenge, match="nobody asked"):
        answered(Challenge(STATION, "pim", at, asked.nonce), at)


def test_a_challenge_names_station_operator_and_time(employer: Employer) -> None:
    at = now()
    text = Challenges(STATION).ask("olga", at).text
    assert is_challenge(text)
    assert not is_message(text)
    assert not is_challenge(message(text))
    other = Challenge(STATION, "olga", at, bytes(32))
    for differing in (
        Challenge("Other desk", "olga", at, bytes(32)),
        Challenge(STATION, 'olga","purpose":"x', at, bytes(32)),
        Challenge(STATION, "olga", at + timedelta(seconds=1), bytes(32)),
        Challenge(STATION, "olga", at, bytes(31) + b"\1"),
    ):
        assert differing.text != other.text


def test_a_signature_with_a_key_of_an_unknown_kind_is_not_believed() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import PublicFormat

    key = Ed25519PrivateKey.generate()
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for odd in (spki, b"no key"):
        with pytest.raises(Unsupported):
            is_signature(odd, b"text", key.sign(b"text"))


def test_files_of_anchors_are_read_whole_or_refused(employer: Employer, tmp_path: Path) -> None:
    anchor = x509.load_pem_x509_certificate(employer.anchor.read_bytes())
    binary, several = tmp_path / "ca.der", tmp_path / "several.pem"
    binary.write_bytes(der(anchor))
    several.write_bytes(employer.anchor.read_bytes() * 2)
    assert read_anchors([binary, several]) == (anchor, anchor, anchor)
    (tmp_path / "person.der").write_bytes(der(employer.issue("olga", "good", agrees=False).certificate))
    (tmp_path / "broken.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n")
    for name, said in (("person.der", "no CA"), ("broken.pem", "cannot be read"), ("none", "cannot be read")):
        with pytest.raises(FaultyAnchors, match=said) as error:
            read_anchors([tmp_path / name])
        assert error.value.where == str(tmp_path / name)


def test_a_list_that_does_not_tell_of_all_is_refused(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    partial = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(named("CA"))
        .last_update(now())
        .next_update(now() + timedelta(days=1))
        .add_extension(x509.DeltaCRLIndicator(1), critical=True)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "delta.crl").write_bytes(partial.public_bytes(Encoding.DER))
    with pytest.raises(FaultyAnchors, match="does not tell of all"):
        read_crls([tmp_path / "delta.crl"])
