"""A printer spoken to directly over IPP (RFC 8011), followed until the sheet is out; nothing is spooled here.

A page that was handed over is a page whose fate is unknown (R12), unless the printer refused the job or says
that it completed. It is asked to drop what it did not print in time, so that nothing comes out unwatched.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec

from drivers.errors import PrinterFailed, Unsupported, printable
from drivers.options import typed
from drivers.printers import ipp_states
from drivers.printers.ipp_client import Document, IppClient, Lost, Turned, Unreached, pinned
from drivers.printers.ipp_states import PDF, Job, JobState
from drivers.wire.ipp import Attribute, Group, Message, Operation, Tag, operation

_PORT = 631
_PATH = "/ipp/print"
_USER = "issuance-station"
_LOOK = "look whether the sheet came out, then account for the form"
_FIRST_LOOK, _LATER_LOOKS = 0.1, 1.0

_GOOD_BELOW = 0x0100
_REFUSED: Mapping[int, str] = {
    0x0400: "it finds the request malformed",
    0x0401: "it forbids this desk to print; allow it at its page",
    0x0402: "it asks for a name and password; let it take jobs of this desk without",
    0x0403: "it does not let this desk print",
    0x0406: "it has no printer under this path; check the uri in station.toml",
    0x0408: "the page is too large for it",
    0x040A: "it takes no PDF; letters need a printer that does",
    0x040B: "it cannot print with these settings",
    0x0411: "it cannot read this PDF",
    0x0501: "it does not know this operation",
    0x0502: "it is not in service; look at its panel",
    0x0503: "it speaks another version of IPP",
    0x0505: "it has a passing error; try again",
    0x0506: "it accepts no jobs; let it accept them at its panel or page",
    0x0507: "it is busy with another's page; wait for that",
    0x0509: "it takes no such job",
}
"""Status codes (RFC 8011 §B.1) by which no job was made."""

_NO_URI = "its uri is no ipp:// or ipps:// of a host and a path"

_SPOOLER = (
    "it is the queue of a spooler, in which a letter would rest; name the printer itself, or say "
    "through_spool = true (docs/devices.md tells what to do first)"
)

_STALLED: Mapping[JobState | None, str] = {
    JobState.HELD: "it holds the job back; let it print at once, at its panel or page",
    JobState.STOPPED: "it stopped the job; look at its panel",
}

_AS_IT_IS = (("sides", "one-sided"), ("job-sheets", "none"), ("print-scaling", "none"))

_Ticket = tuple[tuple[Attribute, ...], tuple[Attribute, ...]]
"""The operation and template attributes of a job."""

_GONE = (0x0406, 0x0407)
"""client-error-not-found and client-error-gone (RFC 8011 §B.1.4.7, §B.1.4.8)."""

Seconds = Annotated[float, msgspec.Meta(gt=0, le=10)]
Keyword = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,127}$")]
SheetSeconds = Annotated[float, msgspec.Meta(gt=0, le=60)]
"""With five answers, for asking, handing over (two) and dropping, less than the desk waits for a page."""


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    uri: str
    certificate: str | None = None
    in_clear: bool = False
    socket: str | None = None
    media: Keyword | None = None
    through_spool: bool = False
    answer_seconds: Seconds = 10.0
    sheet_seconds: SheetSeconds = 60.0


class IppPrinter:
    """A printer by its `uri` (ipps, or ipp where nobody else sees the wire); see docs/devices.md.

    `certificate`: the file of the one that is pinned. `socket`: a Unix socket that leads to it. `media`: the
    paper of letters, by its keyword of PWG 5101.1. A sheet that is not out within `sheet_seconds` after the
    page was taken is dropped. Raises `Unsupported` for options that would not be safe.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = typed(options, _Options, "printer")
        try:
            parts = urlsplit(self._options.uri)
            host, port = parts.hostname, parts.port or _PORT
            self._options.uri.encode("ascii")
        except ValueError:
            raise _unsafe(_NO_URI, "such as ipps://printer") from None
        if parts.scheme not in ("ipp", "ipps") or not host or parts.username or parts.query:
            raise _unsafe(_NO_URI, "such as ipps://printer")
        secure = parts.scheme == "ipps"
        if not secure and not self._options.in_clear and not _is_here(host, self._options.socket):
            raise _unsafe(
                "the codes of its letters would go over the network in clear",
                "use ipps:// and its certificate, or say in_clear = true where nobody else is on that wire",
            )
        path = parts.path if parts.path.strip("/") else _PATH
        where = f"{f'[{host}]' if ':' in host else host}:{port}{path}"
        self._target = Attribute.of("printer-uri", Tag.URI, f"{parts.scheme}://{where}")
        context = _context(self._options.certificate) if secure else None
        self._name = host
        url = f"{'https' if secure else 'http'}://{where}"
        self._client = IppClient(url, context, self._options.socket)

    def ready(self) -> str | None:
        return self._look()[1]

    def print_page(self, page: bytes, reference: str) -> None:
        told, reason = self._look()
        if reason is not None:
            raise PrinterFailed(reason, sent=0, where=reference)
        job = self._ticket(told, reference)
        self._validate(job, reference)
        number, began = self._hand_over(Document(page), job, reference)
        ended = self._follow(number, began, time.monotonic() + self._options.sheet_seconds)
        if ended.over and not ended.good:
            raise PrinterFailed(f"{self._name}: {ended.words}", sent=len(page), where=reference, next=_LOOK)
        if not ended.good:
            self._drop(number, ended, reference, len(page))
        self._check_path(reference, len(page))

    def close(self) -> None:
        self._client.close()

    def _look(self) -> tuple[Mapping[str, Attribute], str | None]:
        """What the printer says of itself, and what keeps it from taking a page."""
        told: Mapping[str, Attribute] = {}
        try:
            told = self._printer()
        except Unreached as error:
            reason: str | None = f"{error}; check that it is on, its cable, and station.toml"
        except (Lost, Turned) as error:
            reason = str(error)
        else:
            reason = _SPOOLER if self._in_spool(told) else ipp_states.not_ready(told, self._options.media)
        return told, None if reason is None else printable(f"{self._name}: {reason}")

    def _in_spool(self, told: Mapping[str, Attribute]) -> bool:
        return ipp_states.is_spooler(told) and not self._options.through_spool

    def _printer(self) -> Mapping[str, Attribute]:
        """What the printer says of itself."""
        asked = Attribute.of("requested-attributes", Tag.KEYWORD, *ipp_states.REQUESTED)
        answer = self._ask(Operation.GET_PRINTER_ATTRIBUTES, (asked,), self._options.answer_seconds)
        if answer.code >= _GOOD_BELOW:
            raise Turned(_refusal(answer), sure=True)
        return answer.attributes(Group.PRINTER)

    def _validate(self, job: _Ticket, reference: str) -> None:
        """Have the job judged without its page (RFC 8011 §4.2.3)."""
        try:
            answer = self._client.ask(
                self._job_request(Operation.VALIDATE_JOB, job), self._options.answer_seconds
            )
        except (Unreached, Lost, Turned) as error:
            raise PrinterFailed(f"{self._name}: {error}", sent=0, where=reference) from None
        if answer.code >= _GOOD_BELOW:
            raise PrinterFailed(f"{self._name}: {_refusal(answer)}", sent=0, where=reference)

    def _hand_over(self, page: Document, job: _Ticket, reference: str) -> tuple[int | None, Job]:
        """Send the page; the job's number and how it began."""
        size = len(page.data)
        try:
            answer = self._client.ask(
                self._job_request(Operation.PRINT_JOB, job), 2 * self._options.answer_seconds, page
            )
        except (Unreached, Lost, Turned) as error:
            sure = isinstance(error, Unreached) or (isinstance(error, Turned) and error.sure)
            if sure or not page.begun:
                raise PrinterFailed(f"{self._name}: {error}", sent=0, where=reference) from None
            raise PrinterFailed(
                f"{self._name}: {error}; {page.sent} of {size} bytes of the page had been passed on",
                sent=page.sent or None,
                where=reference,
                next=_LOOK,
            ) from None
        if answer.code >= _GOOD_BELOW:
            sure = answer.code in _REFUSED
            raise PrinterFailed(
                f"{self._name}: {_refusal(answer)}",
                sent=0 if sure else size,
                where=reference,
                next=None if sure else _LOOK,
            )
        told = answer.attributes(Group.JOB)
        number = told.get("job-id")
        return next(iter(number.numbers if number else ()), None), Job.of(told)

    def _follow(self, number: int | None, job: Job, until: float) -> Job:
        """The job once it is over, or as last seen when time is up; a lost answer is asked for again."""
        pause = _FIRST_LOOK
        while number is not None and not job.over and (left := until - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LATER_LOOKS)
            job = self._job(number, left) or job
        return job

    def _job(self, number: int, left: float) -> Job | None:
        """A job as the printer tells of it, None where it does not."""
        asked = Attribute.of("requested-attributes", Tag.KEYWORD, *ipp_states.JOB_REQUESTED)
        try:
            answer = self._ask(
                Operation.GET_JOB_ATTRIBUTES,
                (_job_id(number), asked),
                min(left, self._options.answer_seconds),
            )
        except (Unreached, Lost, Turned):
            return None
        if answer.code in _GONE:
            return Job(None, (), "", None, forgotten=True)
        return Job.of(answer.attributes(Group.JOB)) if answer.code < _GOOD_BELOW else None

    def _drop(self, number: int | None, seen: Job, reference: str, size: int) -> None:
        """Take back a job that is not finished; returns where it was finished after all."""
        until = time.monotonic() + self._options.answer_seconds
        why = self._trouble() or _STALLED.get(seen.state, "it did not say that the sheet is out")
        waited = f"within {self._options.sheet_seconds:g} s"
        done: Job | None = None
        if number is not None:
            with suppress(Unreached, Lost, Turned):
                told = self._ask(Operation.CANCEL_JOB, (_job_id(number),), _left(until))
                # It refuses where the job is over already; and where it does not know how, it never will be.
                done = self._job(number, _left(until)) or Job(None, (), "", None)
                if told.code < _GOOD_BELOW:
                    done = self._follow(number, done, until)
        if done is not None and done.good:
            return
        if done is None or not done.over:
            then = "nobody knows whether it dropped the page: it may still come out"
        elif done.state is JobState.CANCELED:
            then = f"it dropped the page as it was told{done.count}"
        else:
            then = f"{done.words} when it was told to drop the page"
        raise PrinterFailed(f"{self._name}: {why} ({waited}); {then}", sent=size, where=reference, next=_LOOK)

    def _trouble(self) -> str | None:
        try:
            return ipp_states.trouble(self._printer())
        except (Unreached, Lost, Turned) as error:
            return str(error)

    def _check_path(self, reference: str, size: int) -> None:
        """Doubt a sheet that is said to be out while paper is stuck: some count it when it is drawn."""
        try:
            stuck = ipp_states.jammed(self._printer())
        except (Unreached, Lost, Turned):
            return
        if stuck:
            raise PrinterFailed(
                f"{self._name}: it says that the job is done, and that the paper has jammed",
                sent=size,
                where=reference,
                next=_LOOK,
            )

    def _ask(self, what: Operation, more: tuple[Attribute, ...], seconds: float) -> Message:
        user = Attribute.of("requesting-user-name", Tag.NAME, _USER)
        # RFC 8011 §4.1.5: the target's attributes come first, then the user's name.
        target = (self._target, *(one for one in more if one.name == "job-id"))
        rest = (one for one in more if one.name != "job-id")
        return self._client.ask(operation(what, self._client.next_number(), target, user, *rest), seconds)

    def _ticket(self, told: Mapping[str, Attribute], reference: str) -> _Ticket:
        """What a letter's job is asked to be: its page as it is, once, on one side, with no banner before it.

        Where a printer does not know an attribute it is left out: some refuse a job for that.
        """
        template = [
            Attribute.of(name, Tag.KEYWORD, value)
            for name, value in _AS_IT_IS
            if (known := told.get(f"{name}-supported")) is not None and value in known.texts
        ]
        if "copies-supported" in told:
            template.append(Attribute.of("copies", Tag.INTEGER, 1))
        if self._options.media is not None:
            template.append(Attribute.of("media", Tag.KEYWORD, self._options.media))
        named = (
            Attribute.of("requesting-user-name", Tag.NAME, _USER),
            Attribute.of("job-name", Tag.NAME, reference),
            Attribute.of("document-format", Tag.MIME_TYPE, PDF),
        )
        return named, tuple(template)

    def _job_request(self, what: Operation, job: _Ticket) -> Message:
        named, template = job
        asked = operation(what, self._client.next_number(), (self._target,), *named)
        return Message(asked.code, asked.request, (*asked.groups, (Group.JOB, template)))


