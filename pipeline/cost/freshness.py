"""How old price tables are: a price that nobody has compared with its source for long may no longer hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from pipeline.core.settings import Price

STALE_DAYS = 90
"""After this many days a price is to be compared with its source again: vendors change prices a few times a year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """The prices of one provider that come from one source."""

    provider: str
    source: str
    models: int
    checked: date | None
    """The day on which the one left alone for longest was compared with its source; None where nobody says so."""

    def age_days(self, today: date) -> int | None:
        """Days since then."""
        return None if self.checked is None else (today - self.checked).days

    def is_stale(self, today: date) -> bool:
        """Whether that is long ago; what was never checked is not known to be."""
        age = self.age_days(today)
        return age is not None and age > STALE_DAYS


def sources(prices: Iterable[Price]) -> list[Sourced]:
    """Each provider's sources, in the order of the prices."""
    found: dict[tuple[str, str], list[Price]] = {}
    for price in prices:
        found.setdefault((price.provider, price.source), []).append(price)
    return [
        Sourced(
            provider=provider,
            source=source,
            models=len({price.model for price in group}),
            checked=min((price.checked for price in group if price.checked is not None), default=None),
        )
        for (provider, source), group in found.items()
    ]


def stale_words(one: Sourced, today: date) -> str:
    """Say that prices are old, and what to do."""
    return (
        f"the prices of {one.provider} ({one.source}) were last compared with their source on {one.checked}, "
        f"{one.age_days(today)} days ago; look at the provider's price page and put what changed into providers.toml"
    )
