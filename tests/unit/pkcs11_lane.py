"""A PKCS#11 seat on SoftHSM for tests: tokens are directories, the lane lives in a child process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from pkcs11 import Attribute, KeyType, ObjectClass

from drivers.keys import scheme_arguments, token_key
from drivers.pkcs11 import softhsm
from drivers.pkcs11.driver import Pkcs11Driver
from drivers.pkcs11.module import USER
from drivers.pkcs11.session import Pkcs11Session
from drivers.process import Child
from drivers.secret import Secret
from drivers.tokens import Act, Code, Credentials, Initialisation, KeySpec, SignatureScheme

CODES = Credentials(pin=Secret(b"271828"), puk=Secret(b"31415926"), admin=Secret(b"31415926"))
PLAN = Initialisation("Group Token", bytes(16))


class Seat:
    """One SOFTHSM2_CONF for the life of a lane; its token directory is a symlink that comes and goes."""

    def __init__(self, directory: Path) -> None:
        self._tokens = directory / "tokens"
        self._link = directory / "seat"
        self._tokens.mkdir(parents=True)
        self.configuration = directory / "softhsm2.conf"
        self.configuration.write_text(f"directories.tokendir = {self._link}\nlog.level = ERROR\n")
        self.environment = {"SOFTHSM2_CONF": str(self.configuration)}

    def insert(self, name: str) -> None:
        """Put a token in; a name not used before is a blank one."""
        (self._tokens / name).mkdir(exist_ok=True)
        fresh = self._link.with_name("coming")
        fresh.symlink_to(self._tokens / name)
        os.replace(fresh, self._link)

    def eject(self) -> None:
        self._link.unlink()

    def lane(self, options: Mapping[str, Any] | None = None) -> Child:
        merged = {"module": softhsm.module(), **(options or {})}
        return Child("lane", "tests.unit.pkcs11_lane:Lane", (merged,), environment=self.environment)


class Lane:
    """Serves a driver and its session to a test through one pipe."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._driver = Pkcs11Driver("usb-1", options)
        self._session: Pkcs11Session | None = None

    def connect(self) -> None:
        self._session = self._driver.connect()

    def await_token(self, polls: int) -> bool:
        return self._driver.await_token(_after(polls))

    def await_removal(self, polls: int) -> bool:
        return self._driver.await_removal(_after(polls))

    def do(self, method: str, *arguments: Any) -> Any:
        assert self._session is not None
        return getattr(self._session, method)(*arguments)

    def personalise(self, keys: tuple[KeySpec, ...], initialised: bool = False) -> None:
        """All acts in the driver's own order, but the first where that was done."""
        assert self._session is not None
        for act in self._driver.sequence:
            if act is Act.INITIALISE and not initialised:
                self._session.initialise(PLAN, None, CODES)
            elif act is Act.SET_PIN:
                self._session.set_code(Code.PIN, CODES, CODES.pin)
            elif act is Act.KEYS:
                for key in keys:
                    self._session.generate(key, CODES)
                    self.certify(key, default_scheme(key))

    def certify(self, key: KeySpec, scheme: SignatureScheme) -> bytes:
        """A self-signed certificate (DER), signed on the token and written beside the key."""
        session = self._session
        assert session is not None
        spki = session.public_key(key.slot)
        assert spki is not None
        holder = token_key(spki, lambda scheme, message: session.sign(key, scheme, message, CODES))
        name, now = x509.Name.from_rfc4514_string("CN=Group"), datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
        builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
        made = builder.public_key(holder.public_key()).sign(holder, **scheme_arguments(scheme))
        made.verify_directly_issued_by(made)
        der = made.public_bytes(serialization.Encoding.DER)
        session.write_certificate(key.slot, key.label, der, CODES)
        return der

    def half_key(self, key: KeySpec) -> None:
        """What is there of a key whose token left while SoftHSM wrote it: public, without its point."""
        assert self._session is not None
        with self._session._access.logged_in(USER, CODES.pin) as session:
            session.create_object(
                {
                    Attribute.CLASS: ObjectClass.PUBLIC_KEY,
                    Attribute.KEY_TYPE: KeyType.EC,
                    Attribute.TOKEN: True,
                    Attribute.PRIVATE: False,
                    Attribute.ID: bytes.fromhex(key.slot),
                    Attribute.EC_PARAMS: bytes.fromhex("06082a8648ce3d030107"),
                    Attribute.EC_POINT: b"",
                }
            )

    def plant(self, attributes: Mapping[Attribute, Any]) -> None:
        """An object that nobody here would make, as a token's former life or its maker may have left it."""
        assert self._session is not None
        with self._session._access.logged_in(USER, CODES.pin) as session:
            session.create_object({Attribute.TOKEN: True, Attribute.PRIVATE: False, **attributes})

    def close(self) -> None:
        self._driver.close()


def default_scheme(key: KeySpec) -> SignatureScheme:
    if key.algorithm.value.startswith("rsa"):
        return SignatureScheme.RSA_PKCS1_SHA256
    return SignatureScheme.ECDSA_SHA256


class _after:  # noqa: N801
    """Cancels once asked so many times."""

    def __init__(self, polls: int) -> None:
        self._left = polls

    def __call__(self) -> bool:
        self._left -= 1
        return self._left < 0
