"""What judges cost, for the cost page: their part of the total, and each judge's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.report import numbers


def judge_cost(summary: Mapping[str, Any]) -> str | None:
    """The judges' part of the run's cost; None where no judge was asked."""
    spent = summary["cost"]
    return numbers.usd(spent["judges_usd"]) if "judges_usd" in spent else None


def judge_rows(summary: Mapping[str, Any]) -> list[dict[str, str]]:
    """A line for each judge of each scorer."""
    return [
        {
            "scorer": entry["scorer"],
            "judge": judge["name"],
            "verdicts": numbers.count(judge["jobs"]),
            "reused": numbers.count(judge["reused"]),
            "reasked": numbers.count(judge["reasked"]),
            "failed": numbers.count(judge["failed"]),
            "cost": numbers.usd(judge["cost_usd"]),
        }
        for entry in summary.get("judges") or ()
        for judge in entry["judges"]
    ]
