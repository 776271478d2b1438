"""The bench's own keys, in a process of their own: a resume key per unfinished token.

A bench that died opens the codes of its unfinished tokens with these keys and finishes them. A finished
token's key is destroyed, so that a bench can open nothing it has finished.
"""

from __future__ import annotations

from batch.custody.sealing import unwrap, wrap
from batch.model.codes import Binding
from batch.model.errors import BatchError
from drivers.errors import DriverError
from drivers.pkcs11.vault import Vault
from drivers.secret import Secret


class ResumeKeeper:
    """Serves resume keys to the desk; data keys leave it only wrapped to the lane that asks."""

    def __init__(self, module: str, label: str, pin: Secret) -> None:
        self._vault = Vault(module, label, pin)

    def ready(self) -> None:
        """Do nothing; answers, or raises what keeps the bench's token from being opened."""

    def new_key(self, binding: Binding) -> bytes:
        """A new resume key for an item, replacing one that was never used; its SPKI (DER)."""
        name = _name(binding)
        self._vault.destroy(name)
        return self._vault.generate_agreement_key(name)

    def rewrap(self, binding: Binding, for_resume: bytes, lane_key: bytes) -> bytes:
        """An unfinished item's data key, taken from its resume key's wrap and wrapped to a lane's key.

        Raises `DriverError` where the resume key is gone or the wrap does not open.
        """
        try:
            data_key = unwrap(for_resume, self._vault.agreement_key(_name(binding)), binding, "resume")
        except BatchError as error:
            raise DriverError(error.what, where=error.where, next=error.next) from None
        return wrap(data_key.reveal(), lane_key, binding, "lane")

    def destroy(self, binding: Binding) -> bool:
        """Destroy the resume key of a finished item; False where it was gone already."""
        return self._vault.destroy(_name(binding))

    def unfinished(self) -> tuple[str, ...]:
        """The mailer numbers of all items that have a resume key."""
        begin = _name(Binding(0, ""))
        return tuple(name.removeprefix(begin) for name in self._vault.names() if name.startswith(begin))

    def close(self) -> None:
        """Log out."""
        self._vault.close()


def _name(binding: Binding) -> str:
    return f"resume-{binding.mailer_number}"
