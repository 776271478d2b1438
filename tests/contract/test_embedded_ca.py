"""The embedded CA with its key in SoftHSM; certificates and CRLs are judged by openssl."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from drivers import errors
from drivers.authorities.certificates import name
from drivers.authorities.port import CertificateRequest, CertificateTemplate, KeyUsage, Provision, Reason
from drivers.pkcs11 import softhsm
from drivers.process import Child
from drivers.secret import Secret
from tests.contract.linting import lint

PIN, SO_PIN = Secret(b"271828"), Secret(b"31415926")
NOW = datetime.now(UTC).replace(microsecond=0)
CRL_URL = "http://crl.example.nl/ca.crl"
TEMPLATE = CertificateTemplate(
    subject=(
        ("2.5.4.6", "NL"),
        ("2.5.4.10", "Justitiële Dienst"),
        ("2.5.4.97", "NTRNL-12345678"),
        ("2.5.4.11", "Groep 7"),
        ("2.5.4.5", "0042"),
        ("2.5.4.3", "Groepscertificaat Zuid"),
    ),
    key_usage=frozenset({KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT}),
    not_before=NOW - timedelta(minutes=5),
    not_after=NOW + timedelta(days=365),
    extended_usage=("1.3.6.1.5.5.7.3.2",),
    policies=("2.16.528.1.1003.1.2.5.4",),
    emails=("groep@example.nl",),
    uris=("urn:group:7",),
)


class Ca:
    """A CA in its child process, with the means to start it again."""

    def __init__(self, tmp_path: Path, **more: Any) -> None:
        self.directory = tmp_path / "ca"
        self.environment = softhsm.prepare(tmp_path / "keys")
        self.options = {
            "key": "Test CA",
            "subject": [["2.5.4.6", "NL"], ["2.5.4.10", "Example"], ["2.5.4.3", "Test CA"]],
            "crl_urls": [CRL_URL],
            **more,
        }
        self.provision = Provision(softhsm.module(), "CA", PIN, self.directory)
        period = (NOW - timedelta(days=1), NOW + timedelta(days=3650))
        self.create: Callable[[], Child] = lambda: self._child("EmbeddedCa.create", SO_PIN, *period)
        self.child = self.create()
        (self.chain,) = self.child.ask("chain")

    def _child(self, what: str, *arguments: object) -> Child:
        given = (self.options, self.provision, *arguments)
        return Child("ca", f"drivers.authorities.embedded:{what}", given, environment=self.environment)

    def again(self) -> Child:
        """Another process of the same CA."""
        return self._child("EmbeddedCa")


@pytest.fixture
def ca(tmp_path: Path) -> Iterator[Ca]:
    made = Ca(tmp_path)
    yield made
    made.child.close()


def request(
    transaction: str = "t-1", template: CertificateTemplate = TEMPLATE, key: Any = None
) -> CertificateRequest:
    holder = key or ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder().subject_name(name(template.subject))
    csr = builder.sign(holder, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    return CertificateRequest(transaction, csr, template)


def openssl(directory: Path, *command: str, **files: bytes) -> str:
    """What openssl says of DER files, given by name as PEM."""
    for file, der in files.items():
        kind = "crl" if file.startswith("crl") else "x509"
        convert = ["openssl", kind, "-inform", "DER", "-out", str(directory / f"{file}.pem")]
        subprocess.run(convert, input=der, check=True, capture_output=True)
    done = subprocess.run(["openssl", *command], cwd=directory, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_openssl_finds_the_ca_certificate_as_rfc_5280_wants_it(ca: Ca, tmp_path: Path) -> None:
    text = openssl(tmp_path, "x509", "-in", "ca.pem", "-noout", "-text", ca=ca.chain)
    assert "CA:TRUE, pathlen:0" in text
    assert "Certificate Sign, CRL Sign" in text
    assert "X509v3 Subject Key Identifier" in text
    assert "ca.pem: OK" in openssl(tmp_path, "verify", "-x509_strict", "-CAfile", "ca.pem", "ca.pem")


def test_openssl_accepts_an_issued_certificate_with_exactly_the_templates_content(
    ca: Ca, tmp_path: Path
) -> None:
    der = ca.child.ask("issue", request())
    shown = ("-noout", "-text", "-nameopt", "oneline,space_eq")
    text = openssl(tmp_path, "x509", "-in", "leaf.pem", *shown, leaf=der, ca=ca.chain)
    for line in (
        "organizationIdentifier = NTRNL-12345678",
        "Digital Signature, Key Agreement",
        "TLS Web Client Authentication",
        "Policy: 2.16.528.1.1003.1.2.5.4",
        "email:groep@example.nl, URI:urn:group:7",
        f"URI:{CRL_URL}",
        "CA:FALSE",
    ):
        assert line in text
    strict = ("verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", "ca.pem", "leaf.pem")
    assert "leaf.pem: OK" in openssl(tmp_path, *strict)
    issued = x509.load_der_x509_certificate(der)
    assert issued.subject == name(TEMPLATE.subject)
    assert {extension.oid.dotted_string for extension in issued.extensions} == {
        *("2.5.29.14", "2.5.29.15", "2.5.29.17", "2.5.29.19"),
        *("2.5.29.31", "2.5.29.32", "2.5.29.35", "2.5.29.37"),
    }
    assert (issued.not_valid_before_utc, issued.not_valid_after_utc) == (
        TEMPLATE.not_before,
        TEMPLATE.not_after,
    )


def test_openssl_finds_the_issuer_and_the_ocsp_responder_where_the_configuration_says(tmp_path: Path) -> None:
    issuer, responder = "http://pki.example.nl/test-ca.crt", "http://ocsp.example.nl/"
    made = Ca(tmp_path, issuer_urls=[issuer], ocsp_urls=[responder])
    try:
        text = openssl(
            tmp_path, "x509", "-in", "leaf.pem", "-noout", "-text", leaf=made.child.ask("issue", request())
        )
    finally:
        made.child.close()
    assert f"CA Issuers - URI:{issuer}" in text
    assert f"OCSP - URI:{responder}" in text


def test_serial_numbers_are_random_positive_and_short_enough(ca: Ca) -> None:
    serials = [
        x509.load_der_x509_certificate(ca.child.ask("issue", request(f"t-{number}"))).serial_number
        for number in range(8)
    ]
    assert len(set(serials)) == len(serials)
    assert all(0 < serial < 1 << 159 for serial in serials)
    assert max(serials) > 1 << 64


def test_a_lost_answer_is_found_again_after_the_ca_was_killed(ca: Ca) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    first = ca.child.ask("issue", request(key=key))
    ca.child.kill()
    fresh = ca.again()
    assert fresh.ask("find", "t-1") == first
    assert fresh.ask("find", "t-2") is None
    assert fresh.ask("issue", request(key=key)) == first
    fresh.close()


def test_nothing_is_ever_unclear_of_a_ca_that_keeps_its_own_records(ca: Ca) -> None:
    ca.child.ask("issue", request())
    assert ca.child.ask("doubtful") == ()
    with pytest.raises(errors.CaRefused, match="nothing is unclear about t-1"):
        ca.child.ask("settle", "t-1", None)


def test_every_certificate_of_a_key_is_found_by_the_key(ca: Ca) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert ca.child.ask("issued_for", spki) == ()
    first = ca.child.ask("issue", request("t-1", key=key))
    assert ca.child.ask("issue", request("t-1", key=key)) == first
    assert ca.child.ask("issued_for", spki) == (first,)
    ca.child.kill()
    fresh = ca.again()
    second = fresh.ask("issue", request("t-2", key=key))
    fresh.ask("issue", request("t-3"))
    assert fresh.ask("issued_for", spki) == (first, second)
    fresh.close()


def test_a_transaction_is_never_answered_for_another_key_or_subject(ca: Ca) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    ca.child.ask("issue", request(key=key))
    with pytest.raises(errors.CaRefused, match="another key"):
        ca.child.ask("issue", request())
    other = replace(TEMPLATE, subject=(("2.5.4.3", "Somebody else"),))
    with pytest.raises(errors.CaRefused, match="subject"):
        ca.child.ask("issue", request(template=other, key=key))


def test_without_proof_of_possession_there_is_no_certificate(ca: Ca) -> None:
    good = request()
    forged = bytearray(good.csr)
    forged[-1] ^= 1
    with pytest.raises(errors.CaRefused, match="possession"):
        ca.child.ask("issue", replace(good, csr=bytes(forged)))
    with pytest.raises(errors.CaRefused):
        ca.child.ask("issue", replace(good, csr=b"no CSR"))
    assert ca.child.ask("find", "t-1") is None


def test_a_csr_for_another_subject_is_refused(ca: Ca) -> None:
    asked = request(template=replace(TEMPLATE, subject=(("2.5.4.3", "Mallory"),)))
    with pytest.raises(errors.CaRefused, match="Mallory"):
        ca.child.ask("issue", replace(asked, template=TEMPLATE))


@pytest.mark.parametrize(
    ("not_before", "not_after"),
    [
        (NOW - timedelta(days=2), NOW + timedelta(days=1)),
        (NOW, NOW + timedelta(days=4000)),
        (NOW + timedelta(days=2), NOW + timedelta(days=1)),
    ],
)
def test_no_certificate_outlives_its_ca(ca: Ca, not_before: datetime, not_after: datetime) -> None:
    beyond = replace(TEMPLATE, not_before=not_before, not_after=not_after)
    with pytest.raises(errors.CaRefused, match="validity"):
        ca.child.ask("issue", request(template=beyond))


def test_a_csr_signed_with_rsa_pss_is_taken(ca: Ca) -> None:
    key = rsa.generate_private_key(65537, 2048)
    builder = x509.CertificateSigningRequestBuilder().subject_name(name(TEMPLATE.subject))
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    csr = builder.sign(key, hashes.SHA256(), rsa_padding=pss).public_bytes(serialization.Encoding.DER)
    issued = x509.load_der_x509_certificate(ca.child.ask("issue", CertificateRequest("t-1", csr, TEMPLATE)))
    assert issued.public_key() == key.public_key()


def test_a_pss_ca_is_accepted_by_openssl_for_certificates_and_crls(tmp_path: Path) -> None:
    ca = Ca(tmp_path, algorithm="rsa-2048", scheme="rsa-pss-sha256")
    leaf, crl = ca.child.ask("issue", request()), ca.child.ask("crl", NOW)
    check = ("verify", "-CAfile", "ca.pem", "-crl_check", "-CRLfile", "crl.pem", "leaf.pem")
    assert "leaf.pem: OK" in openssl(tmp_path, *check, leaf=leaf, ca=ca.chain, crl=crl)
    assert "rsassaPss" in openssl(tmp_path, "x509", "-in", "leaf.pem", "-noout", "-text")
    ca.child.close()


def test_openssl_rejects_a_certificate_once_it_is_on_the_crl(ca: Ca, tmp_path: Path) -> None:
    leaf, other = ca.child.ask("issue", request("t-1")), ca.child.ask("issue", request("t-2"))
    ca.child.ask("revoke", leaf, Reason.KEY_COMPROMISE, NOW)
    crl = ca.child.ask("crl", NOW)
    files = {"leaf": leaf, "other": other, "ca": ca.chain, "crl": crl}
    check = ("verify", "-CAfile", "ca.pem", "-crl_check", "-CRLfile", "crl.pem")
    assert "certificate revoked" in openssl(tmp_path, *check, "leaf.pem", **files)
    assert "other.pem: OK" in openssl(tmp_path, *check, "other.pem")
    text = openssl(tmp_path, "crl", "-in", "crl.pem", "-noout", "-text", "-CAfile", "ca.pem")
    assert "verify OK" in text
    assert "Key Compromise" in text
    assert "X509v3 Authority Key Identifier" in text


def test_the_first_date_and_reason_of_a_revocation_stay(ca: Ca) -> None:
    leaf = ca.child.ask("issue", request())
    ca.child.ask("revoke", leaf, Reason.SUPERSEDED, NOW - timedelta(hours=2))
    ca.child.ask("revoke", leaf, Reason.KEY_COMPROMISE, NOW)
    ca.child.kill()
    fresh = ca.again()
    fresh.ask("revoke", leaf, Reason.UNSPECIFIED, NOW)
    (entry,) = x509.load_der_x509_crl(fresh.ask("crl", NOW))
    assert entry.revocation_date_utc == NOW - timedelta(hours=2)
    reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    assert reason is x509.ReasonFlags.superseded
    fresh.close()


def test_an_unspecified_reason_is_left_out(ca: Ca) -> None:
    leaf = ca.child.ask("issue", request())
    ca.child.ask("revoke", leaf, Reason.UNSPECIFIED, NOW)
    (entry,) = x509.load_der_x509_crl(ca.child.ask("crl", NOW))
    assert len(entry.extensions) == 0


def test_crl_numbers_only_rise_also_between_processes(ca: Ca) -> None:
    other = ca.again()
    crls = [child.ask("crl", NOW) for child in (ca.child, other, ca.child)]
    ca.child.kill()
    crls.append(other.ask("crl", NOW))
    numbers = [
        x509.load_der_x509_crl(crl).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        for crl in crls
    ]
    assert numbers == [1, 2, 3, 4]
    other.close()


def test_no_crl_is_older_than_the_one_before_even_by_a_clock_that_was_put_back(ca: Ca) -> None:
    first, second, third = (
        x509.load_der_x509_crl(ca.child.ask("crl", at))
        for at in (NOW, NOW - timedelta(hours=1), NOW + timedelta(hours=1))
    )
    assert second.last_update_utc == first.last_update_utc
    assert second.next_update_utc == first.next_update_utc
    assert third.last_update_utc > second.last_update_utc


def test_a_revocation_in_another_process_is_on_the_next_crl(ca: Ca) -> None:
    leaf = ca.child.ask("issue", request())
    other = ca.again()
    other.ask("revoke", leaf, Reason.SUPERSEDED, NOW)
    other.close()
    assert len(x509.load_der_x509_crl(ca.child.ask("crl", NOW))) == 1


def test_a_line_torn_by_a_crash_costs_no_other_revocation(ca: Ca) -> None:
    leaves = [ca.child.ask("issue", request(f"t-{number}")) for number in range(2)]
    ca.child.ask("revoke", leaves[0], Reason.SUPERSEDED, NOW)
    with (ca.directory / "revoked.jsonl").open("ab") as ledger:
        ledger.write(b'{"serial": "12')
    fresh = ca.again()
    fresh.ask("revoke", leaves[1], Reason.SUPERSEDED, NOW)
    fresh.close()
    assert len(x509.load_der_x509_crl(ca.child.ask("crl", NOW))) == 2


def test_a_damaged_ledger_stops_the_crl(ca: Ca) -> None:
    (ca.directory / "revoked.jsonl").write_bytes(b"nonsense\n")
    with pytest.raises(errors.CaUnavailable, match="damaged"):
        ca.child.ask("crl", NOW)


def test_a_certificate_of_another_ca_is_not_revoked(ca: Ca) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.load_der_x509_certificate(ca.chain).subject
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).serial_number(7)
    foreign = builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1))
    der = foreign.public_key(key.public_key()).sign(key, hashes.SHA256())
    with pytest.raises(errors.CaRefused, match="not from this CA"):
        ca.child.ask("revoke", der.public_bytes(serialization.Encoding.DER), Reason.SUPERSEDED, NOW)


def test_a_ca_is_made_once_and_again_only_where_it_was_left_half_made(ca: Ca) -> None:
    with pytest.raises(errors.CaRefused, match="exists already"):
        ca.create().ask("chain")
    os.unlink(ca.directory / "ca.der")
    with pytest.raises(errors.CaUnavailable, match="create it first"):
        ca.again().ask("chain")
    finished = ca.create()
    (certificate,) = finished.ask("chain")
    before, after = (x509.load_der_x509_certificate(der) for der in (ca.chain, certificate))
    assert before.public_key() == after.public_key()
    finished.close()


def test_a_key_that_is_not_the_cas_is_noticed(ca: Ca, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = Ca(elsewhere)
    (ca.directory / "ca.der").write_bytes(other.chain)
    with pytest.raises(errors.CaUnavailable, match="is not that of the CA certificate"):
        ca.again().ask("chain")
    other.child.close()


@pytest.mark.parametrize(
    ("more", "told"),
    [({"crl_dayz": 1}, "crl_dayz"), ({"algorithm": "p-256", "scheme": "rsa-pss-sha256"}, "p-256")],
)
def test_wrong_options_are_refused_by_name(tmp_path: Path, more: dict[str, Any], told: str) -> None:
    with pytest.raises(errors.Unsupported, match=told):
        Ca(tmp_path, **more)


def test_country_and_serial_number_are_printable_strings(ca: Ca) -> None:
    issued = x509.load_der_x509_certificate(ca.child.ask("issue", request()))
    kinds = {attribute.oid: attribute._type.name for attribute in issued.subject}
    assert kinds[NameOID.COUNTRY_NAME] == kinds[NameOID.SERIAL_NUMBER] == "PrintableString"
    assert kinds[NameOID.ORGANIZATION_IDENTIFIER] == "UTF8String"


def ocsp(ca: Ca, directory: Path, *certificates: str, nonce: bool = True) -> str:
    """What openssl says of the CA's answers about certificates (files), each asked for by itself."""
    said = []
    signed_by = ("-issuer", "ca.pem", "-CAfile", "ca.pem")
    for file in certificates:
        about = ("-sha256", "-issuer", "ca.pem", "-cert", f"{file}.pem")
        unasked = () if nonce else ("-no_nonce",)
        openssl(directory, "ocsp", *about, *unasked, "-reqout", "req.der")
        (directory / "resp.der").write_bytes(ca.child.ask("ocsp", (directory / "req.der").read_bytes(), NOW))
        said.append(openssl(directory, "ocsp", "-respin", "resp.der", "-reqin", "req.der", *signed_by))
        said.append(openssl(directory, "ocsp", *about, "-no_nonce", "-respin", "resp.der", *signed_by[2:]))
    return "\n".join(said)


