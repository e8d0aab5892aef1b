"""A run that stopped says what it would cost to finish."""

from __future__ import annotations

from typing import Any

from pipeline.steps.notes import finish_note


def cell(model: str, n: int, cost_usd: str | None, unpriced: int = 0, reused: int = 0) -> dict[str, Any]:
    return {"model": model, "n": n, "cost_usd": cost_usd, "unpriced_jobs": unpriced, "reused": reused}


def test_what_is_left_costs_what_each_model_cost_so_far() -> None:
    summary = {"cells": [cell("small", 10, "0.10"), cell("small", 10, "0.30"), cell("large", 5, "1.00")]}
    note = finish_note(summary, {"small": 100, "large": 10})
    assert note == "110 jobs are left; at the cost so far they take about $4.0000 more"


def test_a_model_without_a_known_cost_is_named() -> None:
    summary = {"cells": [cell("small", 10, "0.10"), cell("free", 10, None, 10)]}
    note = finish_note(summary, {"small": 10, "free": 10, "new": 5, "done": 0})
    assert note == (
        "25 jobs are left; at the cost so far they take about $0.1000 more, and what 'free', 'new' takes beside"
    )


def test_jobs_without_a_price_and_reused_ones_do_not_lower_the_average() -> None:
    assert "$0.1000" in finish_note({"cells": [cell("small", 20, "0.10", 10)]}, {"small": 10})
    assert "$0.1000" in finish_note({"cells": [cell("small", 20, "0.10", reused=10)]}, {"small": 10})


def test_before_the_first_answer_nothing_is_known() -> None:
    assert finish_note({"cells": []}, {"small": 3}) == "3 jobs are left; what they cost is not known yet"
