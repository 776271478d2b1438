"""What a PKCS#11 seat accepts in `station.toml`, and the words it finds for a module's errors."""

from __future__ import annotations

from typing import Any

import pkcs11
import pytest

from drivers import errors
from drivers.pkcs11.driver import Pkcs11Driver
from drivers.pkcs11.module import code_of, failure
from drivers.secret import Secret

SOFTHSM = "/somewhere/libsofthsm2.so"


def test_a_known_module_needs_no_model() -> None:
    rules = Pkcs11Driver("usb-1", {"module": SOFTHSM}).rules
    assert (rules.pin, rules.puk, rules.admin) == (range(6, 9), range(8, 9), 8)
    assert rules.digits_only
    assert rules.admin_is_puk


def test_an_unknown_module_is_not_guessed_at() -> None:
    with pytest.raises(errors.Unsupported, match=r"nothing is known of the tokens behind /opt/vendor\.so"):
        Pkcs11Driver("usb-1", {"module": "/opt/vendor.so"})


def test_a_model_without_puk_keeps_a_hexadecimal_so_pin_at_the_desk() -> None:
    model = {"puk": "none", "so_pin": 32, "pin_min": 4, "pin_max": 16}
    driver = Pkcs11Driver("usb-1", {"module": "/opt/vendor.so", "model": model})
    assert driver.rules.admin == 16
    assert len(driver.rules.puk) == 0
    assert not driver.rules.admin_is_puk
    assert driver._seat.model.so_secret(Secret(b"\x0f\xf0")) == Secret(b"0ff0")


def test_a_model_with_factory_codes_says_what_a_blank_comes_with() -> None:
    model = {"puk": "so-pin", "factory": {"so_pin": "00000000", "pin": "123456", "label": "EMPTY"}}
    factory = Pkcs11Driver("usb-1", {"module": "/opt/vendor.so", "model": model}).factory
    assert factory is not None
    assert factory.admin == factory.puk == Secret(b"00000000")
    assert factory.pin == Secret(b"123456")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "module"),
        ({"module": SOFTHSM, "slott": 1}, "slott"),
        ({"module": SOFTHSM, "rescan": "never"}, "rescan"),
        ({"module": SOFTHSM, "model": {}}, "puk"),
        ({"module": SOFTHSM, "model": {"puk": "so-pin", "pin_min": 9}}, "pin_min"),
        ({"module": SOFTHSM, "model": {"puk": "none", "so_pin": 15}}, "hexadecimal"),
        ({"module": SOFTHSM, "model": {"puk": "so-pin", "tries": "many"}}, "tries"),
    ],
)
def test_a_wrong_option_is_refused_by_name(options: dict[str, Any], told: str) -> None:
    with pytest.raises(errors.Unsupported, match=told) as caught:
        Pkcs11Driver("usb-1", options)
    assert caught.value.where == "usb-1"


def test_a_missing_module_file_is_named() -> None:
    driver = Pkcs11Driver("usb-1", {"module": SOFTHSM})
    with pytest.raises(errors.DeviceFailed, match=SOFTHSM):
        driver.connect()


@pytest.mark.parametrize(
    ("raised", "code", "kind"),
    [
        (pkcs11.PinIncorrect(), "CKR_PIN_INCORRECT", errors.AuthenticationFailed),
        (pkcs11.PinLocked(), "CKR_PIN_LOCKED", errors.Blocked),
        (pkcs11.DeviceRemoved(), "CKR_DEVICE_REMOVED", errors.TokenLost),
        (pkcs11.SessionHandleInvalid(), "CKR_SESSION_HANDLE_INVALID", errors.TokenLost),
        (pkcs11.MechanismInvalid(), "CKR_MECHANISM_INVALID", errors.Unsupported),
        (pkcs11.TokenNotRecognised(), "CKR_TOKEN_NOT_RECOGNIZED", errors.Unsupported),
        (pkcs11.PinLenRange(), "CKR_PIN_LEN_RANGE", errors.DeviceFailed),
        (pkcs11.GeneralError(), "CKR_GENERAL_ERROR", errors.DeviceFailed),
    ],
)
def test_an_error_of_the_module_becomes_one_of_ours(
    raised: pkcs11.PKCS11Error, code: str, kind: type[errors.DriverError]
) -> None:
    assert code_of(raised) == code
    assert type(failure(code, "usb-1")) is kind
