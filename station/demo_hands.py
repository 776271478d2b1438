"""What hands do in the demo: they put finished tokens into readers, write mails, open letters."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

from pypdf import PdfReader

from drivers.secret import Secret
from simulators.bench import Bench

_READ = "token "
"""How the line begins that tells what was read."""

_CODE = re.compile(r"\b(?:[A-Z0-9]{4}-){2}[A-Z0-9]{4}\b")


def feed(reading: subprocess.Popen[str], bench: Bench, seat: str, tokens: Sequence[str]) -> None:
    """Put one token after the other in the place of the first, while a command reads them."""
    assert reading.stdin is not None
    assert reading.stderr is not None
    for following in (*tokens, None):
        while (line := reading.stderr.readline()) and not line.startswith(_READ):
            pass
        if following is None:
            bench.eject(seat)
            break
        bench.open_envelope(seat, following)
        reading.stdin.write("\n")
        reading.stdin.flush()
    reading.communicate()


def write_mail(path: Path, parcel: Mapping[str, Any], sender: str) -> None:
    """The mail with which a manager acknowledges the tokens of a parcel, as a mail program saves it."""
    mail = EmailMessage(SMTP)
    mail["From"], mail["To"], mail["Subject"] = sender, "desk@issuer.example", "Received"
    lines = (f"{token['certificate']}: {token['quoted']}" for token in parcel["tokens"])
    mail.set_content("\n".join(["We received:", *lines, ""]))
    path.write_bytes(mail.as_bytes())


def revocation_code(letter: Path) -> Secret:
    """The revocation code that the owner of a letter reads on it."""
    (page,) = PdfReader(letter).pages
    (code,) = _CODE.findall(page.extract_text())
    return Secret.text(code)
