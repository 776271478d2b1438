"""Every command that changes something asks who acts, and refuses whoever has not the role."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import click
import pytest

from batch.model.people import Role
from batch.store import audit
from batch.store.database import Records
from station.cli import COMMANDS
from station.exit_codes import ExitCode
from station.home import Home
from tests.unit.cli import Cli
from tests.unit.login_kit import pin_fd, staffed
from tests.unit.restore_kit import home_of

ORDER, NUMBER = "2026-0001", "000001"
WHY = ("--reason", "test")
ORGANISATION, MANAGER = ("NTRNL-90001234",), ("--function", "manager")
ADDRESS = ("--visiting", "Verzonnenlaan 12", "--visiting", "9999 XX Nergenshuizen")
ACTING: Mapping[str, tuple[str, ...]] = {
    "registry add": (*ORGANISATION, "--name", "S", "--language", "nl", "--email", "a@example.org", *ADDRESS),
    "registry change": ("NTRNL-90001234", "--name", "Subscriber"),
    "registry close": ("NTRNL-90001234",),
    "registry import": ("FILE",),
    "registry export": ("NEW",),
    "registry forget": (NUMBER, "--yes"),
    "registry person add": (
        "NTRNL-90001234",
        "--name",
        "N",
        "--email",
        "n@example.org",
        "--function",
        "manager",
    ),
    "registry person change": (NUMBER, "--name", "N"),
    "registry person identify": (NUMBER, "--document", "passport"),
    "registry person end": (NUMBER,),
    "registry terms": (NUMBER, "FILE"),
    "registry certificate set": (NUMBER, "PEM"),
    "operator enrol": ("eve", "--role", "approver"),
    "operator change": ("ann", "--role", "approver"),
    "operator retire": ("ann", *WHY),
    "operator complete": ("ann",),
    "order import": ("FILE",),
    "order assess": (ORDER,),
    "order notice": (ORDER,),
    "order close": (ORDER,),
    "order report": (ORDER, "--json", "NEW"),
    "order approve": (ORDER,),
    "order reject": (ORDER, *WHY),
    "order schedule": (ORDER, "--until", "2030-01-01T00:00"),
    "produce": (ORDER,),
    "token admin": (NUMBER, "--seat", "lane-1", "--with", "ben"),
    "token revoke": (NUMBER, "--reason", "keyCompromise"),
    "token label": (NUMBER, "--pdf", "NEW"),
    "token hand-over": (NUMBER, "--to", "HOLDER"),
    "token activate": (NUMBER,),
    "token unblock": (NUMBER, "--seat", "lane-1"),
    "token lost": (NUMBER, *WHY),
    "token damaged": (NUMBER, *WHY),
    "token returned": (NUMBER, *WHY),
    "token destroy": (NUMBER, "--witness", "ben", *WHY),
    "diversification new": (),
    "quarantine resume": (NUMBER,),
    "quarantine add": (NUMBER, *WHY),
    "quarantine reset": (NUMBER, "--seat", "lane-1"),
    "quarantine destroy": (NUMBER, "--witness", "ben"),
    "quarantine write-off": (NUMBER, "--witness", "ben"),
    "custody make": ("--with", "ben"),
    "custody split": ("--with", "ben"),
    "custody prove": ("--with", "ben"),
    "custody epochs make": ("2", "--with", "ben"),
    "custody epochs destroy": (ORDER, "--with", "ben"),
    "custody backup": ("NEW", "--with", "ben"),
    "custody recover": ("FILE", "--with", "ben"),
    "letter print": (ORDER, "--with", "ben"),
    "letter release": (ORDER,),
    "letter reprint": (NUMBER, *WHY),
    "letter settle": (NUMBER, "--void", *WHY),
    "letter confirm": (NUMBER,),
    "letter spoil": (NUMBER, *WHY),
    "letter lost": (NUMBER, *WHY),
    "letter destroy": (NUMBER, "--witness", "ben", *WHY),
    "letter void": (NUMBER,),
    "letter send": (NUMBER, "--by", "post"),
    "letter returned": (NUMBER, *WHY),
    "letter forms receive": ("A-0001", "A-0010", "--printer", "device"),
    "letter forms spoil": ("A-0001", *WHY),
    "letter forms missing": ("A-0001", *WHY),
    "letter forms destroy": ("A-0001", "--witness", "ben", *WHY),
    "stock blanks receive": ("LOT-1", "--driver", "piv", "--model", "Card", "--count", "5"),
    "stock blanks leave": ("LOT-1", "--driver", "piv", "--returned", "--count", "5", *WHY),
    "stock blanks count": ("5", "--driver", "piv"),
    "dispatch new": (ORDER,),
    "dispatch add": ("P-000001", NUMBER),
    "dispatch remove": ("P-000001", NUMBER),
    "dispatch check": ("P-000001", "--seat", "lane-1"),
    "dispatch close": ("P-000001",),
    "dispatch papers": ("P-000001", "NEW"),
    "dispatch label": ("P-000001", "--pdf", "NEW"),
    "dispatch send": ("P-000001", "--courier", "Post", "--reference", "1"),
    "dispatch reopen": ("P-000001", *WHY),
    "dispatch cancel": ("P-000001", *WHY),
    "loan lend": ("reader", "R-1", "--to", "P00000001", "--until", "2099-01-01"),
    "loan returned": ("L-000001",),
    "loan lost": ("L-000001", *WHY),
    "loan extend": ("L-000001", "--until", "2099-01-01"),
    "loan reminders": (),
    "acknowledge take": (NUMBER, "--name", "Zeehavens", "--sender", "a@example.org"),
    "acknowledge decide": ("1", "--accept", *WHY),
    "acknowledge reminders": (),
    "renew start": (NUMBER,),
    "renew confirm": ("R-000001", "--holds", "all"),
    "renew role": ("R-000001",),
    "renew approve": ("R-000001",),
    "renew pause": ("R-000001", "--for", "payment"),
    "renew resume": ("R-000001",),
    "renew cancel": ("R-000001", *WHY),
    "renew order": ("R-000001",),
    "renew carry-out": ("R-000001", "--seat", "lane-1"),
    "renew undo": ("R-000001", "--seat", "lane-1", *WHY),
    "renew finish": ("R-000001",),
    "renew reminders": (),
    "renew vouchers import": ("FILE",),
    "audit verify": (),
    "audit checkpoint": (),
    "audit export": ("NEW",),
    "backup": ("NEW",),
    "backup --keys": ("NEW",),
    "restore": ("BACKUP", "--replace"),
    "reconcile": (),
    "ca crl": (),
    "ca settle": ("000001/authentication/1", "--none"),
    "ca requests": ("NEW",),
    "ca take": ("FILE",),
}
"""What changes something, with what it takes."""

FOR_DISPATCHERS = {
    *(f"token {act}" for act in ("label", "hand-over", "activate", "lost", "damaged", "returned", "destroy")),
    *(one for one in ACTING if one.partition(" ")[0] in ("stock", "dispatch", "loan", "acknowledge")),
}
"""What a dispatcher may do, and an auditor may not."""

READING = {
    *(
        "due",
        "certificate list",
        "doctor",
        "lanes",
        "lanes watch",
        "layouts show",
        "layouts sample",
        "layouts check",
        "completion",
    ),
    *("registry list", "registry show", "registry search", "registry due", "registry person list"),
    "registry check",
    *("operator list", "operator show", "whoami", "logout"),
    *("order list", "order check", "order show", "order template"),
    *(
        "token list",
        "token show",
        "token verify",
    ),
    *("diversification list", "quarantine list", "quarantine show", "custody list", "custody epochs list"),
    *(
        "letter list",
        "letter forms list",
        "letter forms show",
        "audit key",
        "audit show",
        "ca chain",
        "ca ocsp",
        "ca revocations",
        "ca waiting",
        "ca unclear",
        "letter forms barcodes",
    ),
    *("renew list", "renew show", "renew vouchers list"),
    *("stock blanks list", "dispatch list", "dispatch show", "loan list", "acknowledge list"),
}
"""What everybody may do who gets into the home."""

BY_CODE = {"revoke"}
"""What whoever has a token's revocation code may do."""

