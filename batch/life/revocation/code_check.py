"""A revocation code as it was typed, in a process that alone has it while it is held against hashes."""

from __future__ import annotations

import re

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from batch.custody.codes import plausible_revocation_code
from drivers.errors import Unsupported
from drivers.secret import Secret

NOBODYS = "$argon2id$v=19$m=12288,t=3,p=1$bm9ib2R5J3Mgc2FsdC4uLg$CVq8rPsW0RkdBoYvqyP5m5u2bfVvQ0l7c3Yk0v5mJ1Q"
"""A hash of no code, which takes as long as any other: a number that nobody gave out is refused as slowly."""

_GROUPS = range(2, 7)
_CHARACTERS = range(11, 25)
"""How many groups and characters a layout may ask for."""


class CodeCheck:
    """Serves one typed code."""

    def __init__(self, code: Secret) -> None:
        typed = code.reveal().decode("utf-8", "replace")
        self._plain = re.sub(r"[\s-]", "", typed).upper()

    def plausible(self) -> bool:
        """Whether its check character fits: a slip of the pen costs no try (R17)."""
        return len(self._plain) in _CHARACTERS and plausible_revocation_code(self._plain)

    def matches(self, stored: str | None) -> bool:
        """Whether it is the code of a hash (PHC form), however it was typed; None is no code's.

        Takes as long whatever comes of it: every way to group it is tried (R21). Raises `Unsupported` for
        what is no hash.
        """
        found = [self._is(written, stored or NOBODYS) for written in self._written()]
        return any(found) and stored is not None

    def _written(self) -> list[Secret]:
        length = len(self._plain)
        return [
            Secret.text("-".join(self._plain[at : at + size] for at in range(0, length, size)))
            for size in (length // groups for groups in _GROUPS if length % groups == 0)
        ]

    def _is(self, written: Secret, stored: str) -> bool:
        try:
            Argon2id.verify_phc_encoded(written.reveal(), stored)
        except InvalidKey:
            return False
        except ValueError:
            raise Unsupported(
                "the hash of the revocation code on record cannot be read", next="restore a backup"
            ) from None
        return True
