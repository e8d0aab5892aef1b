"""Summaries with all that the cost page tells of money: classes, intervals, the front, what a provider reported."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pipeline.report.view import RunView
from tests.support.report import make_cell, make_summary, make_view

CLASSES = {"input": "0.2", "cache_read": "0.03", "cache_write": "0.02", "output": "0.2", "thinking": "0.05"}
ROW_COST = {"rows": 200, "jobs": 1.0, "usd": "0.0025", "margin95_usd": "0.0001"}
TOKENS = {"input": 1000, "cache_read": 9000, "cache_write": 500, "output": 800, "thinking": 200}


def money_cell(model: str, mean: float, per_1k: str, **changes: Any) -> dict[str, Any]:
    """A cell of 200 jobs for 0.5 dollars, of which 0.05 went into attempts without a result."""
    return make_cell(
        model,
        "p",
        mean,
        **{
            "tokens": TOKENS,
            "cost_per_1k_jobs_usd": per_1k,
            "cost_per_1k_jobs_ci95_usd": [str(float(per_1k) * 0.9), str(float(per_1k) * 1.1)],
            "cost_per_pass_ci95_usd": ["0.0028", "0.0033"],
            "row_cost": ROW_COST,
            "classes_usd": CLASSES,
            "class_tokens": TOKENS,
            "other_usd": "0.05",
            "wasted_usd": "0.05",
            "cache_saved_usd": "0.1",
            "reported": [],
            **changes,
        },
    )


def place(model: str, on_front: bool, probability: float | None, by: str | None = None) -> dict[str, Any]:
    """An entry of the front."""
    beaten = None if by is None else {"model": by, "prompt": "p", "params": "{}"}
    return {
        "model": model, "prompt": "p", "params": "{}", "on_front": on_front, "probability": probability,
        "dominated_by": beaten,
    }  # fmt: skip


def money_summary(cost: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Three cells and a judge: 1.7 dollars in all, of which the judge took 0.2."""
    cells = [money_cell("good", 0.9, "5"), money_cell("cheap", 0.7, "1"), money_cell("bad", 0.6, "4")]
    summary = make_summary(cells, [], **changes)
    whole = {name: str(3 * float(usd)) for name, usd in CLASSES.items()}
    summary["cost"] |= {
        "total_usd": "1.7", "judges_usd": "0.2", "classes_usd": whole, "other_usd": "0.15", "cache_saved_usd": "0.3",
        "reported": [], "reused_saved_usd": "0", "class_tokens": {name: 3 * count for name, count in TOKENS.items()},
        **(cost or {}),
    }  # fmt: skip
    front = [place("good", True, 0.99, "cheap"), place("cheap", True, 1.0), place("bad", False, 0.2, "cheap")]
    found = {"metric": "number", "cells": front, "seed": 0, "draws": 10_000}
    return {"frontier": found, **summary}


def money_view(**changes: Any) -> RunView:
    """A view of such a summary."""
    return replace(make_view(samples=()), summary=money_summary(**changes))


def told(unit: str = "usd", jobs: int = 200, reported: str = "0.5", computed: str = "0.5") -> dict[str, Any]:
    """What a provider reported of some answers."""
    name = "reported_usd" if unit == "usd" else "reported"
    return {
        "unit": unit, "jobs": jobs, name: reported, "computed_usd": computed, "unpriced_jobs": 0,
        name.replace("reported", "unpriced"): None,
    }  # fmt: skip
