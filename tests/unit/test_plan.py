"""The steps of one token: codes sealed first, read-back last, in the order its driver wants."""

from __future__ import annotations

from batch.production.plan import REPEAT, Kind, Repeat, Step, plan
from drivers.piv.driver import PivDriver
from drivers.pkcs11.driver import Pkcs11Driver
from drivers.tokens import Act


def names(*acts: Act) -> list[str]:
    return [step.name for step in plan(acts, ["authentication", "confidentiality"])]


def test_a_piv_card_gets_its_codes_last_because_keys_need_the_factorys() -> None:
    assert names(*PivDriver.sequence) == [
        "seal",
        "initialise",
        "generate:authentication",
        "certify:authentication",
        "load:authentication",
        "generate:confidentiality",
        "certify:confidentiality",
        "load:confidentiality",
        "set-admin",
        "set-puk",
        "set-pin",
        "verify",
        "release",
    ]


def test_a_pkcs11_token_gets_its_pin_first_because_keys_need_a_login() -> None:
    steps = names(*Pkcs11Driver.sequence)
    assert steps[:3] == ["seal", "initialise", "set-pin"]
    assert steps[-2:] == ["verify", "release"]


def test_every_kind_of_step_says_what_may_be_done_when_its_outcome_is_unknown() -> None:
    assert set(REPEAT) == set(Kind)
    once = {kind for kind, repeat in REPEAT.items() if repeat is Repeat.ONCE}
    assert once == {Kind.GENERATE, Kind.SET_ADMIN, Kind.SET_PUK, Kind.SET_PIN}
    assert Step(Kind.LOAD, "authentication").repeat is Repeat.OVERWRITING


def test_nothing_is_written_before_the_codes_are_sealed() -> None:
    for driver in (PivDriver, Pkcs11Driver):
        assert names(*driver.sequence)[0] == "seal"
