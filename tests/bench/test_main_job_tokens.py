"""What leaves the desk: tokens that their letters open, certificates that openssl believes.

One small order is made over four lanes; then everybody here uses other people's programs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from simulators.bench import Bench
from station.exit_codes import ExitCode
from tests.bench.clients import run
from tests.bench.conftest import DeskFactory
from tests.bench.desk import ROW, Desk
from tests.bench.holders import (
    FACTORY_PIN,
    FACTORY_PUK,
    RESET_WITH_FACTORY_PUK,
    VERIFY_FACTORY_PIN,
    CardHolder,
    StickHolder,
    other_than,
)
from tests.bench.pages import Page, read_page

pytestmark = pytest.mark.bench

ROWS = (
    {
        "group": "Coördinatiepunt Zeehavens",
        "layout": "group-card:p-256",
        "count": "3",
    },
    {
        "group": "Officiële Bekendmakingen",
        "manager": "Jørgen Fictief-Äldersma",
        "layout": "group-usb:p-256",
        "count": "3",
        "address_1": "Kamer 3.14",
    },
    {
        "group": "Liaison Office Overseas",
        "manager": "Zoë Sampleton",
        "layout": "group-card:rsa-2048",
        "address_2": "1 Imaginary Square",
        "language": "en",
    },
)
PERSON = {
    "kind": "person",
    "layout": "personal-card:p-256",
    "given_name": "Niccolò",
    "surname": "D'Esempio",
    "person_number": "P-100201",
    "email": "n.desempio@voorbeeldzaken.example.org",
    "manager": "Daniël Proefkonijn",
    "language": "it",
}
AUTHENTICATION, SIGNATURE, CONFIDENTIALITY = "01", "02", "03"
"""CKA_IDs OpenSC gives to the slots 9A, 9C and 9D."""

KEYS = {
    "group-card": {"authentication": AUTHENTICATION, "confidentiality": CONFIDENTIALITY},
    "group-usb": {"authentication": "01", "confidentiality": "02"},
    "personal-card": {
        "authentication": AUTHENTICATION,
        "signature": SIGNATURE,
        "confidentiality": CONFIDENTIALITY,
    },
}
"""CKA_IDs of keys by token layout."""

CLIENT, MAIL, FILES = "TLS Web Client Authentication", "E-mail Protection", "Microsoft Encrypted File System"
USAGES = {
    ("group", "authentication", False): ("Digital Signature", {CLIENT}),
    ("group", "authentication", True): ("Digital Signature", {CLIENT}),
    ("group", "confidentiality", False): ("Key Agreement", {MAIL, FILES}),
    ("group", "confidentiality", True): ("Key Encipherment, Data Encipherment", {MAIL, FILES}),
    ("person", "authentication", False): ("Digital Signature", {CLIENT}),
    ("person", "signature", False): ("Non Repudiation", {MAIL, "1.3.6.1.5.5.7.3.36"}),
    ("person", "confidentiality", False): ("Key Agreement", {MAIL, FILES}),
}
"""Usage and purposes in openssl's words by kind, key and whether it is an RSA key (R27)."""

TITLES = {
    "nl": "Uw PIN, PUK en intrekkingscode",
    "en": "Your PIN, PUK and revocation code",
    "it": "PIN, PUK e codice di revoca",
}

Certificates = Mapping[tuple[str, str], Path]
"""Certificates as PEM by mailer number and key, read from the tokens."""


@dataclass(frozen=True)
class Made:
    """One token with all that belongs to it."""

    number: str
    layout: str
    serial: str
    card: str
    page: Page
    row: Mapping[str, str]

    @property
    def rsa(self) -> bool:
        return "rsa" in self.layout

    @property
    def keys(self) -> Mapping[str, str]:
        return KEYS[self.layout.partition(":")[0]]


@dataclass(frozen=True)
class Job:
    """A finished desk: two orders, their tokens, their letters."""

    desk: Desk
    orders: tuple[str, ...]
    made: tuple[Made, ...]

    def of(self, *layouts: str) -> list[Made]:
        found = [one for one in self.made if one.layout.partition(":")[0] in layouts]
        assert found, f"no tokens of {layouts}"
        return found


@pytest.fixture(scope="module")
def job(desk_factory: DeskFactory) -> Job:
    desk = desk_factory().letters_first()
    orders = (desk.produced(*ROWS), desk.produced(PERSON))
    rows = [{**ROW, **row} for row in (*ROWS, PERSON) for _ in range(int(row.get("count", "1")))]
    tokens = [token for order in orders for token in desk.tokens(order)]
    assert {token["state"] for token in tokens} == {"produced"}
    made = tuple(
        Made(
            number=token["number"],
            layout=token["layout"],
            serial=token["serial"],
            card=desk.card(token["number"]),
            page=read_page(desk.bench.layout.printed / f"{token['number']}.pdf"),
            row=row,
        )
        for token, row in zip(tokens, rows, strict=True)
    )
    return Job(desk, orders, made)


