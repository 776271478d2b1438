"""What intake makes of an order file, and what it asks of layouts and of the records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from layouts.errors import LayoutError
from layouts.fields import Kind


@dataclass(frozen=True)
class DraftRow:
    """One good row of an order.

    `line`: where it stands in the file, from 1. `layout`: token layout reference as ordered, such as
    `group-card:rsa-3072`. `count`: tokens, 1 for a person. `fields`: every column by its canonical name,
    cleaned, "" where not filled. `subject_key`: see `subjects.subject_key`. `renews`: the finished item whose
    place its one token takes.
    """

    line: int
    layout: str
    kind: Kind
    count: int
    fields: Mapping[str, str]
    subject_key: str
    renews: int | None = None


@dataclass(frozen=True)
class OrderDraft:
    """A whole good order, not approved and in no database yet.

    `reference`: the subscriber's own. `subscriber_number`: in the trade register, without prefix. `country`:
    ISO 3166-1 alpha-2. `sha256`: of the file as it came, hex.
    """

    source: str
    reference: str
    subscriber: str
    subscriber_number: str
    country: str
    sha256: str
    rows: tuple[DraftRow, ...]

    @property
    def organisation(self) -> str:
        """The organizationIdentifier (EN 319 412-1 §5.1.4), such as `NTRNL-12345678`."""
        return organisation(self.country, self.subscriber_number)

    @property
    def count(self) -> int:
        """How many tokens are ordered."""
        return sum(row.count for row in self.rows)


def organisation(country: str, number: str) -> str:
    """The organizationIdentifier of a number in a country's trade register (EN 319 412-1 §5.1.4)."""
    return f"NTR{country}-{number}"


class OrderableLayout(Protocol):
    """What intake must know of a token layout; `catalogue.OrderedLayout` is one."""

    @property
    def name(self) -> str:
        """The name without a variant."""
        ...

    @property
    def kind(self) -> Kind:
        """Whom it is for."""
        ...

    @property
    def columns(self) -> frozenset[str]:
        """Canonical names of the columns that a row may not leave empty."""
        ...

    def faults(self, fields: Mapping[str, str]) -> Sequence[LayoutError]:
        """All that keeps a row from being made: a name too long for its place, a letter no font has."""
        ...


class Layouts(Protocol):
    """The token layouts of this desk."""

    def find(self, reference: str) -> OrderableLayout | None:
        """The layout behind a reference, its variant included; None where there is none."""
        ...

    def references(self) -> Sequence[str]:
        """All references that can be ordered, to name them in messages."""
        ...


@dataclass(frozen=True)
class Issued:
    """What was ordered before for a subject: `order` number, the `organisation` (`NTRNL-…`) it was for.

    `valid`: a token of it is under way or its certificates are valid; false once all are over or cancelled.
    """

    order: str
    organisation: str
    valid: bool


class Known(Protocol):
    """What this desk has in its records."""

    def issued(self, subject_key: str) -> Issued | None:
        """What was ever ordered for a subject key, first what is valid; rejected orders do not count."""
        ...

    def ordered(self, organisation: str, reference: str) -> str | None:
        """Number of the order an organisation (`NTRNL-…`) gave under a reference, rejected ones not."""
        ...
