"""Who may not do what after what: the rules of separation (R35), as one table."""

from __future__ import annotations

from batch.model.errors import Refused

RULES: dict[tuple[str, str], str] = {
    ("order.imported", "order.approved"): "who brought an order in does not approve it (R35)",
    ("token.destroyed", "token.witnessed"): "who gives up a token does not witness it (R14)",
}
"""(what was done before, what is asked for now): the rule that keeps one person from doing both."""


def check(before: str, by: str | None, now: str, operator: str, *, where: str) -> None:
    """Raise `Refused` where a rule of separation keeps `operator` from `now`, having done `before`."""
    rule = RULES.get((before, now))
    if rule is not None and by is not None and by.strip().casefold() == operator.strip().casefold():
        raise Refused(rule, where=where, next=f"someone else than {operator} does this")
