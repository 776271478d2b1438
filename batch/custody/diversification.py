"""Admin credentials derived from a key that lives in a token of its own (R36), in a process of their own.

NIST SP 800-108r1 in counter mode (§4.1) over AES-CMAC: the token computes the PRF, so the key never leaves
it, and what is derived leaves this process only wrapped to the lane that asks. A token is told from others by
the driver and the mailer number of its item, which is never given again: many blanks have no serial of their
own.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from contextlib import suppress

from batch.custody.sealing import wrap
from batch.model.codes import Binding, DerivedAdmin
from drivers.errors import NotBlank
from drivers.pkcs11.vault import Vault
from drivers.secret import Secret

_NAME = re.compile(r"diversification-(\d+)-[0-9a-f]{8}")
_LABEL = b"station/admin"
_BLOCK = 16


class DiversificationKeys:
    """Serves the diversification keys to the desk; raises what `Vault` raises."""

    def __init__(self, module: str, label: str, pin: Secret) -> None:
        self._vault = Vault(module, label, pin)

    @classmethod
    def create(cls, module: str, label: str, so_pin: Secret, pin: Secret) -> DiversificationKeys:
        """Make their token first, as `Vault.create` does, or open the one that is there already."""
        with suppress(NotBlank):
            Vault.create(module, label, so_pin, pin).close()
        return cls(module, label, pin)

    def ready(self) -> None:
        """Do nothing; answers, or raises what keeps the token from being opened."""

    def names(self) -> tuple[str, ...]:
        """The names of all keys, the newest last; tokens are diversified from that one."""
        found = [match for name in self._vault.mac_keys() if (match := _NAME.fullmatch(name))]
        return tuple(match[0] for match in sorted(found, key=lambda match: int(match[1])))

    def new_key(self) -> str:
        """Make the key that tokens are diversified from next; its name, which no key had before."""
        numbers = [int(name.split("-")[1]) for name in self.names()]
        # The end tells it from a key of that number that was lost with its token.
        name = f"diversification-{max(numbers, default=0) + 1}-{secrets.token_hex(4)}"
        self._vault.generate_mac_key(name)
        return name

    def derive(
        self, key_name: str, binding: Binding, driver: str, length: int, lane_key: bytes
    ) -> DerivedAdmin:
        """The admin credential (`length` bytes) of an item's token, wrapped to a lane's key (SPKI, DER).

        Raises `DeviceFailed` where the key is not in the token.
        """
        admin = derived(lambda message: self._vault.mac(key_name, message), binding, driver, length)
        return DerivedAdmin(key_name, wrap(admin.reveal(), lane_key, binding, "admin"))

    def close(self) -> None:
        """Log out."""
        self._vault.close()


def derived(prf: Callable[[bytes], bytes], binding: Binding, driver: str, length: int) -> Secret:
    """KDF in counter mode (SP 800-108r1 §4.1): 32-bit counter before, 32-bit length in bits behind."""
    context = f"{driver}/{binding.mailer_number}".encode()
    fixed = _LABEL + b"\0" + context + (length * 8).to_bytes(4, "big")
    blocks = range(1, -(-length // _BLOCK) + 1)
    return Secret(b"".join(prf(counter.to_bytes(4, "big") + fixed) for counter in blocks)[:length])
