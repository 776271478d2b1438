"""A lane gives a SoftHSM token the SO PIN that was derived for it, and has it again (R36)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from batch.custody.sealing import open_codes, unwrap
from batch.model.codes import Binding, DerivedAdmin
from batch.production.assignment import Assignment, CodeTask, StepTask
from batch.production.plan import Kind, Step
from drivers.errors import AuthenticationFailed, DeviceFailed, DriverError
from drivers.pkcs11 import softhsm
from drivers.process import Child
from drivers.secret import Secret
from drivers.tokens import Code, Initialisation, Tries
from tests.unit.pkcs11_lane import Seat

PIN, SO_PIN = Secret(b"271828"), Secret(b"31415926")
BINDING = Binding(7, "000123")
MODEL = {"puk": "none", "so_pin": 32, "tries": "unlimited"}
FIRST = StepTask(Step(Kind.INITIALISE), frozenset(), False, {}, {})
CUSTODY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = CUSTODY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def assignment(*, diversified: bool = True) -> Assignment:
    plan = Initialisation("Group 000123", bytes(16))
    return Assignment(BINDING, plan, CodeTask(6, 8, 3, 4), (), False, diversified)


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Child]:
    factory = "batch.custody.diversification:DiversificationKeys.create"
    environment = softhsm.prepare(tmp_path / "keys")
    child = Child("keys", factory, (softhsm.module(), "keys", SO_PIN, PIN), environment=environment)
    yield child
    child.close()


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[Child]:
    seat = Seat(tmp_path / "seat")
    seat.insert("blank")
    options = {"module": softhsm.module(), "model": MODEL}
    arguments = ("usb-1", "pkcs11", options, tmp_path / "usb-1.lock")
    child = Child("lane usb-1", "batch.production.lane:Lane", arguments, environment=seat.environment)
    assert child.ask("look", 20.0) is not None
    yield child
    child.close()


def derived(
    keys: Child, name: str, lane: Child, binding: Binding = BINDING, length: int = 16
) -> DerivedAdmin:
    found = keys.ask("derive", name, binding, "pkcs11", length, lane.ask("lane_key"))
    assert isinstance(found, DerivedAdmin)
    return found


def test_the_derived_so_pin_is_set_and_had_again_and_custody_does_not_hold_it(
    keys: Child, lane: Child
) -> None:
    name = keys.ask("new_key")
    sealed = lane.ask("seal", assignment(), PUBLIC, PUBLIC, derived(keys, name, lane))
    lane.ask("step", FIRST, Tries()).result()
    lane.ask("let_go")

    opened = open_codes(sealed, unwrap(sealed.for_custody, CUSTODY, BINDING, "custody"), BINDING)
    assert sealed.diversified_from == name
    assert opened[Code.ADMIN] == Secret(b"")

    assert lane.ask("look", 20.0).identity.label == "Group 000123"
    again = derived(keys, name, lane)
    lane.ask("prove_admin", BINDING, again.for_lane, Tries()).result()


def test_that_of_another_token_or_key_is_refused(keys: Child, lane: Child) -> None:
    name, other = keys.ask("new_key"), keys.ask("new_key")
    lane.ask("seal", assignment(), PUBLIC, PUBLIC, derived(keys, name, lane))
    lane.ask("step", FIRST, Tries()).result()
    for wrong, binding in ((name, Binding(8, "000124")), (other, BINDING)):
        lane.ask("let_go")
        lane.ask("look", 20.0)
        admin = derived(keys, wrong, lane, binding)
        with pytest.raises(AuthenticationFailed):
            lane.ask("prove_admin", binding, admin.for_lane, Tries()).result()


def test_a_lane_takes_no_credential_that_its_assignment_does_not_want(keys: Child, lane: Child) -> None:
    name = keys.ask("new_key")
    with pytest.raises(DeviceFailed, match="differ"):
        lane.ask("seal", assignment(diversified=False), PUBLIC, PUBLIC, derived(keys, name, lane))
    with pytest.raises(DeviceFailed, match="differ"):
        lane.ask("seal", assignment(), PUBLIC, PUBLIC, None)
    with pytest.raises(DeviceFailed, match="length"):
        lane.ask("seal", assignment(), PUBLIC, PUBLIC, derived(keys, name, lane, length=24))
    strange = derived(keys, name, lane, Binding(8, "000124"))
    with pytest.raises(DriverError, match="does not open"):
        lane.ask("seal", assignment(), PUBLIC, PUBLIC, strange)
