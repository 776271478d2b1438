"""What an IPP printer says of itself and of a job, in words for the operator (RFC 8011 §5.3.7, §5.4.11)."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from drivers.wire.ipp import Attribute

PDF = "application/pdf"

_NEEDS_A_HAND: Mapping[str, str] = {
    "media-jam": "the paper has jammed; take it out, every piece of it",
    "cover-open": "a cover is open; close it",
    "door-open": "a door is open; close it",
    "interlock-open": "a cover or door is open; close it",
    "media-empty": "it is out of paper; load paper",
    "media-needed": "it wants other paper than is in it; load what its panel asks for",
    "input-tray-missing": "a paper tray is missing; put it in",
    "output-area-full": "its output tray is full; empty it",
    "output-tray-missing": "its output tray is missing; put it in",
    "toner-empty": "it is out of toner; change the cartridge",
    "marker-supply-empty": "it is out of toner or ink; change the cartridge",
    "marker-waste-full": "its waste container is full; change it",
    "developer-empty": "it is out of developer; change it",
    "opc-life-over": "its drum is worn out; change it",
    "fuser-over-temp": "its fuser is too hot; let it cool",
    "fuser-under-temp": "its fuser is not hot yet; wait",
    "spool-area-full": "its memory is full; switch it off and on",
    "timed-out": "its engine does not answer; switch it off and on",
    "connecting-to-device": "it does not reach its engine; check the cable",
    "shutdown": "it is switched off or asleep; switch it on",
    "moving-to-paused": "it is paused; resume it at its panel",
    "paused": "it is paused; resume it at its panel",
    "stopped-partly": "a part of it has stopped; look at its panel",
    "stopping": "it is stopping; look at its panel",
}
"""By the keyword of `printer-state-reasons` (RFC 8011 §5.4.12), most pressing first.

Some call an empty tray or an open cover a warning (`media-empty-warning`), and print nothing.
"""

_LASTS_A_WHILE = frozenset(
    {"toner-empty", "marker-supply-empty", "marker-waste-full", "developer-empty", "opc-life-over"}
)
"""What a printer goes on with as long as it only warns: of a colour, say, that letters have none of."""

_LONGEST_WORDS = 200
_REPORT, _WARNING, _GRAVE = "-report", "-warning", "-error"


class PrinterState(enum.IntEnum):
    """`printer-state` (RFC 8011 §5.4.11)."""

    IDLE = 3
    PROCESSING = 4
    STOPPED = 5


class JobState(enum.IntEnum):
    """`job-state` (RFC 8011 §5.3.7)."""

    PENDING = 3
    HELD = 4
    PROCESSING = 5
    STOPPED = 6
    CANCELED = 7
    ABORTED = 8
    COMPLETED = 9


Attributes = Mapping[str, Attribute]


@dataclass(frozen=True)
class Job:
    """A job as the printer tells of it: `state` None where it does not; `sheets` that came out, if told.

    `forgotten`: the printer does not know it any more, and will tell nothing of it.
    """

    state: JobState | None
    reasons: tuple[str, ...]
    message: str
    sheets: int | None
    forgotten: bool = False

    @classmethod
    def of(cls, told: Attributes) -> Job:
        """Read the attributes of a job."""
        state = _number(told, "job-state")
        sheets = _number(told, "job-media-sheets-completed")
        if sheets is None:
            sheets = _number(told, "job-impressions-completed")
        return cls(
            JobState(state) if state in set(JobState) else None,
            _texts(told, "job-state-reasons"),
            " ".join(_texts(told, "job-state-message")),
            sheets,
        )

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        ends = (JobState.CANCELED, JobState.ABORTED, JobState.COMPLETED)
        return self.forgotten or self.state in ends

    @property
    def good(self) -> bool:
        """Whether its sheet came out as far as the printer knows, and was not only handed on."""
        bad = {"job-completed-with-errors", "queued-in-device"}
        return self.state is JobState.COMPLETED and bad.isdisjoint(self.reasons)

    @property
    def words(self) -> str:
        """What became of it."""
        if self.forgotten:
            return "it took the page, and knows nothing of the job any more"
        ends = {
            JobState.CANCELED: "the job was cancelled at the printer",
            JobState.ABORTED: "the printer gave the job up",
            JobState.COMPLETED: "the printer ended the job with errors",
        }
        told = ends.get(self.state, "the job is not finished") if self.state else "the job is not finished"
        if self.state is JobState.CANCELED and "job-canceled-by-user" in self.reasons:
            told = "the job was cancelled on somebody's word"
        if self.state is JobState.COMPLETED and "queued-in-device" in self.reasons:
            told = "the job was only handed on to another device"
        said = f" ({_short(self.message)})" if self.message else ""
        return f"{told}{said}{self.count}"

    @property
    def count(self) -> str:
        """How many sheets came out by the printer's count, in words; nothing where it does not tell."""
        return "" if self.sheets is None else f", {self.sheets} sheets done by its count"


