"""What `station.toml` says about a PKCS#11 seat and the model of its tokens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Any, Literal

import msgspec

from drivers.errors import Unsupported
from drivers.options import typed
from drivers.secret import Secret
from drivers.tokens import Code, CodeRules, Credentials

_Length = Annotated[int, msgspec.Meta(ge=4, le=255)]


class Factory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Codes and label of a model whose blanks come initialised, as in the maker's manual."""

    so_pin: str
    pin: str | None = None
    label: str | None = None


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a token model is like.

    `puk`: what the letter's PUK is, `so-pin` (digits) or `none`, then the SO PIN is random hexadecimal and
    stays at the desk. `so_pin`, `pin_min`, `pin_max`: characters. `tries`: how many wrong codes in a row lock
    the token, provided that it shows them in its flags; absent where the maker does not say.
    """

    puk: Literal["so-pin", "none"]
    so_pin: _Length = 8
    pin_min: _Length = 6
    pin_max: _Length = 8
    tries: Annotated[int, msgspec.Meta(ge=1)] | Literal["unlimited"] | None = None
    always_authenticate: bool = True
    factory: Factory | None = None

    def rules(self) -> CodeRules:
        """The bounds of this model's codes; an empty `puk` range where there is none."""
        if self.puk == "so-pin":
            puk, admin = range(self.so_pin, self.so_pin + 1), self.so_pin
        else:
            puk, admin = range(0), self.so_pin // 2
        pin = range(self.pin_min, self.pin_max + 1)
        both = self.puk == "so-pin"
        given = frozenset({Code.ADMIN, Code.PUK} if both else {Code.ADMIN})
        by = Code.PUK if both else Code.ADMIN
        return CodeRules(
            pin=pin, puk=puk, admin=admin, admin_is_puk=both, by_initialise=given, unblocked_by=by
        )

    def so_secret(self, admin: Secret) -> Secret:
        """The SO PIN as the token takes it, for an admin credential of the port."""
        return admin if self.puk == "so-pin" else Secret(admin.reveal().hex().encode())

    def factory_codes(self) -> Credentials | None:
        """The codes a blank comes with; the SO PIN stands for PUK and admin alike."""
        if self.factory is None:
            return None
        so_pin = Secret.text(self.factory.so_pin)
        pin = Secret.text(self.factory.pin or "")
        if self.puk == "none":
            so_pin = Secret(bytes.fromhex(self.factory.so_pin))
        return Credentials(pin=pin, puk=so_pin, admin=so_pin)


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A seat's options: `module` (file), `slot` (token serial, slot description or id), `rescan`, `model`.

    `rescan`: `reinitialise` for modules that see a change of tokens only when initialised again, `events` for
    those that show it in their slots by themselves.
    """

    module: str
    slot: str | int | None = None
    rescan: Literal["reinitialise", "events"] = "reinitialise"
    model: Model | None = None


_KNOWN: Mapping[str, Model] = {"libsofthsm2": Model(puk="so-pin", tries="unlimited")}
"""Models that their module's file name gives away."""


def parse(seat: str, options: Mapping[str, Any]) -> tuple[Options, Model]:
    """Typed options and the model they mean; raises `Unsupported` naming what is wrong."""
    read = typed(options, Options, seat)
    model = read.model or _KNOWN.get(PurePath(read.module).name.split(".")[0])
    if model is None:
        raise Unsupported(
            f"nothing is known of the tokens behind {read.module}",
            where=seat,
            next='say in `model` what they are like, `puk = "so-pin"` or `"none"` at least',
        )
    if model.puk == "none" and (
        model.so_pin % 2 or (model.factory and not _hexadecimal(model.factory.so_pin))
    ):
        raise Unsupported("without a PUK the SO PIN is hexadecimal, an even number of characters", where=seat)
    if model.pin_min > model.pin_max:
        raise Unsupported("pin_min is more than pin_max", where=seat, next="correct station.toml")
    return read, model


def _hexadecimal(text: str) -> bool:
    try:
        return bytes.fromhex(text).hex() == text
    except ValueError:
        return False
