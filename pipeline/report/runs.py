"""What the list of runs shows: a table for each evaluation, newest first, and how its metrics went over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline.report import numbers, trends
from pipeline.report.cells import Summary, label, metric_names, ranked
from pipeline.report.measures import Measure, measure

State = Literal["running", "stopped", "finished", "damaged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A metric's mean in one cell of one run."""

    metric: str
    cell: str
    mean: float
    ci95: tuple[float, float] | None
    share: bool
    mean_text: str
    interval_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEntry:
    """One run of the list."""

    key: str
    """What its addresses call it."""
    evaluation: str
    run_id: str
    created_at: str = ""
    state: State
    simulated: bool = False
    jobs: int | None = None
    planned: int | None = None
    cost_usd: str | None = None
    unpriced_jobs: int = 0
    measured: tuple[Measured, ...] = ()
    """The cells' means, the best first for each metric, the headline metric first."""
    problem: str = ""
    """What is damaged, in words."""
    comparisons: tuple[str, ...] = ()
    """Pages in its folder that compare it with other runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    name: str
    place: int
    rows: list[dict[str, Any]]
    charts: list[dict[str, Any]] = field(default_factory=list)
    metrics: tuple[str, ...] = ()


def measured(summary: Summary) -> tuple[Measured, ...]:
    """The means of a summary, best first, in the order of its metrics."""
    return tuple(
        _measured(measure(summary, metric), label(cell), cell["metrics"][metric])
        for metric in metric_names(summary)
        for cell in ranked(summary, metric)
    )


def _measured(found: Measure, cell: str, figures: Mapping[str, Any]) -> Measured:
    ends = figures["ci95"]
    return Measured(
        metric=found.name,
        cell=cell,
        mean=figures["mean"],
        ci95=None if ends is None else (ends[0], ends[1]),
        share=found.share,
        mean_text=found.value(figures["mean"]),
        interval_text=found.interval(ends),
    )


def listing(entries: Sequence[RunEntry], place: str) -> dict[str, Any]:
    """Return the context of the list of all runs: the first metric's chart for each evaluation."""
    return {"sections": _sections(entries, all_metrics=False), "place": place, "count": numbers.count(len(entries))}


def evaluation(entries: Sequence[RunEntry], place: str) -> dict[str, Any]:
    """Return the context of one evaluation's runs: a chart for each metric."""
    return {"sections": _sections(entries, all_metrics=True), "place": place, "count": numbers.count(len(entries))}


def _sections(entries: Sequence[RunEntry], *, all_metrics: bool) -> list[_Section]:
    newest_first = sorted(entries, key=_age, reverse=True)
    sections = []
    for place, name in enumerate(dict.fromkeys(entry.evaluation for entry in newest_first)):
        runs = [entry for entry in newest_first if entry.evaluation == name]
        metrics = tuple(dict.fromkeys(found.metric for run in runs for found in run.measured))
        drawn = metrics if all_metrics else metrics[:1]
        charts = [
            {"metric": metric, "chart": chart, "name": f"trend-{place}-{number}"}
            for number, metric in enumerate(drawn)
            if (chart := trends.over_time(runs, metric)) is not None
        ]
        sections.append(
            _Section(name=name, place=place, rows=[_row(run) for run in runs], charts=charts, metrics=metrics)
        )
    return sections


def _age(entry: RunEntry) -> tuple[str, str]:
    return entry.created_at, entry.run_id


def _row(run: RunEntry) -> dict[str, Any]:
    best = run.measured[0] if run.measured else None
    jobs = numbers.count(run.jobs)
    if run.planned is not None and run.jobs is not None and run.planned > run.jobs:
        jobs = f"{jobs} of {numbers.count(run.planned)}"
    return {
        "key": run.key,
        "run_id": run.run_id,
        "created_at": run.created_at[:16].replace("T", " ") or numbers.UNKNOWN,
        "state": run.state,
        "simulated": run.simulated,
        "metric": best.metric if best else "",
        "cell": best.cell if best else "",
        "mean": best.mean_text if best else numbers.UNKNOWN,
        "interval": best.interval_text if best else numbers.UNKNOWN,
        "cost": numbers.usd(run.cost_usd) + (" or more" if run.unpriced_jobs and run.cost_usd else ""),
        "jobs": jobs,
        "problem": run.problem,
        "comparisons": [(name, _compared_with(name)) for name in run.comparisons],
    }


def _compared_with(name: str) -> str:
    """What a comparison's page is called, from `compare-<run>.html`."""
    other = name.removeprefix("compare").removesuffix(".html").strip("-")
    return f"compared with {other}" if other else "comparison"
