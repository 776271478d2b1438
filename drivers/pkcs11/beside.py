"""A place for a key beside another on a PKCS#11 token."""

from __future__ import annotations

from collections.abc import Collection

import pkcs11
from pkcs11 import Attribute, ObjectClass

from drivers.pkcs11 import objects

_NUMBERS = range(2, 256)


def free_id(session: pkcs11.Session, key_id: bytes, taken: Collection[str]) -> str | None:
    """A CKA_ID in hexadecimal that no key or certificate has, seen by the user logged in."""
    kinds = (ObjectClass.PRIVATE_KEY, ObjectClass.PUBLIC_KEY, ObjectClass.CERTIFICATE)
    used = {
        one[Attribute.ID] for kind in kinds for one in objects.find(session, kind, {Attribute.TOKEN: True})
    }
    wanted = (key_id + bytes([number]) for number in _NUMBERS)
    return next((one.hex() for one in wanted if one not in used and one.hex() not in taken), None)
