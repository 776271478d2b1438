"""What is fuzzed: each target takes any bytes, and no error leaves it but one nobody has told of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.ocsp import OCSPResponseStatus, load_der_ocsp_response

from batch.audit.notes import VerifierKey
from batch.life.closing import signed_report
from batch.life.dispatch import mail, quoting
from batch.model.errors import FaultyNote, FaultyValue
from batch.people import manager_certificates
from batch.production.certificates import check_certificate
from batch.tables.faults import TableFaults
from drivers.authorities import status
from drivers.authorities.certificates import name, requested, root
from drivers.authorities.offline import reading
from drivers.authorities.port import Reason
from drivers.authorities.records import Revocation
from drivers.authorities.remote import chains, cmp_messages, ejbca, est
from drivers.authorities.remote.web import Answer
from drivers.errors import CaRefused, CaUnavailable, DriverError, EvidenceMissing, ReadBackFailed
from drivers.foreign_certificates import load_certificate, spki
from drivers.piv import attestation, objects
from drivers.piv.session import PivSession
from drivers.printers import ipp_states
from drivers.printers.ipp_states import Job
from drivers.tokens import SignatureScheme
from drivers.wire import tlv
from drivers.wire.apdu import Command
from drivers.wire.ipp import Group, IppError, decode
from drivers.wire.transport import Chaining
from layouts.errors import FileFault, LayoutError
from layouts.forms import MailerFile, MailerLayout
from layouts.library import SHIPPED, Library
from layouts.mailer import sample
from layouts.notice import NoticeFile
from layouts.papers import PaperFile
from layouts.profile import ProfileFile
from layouts.strict import loads
from layouts.token import TokenFile
from station.config import parse
from tests.unit.certificate_kit import NOW, TEMPLATE
from tests.unit.hostile_cards import MOST_EXCHANGES, Anything, refusals
from tests.unit.intake_kit import GROUP_ROW, read
from tests.unit.refusals import refusal
from tests.unit.workbook_kit import replaced, workbook_of

_FORMS: tuple[type, ...] = (ProfileFile, MailerFile, TokenFile, NoticeFile, PaperFile)
_FONTS = Library(SHIPPED).mailer("group-letter").fonts
_SEEDS = Path(__file__).parent / "corpus/ca-answers"
_ISSUER = load_certificate((_SEEDS / "certificate.der").read_bytes())
"""It is signed by its own key, so it is its own issuer."""
_KEY: Any = ec.derive_private_key(7, ec.SECP256R1())  # the same each time, so that the corpus fits
_CA = root(_KEY, SignatureScheme.ECDSA_SHA256, name((("2.5.4.3", "Fuzz"),)), NOW, NOW + timedelta(days=1))
_STRANGER = VerifierKey("fuzz/audit", bytes(32))
_LONGEST_LETTER = 20_000
_WORKBOOK = workbook_of([GROUP_ROW])
_PARTS = ("sheet", "texts", "styles", "workbook", "[Content_Types].xml")


def tlv_(data: bytes) -> None:
    """BER-TLV: data, or `TlvError`; what was read is the same after it was written again."""
    with suppress(tlv.TlvError):
        pairs = list(tlv.decode(data))
        assert list(tlv.decode(tlv.encode_all(pairs))) == pairs
    with suppress(tlv.TlvError, DriverError):
        objects.certificate_of(data)
    objects.guid(data)


def apdu(data: bytes) -> None:
    """Command APDUs as a card reads them: a command, or `ValueError`."""
    with suppress(ValueError):
        command = Command.parse(data)
        assert Command.parse(command.encode()).data == command.data


def card(data: bytes) -> None:
    """Answers and status words: a card that gives the parts of `data` in turn, asked all that a lane asks.

    An answer is a length of one byte, as many bytes of data, and a status word.
    """
    answers = []
    while data:
        size, rest = data[0], data[1:]
        answers.append((rest[:size], int.from_bytes(rest[size : size + 2], "big")))
        data = rest[size + 2 :]
    given = Anything(answers or [(b"", 0x6F00)])
    with suppress(DriverError):
        for _ in refusals(PivSession(Chaining(given, "fuzz"), "fuzz")):
            pass
    assert given.sent < 40 * MOST_EXCHANGES


def certificates(data: bytes) -> None:
    """Certificates and CSRs from cards, and certificates from managers."""
    with suppress(CaRefused):
        requested(data, TEMPLATE)
    with suppress(FaultyValue):
        manager_certificates.read(data, where="fuzz", now=NOW)
    with suppress(EvidenceMissing):
        attestation.attested_key(data, "fuzz")
    with suppress(EvidenceMissing):
        attestation.evidence((data, data), b"", None, (), "fuzz")
    with suppress(ValueError, EvidenceMissing):
        found = load_certificate(data)
        attestation.evidence((data, data), spki(found), "1", (found,), "fuzz")


def ca_answers(data: bytes) -> None:
    """What a CA gives for a certificate: the one asked for, or `ReadBackFailed`."""
    key = b""
    with suppress(ValueError):
        key = spki(load_certificate(data))
    with suppress(ReadBackFailed):
        check_certificate(data, key, TEMPLATE, _ISSUER, NOW)


def ca_replies(data: bytes) -> None:
    """What a CA elsewhere answers: certificates, a chain, a list, or why they are none."""
    with suppress(ValueError):
        found = chains.certificates_of(est.decoded(data))
        with suppress(CaUnavailable):
            assert chains.ordered(found, "fuzz")
    with suppress(CaUnavailable):
        chains.signed_list(data, _ISSUER, "fuzz")
    with suppress(ValueError):
        load_certificate(ejbca.certificate_of(Answer(200, "application/json", data)))
    assert Answer(400, "text/plain", data).words().isprintable()


def ca_files(data: bytes) -> None:
    """Files from an offline CA: certificates that can be looked at, lists, or why they are none."""
    for part in reading.parts("fuzz", data):
        assert part.where.isprintable()
        assert (part.certificate, part.crl).count(None) == 2 - (not part.why)
        if part.certificate is not None:
            spki(load_certificate(part.certificate))


def ocsp(data: bytes) -> None:
    """OCSP requests: an answer that can be read, whatever was asked."""
    revoked = {4: Revocation(4, NOW, Reason.SUPERSEDED)}
    answer = status.answer(
        data, _CA, _KEY, SignatureScheme.ECDSA_SHA256, revoked=revoked, issued=lambda _: True, at=NOW
    )
    assert load_der_ocsp_response(answer).response_status in OCSPResponseStatus


def orders(data: bytes) -> None:
    """Order files: a draft, or faults that can be shown."""
    if faults := refusal(TableFaults, lambda: read(data)):
        assert all(line.isprintable() for line in str(faults).split("\n"))


def workbooks(data: bytes) -> None:
    """Orders as .xlsx: the first byte says which part of a good one the rest replaces."""
    part = _PARTS[data[0] % len(_PARTS)] if data else "sheet"
    orders(replaced(_WORKBOOK, **{part: data[1:]}))


def configuration(data: bytes) -> None:
    """station.toml."""
    with suppress(FileFault):
        parse(data.decode("utf-8", "replace"), "station.toml")


def layouts(data: bytes) -> None:
    """Layouts: the first byte says of which kind; a letter that is taken is drawn."""
    text = data[1:].decode("utf-8", "replace")
    with suppress(LayoutError):
        kind = _FORMS[data[0] % len(_FORMS)] if data else ProfileFile
        form: object = loads(text, "some.toml", kind)
        if isinstance(form, MailerFile) and len(text) < _LONGEST_LETTER:
            letter = MailerLayout("fuzz", form, _FONTS)
            for language in letter.languages[:1]:
                sample(letter, language)


def mails(data: bytes) -> None:
    """E-mails that acknowledge: words and numbers, or `FaultyValue`."""
    with suppress(FaultyValue):
        quoting.found_in(mail.read(data, "some.eml").text)


def reports(data: bytes) -> None:
    """Reports of orders: what they say, held to a key they are not signed with, or `FaultyNote`."""
    with suppress(FaultyNote):
        assert signed_report.verify(data, [_STRANGER], "report.json").findings


def ipp(data: bytes) -> None:
    """Answers of an IPP printer: what it and its job say in words, or `IppError`."""
    with suppress(IppError):
        told, document = decode(data)
        assert decode(told.encode() + document) == (told, document)
        for group in (Group.PRINTER, Group.JOB):
            attributes = told.attributes(group)
            ipp_states.not_ready(attributes)
            ipp_states.is_spooler(attributes)
            assert Job.of(attributes).words


def cmp(data: bytes) -> None:
    """Answers of a CMP server: what they say, or `ValueError`."""
    with suppress(ValueError):
        told = cmp_messages.read(data)
        assert told.check_after is None or 0 <= told.check_after <= cmp_messages.LONGEST_WAIT


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "tlv": tlv_,
    "apdu": apdu,
    "card": card,
    "certificates": certificates,
    "ca-answers": ca_answers,
    "ipp": ipp,
    "ca-replies": ca_replies,
    "ca-files": ca_files,
    "cmp": cmp,
    "ocsp": ocsp,
    "orders": orders,
    "workbooks": workbooks,
    "configuration": configuration,
    "layouts": layouts,
    "mails": mails,
    "reports": reports,
}
"""By the name on the command line; the corpus of each is the folder of that name under `corpus/`."""
