"""What a dispatcher types about parcels, loans, blanks and acknowledgements is done, told, and on record."""

from __future__ import annotations

import email
import email.policy
import json
import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from batch.model.people import Role
from batch.store import parcels
from batch.store.clock import now
from batch.store.database import Records
from station.exit_codes import ExitCode
from tests.unit.cli import Cli, Result
from tests.unit.dispatch_kit import MANAGER, quoted, read, ready
from tests.unit.login_kit import passphrase, pin_fd, staffed
from tests.unit.restore_kit import home_of

WHY = ("--reason", "as seen")
Station = Callable[..., Result]


@pytest.fixture(scope="module")
def staffed_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dirk dispatches, olga is an order officer; three tokens of a group are finished."""
    home = home_of(tmp_path_factory.mktemp("desk") / "home")
    (home.path / "layouts" / "tokens" / "own.toml").unlink()
    with closing(Records(home.records)) as records:
        ready(records, 3)
    staffed(home, dirk=(Role.DISPATCHER,), olga=(Role.ORDER_OFFICER,))
    return home.path


@pytest.fixture
def home(staffed_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(staffed_home, tmp_path / "home"))


@pytest.fixture
def station(home: Path, cli: Cli) -> Station:
    def run(*arguments: str, by: str = "dirk", expect: int = ExitCode.OK) -> Result:
        fd = pin_fd(**{by: passphrase(by)})
        done = cli(*arguments, "--as", by, "--home", str(home), "--pin-fd", fd)
        assert done.code == expect, done.err
        return done

    return run


def listed(station: Station, *arguments: str) -> Any:
    return json.loads(station(*arguments, "--json").out)


def gone(station: Station, home: Path) -> str:
    """The number of a parcel with tokens 4 and 5, which was sent."""
    order = listed(station, "order", "list")[-1]["number"]
    parcel = station("dispatch", "new", order).out.strip()
    station("dispatch", "add", parcel, "000004", "000005")
    with closing(Records(home / "station.db")) as records:
        read(records, parcels.parcel(records, parcel), "000004", "000005")
    station("loan", "lend", "usb-stick", "U-1", "--to", parcel, "--until", "2099-01-01")
    station("dispatch", "close", parcel, "--papers", str(home.parent / "papers.pdf"))
    station("dispatch", "send", parcel, "--courier", "PostNL", "--reference", "3S1")
    return parcel


def test_a_parcel_goes_from_its_beginning_to_its_acknowledgement(station: Station, home: Path) -> None:
    parcel = gone(station, home)
    assert (home.parent / "papers.pdf").read_bytes().startswith(b"%PDF")
    assert "Number to quote" in station("dispatch", "show", parcel).out
    (row,) = listed(station, "dispatch", "list", "--state", "sent")
    assert (row["parcel"], row["tokens"], row["loans"]) == (parcel, 2, 1)
    assert station("dispatch", "list", "--csv").out.startswith("parcel,order,state,to,")
    with closing(Records(home / "station.db")) as records:
        numbers = [quoted(records, token) for token in ("000004", "000005")]
    said = ("--name", "Zeehavens", "--sender", MANAGER)
    assert "acknowledgement 1 is accepted" in station("acknowledge", numbers[0], *said, by="olga").err
    waits = station("acknowledge", numbers[1], *said, expect=ExitCode.PARTIAL)
    assert "who had the token in hand took it in" in waits.err
    decided = station("acknowledge", "decide", "2", "--accept", *WHY, by="olga")
    assert "acknowledgement 2 is accepted" in decided.err
    assert {one["state"] for one in listed(station, "acknowledge", "list")} == {"accepted"}


def test_an_e_mail_is_taken_in_from_its_file(station: Station, home: Path) -> None:
    gone(station, home)
    with closing(Records(home / "station.db")) as records:
        numbers = [quoted(records, token) for token in ("000004", "000005")]
    mail = home.parent / "mail.eml"
    mail.write_text(f"From: {MANAGER}\nSubject: Ontvangst\n\nZeehavens\n{numbers[0]}\n{numbers[1]}\n")
    told = station("acknowledge", "--eml", str(mail), by="olga").err
    assert told.count("plain e-mail, its sender is not proven") == 2
    mail.write_text("no mail at all")
    station("acknowledge", "--eml", str(mail), by="olga", expect=ExitCode.FAULTS_IN_INPUT)


@pytest.mark.parametrize(
    "wrong",
    [
        ("acknowledge", "000004-1111-1"),
        ("acknowledge", "000004-1111-1", "--name", "Zeehavens"),
        ("acknowledge", "decide", "1", *WHY),
        ("dispatch", "add", "P-000001"),
        ("stock", "blanks", "receive", "A", "--driver", "piv", "--model", "M"),
        ("stock", "blanks", "leave", "A", "--driver", "piv", *WHY),
        ("loan", "lend", "car", "R-1", "--to", "P-000001", "--until", "2099-01-01"),
    ],
)
def test_half_a_command_is_not_understood(station: Station, wrong: tuple[str, ...]) -> None:
    station(*wrong, expect=ExitCode.USAGE)


def test_reminders_are_printed_or_written_as_mails_once(station: Station, home: Path) -> None:
    parcel = gone(station, home)
    late = (now() + timedelta(days=43)).date().isoformat()
    folder = home.parent / "mails"
    folder.mkdir()
    assert station("acknowledge", "reminders").err == "0 reminders written\n"
    station("acknowledge", "reminders", "--on", late, "--mails", str(folder), by="olga")
    (path,) = folder.iterdir()
    assert path.name == f"unacknowledged-{parcel}-1.eml"
    assert path.stat().st_mode & 0o077 == 0
    made = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert MANAGER in made["To"]
    assert "aanvragen@example.org" in made["To"]
    assert station("acknowledge", "reminders", "--on", late).out == ""
    assert "usb-stick U-1" in station("loan", "reminders", "--on", "2098-12-30").out


def test_a_loan_is_put_off_lost_and_found(station: Station, home: Path) -> None:
    gone(station, home)
    station("loan", "extend", "L-000001", "--until", "2099-06-01")
    (loan,) = listed(station, "loan", "list", "--due", "--on", "2099-06-01")
    assert (loan["serial"], loan["due_on"]) == ("U-1", "2099-06-01")
    assert listed(station, "loan", "list", "--due", "--on", "2099-05-31") == []
    assert listed(station, "loan", "list", "--subscriber", loan["subscriber"]) == [loan]
    assert listed(station, "loan", "list", "--subscriber", "NTRNL-1") == []
    station("loan", "lost", "L-000001", *WHY)
    station("loan", "returned", "L-000001", "--note", "in a drawer")
    (loan,) = listed(station, "loan", "list", "--state", "returned")
    assert loan["reason"] == "in a drawer"


def test_blanks_are_listed_reconciled(station: Station, home: Path) -> None:
    serials = home.parent / "serials.txt"
    serials.write_text("S1\n\nS2\n  S3\n")
    lot = ("A", "--driver", "piv")
    station("stock", "blanks", "receive", *lot, "--model", "Card", "--serials", str(serials))
    station("stock", "blanks", "leave", *lot, "--returned", "--serial", "S2", *WHY)
    (row,) = listed(station, "stock", "blanks", "list")
    assert (row["received"], row["returned"], row["in_stock"], row["discrepancies"]) == (3, 1, 2, [])
    station("stock", "blanks", "count", "2", "--driver", "piv")
    told = station("stock", "blanks", "count", "1", "--driver", "piv", expect=ExitCode.CHECK_FAILED)
    assert told.err == "1 counted, and there should be 2\n"
    assert "counted 1" in station("stock", "blanks", "list", expect=ExitCode.CHECK_FAILED).err
    more = ("B", "--driver", "piv", "--model", "Card", "--range", "S08", "S10")
    assert "3 blanks of Card in stock as lot B" in station("stock", "blanks", "receive", *more).err
