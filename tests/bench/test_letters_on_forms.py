"""Letters on multi-part forms: codes inside only, and what left of each form in the log (R12, R15)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from drivers.secret import Secret
from simulators.impact_forms import Form
from simulators.impact_printer import ImpactPrinter
from station.exit_codes import ExitCode
from tests.bench.conftest import DeskFactory
from tests.bench.desk import Desk
from tests.bench.searching import Hunt
from tests.unit.impact_kit import REST, page, stock

pytestmark = pytest.mark.bench

LINES = page().count(b"\n") + 1
FORM = len(page())
"""Bytes of a form, more or less."""


@pytest.fixture(scope="module")
def printer() -> Iterator[ImpactPrinter]:
    with closing(ImpactPrinter("escp-24", REST)) as made:
        yield made


@pytest.fixture(scope="module")
def desk(desk_factory: DeskFactory, printer: ImpactPrinter) -> Desk:
    """A desk with an impact printer in the place of its own."""
    desk = desk_factory(piv=0, pkcs11=1).letters_first()
    own = desk.home / "layouts-of-life/tokens/group-usb.toml"
    own.write_text(own.read_text().replace('mailer = "group-letter"', 'mailer = "group-form"'))

    options = (
        f'port = "{printer.device}"',
        'speaks = "escp-24"',
        "baud = 115200",
        "form_seconds = 8",
        "settle_seconds = 1.5",
    )
    ours = "\n".join(('driver = "serial"', "[printer.options]", *options, ""))

    def change(text: str) -> str:
        head, table, rest = text.partition("[printer]\n")
        assert table
        tables = rest.partition("[printer.options]\n")[2].partition("\n[")
        return f"{head}{table}{ours}{tables[1]}{tables[2]}"

    desk.configure(change)
    return desk


def form(printer: ImpactPrinter, index: int) -> Form:
    """One of the forms that came out, taken apart."""
    return Form(stock(), printer.mechanism.strikes, index)


def logged(desk: Desk, event: str, number: str) -> list[dict[str, Any]]:
    """The details of a letter's entries in the log."""
    entries = [json.loads(line)["entry"] for line in (desk.home / "ledger.jsonl").read_text().splitlines()]
    return [one["detail"] for one in entries if one.get("event") == event and one.get("item") == number]


def test_letters_on_forms(desk: Desk, printer: ImpactPrinter) -> None:
    # Alignment first, with dummy codes; the printer is as the doctor finds it.
    desk.run("layouts", "sample", "group-form", "--print")
    assert "PIN 123456" in [re.sub(" +", " ", line) for line in form(printer, 0).inner()]
    order = desk.approved({"group": "Balie", "layout": "group-usb:p-256", "count": "3"})
    desk.run("produce", order, pins=True)
    first, second, third = desk.letters(order)

    # It runs out of paper in the middle of the second form.
    printer.paper(FORM + FORM // 2)
    said = desk.run("letter", "print", order, operator="carl", pins=True, expect=ExitCode.PARTIAL).err
    assert f"{second}: stopped after" in said
    assert "it has stopped the line (XOFF): out of paper, off line or busy" in said
    assert desk.letters(order) == {first: "printed", second: "unknown", third: "sealed"}
    (counted,) = logged(desk, "letter.printed", first)
    assert counted["lines"] == LINES
    (stopped,) = logged(desk, "letter.unknown", second)
    assert FORM // 4 < stopped["bytes"] < 2 * FORM
    outer = form(printer, 1).outer()
    assert outer[0] == first

    # A person looks, takes the form out, sets top of form anew; the next session prints what never left.
    desk.run("letter", "settle", second, "--void", "--no-form", "--reason", "half a form", operator="carl")
    codes = codes_of(form(printer, 1), first)
    printer.set_up()
    desk.run("letter", "print", order, operator="carl", pins=True)
    assert desk.letters(order) == {first: "printed", second: "void", third: "printed"}
    assert form(printer, 0).outer()[0] == third
    codes |= codes_of(form(printer, 0), third)

    # Outside, at the desk and in what was said there is no code.
    for name, code in codes.items():
        assert code.reveal().decode() not in "\n".join([*outer, *form(printer, 0).outer()]), name
    left = desk.work / "said"
    left.write_bytes(b"\n".join(desk.said))
    assert Hunt(codes).through(desk.home, desk.work) == []
    desk.run("audit", "verify")


def codes_of(taken: Form, number: str) -> dict[str, Secret]:
    """The codes on an inner ply, which is another ply than the outer one."""
    found = {}
    for line in taken.inner():
        label, _, code = re.sub(" +", " ", line).partition(" ")
        if label in ("PIN", "PUK", "Intrekkingscode"):
            found[f"{label} of {number}"] = Secret.text(code)
    assert len(found) == 3
    return found
