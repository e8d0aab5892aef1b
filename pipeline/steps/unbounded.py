"""Unbounded: whatever would keep a budget from holding, found before a request is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from pipeline.core.settings import EvalSettings
from pipeline.cost.budget import upper_bound_usd
from pipeline.cost.prices import find_price
from pipeline.plan.expand import Lane
from pipeline.run.permits import max_output_tokens


def budget_mistakes(settings: EvalSettings, lanes: Iterable[Lane], today: date) -> Iterator[str]:
    """A price that is missing in part, and output that nothing bounds; nothing where there is no budget."""
    if settings.run.budget_usd is None:
        return
    for lane in lanes:
        name = f"{lane.provider.name}/{lane.model.model}"
        if lane.model.recorded is not None:
            continue
        price = find_price(lane.provider.prices, lane.provider.name, lane.model.model, today, None)
        if upper_bound_usd(1000, 0, False, 1000, price) is None:
            yield (
                f"budget_usd is set, but {name} has no price for input and output on {today}, so the budget could not "
                f"hold; add one under [[providers.{lane.provider.name}.prices]] in providers.toml"
            )
        for cell in lane.cells:
            if max_output_tokens(cell.params) is None:
                found = cell.params.get("max_tokens")
                yield f"budget_usd is set, but nothing bounds the output of {lane.model.name!r}: max_tokens = {found!r}"
