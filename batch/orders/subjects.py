"""Who a row is for, and what may not be ordered twice (R30)."""

from __future__ import annotations

from collections.abc import Sequence

from batch.orders.draft import DraftRow, Known
from batch.tables.faults import FaultList, quoted
from batch.tables.values import folded
from layouts.fields import Kind


def subject_key(kind: Kind, organisation: str, number_or_name: str, layout: str) -> str:
    """The key under which a subject is found again.

    A group is its name alone, so that another subscriber's is found. A person is their number within the
    organisation, and the layout's name without variant, because one token of each layout is theirs.
    """
    if kind is Kind.GROUP:
        return f"group:{folded(number_or_name)}"
    return f"person:{organisation}:{folded(number_or_name)}:{layout}"


def check_inside(rows: Sequence[DraftRow], counted: bool, faults: FaultList) -> None:
    """Note what one order holds twice.

    A person has one token of a layout, and one name. A group may have several rows (other layout, manager or
    address), but where there is a `count` column a row that only repeats another is a slip of the pen; a
    file without that column (`counted` false) has one row per token, and equal rows mean several tokens.
    """
    _check_groups([row for row in rows if row.kind is Kind.GROUP], counted, faults)
    _check_persons([row for row in rows if row.kind is Kind.PERSON], faults)


def _check_groups(rows: Sequence[DraftRow], counted: bool, faults: FaultList) -> None:
    spelled: dict[str, DraftRow] = {}
    seen: dict[tuple[str, ...], DraftRow] = {}
    for row in rows:
        name = row.fields["group"]
        first = spelled.setdefault(row.subject_key, row)
        if first.fields["group"] != name:
            wrong = f"is {quoted(first.fields['group'])} of {faults.at(first.line)}, spelled otherwise"
            faults.add(row.line, "group", name, wrong, "spell a group alike everywhere")
        if counted:
            whole = tuple(value for column, value in row.fields.items() if column != "count")
            if (first := seen.setdefault(whole, row)) is not row:
                right = "order all tokens in one row, or leave one out"
                faults.add(row.line, "", "", f"this row repeats {faults.at(first.line)}", right)


def _check_persons(rows: Sequence[DraftRow], faults: FaultList) -> None:
    tokens: dict[str, DraftRow] = {}
    numbers: dict[str, DraftRow] = {}
    faces: dict[tuple[str, str], DraftRow] = {}
    for row in rows:
        number, name = row.fields["person_number"], _full_name(row)
        if (first := tokens.setdefault(row.subject_key, row)) is not row:
            wrong = f"has a token of this layout on {faults.at(first.line)} already"
            faults.add(row.line, "person_number", number, wrong, "one each is allowed; leave this row out")
            continue
        first = numbers.setdefault(folded(number), row)
        if _full_name(first) != name:
            wrong = f"is the number of {quoted(_full_name(first))} on {faults.at(first.line)}"
            faults.add(
                row.line, "person_number", number, wrong, "give each person one number and one spelling"
            )
            continue
        if row.fields["email"]:
            first = faces.setdefault((folded(name), folded(row.fields["email"])), row)
            if folded(first.fields["person_number"]) != folded(number):
                wrong = f"has the name and e-mail address of {faults.at(first.line)}, under another number"
                faults.add(row.line, "person_number", number, wrong, "give each person one number")


def _full_name(row: DraftRow) -> str:
    return f"{row.fields['given_name']} {row.fields['surname']}"


def check_known(rows: Sequence[DraftRow], organisation: str, known: Known, faults: FaultList) -> None:
    """Note what was given before: a name to another subscriber, a valid token of this layout to a person.

    The same group of the same subscriber may always get more tokens.
    """
    answers = {key: known.issued(key) for key in {row.subject_key: None for row in rows}}
    for row in rows:
        if (before := answers[row.subject_key]) is None:
            continue
        if row.kind is Kind.GROUP and before.organisation != organisation:
            wrong = f"was given to another subscriber in order {before.order}, and a name is given once"
            right = "choose a name that says whose group it is"
            faults.add(row.line, "group", row.fields["group"], wrong, right)
        elif row.kind is Kind.PERSON and before.valid:
            wrong = f"has a valid token of layout {row.layout} from order {before.order}"
            right = "leave this row out, or have that token revoked or renewed first"
            faults.add(row.line, "person_number", row.fields["person_number"], wrong, right)
