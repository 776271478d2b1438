"""The driver of an offline CA with its key in SoftHSM, and openssl as the CA at the other end."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from drivers import errors
from drivers.authorities import keeping
from drivers.authorities.certificates import name
from drivers.authorities.exchange import Bundle, Found, Standing
from drivers.authorities.offline import reading
from drivers.authorities.offline.driver import OfflineCa
from drivers.authorities.port import CertificateRequest, CertificateTemplate, KeyUsage, Provision, Reason
from drivers.pkcs11 import softhsm
from drivers.process import Child
from drivers.secret import Secret
from tests.openssl_ca import Bundle as Opened
from tests.openssl_ca import OpensslCa

PIN, SO_PIN = Secret(b"271828"), Secret(b"31415926")
NOW = datetime.now(UTC).replace(microsecond=0)
TEMPLATE = CertificateTemplate(
    subject=(("2.5.4.6", "NL"), ("2.5.4.10", "Justitiële Dienst"), ("2.5.4.3", "Groep Zuid")),
    key_usage=frozenset({KeyUsage.DIGITAL_SIGNATURE}),
    not_before=NOW - timedelta(minutes=5),
    not_after=NOW + timedelta(days=365),
    extended_usage=("1.3.6.1.5.5.7.3.2",),
    emails=("groep@example.nl",),
)


class Desk:
    """The driver in its child process, and the CA; `again` is another process of the same desk."""

    def __init__(self, at: Path, ca: OpensslCa) -> None:
        self.ca, self.at = ca, at
        self.environment = softhsm.prepare(at / "keys")
        self.options = {"name": "Testbureau", "chain": [str(ca.certificate)]}
        self.provision = Provision(softhsm.module(), "CA", PIN, at / "ca")
        given = (softhsm.module(), "CA", SO_PIN, PIN)
        made = Child("token", "drivers.pkcs11.vault:Vault.create", given, environment=self.environment)
        made.ask("ready")
        made.close()
        self.child = self.start()

    def start(self) -> Child:
        arguments = ("offline", self.options, self.provision)
        return Child("ca", "drivers.registry:open_authority", arguments, environment=self.environment)

    def again(self) -> None:
        self.child.kill()
        self.child = self.start()

    def ask(self, transaction: str, key: Any = None) -> CertificateRequest:
        """A request that waits for the CA from here on."""
        wanted = request(transaction, key)
        with pytest.raises(errors.CaPending, match="station ca requests"):
            self.child.ask("issue", wanted)
        return wanted

    def pack(self, *withdrawn: str, again: bool = False) -> Bundle | None:
        bundle: Bundle | None = self.child.ask("pack", NOW, withdrawn, again)
        return bundle

    def sent(self, **more: Any) -> Opened:
        """What the CA reads in a bundle, verified."""
        bundle = self.pack(**more)
        assert bundle is not None
        signer = x509.load_der_x509_certificate(bundle.signer).fingerprint(hashes.SHA256()).hex()
        return self.ca.open(bundle.content, signer)

    def examine(self, content: bytes, file: str = "back") -> list[Found]:
        return list(self.child.ask("examine", ((file, content),)))

    def standings(self, content: bytes) -> list[Standing]:
        return [one.standing for one in self.examine(content)]

    def outstanding(self) -> dict[str, tuple[int, ...]]:
        return {one.transaction: one.bundles for one in self.child.ask("outstanding")}


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> OpensslCa:
    return OpensslCa(tmp_path_factory.mktemp("offline") / "ca")


@pytest.fixture
def desk(tmp_path: Path, ca: OpensslCa) -> Iterator[Desk]:
    made = Desk(tmp_path, ca)
    yield made
    made.child.close()


def request(transaction: str, key: Any = None) -> CertificateRequest:
    holder = key or ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder().subject_name(name(TEMPLATE.subject))
    csr = builder.sign(holder, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    return CertificateRequest(transaction, csr, TEMPLATE)


def zipped(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, content in files.items():
            archive.writestr(file, content)
    return made.getvalue()


def test_a_request_is_kept_once_and_leaves_once_whatever_dies_between(desk: Desk) -> None:
    wanted = desk.ask("000001/authentication/1")
    desk.again()
    with pytest.raises(errors.CaPending):
        desk.child.ask("issue", wanted)
    assert desk.outstanding() == {wanted.transaction: ()}
    other = request(wanted.transaction)
    with pytest.raises(errors.CaRefused, match="another key"):
        desk.child.ask("issue", other)
    opened = desk.sent()
    assert list(opened.csrs) == [wanted.transaction]
    assert opened.entries[wanted.transaction]["subject"] == [list(pair) for pair in TEMPLATE.subject]
    desk.again()
    assert desk.pack() is None
    again = desk.sent(again=True)
    assert again.entries[wanted.transaction]["earlier_bundles"] == [1]
    assert (again.manifest["bundle"], desk.outstanding()) == (2, {wanted.transaction: (1, 2)})
    # Whoever was killed between the two files of a request asks again.
    shutil.rmtree(desk.at / "ca" / "offline" / "waiting")
    desk.again()
    with pytest.raises(errors.CaPending):
        desk.child.ask("issue", wanted)
    assert desk.outstanding() == {wanted.transaction: (1, 2)}


def test_what_nobody_wants_any_more_is_withdrawn_or_never_sent(desk: Desk) -> None:
    desk.ask("000001/authentication/1")
    desk.sent()
    desk.ask("000002/authentication/1")
    given_up = ("000001/authentication/1", "000002/authentication/1")
    desk.child.ask("withdraw", given_up)
    told = desk.pack(*given_up)
    assert told is not None
    assert (told.requests, told.withdrawn) == ((), ("000001/authentication/1",))
    assert list(desk.outstanding()) == ["000001/authentication/1"]


def test_certificates_are_found_by_their_key_in_every_form(desk: Desk) -> None:
    wanted = [desk.ask(f"00000{number}/signature/1") for number in range(1, 4)]
    opened = desk.sent()
    pem = [desk.ca.sign(opened, one.transaction) for one in wanted]
    der = [desk.ca.der(one) for one in pem]
    names = [one.transaction for one in wanted]
    forms = {
        "PEM": b"Bag Attributes\n" + b"\n".join(pem),
        "zip": zipped(a=der[0], b=pem[1], c=desk.ca.der(pem[2])),
        "PKCS#7, DER": desk.ca.pkcs7(pem),
        "PKCS#7, PEM": desk.ca.pkcs7(pem, "PEM"),
        "PKCS#7 in a zip": zipped(all=desk.ca.pkcs7(pem)),
    }
    for form, content in forms.items():
        matched = [one for one in desk.examine(content) if one.standing is Standing.MATCHED]
        assert sorted(str(one.transaction) for one in matched) == names, form
        assert {one.template for one in matched} == {TEMPLATE}
    assert desk.standings(der[0]) == [Standing.MATCHED]
    assert desk.outstanding().keys() == set(names), "looking keeps nothing"


def test_an_answer_counts_once_and_what_is_doubled_unknown_or_foreign_is_told(desk: Desk) -> None:
    wanted = desk.ask("000001/authentication/1")
    opened = desk.sent()
    first, second = (desk.ca.der(desk.ca.sign(opened, wanted.transaction)) for _ in range(2))
    (found,) = desk.examine(first)
    desk.child.ask("keep", wanted.transaction, first, True)
    desk.again()
    assert desk.child.ask("issue", wanted) == desk.child.ask("find", wanted.transaction) == first
    assert (desk.outstanding(), desk.standings(first)) == ({}, [Standing.KNOWN])
    (other,) = desk.examine(second)
    assert (other.standing, other.transaction) == (Standing.SECOND, wanted.transaction)
    with pytest.raises(errors.CaRefused, match="another certificate"):
        desk.child.ask("keep", wanted.transaction, second, True)
    desk.child.ask("keep", wanted.transaction, second, False)
    assert desk.child.ask("issued_for", found.public_key) == (first, second)
    assert desk.standings(second) == [Standing.KNOWN]

    stranger = replace(opened, csrs={wanted.transaction: pem_of(request("x"))})
    unknown = desk.ca.sign(stranger, wanted.transaction)
    foreign = OpensslCa(desk.at / "another", "Offline Test CA").sign(opened, wanted.transaction)
    assert desk.standings(unknown + foreign + desk.ca.certificate.read_bytes()) == [
        Standing.UNKNOWN,
        Standing.FOREIGN,
        Standing.OWN,
    ]
    with pytest.raises(errors.CaRefused, match="no answer to this request"):
        desk.child.ask("keep", wanted.transaction, desk.ca.der(foreign), True)


def test_a_revocation_waits_until_a_list_has_it(desk: Desk) -> None:
    wanted = desk.ask("000001/authentication/1")
    issued = desk.ca.der(desk.ca.sign(desk.sent(), wanted.transaction))
    desk.child.ask("keep", wanted.transaction, issued, True)
    with pytest.raises(errors.CaUnavailable, match="no revocation list"):
        desk.child.ask("crl", NOW)
    early = desk.ca.crl()
    for _ in range(2):
        with pytest.raises(errors.CaPending, match="on no revocation list"):
            desk.child.ask("revoke", issued, Reason.SUPERSEDED, NOW)
    (asked,) = desk.sent().manifest["revocations"]
    assert int(asked["serial"], 16) == x509.load_der_x509_certificate(issued).serial_number
    desk.ca.revoke(asked["serial"])
    late = desk.ca.crl()
    lists = desk.examine(early + late)
    assert [one.standing for one in lists] == [Standing.CRL, Standing.CRL]
    for one in reversed(lists):
        if desk.child.ask("is_newer", one.content):
            desk.child.ask("keep_crl", one.content)
    assert desk.child.ask("crl", NOW) == lists[1].content
    desk.child.ask("revoke", issued, Reason.SUPERSEDED, NOW)
    assert desk.standings(early + late) == [Standing.OLD_CRL, Standing.OLD_CRL]
    assert desk.pack() is None
    with pytest.raises(errors.CaUnavailable, match="ended on"):
        desk.child.ask("crl", NOW + timedelta(days=60))
    foreign = OpensslCa(desk.at / "another", "Offline Test CA").crl()
    assert desk.standings(foreign) == [Standing.FOREIGN]


def test_files_made_to_harm_are_told_and_cost_little(monkeypatch: pytest.MonkeyPatch) -> None:
    def why(content: bytes) -> str:
        (part,) = reading.parts("bad\x1b[2J", content)
        assert part.where.isprintable()
        assert part.certificate is part.crl is None
        return part.why

    bomb = zipped(bomb=bytes(200_000_000))
    assert len(bomb) < 1_000_000
    assert "more than 16,000,000 bytes" in why(bomb)
    assert "an archive in an archive" in why(zipped(inner=zipped(a=b"x")))
    assert "no archive" in why(zipped(a=b"x" * 1000)[:-30])
    assert "cut off" in why(b"-----BEGIN CERTIFICATE-----\nMIIB")
    assert "neither certificate" in why(b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n")
    assert "no certificate" in why(b"")
    whole = bytearray(zipped(a=b"x" * 100))
    whole[6] |= 1
    whole[whole.index(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in why(bytes(whole))
    monkeypatch.setattr(reading, "MOST", 3)
    many = list(reading.parts("many", b"-----BEGIN X-----\n-----END X-----\n" * 9))
    assert ("the rest was not read" in many[-1].why, len(many)) == (True, 4)
    assert "more than 3 files" in why(zipped(**{str(number): b"" for number in range(4)}))


def test_more_than_can_be_taken_in_at_once_is_refused_whole(desk: Desk) -> None:
    empty = b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
    for files in (
        (("large", bytes(33_000_000)),),
        tuple((f"{number}.pem", empty * 5000) for number in range(5)),
    ):
        with pytest.raises(errors.CaRefused, match="at a time"):
            desk.child.ask("examine", files)
    assert desk.standings(empty) == [Standing.UNREADABLE]


def test_its_files_are_put_back_from_a_copy_and_it_goes_on(desk: Desk, tmp_path: Path) -> None:
    answered, waits = desk.ask("000001/authentication/1"), desk.ask("000002/authentication/1")
    opened = desk.sent()
    first = desk.ca.der(desk.ca.sign(opened, answered.transaction))
    desk.child.ask("keep", answered.transaction, first, True)
    with pytest.raises(errors.CaPending):
        desk.child.ask("revoke", first, Reason.SUPERSEDED, NOW)
    copy = dict(keeping.files(desk.at / "ca"))
    shutil.rmtree(desk.at / "ca")
    for file, content in copy.items():
        assert keeping.put_back(desk.at / "ca", file, content)
        assert not keeping.put_back(desk.at / "ca", file, content)
    desk.again()
    assert desk.outstanding() == {waits.transaction: (1,)}
    assert desk.child.ask("find", answered.transaction) == first
    assert desk.standings(first) == [Standing.KNOWN]
    told = desk.pack()
    assert told is not None
    assert (told.number, told.requests, told.revocations) == (2, (), 1)


def test_the_chain_is_looked_at_without_a_key(desk: Desk, tmp_path: Path) -> None:
    desk.ask("000001/authentication/1")
    told = OfflineCa.look(desk.options, desk.at / "ca")
    assert "Offline Test CA" in told
    assert told.endswith("1 request waits")
    (tmp_path / "none.pem").write_text("no certificate")
    for place, words in (
        ("none.pem", "something else than certificates"),
        ("not-there.pem", "cannot be read"),
    ):
        with pytest.raises(errors.CaUnavailable, match=words):
            OfflineCa.look({"name": "x", "chain": [str(tmp_path / place)]}, desk.at / "ca")
    with pytest.raises(errors.Unsupported, match="no absolute path"):
        OfflineCa.look({"name": "x", "chain": ["ca.pem"]}, desk.at / "ca")


def pem_of(one: CertificateRequest) -> bytes:
    return x509.load_der_x509_csr(one.csr).public_bytes(serialization.Encoding.PEM)