@contextmanager
def card_of(job: Job, made: Made, work: Path, seat: str = "piv-1") -> Iterator[CardHolder]:
    """The card from its envelope, in a reader until its holder is done."""
    with inserted(job.desk.bench, seat, made.card):
        yield CardHolder.at(job.desk.bench, work, seat)


@contextmanager
def stick_of(job: Job, made: Made, work: Path, seat: str = "usb-2") -> Iterator[StickHolder]:
    """The USB token from its envelope, in a seat until its holder is done."""
    with inserted(job.desk.bench, seat, made.card):
        yield StickHolder.at(job.desk.bench, work, seat)


@contextmanager
def inserted(bench: Bench, seat: str, name: str | None = None) -> Iterator[None]:
    bench.eject(seat)  # a blank that no lane needed any more may wait there
    bench.insert(seat, name)
    try:
        yield
    finally:
        bench.eject(seat)


def test_every_group_card_opens_with_the_pin_of_its_letter_and_does_its_work(
    job: Job, tmp_path: Path
) -> None:
    for made in job.of("group-card"):
        with card_of(job, made, tmp_path) as holder:
            assert holder.signs(AUTHENTICATION, made.page.pin, rsa=made.rsa), made.number
            if made.rsa:
                assert holder.decrypts(CONFIDENTIALITY, made.page.pin), made.number
            else:
                assert holder.agrees(CONFIDENTIALITY, made.page.pin), made.number


def test_a_personal_card_signs_with_both_its_keys_in_another_reader(job: Job, tmp_path: Path) -> None:
    for made in job.of("personal-card"):
        with card_of(job, made, tmp_path, "piv-2") as holder:
            assert holder.signs(AUTHENTICATION, made.page.pin)
            assert holder.signs(SIGNATURE, made.page.pin)
            assert holder.agrees(CONFIDENTIALITY, made.page.pin)


def test_no_card_opens_with_the_pin_of_another(job: Job, tmp_path: Path) -> None:
    first, second, *_ = job.of("group-card")
    with card_of(job, first, tmp_path) as holder:
        assert not holder.signs(AUTHENTICATION, second.page.pin)
        assert holder.signs(AUTHENTICATION, first.page.pin)


def test_the_factory_s_codes_open_a_blank_card_and_none_of_ours(job: Job, tmp_path: Path) -> None:
    bench = job.desk.bench
    with inserted(bench, "piv-2"):
        blank = CardHolder.at(bench, tmp_path, "piv-2")
        assert blank.factory_management_key_opens()
        assert blank.apdus(VERIFY_FACTORY_PIN, RESET_WITH_FACTORY_PUK) == ["9000", "9000"]
    for made in job.of("group-card", "personal-card"):
        with card_of(job, made, tmp_path) as holder:
            assert not holder.factory_management_key_opens(), made.number
            assert holder.apdus(VERIFY_FACTORY_PIN, RESET_WITH_FACTORY_PUK) == ["63C2", "63C2"], made.number
            # The holder's own codes are still good, and give the card its tries back.
            assert holder.unblock(made.page.puk, made.page.pin).returncode == 0, made.number


def test_the_puk_of_the_letter_unblocks_a_card_that_wrong_tries_have_blocked(
    job: Job, tmp_path: Path
) -> None:
    for made in job.of("group-card", "personal-card"):
        pin, puk = made.page.pin, made.page.puk
        with card_of(job, made, tmp_path) as holder:
            assert holder.apdus(*[VERIFY_FACTORY_PIN] * 4) == ["63C2", "63C1", "63C0", "6983"], made.number
            assert "CKR_PIN_LOCKED" in holder.sign(AUTHENTICATION, pin, rsa=made.rsa).stderr, made.number
            assert holder.unblock(FACTORY_PUK, pin).returncode != 0, made.number
            assert holder.unblock(puk, pin).returncode == 0, made.number
            assert holder.signs(AUTHENTICATION, pin, rsa=made.rsa), made.number


def test_every_usb_token_opens_with_the_pin_of_its_letter_and_signs(job: Job, tmp_path: Path) -> None:
    for made in job.of("group-usb"):
        with stick_of(job, made, tmp_path) as holder:
            assert holder.signs("01", made.page.pin), made.number
            for wrong in (FACTORY_PIN, other_than(made.page.pin)):
                assert "CKR_PIN_INCORRECT" in holder.sign("01", wrong).stderr, made.number


