"""Every page that evalmill makes, each in its states: plain, full, empty, unfinished, damaged; from disk and served."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.cost.spending import Ledger
from pipeline.report.costs_page import Asked
from pipeline.report.pages import render_comparison, render_costs, render_pages
from pipeline.report.view import RunView
from tests.support.compare import make_change, make_difference, make_found
from tests.support.costs import rich_ledger
from tests.support.quality import make_full_summary
from tests.support.report import make_cell, make_grid_view, make_sample, make_view
from tests.support.served import Served, apart, serving, unfinished
from tests.support.store import result
from tests.support.stored import STORED, stored_run, summarised

ASKED = Asked(simulated=False, made_at="now", version="0.1.0", repriced_day="at the prices of 2026-12-01")
SCRIPTS: list[dict[str, Any]] = [
    {"row_id": "수학-0001", "answer": "정답은 마흔여덟입니다."},
    {"row_id": "수학-0001", "model": "haiku", "answer": "정답은 마흔하나입니다. 다시 세어 보겠습니다. " * 60},
    {"row_id": "رياضيات-0002", "answer": "الجواب هو ٤٨ وليس ٤١"},
    {"row_id": "数学-0003", "answer": "答案是四十八。"},
    {"row_id": "計算-0004", "answer": "答えは四十八です。"},
]
"""Samples in Korean, one of them long, Arabic, Chinese and Japanese."""

NAMES = [
    *(f"{view} {page}" for view in ("plain", "full", "grid", "empty") for page in ("index", "quality", "cost")),
    "compare", "compare same", "costs", "costs empty",
    "view list", "view list empty", "view evaluation", "view live", "view samples unfinished", "view damaged summary",
    "view index", "view quality", "view cost", "view samples",
]  # fmt: skip
"""What tests call the pages."""
Places = dict[str, str]
"""Addresses by the name that tests call the page."""


def write_pages(top: Path) -> Places:
    """Write all pages that lie on the disk."""
    places: Places = {}
    for name, view in _views().items():
        for path in render_pages(view, _made(top / name)):
            places[f"{name} {path.stem}"] = path.as_uri()
    for name, found in {"compare": _compared(), "compare same": _unchanged()}.items():
        places[name] = render_comparison(found, _made(top / name) / "compare.html").as_uri()
    nothing = Ledger(folder="reports")
    for name, ledger in {"costs": rich_ledger(), "costs empty": nothing}.items():
        places[name] = render_costs(ledger, nothing, ASKED, _made(top / name) / "costs.html").as_uri()
    return places


def _views() -> dict[str, RunView]:
    plain = make_view()
    jobs = {**plain.summary["jobs"], "total": 0}
    empty: dict[str, Any] = {"cells": [], "comparisons": [], "gates": [], "jobs": jobs}
    scripts = [make_sample(job_id=f"j{n}", **found) for n, found in enumerate(SCRIPTS)]
    return {
        "plain": plain,
        "full": replace(make_view(samples=scripts), summary=make_full_summary()),
        "grid": make_grid_view(
            models=("lab-sonnet", "lab-haiku"), rows=4, repeats=2, planned=1000, unanswered=(3, None)
        ),
        "empty": make_view(samples=(), **empty),
    }


def _compared() -> dict[str, Any]:
    found = make_found()
    first = found["pairs"][0]
    first["slices"] = [make_difference(column="topic", value=f"t{number}") for number in range(15)]
    better = make_change(change="higher", row_id="r2")
    first |= {
        "changes": [make_change(), {**better, "before": better["after"], "after": better["before"]}],
        "differing": [{"kind": "template", "text": "the template differs", "detail": ["-old", "+new"]}],
        "endings": [{"a": first["matched"][0]["a"], "b": first["matched"][0]["b"],
                     "from": "end_turn", "to": "max_tokens", "jobs": 3, "of": 40}],
    }  # fmt: skip
    return found


def _unchanged() -> dict[str, Any]:
    found = make_found()
    found["pairs"][0] |= {"changes": [], "comparisons": [make_difference(difference=0.0, gained=0, lost=0)]}
    return found


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


@contextmanager
def served_pages(top: Path) -> Iterator[tuple[Served, Places]]:
    """Serve runs in every state; gives the server and the addresses of its pages."""
    runs, nothing = top / "reports", top / "nothing"
    nothing.mkdir(parents=True)
    apart(_write_runs, runs)
    with serving(runs) as served, serving(nothing) as empty:
        run = f"{served.address}runs/sums/r1/"
        places = {
            "view list": served.address, "view list empty": empty.address,
            "view evaluation": f"{served.address}evaluation?name=sums",
            "view live": f"{served.address}runs/sums/r2/live.html",
            "view samples unfinished": f"{served.address}runs/sums/r2/samples.html",
            "view damaged summary": f"{served.address}runs/sums/r5/index.html",
            **{f"view {name}": f"{run}{name}.html" for name in ("index", "quality", "cost", "samples")},
        }  # fmt: skip
        yield served, places


async def _write_runs(runs: Path) -> None:
    """A finished run, one that stopped, one before its first answer, and damaged ones."""
    cells = [make_cell(model, "steps", mean) for model, mean in (("sonnet", 0.6), ("haiku", 0.5))]
    summary = {**make_view(cells=cells).summary, "eval": "sums"}
    for name, day in (("r1", "22"), ("r4", "23")):
        await stored_run(runs / "sums" / name, run={**STORED, "created_at": f"2026-11-{day}T10:00:00+00:00"})
        summarised(runs / "sums" / name, summary)
    await unfinished(runs)
    await stored_run(runs / "sums" / "r5", [result(0)])
    (runs / "sums" / "r5" / "summary.json").write_text("{", encoding="utf-8")
    _made(runs / "sums" / "r3").joinpath("run.json").write_text(json.dumps([]), encoding="utf-8")
