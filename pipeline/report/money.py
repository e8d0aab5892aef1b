"""Gathers what the cost page says of money beyond its totals."""

from __future__ import annotations

from typing import Any

from pipeline.report.cell_costs import cell_grid, name_heads, names_of
from pipeline.report.cells import Summary, metric_names
from pipeline.report.front import axes_words, front_grid, front_words
from pipeline.report.front_chart import cost_against_quality
from pipeline.report.projection import projection
from pipeline.report.savings import reported_grid, reported_words, savings
from pipeline.report.spent import class_grid, parts_grid, parts_of, spent_chart, summed_grids
from pipeline.report.tables import has_params


def money(summary: Summary) -> dict[str, Any]:
    """Return the part of the context of `cost.html` that is about money; older summaries lack some of it."""
    parts, metrics = parts_of(summary), metric_names(summary)
    return {
        "nothing_bought": nothing_bought(summary),
        "spent": {
            "chart": spent_chart(parts),
            "grid": parts_grid(summary, parts),
            "cells": class_grid(summary, lambda cell: names_of(summary, cell), name_heads(summary)),
        },
        "cell_costs": cell_grid(summary),
        "summed": summed_grids(summary),
        "frontier": cost_against_quality(summary, metrics[0]) if metrics else None,
        "front_words": front_words(summary),
        "front_axes": axes_words(summary),
        "front_grid": front_grid(summary),
        "savings": savings(summary),
        "reported": reported_words(summary),
        "reported_grid": reported_grid(summary),
        "projection": projection(summary, has_params(summary)),
    }


def nothing_bought(summary: Summary) -> bool:
    """Whether no answer of the run can have cost anything, as where all were recorded before."""
    cost = summary["cost"]
    return cost["total_usd"] is None and not cost["unpriced_jobs"] and not summary.get("unanswered")