def test_the_puk_of_the_letter_gives_a_usb_token_a_new_pin(job: Job, tmp_path: Path) -> None:
    for made in job.of("group-usb"):
        pin, puk = made.page.pin, made.page.puk
        chosen = other_than(pin)
        with stick_of(job, made, tmp_path) as holder:
            assert "CKR_PIN_INCORRECT" in holder.init_pin(FACTORY_PUK, chosen).stderr, made.number
            assert holder.signs("01", pin), made.number
            assert holder.init_pin(puk, chosen).returncode == 0, made.number
            assert "CKR_PIN_INCORRECT" in holder.sign("01", pin).stderr, made.number
            assert holder.signs("01", chosen), made.number
            assert holder.init_pin(puk, pin).returncode == 0, made.number


def test_private_keys_of_usb_tokens_never_leave_them(job: Job, tmp_path: Path) -> None:
    for made in job.of("group-usb"):
        with stick_of(job, made, tmp_path) as holder:
            listed = holder.pkcs11(
                "--login", "--pin", "env:PIN", "-O", "--type", "privkey", PIN=made.page.pin
            )
            access = [line for line in listed.stdout.splitlines() if "Access:" in line]
            assert len(access) == 2, listed.stderr
            for line in access:
                assert {"sensitive", "always sensitive", "never extractable", "local"} <= {
                    word.strip() for word in line.partition(":")[2].split(",")
                }


@pytest.fixture(scope="module")
def certificates(job: Job, tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    found: dict[tuple[str, str], Path] = {}
    for made in job.made:
        work = tmp_path_factory.mktemp(made.number)
        taken = stick_of if made.layout.startswith("group-usb") else card_of
        with taken(job, made, work) as holder:
            found |= {(made.number, name): holder.certificate(cka_id) for name, cka_id in made.keys.items()}
    return found


def test_openssl_verifies_every_certificate_up_to_the_ca_and_against_its_crl(
    job: Job, certificates: Certificates, tmp_path: Path
) -> None:
    chain, crl = tmp_path / "chain.pem", tmp_path / "crl.pem"
    job.desk.run("ca", "chain", "-o", str(chain), pins=True)
    job.desk.run("ca", "crl", "-o", str(crl), pins=True)
    assert len(certificates) == 3 * 2 + 3 * 2 + 2 + 3

    trusted = ("-x509_strict", "-CAfile", str(chain), "-CRLfile", str(crl), "-crl_check")
    checked = run("openssl", "verify", *trusted, *map(str, certificates.values()))

    assert checked.stdout.count(": OK") == len(certificates)


@pytest.mark.parametrize("what", ["-serial", "-pubkey"])
def test_no_two_certificates_share_a_serial_number_or_a_key(certificates: Certificates, what: str) -> None:
    seen = {of_certificate(one, what) for one in certificates.values()}
    assert len(seen) == len(certificates)


def test_certificates_say_what_their_profiles_and_the_order_say(job: Job, certificates: Certificates) -> None:
    made_of = {made.number: made for made in job.made}
    for (number, key), certificate in certificates.items():
        made = made_of[number]
        extensions = of_certificate(
            certificate,
            "-ext",
            "keyUsage,extendedKeyUsage,subjectAltName,certificatePolicies,basicConstraints",
        )
        usage, purposes = USAGES[made.row["kind"], key, made.rsa]
        assert subject_of(certificate) == expected_subject(made)
        assert below("X509v3 Key Usage: critical", extensions) == usage
        assert set(below("X509v3 Extended Key Usage", extensions).split(", ")) == purposes
        mailbox = made.row["email"] or made.row["manager_email"]
        assert below("X509v3 Subject Alternative Name", extensions) == f"email:{mailbox}"
        assert re.search(r"Policy: 1\.3\.6\.1\.4\.1\.32473\.1\.[12]\.[123]$", extensions, re.MULTILINE)
        assert "CA:TRUE" not in extensions


def test_certificates_on_tokens_are_those_on_record(job: Job, certificates: Certificates) -> None:
    recorded = job.desk.rows("SELECT mailer_number, name, certificate FROM keys JOIN items ON id = item_id")
    on_tokens = {
        place: x509.load_pem_x509_certificate(pem.read_bytes()).public_bytes(Encoding.DER)
        for place, pem in certificates.items()
    }
    assert {(number, name): der for number, name, der in recorded} == on_tokens


def expected_subject(made: Made) -> set[str]:
    row = made.row
    station = {f"C={row['country']}", f"O={row['subscriber']}"}
    station.add(f"organizationIdentifier=NTR{row['country']}-{row['subscriber_number']}")
    if row["kind"] == "group":
        return station | {f"CN={row['group']}", f"serialNumber={made.number}"}
    names = {f"GN={row['given_name']}", f"SN={row['surname']}", f"CN={row['given_name']} {row['surname']}"}
    return station | names | {f"serialNumber={row['person_number']}"}


def subject_of(certificate: Path) -> set[str]:
    told = of_certificate(certificate, "-subject", "-nameopt", "utf8,sep_multiline,sname")
    return {line.strip() for line in told.splitlines()[1:]}


def of_certificate(certificate: Path, *what: str) -> str:
    return run("openssl", "x509", "-in", str(certificate), "-noout", *what).stdout


def below(title: str, text: str) -> str:
    """The line below the one that begins with a title."""
    lines = [line.strip() for line in text.splitlines()]
    return next(after for line, after in pairwise(lines) if line.startswith(title))


def test_attestations_on_record_lead_to_the_bench_s_root_and_name_the_key(job: Job, tmp_path: Path) -> None:
    evidence = job.desk.rows(
        "SELECT mailer_number, token_driver, evidence, certificate FROM keys JOIN items ON id = item_id"
    )
    attested = [row for row in evidence if row[1] == "piv"]
    assert len(attested) == 3 * 2 + 2 + 3
    root = job.desk.bench.layout.attestation_root
    for number, _, told, certificate in attested:
        leaf, issuer = (bytes.fromhex(one) for one in json.loads(told)["chain"])
        attestation, intermediate = pem(leaf, tmp_path / "leaf.pem"), pem(issuer, tmp_path / "issuer.pem")
        chain = ("-CAfile", str(root), "-untrusted", str(intermediate))
        checked = run("openssl", "verify", *chain, str(attestation), ok=False)
        assert checked.returncode == 0, (number, checked.stderr)
        own = pem(certificate, tmp_path / "own.pem")
        assert of_certificate(attestation, "-pubkey") == of_certificate(own, "-pubkey"), number


def pem(der: bytes, path: Path) -> Path:
    path.write_bytes(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM))
    return path


