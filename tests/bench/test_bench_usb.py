"""USB seats: what SoftHSM's and OpenSC's tools find in an empty, a blank and a used one."""

from __future__ import annotations

import subprocess

import pytest

from simulators.bench import Bench, BenchError
from tests.bench.clients import run
from tests.conftest import need

pytestmark = pytest.mark.bench

SO_PIN, PIN = "87654321", "135790"


def pkcs11_tool(
    bench: Bench, seat: str, *arguments: str, ok: bool = True
) -> subprocess.CompletedProcess[str]:
    need("pkcs11-tool")
    module = bench.seat_options(seat)["options"]["module"]
    return run("pkcs11-tool", "--module", module, *arguments, environment=bench.seat_environment(seat), ok=ok)


def softhsm2_util(
    bench: Bench, seat: str, *arguments: str, ok: bool = True
) -> subprocess.CompletedProcess[str]:
    need("softhsm2-util")
    return run("softhsm2-util", *arguments, environment=bench.seat_environment(seat), ok=ok)


def initialise(bench: Bench, seat: str, label: str) -> None:
    pins = ("--so-pin", SO_PIN, "--pin", PIN)
    softhsm2_util(bench, seat, "--init-token", "--free", "--label", label, *pins)


def labels(bench: Bench, seat: str) -> list[str]:
    told = pkcs11_tool(bench, seat, "--list-token-slots").stdout.splitlines()
    return [line.partition(":")[2].strip() for line in told if line.strip().startswith("token label")]


def test_an_empty_seat_has_no_token_to_initialise(bench: Bench) -> None:
    assert "CKR_GENERAL_ERROR" in pkcs11_tool(bench, "usb-1", "--list-slots", ok=False).stderr
    assert softhsm2_util(bench, "usb-1", "--show-slots", ok=False).returncode != 0


def test_a_blank_is_one_uninitialised_token(bench: Bench) -> None:
    bench.insert("usb-1")

    shown = softhsm2_util(bench, "usb-1", "--show-slots").stdout

    assert shown.count("Initialized:      no") == 1
    assert "Initialized:      yes" not in shown
    assert pkcs11_tool(bench, "usb-1", "--list-slots").stdout.count("uninitialized") == 1


def test_seats_hold_tokens_of_their_own(bench: Bench) -> None:
    for seat in ("usb-1", "usb-2"):
        bench.insert(seat)
        initialise(bench, seat, f"in {seat}")

    assert labels(bench, "usb-1") == ["in usb-1"]
    assert labels(bench, "usb-2") == ["in usb-2"]


def test_a_kept_token_has_its_keys_and_codes_in_another_seat(bench: Bench) -> None:
    token = bench.insert("usb-1")
    initialise(bench, "usb-1", "kept")
    key = ("--keypairgen", "--key-type", "EC:prime256v1", "--id", "01", "--label", "its key")
    pkcs11_tool(bench, "usb-1", "--token-label", "kept", "--login", "--pin", PIN, *key)

    assert bench.eject("usb-1") == token
    assert pkcs11_tool(bench, "usb-1", "--list-slots", ok=False).returncode != 0
    assert bench.insert("usb-1") != token
    assert labels(bench, "usb-1") == []
    assert bench.insert("usb-2", token) == token

    assert labels(bench, "usb-2") == ["kept"]
    objects = pkcs11_tool(
        bench, "usb-2", "--token-label", "kept", "--login", "--pin", PIN, "--list-objects"
    ).stdout
    assert "Private Key Object; EC" in objects
    assert "its key" in objects


def test_a_token_cannot_be_in_two_seats(bench: Bench) -> None:
    token = bench.insert("usb-1")

    with pytest.raises(BenchError, match="usb-2: token-1 is in usb-1; eject it there first"):
        bench.insert("usb-2", token)
    with pytest.raises(BenchError, match=r"no token '\.\./cards' on this bench"):
        bench.insert("usb-2", "../cards")