@pytest.mark.parametrize("algorithm", ["p-256", "rsa-2048"])
def test_openssl_believes_what_the_ca_answers_about_a_certificate(tmp_path: Path, algorithm: str) -> None:
    ca = Ca(tmp_path, algorithm=algorithm)
    good, bad = ca.child.ask("issue", request("t-1")), ca.child.ask("issue", request("t-2"))
    ca.child.ask("revoke", bad, Reason.KEY_COMPROMISE, NOW)
    shown = openssl(tmp_path, "version", good=good, bad=bad, ca=ca.chain)
    assert "OpenSSL" in shown
    said = ocsp(ca, tmp_path, "good", "bad")
    assert said.count("Response verify OK") == 4
    assert "good.pem: good" in said
    assert "bad.pem: revoked" in said
    assert "Reason: keyCompromise" in said
    # The nonce says that it is no old answer.
    assert "nonce" not in said.casefold()
    ca.child.close()


def test_ocsp_tells_a_serial_number_nobody_gave_and_a_ca_that_is_older_learns_its_own(
    ca: Ca, tmp_path: Path
) -> None:
    before = ca.child.ask("issue", request("t-1"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = Ca(elsewhere)
    stranger = other.child.ask("issue", request("t-1"))
    openssl(tmp_path, "version", before=before, stranger=stranger, ca=ca.chain)
    assert "before.pem: good" in ocsp(ca, tmp_path, "before")
    assert "stranger.pem: unknown" in ocsp(ca, tmp_path, "stranger", nonce=False)
    after = ca.child.ask("issue", request("t-2"))
    openssl(tmp_path, "version", after=after)
    assert "after.pem: good" in ocsp(ca, tmp_path, "after")
    other.child.close()


def test_ocsp_refuses_what_is_no_request_and_what_is_about_another_ca(ca: Ca, tmp_path: Path) -> None:
    for rubbish in (b"", b"\x30\x00", b"\x30" * 100_000):
        (tmp_path / "resp.der").write_bytes(ca.child.ask("ocsp", rubbish, NOW))
        assert "malformedrequest" in openssl(tmp_path, "ocsp", "-respin", "resp.der", "-resp_text")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = Ca(elsewhere, subject=[["2.5.4.3", "Another CA"]])
    leaf = other.child.ask("issue", request("t-1"))
    openssl(tmp_path, "version", ca=other.chain, leaf=leaf)
    assert "unauthorized" in ocsp(ca, tmp_path, "leaf")
    other.child.close()


def test_a_ca_that_signs_with_pss_says_that_it_answers_no_ocsp(tmp_path: Path) -> None:
    ca = Ca(tmp_path, algorithm="rsa-2048", scheme="rsa-pss-sha256")
    with pytest.raises(errors.Unsupported, match="PSS"):
        ca.child.ask("ocsp", b"", NOW)
    ca.child.close()


def test_a_linter_finds_nothing_in_certificates_lists_and_answers(ca: Ca, tmp_path: Path) -> None:
    plain = replace(TEMPLATE, uris=())  # the linter knows URLs only
    good, bad = (ca.child.ask("issue", request(transaction, plain)) for transaction in ("t-1", "t-2"))
    ca.child.ask("revoke", bad, Reason.KEY_COMPROMISE, NOW)
    openssl(tmp_path, "version", good=good, bad=bad, ca=ca.chain)
    for der in (good, ca.chain):
        assert lint("certificate", der, tmp_path) == ""
    assert lint("crl", ca.child.ask("crl", NOW), tmp_path) == ""
    for file in ("good", "bad"):
        ocsp(ca, tmp_path, file)
        assert lint("ocsp", (tmp_path / "resp.der").read_bytes(), tmp_path) == ""
