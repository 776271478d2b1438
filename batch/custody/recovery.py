"""An admin credential out of custody, for the lane that needs it, in a process of its own."""

from __future__ import annotations

from batch.custody.sealing import open_admin, unwrap, wrap
from batch.model.codes import Binding, SealedCodes
from batch.model.errors import BatchError
from drivers.errors import DriverError
from drivers.pkcs11.vault import Vault
from drivers.secret import Secret


class CustodyKeys:
    """Serves the custody token to the desk; what it opens leaves it only wrapped to the lane that asks."""

    def __init__(self, module: str, label: str, pin: Secret) -> None:
        self._vault = Vault(module, label, pin)

    def ready(self) -> None:
        """Do nothing; answers, or raises what keeps the token from being opened."""

    def admin(self, key_name: str, binding: Binding, sealed: SealedCodes, lane_key: bytes) -> bytes:
        """The admin credential of an item's token, and no other code, wrapped to a lane's key (SPKI, DER).

        Raises `DriverError` where the order's custody key is gone, or the codes do not open.
        """
        try:
            key = self._vault.agreement_key(key_name)
            data_key = unwrap(sealed.for_custody, key, binding, "custody")
            admin = open_admin(sealed, data_key, binding)
        except BatchError as error:
            raise DriverError(error.what, where=error.where, next=error.next) from None
        return wrap(admin.reveal(), lane_key, binding, "admin")

    def close(self) -> None:
        """Log out."""
        self._vault.close()
