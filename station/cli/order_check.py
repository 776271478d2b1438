"""`station order check`: what would come of taking an order file in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from station.cli.faulty_files import FAULTS, fault_row, table
from station.cli.given_file import GivenFile
from station.cli.invocation import Invocation, json_option, pass_invocation
from station.cli.output import counted, document, listing
from station.exit_codes import ExitCode

if TYPE_CHECKING:
    from batch.model.assessment import OrderSignature
    from batch.model.errors import FaultyValue, Refused
    from batch.orders.draft import DraftRow

_ROWS = 50
"""Rows that are shown of an order."""

_COLUMNS = {"row": "Row", "layout": "Layout", "count": "Tokens", "for": "For"}

signature_option = click.option(
    "--signature",
    metavar="FILE",
    type=GivenFile(),
    help="The manager's signature over FILE (CMS, .p7s), where it is not in FILE itself.",
)


@click.command()
@click.argument("file", type=GivenFile())
@signature_option
@json_option
@pass_invocation
def check(invocation: Invocation, file: Path, signature: Path | None, as_json: bool) -> ExitCode:
    """Read and judge the order in FILE as `import` does, and take nothing; nobody need be logged in.

    Shows the first rows as they would be taken, or every fault; --json also the rows these stand in.
    """
    from batch.orders.arriving import check as judge
    from batch.orders.catalogue import LibraryLayouts
    from drivers.errors import printable
    from station.wiring import Desk

    desk, source = Desk.of(invocation.home(), None), printable(file.name)
    data, apart = file_bytes(file), file_bytes(signature) if signature else None
    with desk.records() as records:
        found = judge(records, data, apart, source=source, layouts=LibraryLayouts(desk.library))
    draft = found.arrived.draft if found.arrived else None
    rows = [_row(row) for row in (draft.rows[:_ROWS] if draft else ())]
    faults = [fault_row(one) for one in found.faults] if found.faults else _refusal(found.refused)
    if as_json:
        whole = found.arrived.signature if found.arrived else None
        document(
            {
                "source": source,
                "subscriber": draft.subscriber if draft else None,
                "organisation": draft.organisation if draft else None,
                "reference": draft.reference if draft else None,
                "tokens": draft.count if draft else None,
                "layouts": sorted({row.layout for row in draft.rows}) if draft else [],
                "signature": whole.facts() if whole else None,
                "faults": faults,
                "table": table(found.excerpt),
                "rows": rows,
            }
        )
    elif faults:
        listing(faults, FAULTS, as_json=False, empty="No faults.")
    else:
        listing(rows, _COLUMNS, as_json=False, empty="No rows.")
    if found.faults or (found.refused and draft is None):
        click.echo(f"{source}: {counted(len(faults), 'fault', 'faults')}, import takes nothing", err=True)
        return ExitCode.FAULTS_IN_INPUT
    if draft is None or found.refused is not None:
        click.echo(f"{source}: a rule forbids to take it in", err=True)
        return ExitCode.REFUSED_BY_RULE
    told = signature_told(found.arrived.signature if found.arrived else None)
    tokens = counted(draft.count, "token", "tokens")
    click.echo(
        f"{draft.reference} of {draft.subscriber}: {tokens}, {told}; next: station order import", err=True
    )
    return ExitCode.OK


def file_bytes(file: Path) -> bytes:
    """What a file holds, up to one byte more than an order may have."""
    from batch.orders.intake import LARGEST_FILE

    with file.open("rb") as opened:
        return opened.read(LARGEST_FILE + 1)


def signature_told(signature: OrderSignature | None) -> str:
    """What the signature of an order is worth, in words."""
    if signature is None:
        return "not signed"
    if signature.person is None:
        return f"signature {signature.result}: {signature.reason}"
    return f"signed by {signature.person}, {signature.result}"


def _row(row: DraftRow) -> dict[str, Any]:
    fields = {name: value for name, value in row.fields.items() if value}
    person = f"{row.fields.get('given_name', '')} {row.fields.get('surname', '')}".strip()
    return {
        "row": row.line,
        "layout": row.layout,
        "kind": str(row.kind),
        "count": row.count,
        "for": row.fields.get("group") or person,
        "renews": row.renews,
        "fields": fields,
    }


def _refusal(refused: FaultyValue | Refused | None) -> list[dict[str, Any]]:
    if refused is None:
        return []
    return [{"row": None, "column": None, "value": None, "what": refused.what, "next": refused.next}]
