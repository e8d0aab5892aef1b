"""The pages that the server makes: the list of runs, and a run's own pages from its summary as it is now."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.core.clock import Clock
from pipeline.core.errors import EvalmillError
from pipeline.report import contexts, numbers, runs
from pipeline.report.cautions import SIMULATED
from pipeline.report.pages import PAGES, asset, charting, exploring, page, page_policy
from pipeline.report.view import RunView
from pipeline.steps.run_list import MALFORMED, read_summary
from pipeline.steps.status import Numbers, StatusReader
from pipeline.store.folder import read_run

SAMPLES = "samples.html"
LIVE = "live.html"
_SUMMARY_PAGES = {"index.html": contexts.overview, "quality.html": contexts.quality, "cost.html": contexts.cost}
NAMES = (*_SUMMARY_PAGES, SAMPLES, LIVE)


@dataclass(frozen=True, slots=True)
class Made:
    """A page, with the policy that its header repeats."""

    text: str
    policy: str


def listing(entries: list[runs.RunEntry], top: Path) -> Made:
    """All runs, by evaluation."""
    return _made("runs.html.jinja", {**runs.listing(entries, str(top)), "one": False, **_no_run()}, charting())


def evaluation(entries: list[runs.RunEntry], top: Path) -> Made:
    """The runs of one evaluation, with a chart for each metric."""
    return _made("runs.html.jinja", {**runs.evaluation(entries, str(top)), "one": True, **_no_run()}, charting())


def run_page(folder: Path, name: str, clock: Clock) -> Made:
    """One of a run's pages; the first page of a run without a summary says how far it is.

    Raises OutputError or DataError when there is no run that can be read.
    """
    run = read_run(folder)
    if name == SAMPLES:
        return _made("samples.html.jinja", _frame(run, folder, name), exploring("served"))
    try:
        summary = read_summary(folder)
        if name != LIVE and summary is not None:
            return _summary_page(run, folder, name, summary)
        problem = ""
    except (OSError, *MALFORMED) as error:
        problem = f"summary.json is damaged: {error}; `evalmill report {folder}` makes it again"
    context = {**_frame(run, folder, LIVE), "status": status(folder, clock), "problem": problem}
    return _made("live.html.jinja", context, (asset("live.js"),))


def status(folder: Path, clock: Clock) -> dict[str, Any]:
    """Where a run stands, in words, ready for JSON; `problem` where it cannot be read."""
    try:
        now = StatusReader(folder, clock).read()
    except (EvalmillError, OSError, *MALFORMED) as error:
        return {"state": "unknown", "rows": [], "problem": str(error)}
    rows = [*now.models.items(), *([("all", now.total)] if len(now.models) > 1 else [])]
    return {"state": now.state, "rows": [[name, *_cells(found)] for name, found in rows], "problem": ""}


def _cells(found: Numbers) -> list[str]:
    planned = numbers.count(found.planned)
    return [
        f"{numbers.count(found.done)} of {planned}",
        numbers.count(found.failed),
        numbers.count(found.in_flight),
        numbers.tokens(found.tokens),
        numbers.usd(found.cost_usd),
        numbers.UNKNOWN if found.jobs_per_minute is None else f"{found.jobs_per_minute:,.0f}",
    ]


def _summary_page(run: Mapping[str, Any], folder: Path, name: str, summary: Mapping[str, Any]) -> Made:
    view = RunView(
        summary=summary,
        description=str(run["settings"].get("description", "")),
        created_at=str(run.get("created_at", "")),
        dataset=_dataset(run),
        version=str(run.get("version", "")),
        samples=(),
        total_jobs=summary["jobs"]["total"],
        notes=(),
    )
    context = {**_SUMMARY_PAGES[name](view), **_links(run, folder, name, summary)}
    if "explorer" in context:
        context["explorer"] = {**context["explorer"], "link": SAMPLES}
    scripts = {"index.html": (), "quality.html": charting(), "cost.html": charting()}[name]
    return _made(f"{name}.jinja", context, scripts)


def _dataset(run: Mapping[str, Any]) -> dict[str, Any]:
    dataset = run["dataset"]
    return {
        "name": os.path.basename(str(dataset.get("path", ""))),
        "rows": dataset.get("rows"),
        "sha256": dataset.get("sha256"),
    }


def _links(run: Mapping[str, Any], folder: Path, name: str, summary: Mapping[str, Any] | None) -> dict[str, Any]:
    planned = run.get("planned_jobs")
    open_run = summary is None or (isinstance(planned, int) and planned > summary["jobs"]["total"])
    pages = list(PAGES) if summary is not None else []
    if open_run:
        pages.insert(0, (LIVE, "Progress"))
    return {"pages": [("/", "All runs"), *pages, (SAMPLES, "Samples")], "page": name}


def _frame(run: Mapping[str, Any], folder: Path, name: str) -> dict[str, Any]:
    """What every page of a run has, without its summary."""
    try:
        summary = read_summary(folder)
        links = _links(run, folder, name, summary)
    except (OSError, *MALFORMED):
        links = _links(run, folder, name, None)
    dataset = _dataset(run)
    return {
        **_no_run(),
        **links,
        "eval_name": str(run.get("eval", "")),
        "run_id": str(run.get("run_id", folder.name)),
        "simulated": SIMULATED if run.get("simulated") else "",
        "description": str(run["settings"].get("description", "")),
        "created_at": numbers.moment(str(run.get("created_at", ""))),
        "dataset": {
            "name": dataset["name"],
            "rows": numbers.count(dataset["rows"]),
            "sha256": str(dataset["sha256"] or "")[:12],
        },
    }


def _no_run() -> dict[str, Any]:
    return {
        "page": "/", "pages": [("/", "All runs")], "eval_name": "evalmill", "description": "", "simulated": "",
        "progress": "", "run_id": "", "created_at": "", "version": version("evalmill"), "dataset": None,
    }  # fmt: skip


def _made(template: str, context: Mapping[str, Any], scripts: tuple[str, ...]) -> Made:
    text = page(template, context, scripts, served=True)
    return Made(text, page_policy(scripts, served=True) + "; frame-ancestors 'none'")
