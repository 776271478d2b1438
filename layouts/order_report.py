"""The report on an order as PDF: a summary with the signature, who did what, and every token."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

from layouts.flow import MONO, Column, Flow
from layouts.report_texts import ReportTexts, report_texts

_TOTALS = (Column(60), Column(60), Column(60))
_OPEN = (Column(55), Column(65), Column(60))
_PEOPLE = (Column(60), Column(90), Column(30))
_ACTS = (Column(14), Column(34), Column(42), Column(24), Column(66))
_TOKENS = (Column(24, MONO), Column(72), Column(52), Column(32))
_INDENT = 6.0

Told = Mapping[str, Any]


def render(
    file: BinaryIO,
    head: Told,
    totals: Iterable[Told],
    tokens: Iterable[Told],
    *,
    digest: str,
    note: str,
    language: str,
) -> int:
    """Write the pages of a report as told in plain values; how many they are.

    `digest` (hexadecimal) and `note` are those of the signed report. In English where there is no text in
    `language`.
    """
    every = report_texts()
    language = language if language in every else "en"
    texts, order = every[language], head["order"]
    title = f"{texts.title} {order['number']}"
    foot = f"{title} · {head['station']} · {_time(head['made']['at'])} · {texts.page}"
    flow = Flow(file, title=title, author=head["station"], language=language, foot=foot)
    flow.heading(title, 16)
    flow.pairs(_facts(head, texts))
    flow.heading(texts.balance)
    flow.paragraph(head["balance"]["told"])
    flow.heading(texts.totals)
    flow.table(_TOTALS, texts.total_columns)
    for one in totals:
        flow.row((one["what"], one["state"], str(one["count"])))
    if head["open"]:
        flow.heading(texts.open)
        flow.table(_OPEN, texts.open_columns)
        for one in head["open"]:
            flow.row((one["what"], one["why"], one["next"]))
    flow.heading(texts.signature)
    flow.paragraph(texts.verify)
    flow.paragraph(digest, 8, MONO)
    flow.paragraph(note.strip(), 7, MONO)
    flow.code(note)
    flow.heading(texts.people)
    flow.table(_PEOPLE, texts.people_columns)
    for one in head["people"]:
        flow.row((one["operator"], one["event"], str(one["times"])))
    flow.heading(texts.acts)
    flow.table(_ACTS, texts.act_columns)
    for one in head["acts"]:
        _act(flow, one)
    flow.heading(texts.tokens)
    flow.table(_TOKENS, texts.token_columns)
    for one in tokens:
        _token(flow, one)
    flow.save()
    return flow.pages


def _facts(head: Told, texts: ReportTexts) -> list[tuple[str, str]]:
    order = head["order"]
    decided = order.get("decided", {})
    told = {
        "station": head["station"],
        "subscriber": f"{order['subscriber']} ({order['organisation']})",
        "reference": order["reference"],
        "state": order["state"],
        "received": _by(order["received"]),
        "decided": _by(decided) if decided.get("at") else "-",
        "file": f"{order['source']}: {order['sha256']}",
        "custody": _custody(order),
        "made": _by(head["made"]),
    }
    return [(texts.facts.get(name, name), value) for name, value in told.items()]


def _custody(order: Told) -> str:
    if "custody_key" not in order:
        return "-"
    destroyed = order.get("custody_key_destroyed")
    return f"{order['custody_key']}{f', destroyed {_time(destroyed)}' if destroyed else ''}"


def _act(flow: Flow, act: Told) -> None:
    detail = act.get("detail")
    told = _words(detail) if isinstance(detail, Mapping) else ""
    cells = (act.get("n"), _time(act.get("at")), act.get("event"), act.get("operator"), told)
    flow.row([str(cell if cell is not None else "-") for cell in cells], rule=True)


def _token(flow: Flow, token: Told) -> None:
    where = " · ".join(filter(None, (token["state"], token.get("life"))))
    made = " · ".join(filter(None, (token.get("group"), token["layout"], token.get("serial"))))
    flow.row((token["number"], made, where, _time(token.get("since"))), strong=True, rule=True)
    for certificate in token.get("certificates", ()):
        told = (certificate.get("serial", "-"), certificate.get("until", "")[:10], certificate["state"])
        evidence = certificate["evidence"]
        proven = f"{evidence['kind']}: {'holds' if evidence['holds'] else evidence['why']}"
        key = f"{certificate['key']}{' (former)' if certificate.get('former') else ''}"
        flow.under(_INDENT, key, " · ".join((*told, proven, *_rooted(evidence))))
        flow.under(_INDENT, "", f"SHA-256 {certificate['sha256']}", MONO)
    letter = token.get("letter")
    if letter:
        told_ = [letter["state"], *(f"form {_form(one)}" for one in token.get("forms", ()))]
        sent = [f"{one['how']} {_time(one['sent'])} by {one['by']}" for one in token.get("postings", ())]
        flow.under(_INDENT, "letter", " · ".join((*told_, *sent)))
    for parcel in token.get("parcels", ()):
        flow.under(_INDENT, "parcel", f"{parcel['number']} · {parcel['state']} {_time(parcel.get('sent'))}")
    for revoked in token.get("revocations", ()):
        asked = f"{revoked['reason']}, asked {_time(revoked['asked'])} by {revoked['by']}"
        flow.under(_INDENT, "revocation", f"{asked} · {revoked.get('outcome', 'the CA has not answered')}")
    for stay in token.get("quarantine", ()):
        way = f" · {stay['way']} by {stay.get('way_by', '-')}" if "way" in stay else ""
        flow.under(_INDENT, "quarantine", f"{_time(stay['since'])} {stay['reason']}{way}")
    for act in token.get("field", ()):
        flow.under(_INDENT, act["act"], f"{_time(act['at'])} by {act['by']}")
    if told_acts := [f"{act[2]} {_time(act[1])} {act[3]} ({act[0]})" for act in token.get("acts", ())]:
        flow.under(_INDENT, "log", "; ".join(told_acts))


def _rooted(evidence: Told) -> list[str]:
    """Who vouches for an attestation."""
    chain = evidence.get("chain", ())
    return [f"by {chain[-1]['issuer']}"] if chain else []


def _form(form: Told) -> str:
    witness = f" before {form['witness']}" if "witness" in form else ""
    return f"{form['number']} {form['state']} by {form['by']}{witness}"


def _by(told: Told) -> str:
    return f"{_time(told.get('at'))}, {told.get('by', '-')}"


def _time(at: object) -> str:
    """A moment to the minute."""
    return str(at)[:16].replace("T", " ") if at else "-"


def _words(detail: Mapping[str, Any]) -> str:
    """The detail of an entry in one line; digests shortened, because the report has them whole."""
    return ", ".join(
        f"{name} {_short(value)}" for name, value in detail.items() if value not in (None, {}, [])
    )


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"({_words(value)})"
    if isinstance(value, list):
        return " ".join(map(_short, value))
    text = str(value)
    return f"{text[:16]}…" if len(text) == 64 and " " not in text else text
