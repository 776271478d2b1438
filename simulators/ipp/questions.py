"""What the bench itself asks its IPP printer, inside the namespace the printer listens in."""

from __future__ import annotations

import http.client
from collections.abc import Sequence

from drivers.wire.ipp import Attribute, Group, Message, Operation, Tag, decode, operation

HOST, PORT = "127.0.0.1", 8631
"""Where the printer listens; nobody outside its network namespace reaches that."""

FOREIGN = "somebody else's"
"""The name of a job that keeps the printer busy."""

_URI = Attribute.of("printer-uri", Tag.URI, f"ipp://localhost:{PORT}/ipp/print")
_WITHIN = 10.0
_ENDED = 7
"""The first `job-state` of a job that is over (RFC 8011 §5.3.7)."""


def occupy() -> int | None:
    """Give the printer a page of somebody else's; the job's number, None where it is busy already."""
    name = Attribute.of("job-name", Tag.NAME, FOREIGN)
    told = _asked(Operation.PRINT_JOB, [_URI, name], b"%PDF-1.4\n%%EOF\n")
    number = told.attributes(Group.JOB).get("job-id")
    return number.numbers[0] if number else None


def cancel(job: int) -> None:
    """Cancel a job, as somebody does at the printer's panel."""
    _asked(Operation.CANCEL_JOB, [_URI, _number(job)])


def over(job: int) -> bool:
    """Whether a job is over."""
    told = _asked(Operation.GET_JOB_ATTRIBUTES, [_URI, _number(job)]).attributes(Group.JOB)
    return "job-state" not in told or told["job-state"].numbers[0] >= _ENDED


def cancelled(job: int) -> bool:
    """Whether somebody asked for a job to be cancelled that is still under way."""
    told = _asked(Operation.GET_JOB_ATTRIBUTES, [_URI, _number(job)]).attributes(Group.JOB)
    return "job-state-reasons" in told and "processing-to-stop-point" in told["job-state-reasons"].texts


def _number(job: int) -> Attribute:
    return Attribute.of("job-id", Tag.INTEGER, job)


def _asked(what: Operation, target: Sequence[Attribute], document: bytes = b"") -> Message:
    connection = http.client.HTTPConnection(HOST, PORT, timeout=_WITHIN)
    try:
        asked = operation(what, 1, target).encode()
        connection.request("POST", "/ipp/print", asked + document, {"Content-Type": "application/ipp"})
        told, _ = decode(connection.getresponse().read())
    finally:
        connection.close()
    return told