def _left(until: float) -> float:
    """Seconds left for an exchange, some in any case."""
    return max(until - time.monotonic(), 1.0)


def _job_id(number: int) -> Attribute:
    return Attribute.of("job-id", Tag.INTEGER, number)


def _refusal(answer: Message) -> str:
    told = answer.attributes(Group.OPERATION).get("status-message")
    said = " ".join(told.texts if told else ()).rstrip(".")
    words = _REFUSED.get(answer.code, "it met an error")
    return f"{words} (IPP {answer.code:04X}{f': {said[:200]}' if said else ''})"


def _context(certificate: str | None) -> Any:
    if certificate is None:
        raise _unsafe("the printer's certificate is not named", "docs/devices.md tells how to get it")
    try:
        return pinned(Path(certificate))
    except OSError as error:
        raise _unsafe(f"{certificate}: {error.strerror}", "name the printer's certificate") from None
    except ValueError as error:
        raise _unsafe(f"{certificate}: {error}", "name the printer's certificate, PEM or DER") from None


def _unsafe(what: str, then: str) -> Unsupported:
    return Unsupported(what, where="printer", next=f"correct [printer.options] in station.toml: {then}")


def _is_here(host: str, socket: str | None) -> bool:
    """Whether what is said to a host stays on this machine, as with a printer on USB (IPP-USB)."""
    if socket is not None or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
