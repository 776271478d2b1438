"""What becomes of a page on an IPP printer is known or held for unknown; it is never sent twice (R12)."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from drivers.errors import PrinterFailed, Unsupported
from drivers.printers.ipp import IppPrinter
from drivers.wire.ipp import Attribute, Group, Message, Tag
from tests.unit.scripted_ipp import Answer, Script, answer, idle, job, serving

PAGE = b"%PDF-1.7 " + bytes(range(256)) * 200 + b"%%EOF"
CODE = "000123"


def reasons(*keywords: str) -> Attribute:
    return Attribute.of("printer-state-reasons", Tag.KEYWORD, *keywords)


def job_reasons(*keywords: str) -> Attribute:
    return Attribute.of("job-state-reasons", Tag.KEYWORD, *keywords)


def printer(place: Path, **options: Any) -> IppPrinter:
    given = {"uri": "ipp://localhost", "socket": str(place / "ipp"), **options}
    return IppPrinter(given)


def ready(place: Path, told: Callable[[Message], Message | bytes | int], **options: Any) -> str | None:
    with serving(place / "ipp", Script(GET_PRINTER_ATTRIBUTES=lambda asked, _: told(asked))):
        return printer(place, **options).ready()


def printed(
    place: Path, seconds: float = 60.0, /, **answers: Answer | list[Answer]
) -> tuple[Script, PrinterFailed | None]:
    """Print one page, which may take so long; what was asked, and how it failed."""
    with serving(place / "ipp", Script(**answers)) as script:
        try:
            printer(place, sheet_seconds=seconds).print_page(PAGE, CODE)
        except PrinterFailed as failed:
            return script, failed
    return script, None


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ((reasons("media-empty-warning"),), "out of paper; load paper"),
        ((reasons("toner-low-report", "media-jam"),), "jammed; take it out"),
        ((reasons("cover-open-error"),), "a cover is open; close it"),
        ((reasons("toner-empty"),), "out of toner; change the cartridge"),
        ((reasons("toner-empty-warning", "marker-waste-full-error"),), "waste container is full"),
        ((reasons("shutdown"),), "switched off or asleep"),
        ((reasons("finisher-angry-error"),), "it reports finisher-angry; look at its panel"),
        ((Attribute.of("printer-is-accepting-jobs", Tag.BOOLEAN, False),), "accepts no jobs"),
        ((Attribute.of("document-format-supported", Tag.MIME_TYPE, "image/urf"),), "takes no PDF"),
        ((Attribute.of("cups-version", Tag.TEXT, "2.4.2"),), "queue of a spooler"),
    ],
)
def test_what_keeps_a_printer_from_printing_is_told_in_words(
    tmp_path: Path, told: tuple[Attribute, ...], words: str
) -> None:
    assert words in (ready(tmp_path, lambda asked: idle(asked, *told)) or "")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (lambda asked: answer(asked, Attribute.of("printer-state", Tag.ENUM, 4)), "busy with another's page"),
        (lambda asked: answer(asked, Attribute.of("printer-state", Tag.ENUM, 5)), "it has stopped"),
        (answer, "does not tell its state"),
        (lambda asked: answer(asked, code=0x0406), "no printer under this path"),
        (lambda asked: Message(0, asked.request + 1, ()), "answered another question"),
        (lambda _: b"<html>", "no IPP"),
        (lambda _: b"\0" * (2 << 20), "has no end"),
        (lambda _: 401, "name and password"),
        (lambda _: 426, "wants TLS"),
    ],
)
def test_a_printer_that_answers_otherwise_is_not_ready(
    tmp_path: Path, told: Callable[[Message], Message | bytes | int], words: str
) -> None:
    assert words in (ready(tmp_path, told) or "")


def test_warnings_that_need_no_hand_do_not_hold_a_letter_up(tmp_path: Path) -> None:
    assert (
        ready(tmp_path, lambda asked: idle(asked, reasons("toner-low-warning", "media-low-report"))) is None
    )
    assert ready(tmp_path, lambda asked: idle(asked, reasons("none"))) is None
    lasting = ("marker-supply-empty-warning", "toner-empty-report", "media-empty-report", "cover-open-report")
    assert ready(tmp_path, lambda asked: idle(asked, reasons(*lasting))) is None


def test_nobody_there_is_told_with_where_to_look(tmp_path: Path) -> None:
    assert "check that it is on" in (printer(tmp_path).ready() or "")
    with pytest.raises(PrinterFailed) as failed:
        printer(tmp_path).print_page(PAGE, CODE)
    assert failed.value.sent == 0


def test_a_queue_is_printed_to_only_in_full_knowledge(tmp_path: Path) -> None:
    queue = Attribute.of("printer-type", Tag.ENUM, 4)
    told = ready(tmp_path, lambda asked: idle(asked, queue))
    assert told is not None
    assert "through_spool = true" in told
    assert ready(tmp_path, lambda asked: idle(asked, queue), through_spool=True) is None


def test_words_of_a_printer_cannot_steer_a_terminal(tmp_path: Path) -> None:
    stopped = Attribute.of("printer-state", Tag.ENUM, 5)
    message = Attribute.of("printer-state-message", Tag.TEXT, "\x1b[2Jgone")
    told = ready(tmp_path, lambda asked: answer(asked, stopped, message))
    assert told is not None
    assert told.isprintable()


def test_a_page_is_judged_then_printed_and_followed_until_it_is_out(tmp_path: Path) -> None:
    states: list[Answer] = [lambda asked, _: job(asked, 5), lambda asked, _: job(asked, 9)]
    script, failed = printed(tmp_path, GET_JOB_ATTRIBUTES=states)
    assert failed is None
    asked = ["GET_PRINTER_ATTRIBUTES", "VALIDATE_JOB", "PRINT_JOB", *["GET_JOB_ATTRIBUTES"] * 2]
    assert script.operations == [*asked, "GET_PRINTER_ATTRIBUTES"]
    _, sent, page = script.asked[2]
    assert page == PAGE
    told = sent.attributes(Group.OPERATION)
    assert told["job-name"].texts == (CODE,)
    assert told["requesting-user-name"].texts == ("issuance-station",)
    assert sent.attributes(Group.JOB) == {}
    assert set(told) <= {
        *("attributes-charset", "attributes-natural-language", "printer-uri"),
        *("requesting-user-name", "job-name", "document-format"),
    }


def test_a_page_is_printed_as_it_is_once_on_the_paper_named_as_far_as_the_printer_knows_how(
    tmp_path: Path,
) -> None:
    knows = (
        Attribute("copies-supported", ((0x33, b"\0\0\0\1\0\0\0\x63"),)),
        Attribute.of("sides-supported", Tag.KEYWORD, "one-sided", "two-sided-long-edge"),
        Attribute.of("print-scaling-supported", Tag.KEYWORD, "auto", "none"),
        Attribute.of("job-sheets-supported", Tag.KEYWORD, "standard"),
        Attribute.of("media-supported", Tag.KEYWORD, "iso_a4_210x297mm"),
    )
    with serving(
        tmp_path / "ipp", Script(GET_PRINTER_ATTRIBUTES=lambda asked, _: idle(asked, *knows))
    ) as script:
        printer(tmp_path, media="iso_a4_210x297mm").print_page(PAGE, CODE)
        assert "knows no paper iso_a3" in (printer(tmp_path, media="iso_a3_297x420mm").ready() or "")
    for _, sent, _ in script.asked[1:3]:
        assert {name: one.texts or one.numbers for name, one in sent.attributes(Group.JOB).items()} == {
            "copies": (1,),
            "sides": ("one-sided",),
            "print-scaling": ("none",),
            "media": ("iso_a4_210x297mm",),
        }


def test_a_printer_that_keeps_jobs_back_is_told_as_such(tmp_path: Path) -> None:
    gone = False

    def drop(asked: Message, _: bytes) -> Message:
        nonlocal gone
        gone = True
        return answer(asked)

    _, failed = printed(
        tmp_path, 0.2, GET_JOB_ATTRIBUTES=lambda asked, _: job(asked, 7 if gone else 4), CANCEL_JOB=drop
    )
    assert failed is not None
    assert "it holds the job back; let it print at once" in str(failed)


@pytest.mark.parametrize("code", [0x0400, 0x0403, 0x040A, 0x0506, 0x0507])
def test_a_refused_page_was_not_printed(tmp_path: Path, code: int) -> None:
    for what in ("VALIDATE_JOB", "PRINT_JOB"):
        script, failed = printed(tmp_path, **{what: lambda asked, _: answer(asked, code=code)})
        assert failed is not None
        assert failed.sent == 0
        assert script.operations[-1] == what
    _, failed = printed(tmp_path, PRINT_JOB=lambda *_: 403)
    assert failed is not None
    assert failed.sent == 0


@pytest.mark.parametrize(
    "told",
    [
        lambda asked, _: answer(asked, code=0x0500),  # an internal error: at which moment?
        lambda asked, _: answer(asked, code=0x0504),  # an error of the device
        lambda asked, _: answer(asked, code=0x0508),  # cancelled while it came
        lambda *_: 500,
        lambda *_: b"",
        lambda asked, _: Message(0, asked.request + 1, ()),
    ],
)
def test_a_page_that_went_without_a_clear_answer_is_unknown_and_not_sent_again(
    tmp_path: Path, told: Answer
) -> None:
    script, failed = printed(tmp_path, PRINT_JOB=told)
    assert failed is not None
    assert failed.sent != 0
    assert "account for the form" in str(failed)
    assert script.operations.count("PRINT_JOB") == 1


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (lambda asked, _: job(asked, 7, job_reasons("job-canceled-at-device")), "cancelled at the printer"),
        (lambda asked, _: job(asked, 7, job_reasons("job-canceled-by-user")), "somebody's word"),
        (
            lambda asked, _: job(asked, 8, Attribute.of("job-media-sheets-completed", Tag.INTEGER, 0)),
            "gave the job up, 0 sheets done by its count",
        ),
        (lambda asked, _: job(asked, 9, job_reasons("job-completed-with-errors")), "with errors"),
        (lambda asked, _: job(asked, 9, job_reasons("queued-in-device")), "handed on to another device"),
    ],
)
def test_a_job_that_did_not_end_well_leaves_its_letter_to_a_person(
    tmp_path: Path, ended: Answer, words: str
) -> None:
    script, failed = printed(tmp_path, GET_JOB_ATTRIBUTES=ended)
    assert failed is not None
    assert words in str(failed)
    assert failed.sent == len(PAGE)
    assert "CANCEL_JOB" not in script.operations


@pytest.mark.parametrize("refused", [lambda *_: 503, lambda asked, _: answer(asked, code=0x0501)])
def test_a_job_that_nobody_could_take_back_may_still_come_out(tmp_path: Path, refused: Answer) -> None:
    _, failed = printed(tmp_path, 0.2, GET_JOB_ATTRIBUTES=lambda asked, _: job(asked, 5), CANCEL_JOB=refused)
    assert failed is not None
    assert "it may still come out" in str(failed)
    assert failed.sent == len(PAGE)


def test_a_page_that_is_not_out_in_time_is_dropped_with_what_keeps_it(tmp_path: Path) -> None:
    states: list[Answer] = [
        lambda asked, _: idle(asked),
        lambda asked, _: idle(asked, reasons("media-empty")),
    ]
    dropped = False

    def drop(asked: Message, _: bytes) -> Message:
        nonlocal dropped
        dropped = True
        return answer(asked)

    def state(asked: Message, _: bytes) -> Message:
        return job(asked, 7 if dropped else 6)

    _, failed = printed(
        tmp_path, 0.2, GET_PRINTER_ATTRIBUTES=states, GET_JOB_ATTRIBUTES=state, CANCEL_JOB=drop
    )
    assert failed is not None
    assert "out of paper; load paper (within 0.2 s); it dropped the page as it was told" in str(failed)
    assert failed.sent == len(PAGE)


def test_a_sheet_that_came_out_while_it_was_to_be_dropped_is_printed(tmp_path: Path) -> None:
    dropped = False

    def drop(asked: Message, _: bytes) -> Message:
        nonlocal dropped
        dropped = True
        return answer(asked, code=0x0404)  # RFC 8011 §4.3.3: it is over already

    script, failed = printed(
        tmp_path, 0.2, GET_JOB_ATTRIBUTES=lambda asked, _: job(asked, 9 if dropped else 5), CANCEL_JOB=drop
    )
    assert failed is None
    assert script.operations.count("PRINT_JOB") == 1


def test_a_printer_that_forgot_the_job_leaves_its_letter_to_a_person(tmp_path: Path) -> None:
    gone: Answer = lambda asked, _: answer(asked, code=0x0406)  # noqa: E731
    _, failed = printed(tmp_path, GET_JOB_ATTRIBUTES=gone)
    assert failed is not None
    assert failed.sent == len(PAGE)
    assert "knows nothing of the job any more" in str(failed)


def test_a_sheet_that_is_stuck_is_not_taken_for_out(tmp_path: Path) -> None:
    states: list[Answer] = [lambda asked, _: idle(asked), lambda asked, _: idle(asked, reasons("media-jam"))]
    _, failed = printed(tmp_path, GET_PRINTER_ATTRIBUTES=states)
    assert failed is not None
    assert "the job is done, and that the paper has jammed" in str(failed)
    assert failed.sent == len(PAGE)


def test_an_answer_that_is_lost_meanwhile_is_asked_for_again(tmp_path: Path) -> None:
    states: list[Answer] = [lambda *_: 503, lambda *_: b"?", lambda asked, _: job(asked, 9)]
    with serving(tmp_path / "ipp", Script(GET_JOB_ATTRIBUTES=states)) as script:
        printer(tmp_path).print_page(PAGE, CODE)
    assert script.operations.count("PRINT_JOB") == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"uri": "ipp://printer.example"}, "over the network in clear"),
        ({"uri": "ipps://printer.example"}, "certificate is not named"),
        ({"uri": "ipps://printer.example", "certificate": "/nowhere.pem"}, "/nowhere.pem: No such file"),
        ({"uri": "http://printer.example"}, "no ipp:// or ipps://"),
        ({"uri": "ipps://name:word@printer.example"}, "no ipp:// or ipps://"),
        ({"uri": "ipp://localhost", "sheet_seconds": 600}, "sheet_seconds"),
        ({"uri": "ipps://printer:99999"}, "no ipp:// or ipps://"),
        ({"uri": "ipps://[printer"}, "no ipp:// or ipps://"),
        ({"uri": "ipp://localhost/päper"}, "no ipp:// or ipps://"),
        ({"uri": "ipp://localhost", "media": "A4 paper"}, "media"),
        ({"uri": "ipp://localhost", "colour": True}, "colour"),
        ({}, "uri"),
    ],
)
def test_options_that_would_not_be_safe_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(Unsupported, match="printer: ") as refused:
        IppPrinter(options)
    assert words in str(refused.value)


def test_a_printer_on_this_machine_or_a_wire_of_its_own_may_do_without_tls() -> None:
    for uri in ("ipp://localhost:60000/ipp/print", "ipp://127.0.0.1", "ipp://[::1]:60000"):
        IppPrinter({"uri": uri}).close()
    IppPrinter({"uri": "ipp://10.0.0.7", "in_clear": True}).close()


def certificate(place: Path, name: str, *, days: int = 10) -> tuple[Path, ssl.SSLContext]:
    """A printer's self-made certificate, and what serves it."""
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Brand printer")])
    made = (
        x509.CertificateBuilder(called, called, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=100))
        .not_valid_after(datetime.now(UTC) + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    pem, secret = place / f"{name}.pem", place / f"{name}.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    return pem, context


@pytest.mark.parametrize("days", [10, -10])
def test_the_pinned_certificate_is_taken_whatever_name_and_dates_it_tells(tmp_path: Path, days: int) -> None:
    pem, context = certificate(tmp_path, "printer", days=days)
    der = tmp_path / "printer.der"
    der.write_bytes(ssl.PEM_cert_to_DER_cert(pem.read_text()))
    with serving(tmp_path / "ipp", Script(), context):
        for file in (pem, der):
            assert printer(tmp_path, uri="ipps://printer.example", certificate=str(file)).ready() is None


def test_a_printer_with_another_certificate_gets_nothing(tmp_path: Path) -> None:
    pinned, _ = certificate(tmp_path, "printer")
    _, context = certificate(tmp_path, "stranger")
    with serving(tmp_path / "ipp", Script(), context) as script:
        there = printer(tmp_path, uri="ipps://printer.example", certificate=str(pinned))
        assert "another certificate than the one that is pinned" in (there.ready() or "")
        with pytest.raises(PrinterFailed) as failed:
            there.print_page(PAGE, CODE)
    assert failed.value.sent == 0
    assert script.asked == []


def test_a_file_of_several_certificates_pins_nothing(tmp_path: Path) -> None:
    one, _ = certificate(tmp_path, "one")
    other, _ = certificate(tmp_path, "other")
    both = tmp_path / "both.pem"
    both.write_text(one.read_text() + other.read_text())
    with pytest.raises(Unsupported, match="holds 2 certificates"):
        IppPrinter({"uri": "ipps://printer.example", "certificate": str(both)})


def test_no_proxy_of_the_environment_comes_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ready(tmp_path, idle) is None
