"""Codes for tokens under test, drawn to their model's rules."""

from __future__ import annotations

import secrets

from drivers.secret import Secret
from drivers.tokens import CodeRules, Credentials


def draw(rules: CodeRules) -> Credentials:
    """New codes of the shortest PIN and PUK the rules allow."""
    puk = _digits(rules.puk[0]) if rules.puk else Secret(b"")
    if rules.admin_is_puk:
        return Credentials(pin=_digits(rules.pin[0]), puk=puk, admin=puk)
    return Credentials(pin=_digits(rules.pin[0]), puk=puk, admin=Secret(secrets.token_bytes(rules.admin)))


def another(code: Secret) -> Secret:
    """The next value of the same length; `another` of that is a third one."""
    value = bytearray(code.reveal())
    if bytes(value).isdigit():
        value[-1] = ord("0") + (value[-1] - ord("0") + 1) % 10
    else:
        value[0] = (value[0] + 0x10) % 0x100  # a DES key ignores the lowest bit of each byte
    return Secret(bytes(value))


def _digits(length: int) -> Secret:
    # a first half no factory code begins with
    return Secret.text("97" + "".join(secrets.choice("0123456789") for _ in range(length - 2)))
