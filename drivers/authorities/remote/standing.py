"""How a CA elsewhere stands: for `station doctor`, which has no key to log in with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drivers.authorities.remote.exchanges import doubtful
from drivers.authorities.remote.web import Connection, reach


@dataclass(frozen=True)
class Standing:
    """The CA's `url`, which answers; until when the desk's certificate is good, None without any.

    `unclear` are the transactions of which the CA may have issued a certificate that nobody here has.
    """

    url: str
    good_until: datetime | None
    unclear: tuple[str, ...]


def standing(url: str, connection: Connection, directory: Path | None = None) -> Standing:
    """Looks at server and files; raises `CaUnavailable`, or `Unsupported` for what is configured.

    `directory` is that of a CA which does not tell what it issued.
    """
    unclear = () if directory is None else tuple(one.transaction for one in doubtful(directory))
    return Standing(url, reach(url, connection), unclear)
