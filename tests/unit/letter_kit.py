"""Orders' rows, codes and other people's eyes for tests of layouts and letters."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Mapping

from drivers.secret import Secret
from drivers.tokens import Code
from layouts.library import Library

LIBRARY = Library()

GROUP: Mapping[str, str] = {
    "subscriber": "Gemeente Súdwest-Fryslân",
    "subscriber_number": "12345678",
    "country": "NL",
    "manager": "Zoë Wałęsa-Şahin",
    "manager_email": "z.walesa@sudwest.example",
    "group": "Burgerzaken balie Noord",
    "address_1": "Marktstraat 15",
    "address_2": "8601 CR Snits",
    "language": "nl",
    "number": "000317",
}

PERSON: Mapping[str, str] = {
    **{name: value for name, value in GROUP.items() if name != "group"},
    "given_name": "Zoë",
    "surname": "Wałęsa-Şahin",
    "person_number": "P-20417",
}

WORDS = {Code.PIN: "483920", Code.PUK: "70284619", Code.REVOCATION: "K7TX-2Q4M-W9HD"}
CODES: Mapping[Code, Secret] = {code: Secret.text(word) for code, word in WORDS.items()}


def row(layout: str, **changes: str) -> dict[str, str]:
    """A row that the token layout or mailer of that name takes, with some fields changed."""
    return {**(PERSON if layout.startswith("personal") else GROUP), **changes}


def seen(page: bytes, *options: str) -> str:
    """What pdftotext reads on a page; it is never written to a file."""
    command = ["pdftotext", *options, "-", "-"]
    return subprocess.run(command, input=page, capture_output=True, check=True).stdout.decode()


def words(*texts: str) -> Counter[str]:
    """How often each word is there."""
    return Counter(word for text in texts for word in text.split())
