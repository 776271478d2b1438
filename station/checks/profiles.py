"""Certificate profiles held against the standards they name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from drivers.authorities.embedded import Options, parse
from drivers.authorities.linting import BREACHES, PKIX, Finding, is_installed, lint, types
from drivers.authorities.specimen import EXAMPLE, specimen
from drivers.tokens import Algorithm
from layouts.fields import EXAMPLE as ROW
from station.errors import ConfigurationError

if TYPE_CHECKING:
    from layouts.library import Library
    from layouts.profile import Profile
    from station.config import Authority


@dataclass(frozen=True)
class Held:
    """What a linter finds in specimens of a profile with some algorithms, held to a type of certificate.

    `accepted` are the codes that were found and are meant to be.
    """

    profile: str
    standard: str
    algorithms: tuple[Algorithm, ...]
    findings: tuple[Finding, ...]
    accepted: tuple[str, ...]

    @property
    def breached(self) -> bool:
        """Whether the standard is breached; a warning or notice breaches none."""
        return any(one.severity in BREACHES for one in self.findings)


def hold(library: Library, profiles: Iterable[str], issuer: Options) -> Iterator[Held]:
    """The profiles as a CA of such options issues them, with each algorithm that a token layout has them for.

    Algorithms of which the same is found are told together. Raises `ConfigurationError` where there is no
    linter or it does not know a type, `CaRefused` where no such certificate can be made.
    """
    if not is_installed():
        what, hint = "the linter pkilint is not installed", "install it: pip install 'issuance-station[lint]'"
        raise ConfigurationError(what, next=hint)
    for name in profiles:
        profile = library.profile(name)
        standard = profile.file.standard.type if profile.file.standard else PKIX
        if standard not in types():
            what = f"the linter knows no type {standard!r}"
            raise ConfigurationError(what, where=f"profile {name}", next=f"it knows: {', '.join(types())}")
        told: dict[tuple[tuple[Finding, ...], tuple[str, ...]], list[Algorithm]] = {}
        for algorithm in algorithms(library, name):
            told.setdefault(_found(profile, standard, algorithm, issuer), []).append(algorithm)
        for (findings, accepted), same in told.items():
            yield Held(name, standard, tuple(same), findings, accepted)


def issuer_of(authority: Authority) -> Options | None:
    """The options of a home's CA, None where another than the embedded one decides what it adds."""
    return parse(authority.options) if authority.driver == "embedded" else None


def algorithms(library: Library, profile: str) -> tuple[Algorithm, ...]:
    """All algorithms that token layouts have a profile for; P-256 where none has it."""
    named = {
        algorithm
        for layout in map(library.token, library.names())
        if any(slot.profile.name == profile for slot in layout.slots)
        for algorithm in layout.algorithms
    }
    return tuple(one for one in Algorithm if one in named) or (Algorithm.P256,)


def _found(
    profile: Profile, standard: str, algorithm: Algorithm, issuer: Options
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    meant = frozenset(profile.file.standard.accepted if profile.file.standard else ())
    template = profile.template(ROW, datetime.now(UTC), algorithm)
    found = lint(specimen(template, algorithm, profile.scheme(algorithm), issuer), standard)
    unmeant = tuple(one for one in found if one.code not in meant)
    return unmeant, tuple(sorted({one.code for one in found} & meant))


__all__ = ["EXAMPLE", "Held", "algorithms", "hold", "issuer_of"]
