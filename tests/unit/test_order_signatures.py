"""A signed order is taken in when a manager it names signed it, and shows by whom; a wrong one is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from batch.model.assessment import Level, OrderSignature, SignatureResult
from batch.model.errors import FaultyValue
from batch.model.orders import Order
from batch.orders.assessment import assess
from batch.orders.decisions import receive, reject
from batch.orders.draft import OrderDraft
from batch.orders.signatures import judged, opened
from batch.people import registry
from batch.people.forgetting import Retention, forget
from batch.store import assessments, orders
from batch.store.database import Records
from drivers import cms
from tests.unit.intake_kit import GROUP_ROW, read, text_of
from tests.unit.order_kit import AnyLayouts, admit
from tests.unit.registry_kit import manager
from tests.unit.signing_kit import Signer, signer

TEXT = text_of([GROUP_ROW]).encode()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Signer]:
    """Signers by name: the manager's, another's, and certificates nobody should sign with."""
    folder = tmp_path_factory.mktemp("keys")
    made = {name: signer(folder, name) for name in ("manager", "other")}
    made["rsa"] = signer(folder, "rsa", kind="rsa")
    made["encipher"] = signer(folder, "encipher", kind="rsa", usage="keyEncipherment")
    made["short"] = signer(folder, "short", "-days", "1")
    return made


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records.create(tmp_path / "station.db")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "order.csv"
    path.write_bytes(TEXT)
    return path


def register(records: Records, key: Signer) -> str:
    """The number of the manager, whose certificate is registered."""
    person = manager(records)
    registry.set_certificate(records, person.number, key.der(), operator="ada")
    return person.number


def judge(records: Records, data: bytes, signature: bytes | None = None) -> OrderSignature | None:
    came = opened(data, signature, "order.csv")
    return judged(records, read(came.content), came)


@pytest.mark.parametrize("form", ["DER", "PEM"])
@pytest.mark.parametrize("name", ["manager", "rsa"])
@pytest.mark.parametrize("options", [(), ("-stream",), ("-noattr",), ("-nocerts",)], ids=str)
def test_a_manager_s_signature_holds_in_every_form(
    records: Records, file: Path, keys: dict[str, Signer], form: str, name: str, options: tuple[str, ...]
) -> None:
    number = register(records, keys[name])
    for detached in (False, True):
        signed = keys[name].sign(file, *options, detached=detached, form=form)
        found = judge(records, TEXT, signed) if detached else judge(records, signed)
        assert found is not None
        assert (found.result, found.person) == (SignatureResult.VERIFIED, number)
        assert (found.signed_at is None) is ("-noattr" in options)


def test_rsa_pss_holds_too(records: Records, file: Path, keys: dict[str, Signer]) -> None:
    register(records, keys["rsa"])
    signed = keys["rsa"].sign(file, "-keyopt", "rsa_padding_mode:pss")
    found = judge(records, signed)
    assert found is not None
    assert found.result is SignatureResult.VERIFIED


def test_an_unsigned_order_is_possible_and_shows_as_such(records: Records) -> None:
    assert judge(records, TEXT) is None


def test_what_is_kept_is_the_signature_without_the_file(
    records: Records, file: Path, keys: dict[str, Signer]
) -> None:
    register(records, keys["manager"])
    found = judge(records, keys["manager"].sign(file))
    assert found is not None
    assert TEXT not in found.cms
    again = judge(records, TEXT, found.cms)
    assert again == found


WRONG: Mapping[str, Callable[[Mapping[str, Signer], Path], tuple[bytes, bytes | None]]] = {
    "of another's key": lambda keys, file: (keys["other"].sign(file), None),
    "over a changed file": lambda keys, file: (
        keys["manager"].sign(file).replace(b"Zeehavens", b"Zeehavenz"),
        None,
    ),
    "over another file": lambda keys, file: (
        TEXT.replace(b"Zeehavens", b"Zeehavenz"),
        keys["manager"].sign(file, detached=True),
    ),
    "with SHA-1": lambda keys, file: (keys["manager"].sign(file, "-md", "sha1"), None),
    "by two, one of whom nobody knows": lambda keys, file: (
        keys["manager"].sign(
            file, "-signer", str(keys["other"].certificate), "-inkey", str(keys["other"].key)
        ),
        None,
    ),
}


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_signature_is_refused(
    records: Records, file: Path, keys: dict[str, Signer], how: str
) -> None:
    register(records, keys["manager"])
    data, signature = WRONG[how](keys, file)
    with pytest.raises(FaultyValue, match="nothing was taken"):
        judge(records, data, signature)
    assert not orders.orders(records)


def test_a_certificate_that_ran_out_or_whose_owner_ended_signs_no_order(
    records: Records, file: Path, keys: dict[str, Signer], monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    from batch.orders import signatures
    from batch.store.clock import now

    register(records, keys["short"])
    signed = keys["short"].sign(file)
    assert judge(records, signed)
    later = now() + timedelta(days=2)
    monkeypatch.setattr(signatures, "now", lambda: later)
    with pytest.raises(FaultyValue, match="was valid until"):
        judge(records, signed)
    earlier = now() - timedelta(days=1)
    monkeypatch.setattr(signatures, "now", lambda: earlier)
    with pytest.raises(FaultyValue, match="made in the future"):
        judge(records, signed)


def test_a_key_that_is_not_for_signatures_signs_no_order(
    records: Records, file: Path, keys: dict[str, Signer]
) -> None:
    register(records, keys["encipher"])
    with pytest.raises(FaultyValue, match="is not for signatures"):
        judge(records, keys["encipher"].sign(file))


def test_without_a_registered_certificate_nobody_can_say(
    records: Records, file: Path, keys: dict[str, Signer]
) -> None:
    manager(records)
    found = judge(records, keys["manager"].sign(file))
    assert found is not None
    assert (found.result, found.person) == (SignatureResult.UNVERIFIABLE, None)
    assert "has a certificate in the registry" in found.reason


def test_what_is_no_signature_is_told(records: Records, file: Path, keys: dict[str, Signer]) -> None:
    key = keys["manager"]
    apart = key.sign(file, detached=True)
    for data, signature, wrong in (
        (TEXT, b"nothing", "is no CMS message"),
        (apart, None, "is a signature without the file"),
        (key.sign(file), apart, "is signed itself"),
        (TEXT, key.sign(file)[:200], "is no CMS message"),
        (TEXT, b"\x30\x80" + b"\x06\x09" * 9, "is no CMS message"),
    ):
        with pytest.raises(FaultyValue, match=wrong):
            opened(data, signature, "order.csv")


def test_a_message_is_told_by_its_content(file: Path, keys: dict[str, Signer]) -> None:
    assert not cms.is_message(TEXT)
    assert not cms.is_message(b"PK\x03\x04")
    assert cms.is_message(keys["manager"].sign(file, form="PEM"))


def signed_order(records: Records, file: Path, key: Signer) -> tuple[Order, OrderDraft]:
    came = opened(key.sign(file), None, "order.p7m")
    draft = read(came.content)
    order = receive(records, draft, "ada", judged(records, draft, came))
    admit(records, order)
    return order, draft


def test_a_signature_is_part_of_the_assessment_and_holds_while_its_certificate_is_registered(
    records: Records, file: Path, keys: dict[str, Signer]
) -> None:
    number = register(records, keys["manager"])
    order, _ = signed_order(records, file, keys["manager"])

    def finding() -> tuple[Level, str]:
        (one,) = [
            one
            for one in assess(records, order.number, AnyLayouts(), "cor").findings
            if one.check == "signature"
        ]
        return one.level, one.what

    assert finding()[0] is Level.OK
    assert f"signed by {number}" in finding()[1]
    registry.set_certificate(records, number, keys["other"].der(), operator="ada")
    assert (finding()[0], "replaced" in finding()[1]) == (Level.WARNING, True)


def test_a_signature_comes_back_with_its_order_after_a_restore(
    records: Records, file: Path, keys: dict[str, Signer], tmp_path: Path
) -> None:
    register(records, keys["manager"])
    order, draft = signed_order(records, file, keys["manager"])
    kept = orders.whole(records, order)
    other = Records.create(tmp_path / "other.db")
    with other.transaction():
        back = orders.take_back(other, kept)
        from batch.audit.log import log
        from batch.model.events import Event

        log(other, Event("order.taken-back", "ada", order=back.number))
    assert replace(back, id=order.id) == order
    assert assessments.signature(other, back.id) == assessments.signature(records, order.id)
    assert assessments.signature(other, back.id) is not None
    assert draft.sha256 == order.sha256


def test_a_forgotten_order_keeps_what_became_of_its_signature_and_not_who_signed(
    records: Records, file: Path, keys: dict[str, Signer]
) -> None:
    register(records, keys["manager"])
    order, _ = signed_order(records, file, keys["manager"])
    reject(records, order.number, "bob", "twice")
    before = assessments.signature(records, order.id)
    forget(records, order.number, Retention(), operator="olga")
    after = assessments.signature(records, order.id)
    assert before is not None
    assert after == replace(before, cms=b"")