def trouble(told: Attributes) -> str | None:
    """What a printer says that needs a hand, None where nothing does."""
    reasons = _texts(told, "printer-state-reasons")
    plain = {_plain(reason) for reason in reasons if _needs_a_hand(reason)}
    if known := next((words for keyword, words in _NEEDS_A_HAND.items() if keyword in plain), None):
        return known
    if grave := next((reason for reason in reasons if reason.endswith(_GRAVE)), None):
        return f"it reports {_short(grave.removesuffix(_GRAVE))}; look at its panel"
    return None


def jammed(told: Attributes) -> bool:
    """Whether the printer says that paper is stuck in it."""
    return any(_plain(reason) == "media-jam" for reason in _texts(told, "printer-state-reasons"))


def not_ready(told: Attributes, media: str | None = None) -> str | None:
    """What keeps a printer from taking a page and printing it at once, None where nothing does.

    `media` is the paper it must know, where it tells what it knows.
    """
    if words := trouble(told):
        return words
    match _number(told, "printer-state"):
        case PrinterState.IDLE:
            pass
        case PrinterState.PROCESSING:
            return "it is busy with another's page; wait for that"
        case PrinterState.STOPPED:
            said = _short(" ".join(_texts(told, "printer-state-message")))
            return f"it has stopped{f' ({said})' if said else ''}; look at its panel"
        case _:
            return "it does not tell its state, so it is no printer this driver can follow"
    accepting = told.get("printer-is-accepting-jobs")
    if accepting is not None and accepting.flags == (False,):
        return "it accepts no jobs; let it accept them at its panel or page"
    formats = _texts(told, "document-format-supported")
    if formats and PDF not in formats:
        return "it takes no PDF; letters need a printer that does"
    papers = _texts(told, "media-supported")
    if media is not None and papers and media not in papers:
        return f"it knows no paper {media}; name another as media in station.toml"
    return None


def is_spooler(told: Attributes) -> bool:
    """Whether this is the queue of a CUPS scheduler, which keeps what it prints on its disk."""
    return any(name in told for name in ("cups-version", "printer-type", "member-uris"))


def _short(words: str) -> str:
    """Words of the printer's own, no longer than an operator reads."""
    return words[:_LONGEST_WORDS].strip(" .")


def _needs_a_hand(reason: str) -> bool:
    """Whether a known reason keeps a printer from printing: a report never does (RFC 8011 §5.4.12)."""
    lasts = reason.endswith(_WARNING) and _plain(reason) in _LASTS_A_WHILE
    return not (lasts or reason.endswith(_REPORT))


def _plain(reason: str) -> str:
    for suffix in (_REPORT, _WARNING, _GRAVE):
        reason = reason.removesuffix(suffix)
    return reason


def _texts(told: Attributes, name: str) -> tuple[str, ...]:
    attribute = told.get(name)
    return () if attribute is None else attribute.texts


def _number(told: Attributes, name: str) -> int | None:
    attribute = told.get(name)
    return next(iter(() if attribute is None else attribute.numbers), None)


REQUESTED: Iterable[str] = (
    "printer-state",
    "printer-state-reasons",
    "printer-state-message",
    "printer-is-accepting-jobs",
    "document-format-supported",
    "cups-version",
    "printer-type",
    "member-uris",
    "copies-supported",
    "job-sheets-supported",
    "media-supported",
    "print-scaling-supported",
    "sides-supported",
)
"""The attributes of a printer that are looked at."""

JOB_REQUESTED: Iterable[str] = (
    "job-id",
    "job-state",
    "job-state-reasons",
    "job-state-message",
    "job-impressions-completed",
    "job-media-sheets-completed",
)
"""The attributes of a job that are looked at."""
