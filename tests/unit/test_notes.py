"""Checkpoints are signed notes that other people's tools read, and nothing else is taken for one."""

from __future__ import annotations

import base64
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from batch.audit.notes import Checkpoint, Note, VerifierKey, origin_of
from batch.model.errors import FaultyNote

GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
GO_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
"""The example in the documentation of Go's note package, where the format comes from."""

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = VerifierKey("desk/audit", PRIVATE.public_key().public_bytes_raw())
CHECKPOINT = Checkpoint("desk/audit", 7, bytes(32))
SIGNED = CHECKPOINT.signed(KEY, PRIVATE.sign(CHECKPOINT.text().encode()))


def test_a_key_and_a_signature_of_another_program_are_understood() -> None:
    key = VerifierKey.parse(GO_KEY)
    assert str(key) == GO_KEY
    value = base64.b64decode(GO_SIGNATURE)
    assert value[:4] == key.id
    assert key.has_signed(GO_TEXT, value[4:])
    assert not key.has_signed(GO_TEXT + b"\n", value[4:])


def test_a_checkpoint_is_written_as_the_standard_has_it() -> None:
    lines = SIGNED.split("\n")
    assert lines[:4] == ["desk/audit", "7", base64.b64encode(bytes(32)).decode(), ""]
    assert lines[4].startswith("— desk/audit ")
    assert lines[5:] == [""]


def test_a_checkpoint_is_read_back_and_verified() -> None:
    note = Note.parse(SIGNED, "here")
    assert note.checkpoint == CHECKPOINT
    assert note.verified_by(KEY)
    other = VerifierKey("desk/audit", bytes(32))
    assert not note.verified_by(other)
    assert not note.verified_by(VerifierKey("other/audit", KEY.public))


def test_signatures_of_witnesses_and_extension_lines_are_let_be() -> None:
    witnessed = SIGNED + f"— witness.example/w {base64.b64encode(b'abcd' + bytes(72)).decode()}\n"
    assert Note.parse(witnessed, "here").verified_by(KEY)
    extended = CHECKPOINT.text() + "more\n"
    signature = base64.b64encode(KEY.id + PRIVATE.sign(extended.encode())).decode()
    assert Note.parse(f"{extended}\n— desk/audit {signature}\n", "here").verified_by(KEY)


def test_a_second_signature_of_the_same_key_must_hold_too() -> None:
    bad = base64.b64encode(KEY.id + bytes(64)).decode()
    assert not Note.parse(f"{SIGNED}— desk/audit {bad}\n", "here").verified_by(KEY)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n\n",
        CHECKPOINT.text(),
        SIGNED.rstrip("\n"),
        SIGNED.replace("\n7\n", "\n07\n"),
        SIGNED.replace("\n7\n", "\n-7\n"),
        SIGNED.replace("\n7\n", "\n７\n"),
        SIGNED.replace("— ", "- "),
        SIGNED.replace("AAAA=", "AAA=="),
        SIGNED.replace("desk/audit\n7", "desk\r/audit\n7"),
        SIGNED.replace("\n", "\r\n"),
        SIGNED + "\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(content: str) -> None:
    with pytest.raises(FaultyNote, match="checkpoint"):
        Note.parse(content, "here")


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    for candidate in (text, SIGNED + text, text + SIGNED, CHECKPOINT.text() + "\n" + text):
        try:
            note = Note.parse(candidate, "here")
        except FaultyNote:
            continue
        assert note.text.encode().count(b"\n") >= 3
    with suppress(FaultyNote):
        assert str(VerifierKey.parse(text)) == text.strip()


@given(st.integers(0, len(SIGNED) - 1), st.characters(codec="utf-8"))
def test_no_change_of_a_letter_leaves_a_checkpoint_that_verifies(at: int, letter: str) -> None:
    changed = SIGNED[:at] + letter + SIGNED[at + 1 :]
    if changed != SIGNED:
        with suppress(FaultyNote):
            assert not Note.parse(changed, "here").verified_by(KEY)


@pytest.mark.parametrize(
    ("station", "origin"),
    [
        ("Ministry CA", "ministry-ca/audit"),
        ("Bureau d'État — Zürich 2+", "bureau-d-etat-zurich-2/audit"),
        ("Ведомство", "station/audit"),
    ],
)
def test_the_origin_is_the_stations_name_in_plain_letters(station: str, origin: str) -> None:
    assert origin_of(station) == origin
    assert VerifierKey.parse(str(VerifierKey(origin, KEY.public))).name == origin
