"""What a user should know of a run's folder and of its end, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pipeline.steps.choose import Again
from pipeline.store.recovery import Recovery
from pipeline.store.run_store import RunStore


def recovery_notes(recovery: Recovery) -> list[str]:
    """One sentence for each thing that an earlier session's end left behind and that matters to the user."""
    notes = []
    if recovery.unanswered_starts:
        notes.append(
            f"{recovery.unanswered_starts:,} requests of the earlier session left without an answer being stored; "
            f"they may have been paid{_up_to(recovery.unanswered_usd)}, and their jobs are sent again"
        )
    if recovery.bad_lines:
        shown = ", ".join(recovery.bad_lines[:3])
        notes.append(
            f"{len(recovery.bad_lines):,} damaged journal lines were skipped ({shown}); their jobs are sent again"
        )
    if recovery.adopted_parts:
        notes.append(f"{recovery.adopted_parts:,} parts were found again that only a lost manifest listed")
    notes += [
        f"manifest {name} was not valid ({why}); an older one was used"
        for name, why in recovery.invalid_manifests.items()
    ]
    return notes


def unanswered_notes(found: tuple[int, Decimal], now: tuple[int, Decimal], kept_rows: int = 0) -> list[str]:
    """What this session cut off, and what was lost in the whole run: requests and dollars, when it began and now.

    Of these `kept_rows` were answered, with nothing better than what was stored already.
    """
    notes = []
    requests, usd = now
    cut_off = requests - found[0] - kept_rows
    if cut_off:
        notes.append(
            f"{cut_off:,} requests were cut off without an answer; they may have been paid{_up_to(usd - found[1])}"
        )
    if requests:
        notes.append(
            f"in the whole run {requests:,} requests left without an answer being stored; "
            f"they may have been paid{_up_to(usd)}"
        )
    return notes


def retry_notes(again: Again, store: RunStore, redone: int | None) -> list[str]:
    """What came of asking again for `redone` jobs of a run that was there; None is a new run."""
    if redone is None:
        return []
    ended = f"ended in {' or '.join(again.retry)}"
    if not redone:
        return [f"no job had {ended}, so none was asked again"]
    notes = [f"{redone:,} jobs had {ended} and were to be asked again"]
    if store.kept_rows:
        notes.append(f"{store.kept_rows:,} of them got nothing better than they had, and keep that")
    return notes


def finish_note(summary: Mapping[str, Any], open_jobs: Mapping[str, int]) -> str:
    """What a run that stopped would cost to finish, by what each model's answered jobs cost on average so far.

    `open_jobs` counts the jobs without a result by model.
    """
    jobs: Counter[str] = Counter()
    costs: dict[str, Decimal] = {}
    for cell in summary["cells"]:
        if cell["cost_usd"] is not None:
            jobs[cell["model"]] += cell["n"] - cell["unpriced_jobs"] - cell["reused"]
            costs[cell["model"]] = costs.get(cell["model"], Decimal(0)) + Decimal(cell["cost_usd"])
    expected = Decimal(0)
    unknown = []
    for model, count in open_jobs.items():
        if count and jobs[model]:
            expected += costs[model] / jobs[model] * count
        elif count:
            unknown.append(repr(model))
    left = f"{sum(open_jobs.values()):,} jobs are left"
    if not expected:
        return f"{left}; what they cost is not known yet"
    beyond = f", and what {', '.join(unknown)} takes beside" if unknown else ""
    return f"{left}; at the cost so far they take about ${expected:.4f} more{beyond}"


def _up_to(usd: Decimal) -> str:
    return f" (up to ${usd:f})" if usd else ""
