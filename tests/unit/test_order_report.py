"""The report of an order tells who did what when, and every token, certificate, letter and form of it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import subprocess
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch.audit import checkpoints
from batch.audit.checkpoints import Signer
from batch.audit.log import log
from batch.audit.notes import Note, VerifierKey
from batch.life.closing.report import OrderReport
from batch.life.closing.settling import close
from batch.life.closing.signed_report import Written, make, verify, write
from batch.model.errors import FaultyNote, RecordsDamaged
from batch.model.events import Event, StoredCheckpoint
from batch.model.forms import FormNumber
from batch.model.orders import Order
from batch.model.states import FormState, LifeState
from batch.store import audit, forms, items, journal, revocations
from batch.store.clock import now
from batch.store.database import Records
from station.cli import run
from station.exit_codes import ExitCode
from tests.unit.finished_kit import delivered, finished, moved
from tests.unit.letter_kit import seen
from tests.unit.restore_kit import home_of

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
SIGNER = Signer(PUBLIC, KEY.sign)
VKEY = VerifierKey("desk/audit", PUBLIC)
_MADE: list[bytes] = []
FORM = FormNumber.read("A-000123")


def checkpoint(records: Records) -> StoredCheckpoint:
    return checkpoints.make(records, SIGNER, origin="desk/audit", operator="ada")


def made(records: Records, order: Order, *, pages: io.BytesIO | None = None) -> tuple[bytes, Written]:
    file = io.BytesIO()
    written = make(
        records,
        order.number,
        file,
        pages,
        station="Testbureau",
        checkpoint=checkpoint(records),
        sign=KEY.sign,
        operator="ada",
    )
    return file.getvalue(), written


def told(content: bytes) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(content)["report"]
    return report


def seasoned(records: Records) -> Order:
    """An order of three: one lost and revoked, one with a form."""
    order = finished(records)
    delivered(records, order)
    moved(records, "000002", LifeState.LOST)
    key = journal.keys(records, 2)["authentication"]
    with records.transaction():
        revocations.ask(records, "r2", 2, key.certificate, reason="keyCompromise", by="rita")
        revocations.settle(records, "r2", "revoked 3ea")
        forms.receive(records, "laser", FORM, FORM.after(9), by="paula", delivery=None)
        forms.set_state(records, FORM, FormState.PRINTED, operator="paula", letter="000003")
        log(records, Event("test.arranged", "rita"))
    return order


def test_a_report_tells_all_of_an_order(records: Records) -> None:
    order = seasoned(records)
    close(records, order.number, "ada", now().date())
    report = told(made(records, order)[0])

    assert report["order"]["state"] == "closed"
    assert report["open"] == []
    assert report["balance"]["told"].startswith("3 ordered = 3 produced")
    assert [one["event"] for one in report["acts"]] == [
        "order.received",
        "order.assessed",
        "order.approved",
        "production.begun",
        "order.produced",
        "order.closed",
    ]
    assert {"operator": "carl", "event": "item.produced", "times": 3} in report["people"]
    first, second, third = report["tokens"]
    assert (first["number"], first["serial"], first["life"]) == ("000001", "00000025", "acknowledged")
    assert [act[2] for act in first["acts"]][:2] == ["item.begun", "item.produced"]
    sequences = [act[0] for token in report["tokens"] for act in token["acts"]]
    assert all(audit.entry(records, sequence) for sequence in sequences)
    assert not any("step" in act[2] for act in first["acts"])
    (certificate,) = first["certificates"]
    held = journal.keys(records, 1)["authentication"].certificate
    assert certificate["sha256"] == hashlib.sha256(held or b"").hexdigest()
    assert (certificate["serial"], certificate["state"]) == (f"{1001:x}", "valid")
    assert certificate["evidence"]["holds"]
    assert certificate["evidence"]["attributes"]["CKA_LOCAL"]
    assert second["certificates"][0]["state"] == "revoked"
    assert second["revocations"][0]["by"] == "rita"
    assert third["forms"] == [
        {"number": "A-000123", "state": "printed", "since": third["forms"][0]["since"], "by": "paula"}
    ]
    totals = {(one["what"], one["state"]): one["count"] for one in report["totals"]}
    assert totals == {
        ("tokens", "acknowledged"): 2,
        ("tokens", "lost"): 1,
        ("letters", "sent"): 3,
        ("forms", "printed"): 1,
        ("certificates", "valid"): 2,
        ("certificates", "revoked"): 1,
        ("keys", "made on the token"): 3,
    }


def test_a_report_of_an_open_order_tells_what_keeps_it_open(records: Records) -> None:
    report = told(made(records, finished(records, 1))[0])
    assert report["order"]["state"] == "produced"
    assert [one["what"] for one in report["open"]] == ["1 token (000001)", "1 letter (000001)"]


def test_a_report_names_no_person_but_operators(records: Records) -> None:
    content, _ = made(records, finished(records, 1))
    item = items.item(records, "000001")
    for name in ("manager", "manager_email"):
        assert item.fields[name].encode() not in content
    assert told(content)["tokens"][0]["group"] == "Zeehavens"


def test_the_report_is_canonical_and_verifies_with_openssl(records: Records, tmp_path: Path) -> None:
    content, written = made(records, finished(records, 2))
    found = json.loads(content)
    whole = json.dumps(found, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert content.decode() == f"{whole}\n"
    text, _, signatures = found["signed"].partition("\n\n")
    assert f"sha256 {written.digest}" in text
    body = json.dumps(found["report"], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert hashlib.sha256(body.encode()).hexdigest() == written.digest
    (tmp_path / "text").write_text(f"{text}\n")
    (tmp_path / "signature").write_bytes(base64.b64decode(signatures.split()[-1])[4:])
    (tmp_path / "key.pem").write_text(VKEY.pem())
    command = "openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in text -sigfile signature"
    done = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Verified Successfully" in done.stdout


def test_whoever_changes_a_report_is_found_out(records: Records) -> None:
    content, written = made(records, finished(records, 2))
    found = verify(content, [VKEY], "report.json")
    assert (found.findings, found.digest, found.tokens) == ((), written.digest, 2)
    changed = content.replace(b'"life":"at-desk"', b'"life":"active"', 1)
    assert changed != content
    assert verify(changed, [VKEY], "").findings == ("it is not what was signed: somebody changed it",)
    other = VerifierKey("desk/audit", Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    assert verify(content, [other], "").findings == ("it is not signed with the key of this log",)
    assert verify(content, [], "").key is None


def test_the_note_of_another_report_does_not_vouch_for_this_one(records: Records) -> None:
    first, _ = made(records, finished(records, 1))
    second, _ = made(records, finished(records, 1, "MVV-2", group="Binnenhavens"))
    cut = b',"signed":'
    mixed = first[: first.rfind(cut)] + second[second.rfind(cut) :]
    assert verify(mixed, [VKEY], "").findings == ("it is not what was signed: somebody changed it",)


def test_the_signature_of_a_report_never_passes_as_a_checkpoint(records: Records) -> None:
    _, written = made(records, finished(records, 1))
    with pytest.raises(FaultyNote, match="is no signed checkpoint"):
        Note.parse(written.note, "here")


@pytest.mark.parametrize(
    "content",
    [b"", b"{}\n", b'{"report":{},"signed":"x"}\n', b'{"report":[' + b"[" * 100_000 + b',"signed":""}\n'],
)
def test_what_is_no_report_is_refused(content: bytes) -> None:
    with pytest.raises(FaultyNote, match="is no report of an order"):
        verify(content, [VKEY], "file")


def test_a_note_of_half_characters_is_refused(records: Records) -> None:
    content, _ = made(records, finished(records, 1))
    with pytest.raises(FaultyNote, match="not well-formed"):
        verify(content.replace(b'"signed":"order', b'"signed":"\\ud800order'), [VKEY], "file")


@given(st.integers(0, 5_000), st.binary(max_size=3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_no_change_leaves_a_report_that_holds(records: Records, at: int, new: bytes) -> None:
    if not _MADE:
        _MADE.append(made(records, finished(records, 1))[0])
    content = _MADE[0]
    changed = content[:at] + new + content[at + len(new) :]
    if changed != content:
        with suppress(FaultyNote):
            assert verify(changed, [VKEY], "file").findings


def test_a_signature_that_does_not_verify_is_not_written(records: Records) -> None:
    order = finished(records, 1)
    made_ = checkpoint(records)
    with pytest.raises(RecordsDamaged, match="does not verify"):
        make(
            records,
            order.number,
            io.BytesIO(),
            None,
            station="Testbureau",
            checkpoint=made_,
            sign=lambda text: bytes(64),
            operator="ada",
        )


def test_the_log_tells_of_the_report_and_the_report_of_the_log(records: Records) -> None:
    order = finished(records, 1)
    content, written = made(records, order)
    entry = json.loads(list(audit.entries(records))[-1].body)
    note = Note.parse(told(content)["log"]["checkpoint"], "")
    assert (entry["event"], entry["detail"]["sha256"]) == ("order.reported", written.digest)
    assert entry["detail"]["checkpoint"] == note.checkpoint.size
    assert note.verified_by(VKEY)
    assert all(act["n"] <= note.checkpoint.size for act in told(content)["acts"])


def test_evidence_that_does_not_hold_is_told(records: Records) -> None:
    order = finished(records, 3)
    for number, evidence in (
        (1, json.dumps({"kind": "none", "chain": [], "attributes": {}})),
        (2, json.dumps({"kind": "attestation", "chain": [], "attributes": {"rooted": False}})),
        (3, None),
    ):
        records.db.execute("UPDATE keys SET evidence = ? WHERE item_id = ?", (evidence, number))
    found = [one["certificates"][0]["evidence"] for one in told(made(records, order)[0])["tokens"]]
    assert [(one["kind"], one["holds"], one["why"]) for one in found] == [
        ("none", False, "it proves nothing by itself"),
        ("attestation", False, "it proves nothing by itself"),
        ("none", False, "it is not on record"),
    ]


def test_the_pages_tell_the_same_with_digest_and_signature(records: Records) -> None:
    order = seasoned(records)
    pages = io.BytesIO()
    content, written = made(records, order, pages=pages)
    text = seen(pages.getvalue(), "-layout")
    plain = "".join(text.split())
    assert written.digest in plain
    assert "".join(written.note.split()) in plain
    assert order.number in text
    for token in told(content)["tokens"]:
        assert token["number"] in text
        assert token["certificates"][0]["sha256"] in plain
    assert "formA-000123printedbypaula" in plain
    assert "3ordered=3produced" in plain
    again = io.BytesIO()
    assert pages.getvalue()[:5] == b"%PDF-"
    made(records, order, pages=again)


def test_at_home_a_report_must_be_one_that_the_log_tells_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who has the key could sign another report; the log would not know of it."""
    home = home_of(tmp_path / "home")
    file = tmp_path / "report.json"
    with closing(Records(home.records)) as records:
        order = finished(records, 1)
        file.write_bytes(made(records, order)[0])
    there = ["order", "report", "--verify", str(file), "--home", str(home.path)]
    assert run(there) == ExitCode.OK
    with closing(Records(home.records)) as records:
        forged = io.BytesIO()
        report = OrderReport(records, order, checkpoint(records).note, station="Eve", by="eve", at=now())
        write(report, forged, VKEY, KEY.sign)
    file.write_bytes(forged.getvalue())
    assert run([*there, "--key", str(VKEY)]) == ExitCode.OK
    capsys.readouterr()
    assert run(there) == ExitCode.CHECK_FAILED
    assert "the log does not tell that it was made" in capsys.readouterr().err


def test_a_report_is_verified_without_a_home(
    records: Records, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, written = made(records, finished(records, 1))
    file = tmp_path / "report.json"
    file.write_bytes(content)
    assert run(["order", "report", "--verify", str(file), "--key", str(VKEY)]) == ExitCode.OK
    assert written.digest in capsys.readouterr().out
    file.write_bytes(content.replace(b"at-desk", b"active", 1))
    assert run(["order", "report", "--verify", str(file), "--key", str(VKEY)]) == ExitCode.CHECK_FAILED
    assert "somebody changed it" in capsys.readouterr().err
    assert run(["order", "report"]) == ExitCode.USAGE
