"""What hands do in the demo: they put finished tokens into readers, write mails, open letters."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import closing
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

from pypdf import PdfReader

from batch.model.orders import Item
from batch.store.database import Records
from batch.store.items import items
from batch.store.orders import order, orders
from drivers.secret import Secret
from simulators.bench import Bench
from station.simulated_desk import SimulatedDesk

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


def write_mails(desk: SimulatedDesk, number: str) -> list[Path]:
    """Every manager of an order answers its accompanying letter (R3), in a mail named by the parcel."""
    sender = {item.mailer_number: item.fields["manager_email"] for item in tokens(desk.home, number)}
    mails = []
    for parcel in parcels(desk, number):
        shown, mail = desk.told(f"dispatch show {parcel}"), desk.papers / f"{parcel}.eml"
        write_mail(mail, shown, sender[shown["tokens"][0]["number"]])
        mails.append(mail)
    return mails


def parcels(desk: SimulatedDesk, number: str) -> list[str]:
    """The numbers of an order's parcels."""
    return [one["parcel"] for one in desk.told(f"dispatch list --order {number}")]


def first_order(home: Path) -> str:
    """The number of the first order at a desk."""
    with closing(Records(home / "station.db")) as records:
        return orders(records)[0].number


def tokens(home: Path, number: str) -> tuple[Item, ...]:
    """The items of an order."""
    with closing(Records(home / "station.db")) as records:
        return tuple(items(records, order(records, number)))


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


class DemoWorld:
    """Hands at a simulated desk and the managers of its first order, for who plays it at the screen."""

    def __init__(self, directory: Path) -> None:
        """`directory` is the desk's."""
        self._desk = SimulatedDesk(directory, lambda _text: None)
        self.papers = self._desk.papers
        self.papers.mkdir(mode=0o700, exist_ok=True)

    def put_in(self, seat: str, token: str) -> None:
        """Put a finished token into a seat, in the place of what is there; raises `BenchError`."""
        self._desk.bench.open_envelope(seat, token)

    def write_mails(self) -> None:
        """Every manager acknowledges the parcel that came."""
        write_mails(self._desk, first_order(self._desk.home))