PROVING = {"login"}
"""What is nothing but a proof."""

BEFORE_ANYBODY = {"init", "operator found"}
"""What makes the first operators."""

NO_RECORDS = {
    *("bench up", "bench down", "bench status", "bench insert", "bench eject", "demo", "screen"),
    *("bench operator add", "bench operator present"),
    *("lanes pause", "lanes resume", "lanes end"),  # wishes to a production, which logs who asks
    "lanes bind",  # writes station.toml, as whoever gets into the home does with an editor
}
"""What touches no records of a station."""


def commands() -> Iterator[str]:
    """Every command of the program."""

    def below(command: click.Command, path: str) -> Iterator[str]:
        if not isinstance(command, click.Group):
            yield path
            return
        for name, one in command.commands.items():
            yield from below(one, f"{path} {name}")

    for name, entry in COMMANDS.items():
        module, _, attribute = entry.target.partition(":")
        yield from below(getattr(importlib.import_module(module), attribute), name)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home at which the dispatcher Dirk and the auditor Otto work, beside two administrators."""
    home = home_of(tmp_path_factory.mktemp("desk") / "home")
    (home.path / "layouts" / "tokens" / "own.toml").unlink()
    staffed(home, dirk=(Role.DISPATCHER,), otto=(Role.AUDITOR,))
    token = home.path / "keys" / "custody" / "tokens" / "one" / "token.object"
    token.parent.mkdir(parents=True)
    token.touch()
    return home


def entries(home: Home) -> int:
    """How many entries the log has."""
    with closing(Records(home.records)) as records:
        head = audit.head(records)
    return head.sequence if head else 0


def test_every_command_is_told_here() -> None:
    told = {*ACTING, *READING, *PROVING, *BY_CODE, *BEFORE_ANYBODY, *NO_RECORDS} - {"backup --keys", "lanes"}
    assert set(commands()) == told


@pytest.mark.parametrize("command", ACTING)
def test_who_has_not_the_role_changes_nothing(
    command: str, home: Home, cli: Cli, tmp_path: Path, pem: Path
) -> None:
    file, backup = tmp_path / "file.csv", tmp_path / "backup.tar"
    file.write_text("nothing")
    if command == "restore":
        assert cli("backup", str(backup), "--home", str(home.path)).code == ExitCode.OK
    given = {"FILE": file, "NEW": tmp_path / "new", "PEM": pem, "BACKUP": backup}
    arguments = [str(given.get(one, one)) for one in ACTING[command]]
    before = entries(home)

    who = "otto" if command in FOR_DISPATCHERS else "dirk"
    fd = pin_fd(**{who: "never was the one"}, bench="1", ca="1")
    done = cli(*command.split(), *arguments, "--as", who, "--home", str(home.path), "--pin-fd", fd)

    assert done.code == ExitCode.REFUSED_BY_RULE, done.err
    assert f"{who} is no " in done.err
    assert entries(home) == before
    assert not (tmp_path / "new").exists()


@pytest.fixture(scope="session")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manager's certificate."""
    from tests.unit.registry_kit import certificate
    from tests.unit.registry_kit import pem as written

    path = tmp_path_factory.mktemp("manager") / "manager.pem"
    path.write_bytes(written(certificate()))
    return path
