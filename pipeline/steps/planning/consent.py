"""Consent: what a run may cost at most, and whether the user is to be asked before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from pipeline.core.unpaid import UNPAID
from pipeline.cost.prices import find_price
from pipeline.run.permits import max_output_tokens
from pipeline.steps.plan import plan_judges
from pipeline.steps.planning.drafts import Setting
from pipeline.steps.planning.forecast import Forecast, forecast, history_of, survey_jobs
from pipeline.steps.planning.look import Look, Part, look
from pipeline.steps.planning.usage import UNCALIBRATED

QUICK_JOBS = 200
"""Jobs that are looked at first, from all over the rows: a run that is surely cheap is not held up."""
CLOSER_JOBS = 2_000
"""Jobs that are looked at where it may be dear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What is known of a run's cost before it begins."""

    jobs: int
    """Planned, whatever is answered already."""
    expected: Forecast | None
    """Looked for only where the run may be dear."""
    unpriced: tuple[str, ...]
    """Models and judges of real providers whose cost nothing bounds."""
    may_cost_usd: Decimal
    """The upper end of the real money, as far as it is known."""


def look_ahead(setting: Setting) -> Prospect:
    """Bound the run's cost quickly, and look closer only where that is above `ask_above_usd`."""
    prepared = setting.prepared
    bounds = _bounds(setting, look(prepared, (), None, most_jobs=QUICK_JOBS))
    if prepared.settings.judges:
        judged = plan_judges(prepared, today=setting.today)
        bounds |= {one.model: one.most_usd for one in judged if one.provider not in UNPAID}
    unpriced = tuple(name for name, usd in bounds.items() if usd is None)
    bound = sum((usd for usd in bounds.values() if usd is not None), Decimal(0))
    jobs = sum(prepared.plan.total_jobs(lane) for lane in prepared.plan.lanes if lane.provider.name not in UNPAID)
    if bound <= prepared.settings.run.ask_above_usd:
        return Prospect(jobs=jobs, expected=None, unpriced=unpriced, may_cost_usd=bound)
    found, _ = survey_jobs(setting, most_jobs=CLOSER_JOBS)
    expected = forecast(setting, found, history_of(setting))
    paid = [] if expected.simulated else expected.paid
    upper = sum((one.usd.high for one in paid if one.usd is not None), Decimal(0))
    return Prospect(jobs=jobs, expected=expected, unpriced=unpriced, may_cost_usd=upper)


def _bounds(setting: Setting, found: Look) -> dict[str, Decimal | None]:
    """The most that each model of a real provider can cost, as far as the jobs that were looked at tell of all."""
    bounds: dict[str, Decimal | None] = {}
    for part in found.parts:
        if part.lane.provider.name in UNPAID:
            continue
        name, usd = part.lane.model.name, _bound(setting, found, part)
        known = bounds.get(name, Decimal(0))
        bounds[name] = None if usd is None or known is None else known + usd
    return bounds


def _bound(setting: Setting, found: Look, part: Part) -> Decimal | None:
    provider, model = part.lane.provider, part.lane.model.model
    most = max_output_tokens(part.cell.params)
    largest = round(max(part.tokens, default=0) * UNCALIBRATED[1])
    price = find_price(provider.prices, provider.name, model, setting.today, largest)
    if price is None or price.input is None or price.output is None or most is None:
        return None
    rates = (price.input, price.cache_read, price.cache_write_5m, price.cache_write_1h)
    tokens = Decimal(round(min(found.open_tokens(part).high, 1e15) * UNCALIBRATED[1]))
    jobs = Decimal(round(min(found.open_jobs(part).high, 1e15)))
    return (tokens * max(rate for rate in rates if rate is not None) + jobs * most * price.output).scaleb(-6)
