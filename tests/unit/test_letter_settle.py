"""Only a letter whose printing is unknown is accounted for: no slip voids one that was never printed, or
is in the printer.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from batch.audit.log import log
from batch.letters.accounting import settle
from batch.model.errors import Busy, Refused
from batch.model.events import Event
from batch.model.states import LetterState
from batch.orders.decisions import receive
from batch.production.lock import only_one
from batch.store import items, letters
from batch.store.database import Records
from tests.unit.restore_kit import draft


@pytest.mark.parametrize("asked", [LetterState.PRINTED, LetterState.VOID])
@pytest.mark.parametrize("before", [(), (LetterState.PRINTING, LetterState.PRINTED)])
def test_a_letter_that_is_not_in_doubt_is_left_as_it_is(
    tmp_path: Path, before: tuple[LetterState, ...], asked: LetterState
) -> None:
    Records.create(tmp_path / "station.db").close()
    with closing(Records(tmp_path / "station.db")) as records:
        receive(records, draft("A-1", 1), "ada")
        with records.transaction():
            letters.add(records, "000001", items.item(records, "000001").id)
            for state in before:
                letters.set_state(records, "000001", state, printer="device", operator="carl")
            log(records, Event("letter.sealed", "ada", item="000001"))
        there = letters.letter(records, "000001")
        with pytest.raises(Refused, match=f"it is {there.state}; only a letter whose printing is unknown"):
            settle(records, "000001", asked, "carl", "slip of the hand", session=tmp_path / "printing.lock")
        assert letters.letter(records, "000001") == there


@pytest.mark.parametrize("asked", [LetterState.PRINTED, LetterState.VOID])
def test_a_letter_in_the_printer_is_accounted_for_only_when_nobody_prints(
    tmp_path: Path, asked: LetterState
) -> None:
    Records.create(tmp_path / "station.db").close()
    session = tmp_path / "printing.lock"
    with closing(Records(tmp_path / "station.db")) as records:
        receive(records, draft("A-1", 1), "ada")
        with records.transaction():
            letters.add(records, "000001", items.item(records, "000001").id)
            letters.set_state(records, "000001", LetterState.PRINTING, printer="device", operator="carl")
            log(records, Event("letter.printing", "carl", item="000001"))
        with only_one(session, "printing"), pytest.raises(Busy, match="another printing"):
            settle(records, "000001", asked, "dora", "as the tray shows", session=session)
        assert letters.letter(records, "000001").state is LetterState.PRINTING
        settle(records, "000001", asked, "dora", "as the tray shows", session=session)
        assert letters.letter(records, "000001").state is asked