def test_usb_tokens_have_their_makers_word_on_record(job: Job) -> None:
    told = job.desk.rows("SELECT evidence FROM keys JOIN items ON id = item_id WHERE token_driver = 'pkcs11'")
    assert len(told) == 3 * 2
    for (evidence,) in told:
        attributes = json.loads(evidence)["attributes"]
        assert all(
            attributes[name] for name in ("CKA_LOCAL", "CKA_ALWAYS_SENSITIVE", "CKA_NEVER_EXTRACTABLE")
        )


def test_there_is_one_letter_for_each_token_and_it_names_what_was_ordered(job: Job) -> None:
    assert sorted(job.desk.printed()) == sorted(f"{made.number}.pdf" for made in job.made)
    for made in job.made:
        row = made.row
        name = row["group"] or f"{row['given_name']} {row['surname']}"
        assert made.page.has(made.number, name), made.number
        lines = (row["address_1"], row["address_2"], row["address_3"])
        assert made.page.has(*lines), made.number
        addressee = row["manager"] if row["kind"] == "group" else name
        assert addressee in made.page.text, made.number
        others = {one.number for one in job.made} - {made.number}
        assert not any(made.page.has(other) for other in others), made.number


def test_every_letter_is_in_the_language_of_its_row(job: Job) -> None:
    for made in job.made:
        assert TITLES[made.row["language"]] in made.page.text, made.number


def test_all_codes_differ(job: Job) -> None:
    for name in ("pin", "puk", "revocation"):
        codes = {getattr(made.page, name).reveal() for made in job.made}
        assert len(codes) == len(job.made), name


def test_each_token_can_be_verified_without_any_code(job: Job) -> None:
    for made in (job.of("group-card")[0], job.of("group-usb")[0]):
        seat = "piv-2" if made.layout.startswith("group-card") else "usb-1"
        with inserted(job.desk.bench, seat, made.card):
            findings = job.desk.listed("token", "verify", seat, made.number)
        assert all(finding["ok"] for finding in findings)
        assert {"token", "state", "asked for"} <= {finding["check"] for finding in findings}


def test_a_token_that_is_another_s_is_found_out(job: Job) -> None:
    first, second, *_ = job.of("group-usb")
    with inserted(job.desk.bench, "usb-1", first.card):
        job.desk.run("token", "verify", "usb-1", second.number, expect=ExitCode.CHECK_FAILED)
