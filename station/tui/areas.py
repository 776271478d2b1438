"""The areas of the desk: a key, a name, a screen each; loaded when they are first opened."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from textual.screen import Screen

from station.tui.words import N_


@dataclass(frozen=True)
class Area:
    """One area: `name` is its mode, `short` its title where there is little room."""

    name: str
    key: str
    title: str
    short: str
    screen: str

    @property
    def type(self) -> type[Screen[None]]:
        """The class of its screen."""
        module, _, name = self.screen.partition(":")
        found: type[Screen[None]] = getattr(import_module(f"station.tui.screens.{module}"), name)
        return found

    def open(self) -> Screen[None]:
        """A new screen of it."""
        return self.type()


AREAS = (
    Area("bench", "f2", N_("Bench"), N_("Bench"), "bench:BenchScreen"),
    Area("orders", "f3", N_("Orders"), N_("Order"), "orders:OrdersScreen"),
    Area("letters", "f4", N_("Letters"), N_("Lettr"), "letters:LettersScreen"),
    Area("dispatch", "f5", N_("Dispatch"), N_("Disp"), "dispatch:DispatchScreen"),
    Area("tokens", "f6", N_("Tokens"), N_("Token"), "tokens:TokensScreen"),
    Area("due", "f7", N_("Due today"), N_("Due"), "due:DueScreen"),
    Area("quarantine", "f8", N_("Quarantine"), N_("Aside"), "quarantine:QuarantineScreen"),
    Area("registry", "f9", N_("Registry"), N_("Regis"), "registry:RegistryScreen"),
    Area("audit", "f10", N_("Audit"), N_("Audit"), "audit:AuditScreen"),
    Area("stock", "f11", N_("Stock"), N_("Stock"), "stock:StockScreen"),
    Area("health", "f12", N_("Health"), N_("Hlth"), "health:HealthScreen"),
)

LOGIN = "login"
"""The mode in which nothing but logging in, and the lanes' needs, is on the screen."""


def area(name: str) -> Area | None:
    """The area of a name; None for what is none, such as the login."""
    return next((one for one in AREAS if one.name == name), None)


_DONE_IN = {
    "acknowledge": "dispatch",
    "audit": "audit",
    "dispatch": "dispatch",
    "letter": "letters",
    "loan": "dispatch",
    "operator": "registry",
    "order": "orders",
    "produce": "bench",
    "quarantine": "quarantine",
    "registry": "registry",
    "renew": "tokens",
    "revoke": "tokens",
    "stock": "stock",
    "token": "tokens",
}
"""The area in which a duty is done, by the first word of its command; the others are told under Health."""


def done_in(command: str) -> str:
    """The area in which that is done what a command such as `station order close N` does."""
    return _DONE_IN.get(command.split()[1], "health")
