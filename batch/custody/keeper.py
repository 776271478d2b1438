"""The bench's own keys, in a process of their own: a resume key per unfinished token, and the log's key.

A bench that died opens the codes of its unfinished tokens with these keys and finishes them. A finished
token's key is destroyed, so that a bench can open nothing it has finished. The log's key signs checkpoints
and never leaves the token: a key on disk could sign a forged history.
"""

from __future__ import annotations

from batch.custody.sealing import unwrap, wrap
from batch.model.codes import Binding
from batch.model.errors import BatchError
from drivers.errors import DriverError
from drivers.pkcs11.vault import Vault
from drivers.secret import Secret

_LOG_KEY = "audit"


class BenchKeys:
    """Serves the bench's keys to the desk; data keys leave it only wrapped to the lane that asks."""

    def __init__(self, module: str, label: str, pin: Secret) -> None:
        self._vault = Vault(module, label, pin)

    @classmethod
    def create(cls, module: str, label: str, so_pin: Secret, pin: Secret) -> BenchKeys:
        """Make the bench's token first, as `Vault.create` does."""
        Vault.create(module, label, so_pin, pin).close()
        return cls(module, label, pin)

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

    def log_key(self) -> bytes | None:
        """The Ed25519 key that signs checkpoints of the log, as SPKI (DER); None before it was made."""
        return self._vault.public_key(_LOG_KEY)

    def make_log_key(self) -> bytes:
        """Make that key inside the token; its SPKI (DER). Raises `Unsupported` where the token cannot."""
        return self._vault.generate_ed25519_key(_LOG_KEY)

    def sign_log(self, text: bytes) -> bytes:
        """The signature (64 bytes) over the text of a checkpoint."""
        return self._vault.sign_ed25519(_LOG_KEY, text)

    def note(self, name: str) -> bytes | None:
        """What the bench's token keeps under a name, None where nothing."""
        return self._vault.note(name)

    def keep_note(self, name: str, value: bytes) -> None:
        """Keep something that is no secret under a name, in place of what was there."""
        self._vault.keep_note(name, value)

    def close(self) -> None:
        """Log out."""
        self._vault.close()


def _name(binding: Binding) -> str:
    return f"resume-{binding.mailer_number}"
