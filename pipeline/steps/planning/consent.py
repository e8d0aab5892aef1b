"""Consent: what a run may cost at most, and whether the user is to be asked before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from pipeline.steps.plan import PlannedModel, plan_judges, plan_models
from pipeline.steps.planning.drafts import Setting
from pipeline.steps.planning.forecast import Forecast, forecast, history_of, survey_jobs
from pipeline.steps.planning.usage import UNCALIBRATED

FREE = ("simulator", "recorded")
"""Providers whose money is invented, or was spent already."""
QUICK_REQUESTS = 20
"""Requests of each model that are looked at first: a run that is surely cheap is not held up."""
QUICK_JOBS = 2_000
"""Jobs that are looked at where it may be dear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What is known of a run's cost before it begins."""

    jobs: int
    """Planned, whatever is answered already."""
    most_usd: Decimal | None
    """Of real money; None where nothing bounds it."""
    expected: Forecast | None
    """Looked for only where the run may be dear."""
    unpriced: tuple[str, ...]
    """Models and judges of real providers without a price."""
    may_cost_usd: Decimal | None
    """The upper end of the real money; None where none is spent or nothing is known of it."""


def look_ahead(setting: Setting) -> Prospect:
    """Bound the run's cost quickly, and look closer only where that is above `ask_above_usd`."""
    prepared = setting.prepared
    planned = plan_models(prepared, today=setting.today, sampled=QUICK_REQUESTS)
    judged = plan_judges(prepared, today=setting.today) if prepared.settings.judges else []
    real = [one for one in (*planned, *judged) if one.provider not in FREE]
    unpriced = tuple(one.model for one in real if one.most_usd is None)
    known = [one.most_usd for one in real if one.most_usd is not None]
    # The first requests may be short ones, and estimates fall short: what is surely cheap is cheap by a margin.
    bound = sum(known, Decimal(0)) * Decimal(repr(2 * UNCALIBRATED[1]))
    jobs = sum(one.jobs for one in planned)
    if bound <= prepared.settings.run.ask_above_usd:
        return Prospect(
            jobs=jobs, most_usd=_sum(real), expected=None, unpriced=unpriced, may_cost_usd=bound if real else None
        )
    found, _ = survey_jobs(setting, most_jobs=QUICK_JOBS)
    expected = forecast(setting, found, history_of(setting))
    return Prospect(jobs=jobs, most_usd=_sum(real), expected=expected, unpriced=unpriced, may_cost_usd=_upper(expected))


def _sum(real: Sequence[PlannedModel]) -> Decimal | None:
    known = [one.most_usd for one in real if one.most_usd is not None]
    return sum(known, Decimal(0)) if len(known) == len(real) else None


def _upper(expected: Forecast) -> Decimal:
    """The upper ends of what real providers are paid, as far as prices are known."""
    paid = [] if expected.simulated else expected.paid
    return sum((one.usd.high for one in paid if one.usd is not None), Decimal(0))
