"""A summary tells where the money went from the prices that its run took down, to the last digit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa

from pipeline.cost.token_classes import COLUMNS
from pipeline.steps.token_costs import add_token_costs, token_classes
from pipeline.store.schema import RESULTS_SCHEMA

NOTED = {
    "provider": "lab", "model": "sonnet", "effective": "2026-01-01", "source": "s", "above_input_tokens": None,
    "checked": None, "input": "3", "output": "15", "cache_read": "0.3", "cache_write_5m": None,
    "cache_write_1h": None, "price_id": "lab/m@2026-01-01",
}  # fmt: skip
LARGE = {**NOTED, "above_input_tokens": "200000", "input": "6", "price_id": "lab/m>200000@2026-01-01"}


def answer(input_tokens: int, cost: str, *earlier: str, **columns: Any) -> dict[str, Any]:
    paid = [*earlier, str(Decimal(cost) - sum(map(Decimal, earlier)))]
    return {
        "model": "sonnet", "prompt": "p", "params": "{}", "status": "ok", "source": "called", "usage_raw": None,
        "price_id": NOTED["price_id"], "input_tokens": input_tokens, "output_tokens": 0, "cost_usd": Decimal(cost),
        "attempts": [{"cost_usd": Decimal(usd)} for usd in paid], **columns,
    }  # fmt: skip


def told(rows: list[dict[str, Any]], cost: str | None, prices: tuple[dict[str, Any], ...] = (NOTED,)) -> dict[str, Any]:
    """The one cell of a summary, and its cost, after a run of these answers."""
    spent = token_classes({"prices": [*prices, {"model": "free", "price_id": None}]})
    spent.add(pa.Table.from_pylist(rows, schema=pa.schema([RESULTS_SCHEMA.field(name) for name in COLUMNS])))
    summary = {
        "cells": [{"model": "sonnet", "prompt": "p", "params": "{}", "cost_usd": cost}],
        "cost": {"total_usd": cost},
    }
    add_token_costs(summary, spent)
    cell: dict[str, Any] = summary["cells"][0]
    assert {name: cell[name] for name in ("classes_usd", "other_usd", "reported")} == {
        name: summary["cost"][name] for name in ("classes_usd", "other_usd", "reported")
    }
    return cell


def test_earlier_attempts_and_failed_jobs_are_the_rest() -> None:
    failed = answer(0, "0.5", status="error", price_id=None, output_tokens=None)
    found = told([answer(1000, "0.103", "0.1"), failed], "0.603")
    assert found["classes_usd"] == {
        "input": "0.003", "cache_read": None, "cache_write": None, "output": "0", "thinking": None,
    }  # fmt: skip
    assert found["other_usd"] == "0.6"


def test_the_tokens_are_those_that_the_classes_pay_for() -> None:
    reused = answer(5000, "0", source="reused", output_tokens=7)
    unpriced = answer(900, "0", cost_usd=None, price_id=None)
    found = told([answer(1000, "0.003", thinking_tokens=0), answer(2000, "0.006"), reused, unpriced], "0.009")
    assert found["class_tokens"] == {
        "input": 3000, "cache_read": None, "cache_write": None, "output": 0, "thinking": 0,
    }  # fmt: skip


def test_a_tier_that_the_run_took_down_splits_its_answers() -> None:
    rows = [answer(1000, "0.003"), answer(300_000, "1.8", price_id=LARGE["price_id"])]
    assert told(rows, "1.803", (NOTED, LARGE))["classes_usd"]["input"] == "1.803"
    older = told(rows, "1.803")
    assert older["classes_usd"]["input"] == "0.003"
    assert older["other_usd"] == "1.8"


def test_without_a_known_cost_nothing_is_made_up() -> None:
    found = told([answer(1000, "0", cost_usd=None, price_id=None, attempts=[])], None)
    assert set(found["classes_usd"].values()) == {None}
    assert (found["other_usd"], found["cache_saved_usd"], found["reported"]) == (None, None, [])


def test_reported_costs_are_told_in_their_units() -> None:
    rows = [
        answer(1000, "0.003", usage_raw='{"cost": 0.0031}'),
        answer(1000, "0.003", usage_raw='{"credits_cost": 2}'),
        answer(1000, "0", usage_raw='{"cost": 0.5}', cost_usd=None, price_id=None, attempts=[]),
    ]
    assert told(rows, "0.006")["reported"] == [
        {
            "unit": "usd", "jobs": 1, "reported_usd": "0.0031", "computed_usd": "0.003", "unpriced_jobs": 1,
            "unpriced_usd": "0.5",
        },
        {
            "unit": "credits", "jobs": 1, "reported": "2", "computed_usd": "0.003", "unpriced_jobs": 0,
            "unpriced": None,
        },
    ]  # fmt: skip
