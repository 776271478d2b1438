"""C_InitToken on a token initialised already: by us before a crash, or by its maker (PKCS#11 step 2)."""

from __future__ import annotations

from pkcs11 import TokenFlag

from drivers.errors import AuthenticationFailed, NotBlank
from drivers.pkcs11.access import Access
from drivers.pkcs11.module import SO, Module, flags_of
from drivers.pkcs11.options import Model
from drivers.secret import Secret
from drivers.tokens import Credentials


def initialise_again(
    module: Module, model: Model, access: Access, label: str, factory: Credentials | None, so_pin: Secret
) -> None:
    """Initialise a token anew, whether `so_pin` is in force already or the factory's is.

    Raises `NotBlank` for one that belongs to somebody else.
    """
    token = access.token
    begun = token.label.strip() == label.strip()
    if model.factory is None or factory is None:
        # A user PIN comes after this step: whoever set it, it was not this item's.
        if not begun or flags_of(token) & TokenFlag.USER_PIN_INITIALIZED:
            what = f"the token belongs to somebody: initialised, label {token.label.strip()!r}"
            raise NotBlank(what, where=access.where, next="set it aside; it was not written to")
        _init_token(module, access, so_pin, label)
        return
    old = model.so_secret(factory.admin)
    if begun:
        # Begun before: the SO PIN may be ours already.
        try:
            _init_token(module, access, so_pin, label)
            return
        except AuthenticationFailed:
            access.refresh()
    _init_token(module, access, old, label)
    access.reread()
    with access.logged_in(SO, old) as session, access.trying(SO):
        module.set_pin(session, old, so_pin)
    access.drop()


def _init_token(module: Module, access: Access, so_pin: Secret, label: str) -> None:
    with access.trying(SO):
        module.init_token(access.token.slot, so_pin, label)
